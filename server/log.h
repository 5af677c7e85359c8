/*
 * One line an event on stderr, key=value, quoted where it must be:
 *
 *   ts=2025-03-01T12:00:00.123Z level=info event=call op=MineNegatives code=OK ms=12.345
 *
 * Any thread: a line is one write. Never log keys, texts or vectors.
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

enum log_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };

void log_set_level(enum log_level most);
bool log_level_named(const char *name, enum log_level *out);

struct log_line {
	bool wanted;
	size_t len;
	char text[1024]; /* what does not fit is cut and ends in "..." */
};

void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_text(struct log_line *l, const char *key, const char *value);
void log_number(struct log_line *l, const char *key, int64_t value);
void log_ms(struct log_line *l, const char *key, uint64_t ns); /* in milliseconds */
void log_end(struct log_line *l);

/* An event that is an error and nothing more. */
void log_error(const char *event, const struct error *e);

#endif
