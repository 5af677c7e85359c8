/* Files -> a collection, in messages of bounded size, with a progress line each. */
#ifndef CLIENT_CLI_IMPORT_H
#define CLIENT_CLI_IMPORT_H

#include "client/cli/session.h"

enum { MESSAGE_ITEMS = 1000, MESSAGE_BYTES = 4 << 20, MESSAGE_MEMORY = 256 << 20 };

struct import_counts {
	uint64_t created, updated, unchanged;
	uint64_t no_grade; /* judgments of grade 0 or below */
	uint64_t unknown;  /* judgments whose query or document is not in the collection */
	double seconds;
};

/* JSON lines through a client stream: what was sent before a bad line stays. */
enum code import_documents(struct session *s, const char *collection, const char *path,
	struct import_counts *counts, struct error *e);
enum code import_queries(struct session *s, const char *collection, const char *path,
	struct import_counts *counts, struct error *e);
/* Judgments, skipping and counting those that name what is not there. Adds to `counts`. */
enum code import_positives(struct session *s, const char *collection, const char *path,
	struct import_counts *counts, struct error *e);

/* Rows of a .npy file, an id a line for each, into a generation. `of` is the side they belong to. */
struct vector_import {
	const char *collection, *vectors, *ids;
	uint64_t generation; /* 0: begin one with this encoder, step and similarity */
	const char *encoder;
	Pb__Side of;
	bool publish;
};
enum code import_vectors(struct session *s, const struct options *o,
	const struct vector_import *what, uint64_t *generation, struct import_counts *counts,
	struct error *e);

#endif
