/*
 * One line on a terminal's stderr that says how far a piece of work is, how fast it goes and how
 * long it still takes. Nothing at all where stderr is no terminal.
 */
#ifndef CLIENT_CLI_PROGRESS_H
#define CLIENT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *to; /* NULL: draw nothing */
	bool unicode;
	unsigned columns;      /* of the terminal */
	const char *what;      /* "documents" */
	double started, drawn; /* seconds on the monotonic clock */
};

/* What is known at one moment. */
struct progress_state {
	uint64_t items;	   /* done, for people */
	double share;	   /* done, 0..1; negative when the whole is unknown */
	double rate;	   /* items a second; negative: as measured since the beginning */
	double eta;	   /* seconds left; negative: as extrapolated */
	const char *phase; /* what is going on; NULL for `what` */
};

/* `quiet` draws nothing. */
void progress_begin(struct progress *p, const char *what, bool quiet);
/* Draws at most ten times a second; call it as often as you like. */
void progress_show(struct progress *p, const struct progress_state *s);
/* Draws the last state and goes to the next line. */
void progress_end(struct progress *p, const struct progress_state *s);
/* Wipes the line, so that something else may be printed; the next show draws it again. */
void progress_wipe(struct progress *p);
/* Wipes the line for good: the work failed, or has ended already. */
void progress_clear(struct progress *p);

/* The line itself, cut to `columns`; `elapsed` seconds since the beginning. */
void progress_line(const struct progress *p, const struct progress_state *s, double elapsed,
	char *to, size_t size);

/* "63,665" into `to`. */
const char *with_commas(uint64_t n, char to[32]);
/* "63,665 queries", "1 query" into `to`. */
const char *counted(uint64_t n, const char *one, const char *many, char to[64]);

#endif
