#include "storage/exact/lists.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/codes_gather.h"
#include "storage/exact/survivors.h"

/* A piece is a chunk, for as many candidates. */
enum { PIECE_ROWS = CHUNK_ROWS };
/* Probes: some 7 MB of them; and so many to a list that it is worth while to go through it. */
enum { PROBES = 1 << 18, PROBES_A_LIST = 8 };

void lists_free(struct lists *l)
{
	if (!l)
		return;
	centroids_free(&l->coarse);
	codes_free(l->codes);
	free(l->start);
	free(l->row);
	free(l->piece);
	free(l->first_piece);
	free(l);
}

enum code lists_new(const struct vectors_about *about, const struct basis *basis,
	const float *centroid, uint32_t n, struct lists **out, struct error *e)
{
	struct lists *l = FAULT() ? NULL : calloc(1, sizeof *l);

	if (!l)
		return error_memory(e);
	l->n = l->nprobe = n;
	l->at_once = n > PROBES / PROBES_A_LIST ? (size_t)n * PROBES_A_LIST : PROBES;
	l->start = FAULT() ? NULL : calloc(n + (size_t)1, sizeof *l->start);
	if (!l->start)
		error_memory(e);
	if (!l->start || centroids_init(&l->coarse, about, basis, centroid, n, e)) {
		lists_free(l);
		return e->code;
	}
	*out = l;
	return OK;
}

struct filling {
	const struct vectors *rows;
	const struct progress *progress;
};

/* Dead ones as well: their list does not matter. */
static void read_row(void *arg, uint32_t row, float *out)
{
	const struct filling *f = arg;

	vectors_floats(f->rows, row, out);
}

static void tell(void *arg, uint32_t done)
{
	const struct filling *f = arg;

	progress_report(f->progress, "index", done, f->rows->count, "vectors");
}

static enum code find_all(const struct lists *l, const struct vectors *rows,
	const struct progress *progress, uint32_t *list, struct error *e)
{
	struct filling f = {rows, progress};
	struct assignment a = {.to = &l->coarse,
		.n = rows->count,
		.read = read_row,
		.told = tell,
		.arg = &f,
		.nearest = list,
		.cancelled = progress ? progress->cancelled : NULL};

	return centroids_assign(&a, progress_crew(progress), e);
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
	l->first_piece = FAULT() ? NULL : malloc((l->n + (size_t)1) * sizeof *l->first_piece);
	if (!l->piece || !l->first_piece)
		return false;
	for (uint32_t i = 0; i < l->n; i++) {
		l->first_piece[i] = l->pieces;
		for (uint32_t end, at = l->start[i]; at < l->start[i + 1]; at = end) {
			end = l->start[i + 1] - at < PIECE_ROWS ? l->start[i + 1] : at + PIECE_ROWS;
			l->piece[l->pieces++] = (struct piece){at, end};
		}
	}
	l->first_piece[l->n] = l->pieces;
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
