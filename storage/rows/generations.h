/* Generations as rows: what exists, in which state. Their vectors are files (storage/vectors). */
#ifndef STORAGE_ROWS_GENERATIONS_H
#define STORAGE_ROWS_GENERATIONS_H

#include "hardminer/v1/miner.pb-c.h"
#include "proto/arena.h"
#include "storage/rows/collections.h"

/* A row as the schema's message, strings in the arena. `serving` is set from the collection. */

/* Numbers count from 1 within a collection and are never reused. Checks encoder, dimension, dtype,
 * step; the index string is checked by the engines. */
enum code generation_begin(struct database *db, const struct collection *c,
	const Pb__BeginGenerationRequest *req, struct arena *arena, Pb__Generation *out,
	struct error *e);
/* FAILED_PRECONDITION/GENERATION_NOT_OPEN at "generation" for one in another state. */
enum code generation_check_open(uint64_t generation, Pb__GenerationState state, struct error *e);
/* NOT_FOUND/NO_SUCH_GENERATION at "generation". */
enum code generation_get(struct database *db, const struct collection *c, uint64_t generation,
	struct arena *arena, Pb__Generation *out, struct error *e);
/* Newest first, before `before` (0: from the newest). */
enum code generation_list(struct database *db, const struct collection *c, uint64_t before,
	size_t limit, struct arena *arena, Pb__Generation ***out, size_t *n, struct error *e);
/* One transaction: state PUBLISHED with its counts, the collection serves it, and generations past
 * the newest `keep` published ones become RETIRED (their files are the caller's to unlink, after).
 * FAILED_PRECONDITION/GENERATION_NOT_OPEN unless it was open. `recall`: NULL where none was measured.
 */
enum code generation_mark_published(struct database *db, const struct collection *c,
	uint64_t generation, uint64_t document_vectors, uint64_t query_vectors,
	const Pb__Recall *recall, size_t keep, struct error *e);

#endif
