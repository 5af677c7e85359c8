#include "storage/exact/lists.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/codes_gather.h"

enum { PIECE_ROWS = 512, ROWS_AT_ONCE = 256 };

void lists_free(struct lists *l)
{
	if (!l)
		return;
	codes_free(l->centroid_codes);
	codes_free(l->codes);
	free(l->start);
	free(l->row);
	free(l->piece);
	free(l->centroid);
	free(l->number);
	free(l);
}

/* By products, for a centroid may be nothing: the middle of opposite directions. */
static Pb__Similarity coarse_similarity(Pb__Similarity similarity)
{
	return similarity == PB__SIMILARITY__SIMILARITY_L2 ? similarity
							   : PB__SIMILARITY__SIMILARITY_DOT;
}

static enum code encode_centroids(struct lists *l, const struct basis *basis, struct error *e)
{
	const struct vectors *c = &l->centroids;
	struct codes_builder *b =
		codes_builder_new(c->about.dimension, c->about.dtype, c->about.similarity);

	if (!b)
		return error_memory(e);
	if (codes_builder_take_basis(b, basis, e) || codes_builder_add(b, c->rows, c->count, e)) {
		codes_builder_free(b);
		return e->code;
	}
	if (codes_builder_finish(b, &l->centroid_codes, e))
		return e->code;
	l->coarse = (struct exact){.rows = c, .codes = l->centroid_codes};
	return OK;
}

static enum code put_centroids(struct lists *l, const struct vectors_about *about,
	const struct basis *basis, const float *centroid, struct error *e)
{
	size_t row_bytes = about->dimension * sizeof *centroid;

	l->centroid = FAULT() ? NULL : malloc(l->n * row_bytes);
	l->number = FAULT() ? NULL : malloc(l->n * sizeof *l->number);
	l->start = FAULT() ? NULL : calloc(l->n + 1, sizeof *l->start);
	if (!l->centroid || !l->number || !l->start)
		return error_memory(e);
	memcpy(l->centroid, centroid, l->n * row_bytes);
	for (uint32_t i = 0; i < l->n; i++)
		l->number[i] = i;
	l->centroids = (struct vectors){.about = {.dtype = PB__DTYPE__DTYPE_F32,
						.similarity = coarse_similarity(about->similarity),
						.dimension = about->dimension},
		.count = l->n,
		.live = l->n,
		.last = l->n - 1,
		.numbers = l->number,
		.rows = (const unsigned char *)l->centroid,
		.row_bytes = row_bytes};
	return encode_centroids(l, basis, e);
}

enum code lists_new(const struct vectors_about *about, const struct basis *basis,
	const float *centroid, uint32_t n, struct lists **out, struct error *e)
{
	struct lists *l = FAULT() ? NULL : calloc(1, sizeof *l);

	if (!l)
		return error_memory(e);
	l->n = l->nprobe = n;
	if (put_centroids(l, about, basis, centroid, e)) {
		lists_free(l);
		return e->code;
	}
	*out = l;
	return OK;
}

/* What one batch of rows needs to find its lists. */
struct batch {
	float *vector; /* ROWS_AT_ONCE x dimension */
	struct hit nearest[ROWS_AT_ONCE];
	struct exact_query queries[ROWS_AT_ONCE];
};

/* The list of each of n rows from `first` on; the dead ones' does not matter. */
static enum code find_lists(const struct lists *l, const struct vectors *rows, uint32_t first,
	uint32_t n, struct batch *b, uint32_t *out, struct error *e)
{
	for (uint32_t i = 0; i < n; i++) {
		float *vector = b->vector + (size_t)i * rows->about.dimension;
		vectors_floats(rows, first + i, vector);
		b->queries[i] = (struct exact_query){
			.vector = vector, .k = 1, .floor = -INFINITY, .out = &b->nearest[i]};
	}
	if (exact_search(&l->coarse, l->number, b->queries, n, NULL, e))
		return e->code;
	for (uint32_t i = 0; i < n; i++)
		out[i] = b->nearest[i].document;
	return OK;
}

static enum code find_all(const struct lists *l, const struct vectors *rows,
	const struct progress *progress, uint32_t *list, struct error *e)
{
	struct batch *b = FAULT() ? NULL : malloc(sizeof *b);
	size_t bytes = (size_t)ROWS_AT_ONCE * rows->about.dimension * sizeof(float);
	enum code rc = OK;

	if (!b)
		return error_memory(e);
	b->vector = FAULT() ? NULL : malloc(bytes);
	if (!b->vector)
		rc = error_memory(e);
	for (uint32_t first = 0, n; !rc && first < rows->count; first += n) {
		n = rows->count - first < ROWS_AT_ONCE ? rows->count - first : ROWS_AT_ONCE;
		progress_report(progress, "index", first, rows->count, "vectors");
		rc = progress_check(progress, e);
		if (!rc)
			rc = find_lists(l, rows, first, n, b, list + first, e);
	}
	free(b->vector);
	free(b);
	return rc;
}

/* Rows by their lists, within a list as they come. */
static void sort_rows(struct lists *l, const struct vectors *rows, const uint32_t *list)
{
	for (uint32_t i = 0; i < rows->count; i++)
		if (rows->numbers[i] != DEAD_ROW)
			l->start[list[i] + 1]++;
	for (uint32_t i = 0; i < l->n; i++)
		l->start[i + 1] += l->start[i];
	for (uint32_t i = 0; i < rows->count; i++)
		if (rows->numbers[i] != DEAD_ROW)
			l->row[l->start[list[i]]++] = i;
	memmove(l->start + 1, l->start, l->n * sizeof *l->start);
	l->start[0] = 0;
}

static enum code order_rows(struct lists *l, const struct vectors *rows,
	const struct progress *progress, struct error *e)
{
	uint32_t *list = FAULT() ? NULL : malloc(rows->count * sizeof *list + 1);

	l->row = FAULT() ? NULL : malloc(rows->count * sizeof *l->row + 1);
	enum code rc = list && l->row ? find_all(l, rows, progress, list, e) : error_memory(e);
	if (!rc)
		sort_rows(l, rows, list);
	free(list);
	return rc;
}

enum code lists_fill(struct lists *l, const struct vectors *rows, const struct codes *codes,
	const struct progress *progress, struct error *e)
{
	if (order_rows(l, rows, progress, e))
		return e->code;
	l->codes = codes_gather(codes, l->row, l->start[l->n]);
	return l->codes && lists_cut(l) ? OK : error_memory(e);
}

bool lists_cut(struct lists *l)
{
	size_t most = (size_t)l->codes->rows / PIECE_ROWS + l->n;

	l->piece = FAULT() ? NULL : malloc(most * sizeof *l->piece);
	if (!l->piece)
		return false;
	for (uint32_t i = 0; i < l->n; i++)
		for (uint32_t end, at = l->start[i]; at < l->start[i + 1]; at = end) {
			end = l->start[i + 1] - at < PIECE_ROWS ? l->start[i + 1] : at + PIECE_ROWS;
			l->piece[l->pieces++] = (struct piece){i, at, end};
		}
	return true;
}

uint32_t lists_probes(const struct lists *l, uint32_t nprobe)
{
	if (nprobe == 0)
		nprobe = l->nprobe;
	return nprobe < l->n ? nprobe : l->n;
}

double lists_compared(const struct lists *l, uint32_t nprobe)
{
	return l->n + (double)l->codes->rows * lists_probes(l, nprobe) / l->n;
}
