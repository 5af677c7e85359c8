/*
 * A text file line by line, in bounded memory, knowing where it is: "corpus.jsonl:17" names the
 * line last read in every error. "-" is standard input.
 */
#ifndef CLIENT_CLI_LINES_H
#define CLIENT_CLI_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/error.h"

enum { LINE_BYTES = 16 << 20 };

struct lines {
	const char *path;
	FILE *file;
	char *text;	 /* the line, NUL for its '\n' or "\r\n"; dies with the next one */
	size_t len;	 /* of the line */
	uint64_t number; /* of the line, from 1 */
	uint64_t read;	 /* bytes taken so far */
	uint64_t size;	 /* bytes in all; 0 when it cannot be known, as of a pipe */

	char *data; /* start..end is read and not yet taken */
	size_t start, end, room;
	bool ended;
};

/* NOT_FOUND/NO_SUCH_FILE when it is not there. */
enum code lines_open(struct lines *l, const char *path, struct error *e);
void lines_close(struct lines *l);
/* The next line that is not blank; *more false at the end. Refuses NUL and lines past LINE_BYTES. */
enum code lines_next(struct lines *l, bool *more, struct error *e);
/* Puts "corpus.jsonl:17: " before the sentence of an error just set; returns its code. */
enum code lines_at(const struct lines *l, struct error *e);

#endif
