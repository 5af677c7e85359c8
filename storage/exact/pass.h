/*
 * A pass over the codes for some queries at once: panels of sixteen against blocks of 32, chunk by
 * chunk, so that a chunk stays in the cache for all panels and a panel for all of a chunk's blocks.
 *
 *   begin   measures the queries
 *   encode  makes their panels, in any portions; or borrows them
 *   scan    goes over some of the chunks; each chunk once, in any order, in any portions
 *   absorb  takes over what another pass for the same queries found in other chunks
 *   finish  scores what survived: the answers but those of queries that gave the pass up, or whose
 *           thresholds were guessed too high
 *   rest    the others' answers, in any portions
 *
 * One thread at a time works on a pass; several passes may share the codes. Once `cancelled` is true no
 * scan or finish holds its core for longer than one chunk takes (some milliseconds for a thousand
 * queries), and no other step for longer than what is asked of it.
 */
#ifndef STORAGE_EXACT_PASS_H
#define STORAGE_EXACT_PASS_H

#include <stdatomic.h>

#include "storage/exact/codes.h"
#include "storage/exact/query.h"
#include "storage/vectors/file.h"

/* What is searched. */
struct lists;
struct exact {
	const struct vectors *rows; /* documents, in the order of the codes */
	const struct codes *codes;
	/* NULL: all rows are. Else the codes are the lists', in their order (lists.h). */
	const struct lists *lists;
};

struct pass;

/* What is done between two looks at the clock or at whether it is cancelled: some milliseconds at most. */
enum { SCORES_AT_ONCE = 1 << 14 /* of the rest */, SURVIVORS_AT_ONCE = 1 << 14 /* finished */ };

enum code pass_begin(const struct exact *x, const uint32_t *order, struct exact_query *queries,
	size_t n, struct pass **out, struct error *e);
struct pass *pass_end(struct pass *p); /* NULL is fine; returns NULL */

/* The next so many panels, or all that are left. */
enum code pass_encode(struct pass *p, size_t panels, struct error *e);
bool pass_is_encoded(const struct pass *p);
/* Those of another pass for the same queries, which are all encoded, and which ends later. */
void pass_borrow(struct pass *p, const struct pass *from);

/* With lists chunks go up from 0, and one pass scans them all. */
uint32_t pass_chunks(const struct pass *p);
/* Others scan some of the chunks: a portion need not be followed by the next. Before the first. */
void pass_share_chunks(struct pass *p);
/* How many chunks from this one on cost about the same, of those there may be. */
uint32_t pass_alike(const struct pass *p, uint32_t chunk);
enum code pass_scan(
	struct pass *p, uint32_t first, uint32_t n, atomic_bool *cancelled, struct error *e);
void pass_absorb(struct pass *p, struct pass *other);
/* Nobody wants that query's answer any more: its vector, limits and room are not looked at again. */
void pass_drop(struct pass *p, size_t query);
/* How many of the n queries from `first` on may be finished by scoring some so many rows, one at
 * least. */
size_t pass_worth(const struct pass *p, size_t first, size_t n, size_t rows);
/* Fills in out and found of queries first .. first + n, or notes that they are of the rest. */
enum code pass_finish(
	struct pass *p, size_t first, size_t n, atomic_bool *cancelled, struct error *e);
/* Once all are finished: whether there are others; about how many scores take as long as they will; and
 * does of them about as much as it takes to make so many scores. */
bool pass_has_rest(const struct pass *p);
size_t pass_rest_left(const struct pass *p);
enum code pass_rest(struct pass *p, size_t scores, atomic_bool *cancelled, struct error *e);

/* All of it on this thread. */
enum code exact_search(const struct exact *x, const uint32_t *order, struct exact_query *queries,
	size_t n, atomic_bool *cancelled, struct error *e);

#endif
