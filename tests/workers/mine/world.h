/*
 * A daemon's storage around mining: a database and a catalog in a temporary directory, with a
 * collection "world" to fill and to mine. One at a time; results live until world_close.
 */
#ifndef TESTS_WORKERS_MINE_WORLD_H
#define TESTS_WORKERS_MINE_WORLD_H

#include "tests/runner.h"
#include "workers/mine/mine.h"

struct world {
	struct arena arena;
	struct database *db;
	struct catalog *catalog;
	struct mine mine; /* without a pool */
	uint64_t generation;
};

void world_open(struct world *w);
void world_close(struct world *w);

struct seed_document {
	const char *id, *title, *text, *group;
};
void world_documents(struct world *w, const struct seed_document *documents, size_t n);
void world_query(struct world *w, const char *id, const char *text, const char *group);
void world_positive(struct world *w, const char *query, const char *document);

/* A generation; then rows for it; then it serves. */
void world_begin(struct world *w, uint32_t dimension, Pb__Similarity similarity);
void world_begin_index(
	struct world *w, uint32_t dimension, Pb__Similarity similarity, const char *index);
void world_vectors(struct world *w, Pb__Side of, const char *const *ids, size_t n,
	const float *rows, uint32_t dimension);
void world_publish(struct world *w);

/* What a run emitted, copied. */
struct mined {
	struct arena *arena;
	Pb__MineResult **results;
	size_t n;
	Pb__MineSummary summary;
};
enum code world_mine(
	struct world *w, Pb__MineNegativesRequest *req, struct mined *out, struct error *e);
/* The ids of a result's negatives: "d1 d2 d3". */
const char *world_negatives(struct world *w, const Pb__MineResult *r);
/* A message's bytes, to be compared; *len of them. */
const uint8_t *world_pack(struct world *w, const ProtobufCMessage *m, size_t *len);

#endif
