/*
 * A pass over lists: each query is compared with the rows of the lists it probes alone. First every
 * query finds its lists; then they are gone through list by list, and whoever probes one is put into
 * panels for it, so that a list is read once for all of them. They are gone through in rounds: each
 * query sees the list nearest to it first, then the next few, then more, because the nearest tell it
 * most of what its threshold will be.
 *
 * Where queries look into so many lists that all their probes would take too much memory, they go in
 * waves, one after the other.
 */
#ifndef STORAGE_EXACT_PROBING_H
#define STORAGE_EXACT_PROBING_H

#include "storage/exact/lists.h"
#include "storage/exact/pass_private.h"
#include "storage/vectors/top.h"

/* Of a pass; its queries are encoded before it scans. False: no memory, nothing to free. */
bool probing_begin(struct pass *p);
void probing_free(struct probing *b, size_t queries); /* NULL is fine */

uint32_t probing_chunks(const struct probing *b);
/* The chunks in which lists are found are few and long: one of them, or all up to the next of those. */
uint32_t probing_alike(const struct pass *p, uint32_t chunk);
/* Chunks go up from 0, each once. */
enum code probing_scan(
	struct pass *p, uint32_t first, uint32_t n, atomic_bool *cancelled, struct error *e);
/* Once all are scanned: offers what a query that gave its pass up looks into, of codes first .. end,
 * which go up: the first *passed lists are behind them. Begin with none. */
void probing_score(const struct pass *p, size_t query, uint32_t *passed, uint32_t first,
	uint32_t end, struct top *top);

#endif
