/*
 * Mined results as they arrive: a block a query for people, one JSON object for programs
 * ({"results": [...], "summary": {...}}), or a line each with the summary as the last line.
 */
#ifndef CLIENT_CLI_RESULTS_H
#define CLIENT_CLI_RESULTS_H

#include "client/cli/progress.h"
#include "client/cli/session.h"

struct results {
	struct session *s;
	uint64_t show;	/* queries a table shows; later ones are counted only */
	uint64_t total; /* expected, for the progress line; 0: unknown */
	uint64_t seen;	/* results so far */
	double seconds; /* that mining took; 0: since the beginning */
	double began;
	struct progress progress;
};

/* `total` and `seconds` may be set afterwards. */
void results_begin(struct results *r, struct session *s, uint64_t show);
/* For hm_stream: `arg` is the struct results, `message` a MineResult. */
enum code results_add(void *arg, const ProtobufCMessage *message, struct error *e);
/* After the last one, also after a failure. */
void results_end(struct results *r);

/* What was mined, rejected and scored, for people. `seconds` 0: not known. */
void results_summary(const Pb__MineSummary *m, double seconds);

#endif
