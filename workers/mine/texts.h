/* Texts of documents, for answers that are to hold them. */
#ifndef WORKERS_MINE_TEXTS_H
#define WORKERS_MINE_TEXTS_H

#include "workers/mine/mining.h"

/* Documents whose texts are wanted, and where the texts go. */
struct texts {
	uint32_t *numbers;
	const char ***slots;
	size_t n;
};

enum code texts_init(struct texts *t, size_t most, struct arena *arena, struct error *e);
void texts_want(struct texts *t, uint32_t document, const char **slot);
/* Reads them all at one moment, into the arena. */
enum code texts_read(
	const struct texts *t, const struct mining *m, struct arena *arena, struct error *e);

/* The texts of all positives and negatives of these results, into the arena. */
enum code texts_put(const struct mining *m, Pb__MineResult *const *results, size_t n,
	struct arena *arena, struct error *e);
/* The same and the queries' own, for results that come from storage. */
enum code texts_put_stored(const struct mine *mine, const char *collection,
	Pb__MineResult *const *results, size_t n, struct arena *arena, struct error *e);

#endif
