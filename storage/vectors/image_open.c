#include "storage/vectors/image_open.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/codes_file.h"
#include "storage/exact/score.h"
#include "storage/text/lsa.h"
#include "storage/vectors/cache.h"
#include "storage/vectors/format.h"
#include "storage/vectors/image_lists.h"
#include "storage/vectors/image_private.h"

static enum code open_side(const char *path, Pb__Side side, const struct image_about *about,
	struct vectors *out, struct error *e)
{
	if (vectors_open(path, out, e))
		return e->code == NOT_FOUND ? vectors_corrupt(e, "it is gone") : e->code;
	const struct vectors_about *is = &out->about;
	if (is->side != side || is->generation != about->generation ||
		is->dimension != about->dimension || is->similarity != about->similarity ||
		strcmp(is->encoder, about->encoder))
		return vectors_corrupt(e, "it belongs to another generation");
	return OK;
}

/* Rows that were sent again stand further down. */
static enum code drop_dead(const struct vectors *v, struct codes_builder *b, struct error *e)
{
	if (v->live == v->count)
		return OK;
	for (uint32_t row = 0; row < v->count; row++)
		if (v->numbers[row] == DEAD_ROW && codes_builder_drop(b, row, e))
			return e->code;
	return OK;
}

/* Reads the file, and verifies it by the way. */
static enum code encode_rows(const struct vectors *v, struct codes_builder **codes,
	const struct progress *progress, struct error *e)
{
	*codes = vectors_codes_builder(&v->about);
	return *codes ? vectors_check(v, *codes, progress, e) : error_memory(e);
}

static enum code finish_codes(struct image *g, struct codes_builder **codes, struct error *e)
{
	struct image_private *p = g->private;
	struct codes_builder *builder = *codes;

	if (drop_dead(&p->documents, builder, e))
		return e->code;
	*codes = NULL;
	if (codes_builder_finish(builder, &p->codes, e))
		return e->code;
	if (p->codes->rows != p->documents.count)
		return vectors_corrupt(e, "its codes are of other rows");
	return OK;
}

enum code get_codes(struct image *g, struct codes_builder **codes, const char *cache,
	const struct progress *progress, struct error *e)
{
	struct image_private *p = g->private;

	if (*codes)
		return finish_codes(g, codes, e);
	if (cache && (p->codes = codes_load(&p->documents, cache)))
		return vectors_check(&p->documents, NULL, progress, e);
	if (encode_rows(&p->documents, codes, progress, e) || finish_codes(g, codes, e))
		return e->code;
	g->made_anew = true;
	return OK;
}

static enum code open_exact(struct image *g, struct codes_builder **codes, const char *cache,
	const struct progress *progress, struct error *e)
{
	struct image_private *p = g->private;

	if (get_codes(g, codes, cache, progress, e))
		return e->code;
	p->exact = (struct exact){&p->documents, p->codes};
	p->shared = shared_new(&p->exact);
	return p->shared ? OK : error_memory(e);
}

enum code image_keep(const struct image *g, const char *cache, struct stop *stop, struct error *e)
{
	if (!g->exact)
		return OK;
	return codes_save(g->private->codes, &g->private->documents, cache, stop, e);
}

/* A chunk is what somebody waits for before he hears of progress: a second of linking a graph. */
enum { CHUNK_ROWS = 1024, TRAINING_ROWS = 1 << 18 };

/* Dead rows are not shown to FAISS: whoever asks it for k would get fewer. */
static enum code number_live(struct image *g, struct error *e)
{
	struct image_private *p = g->private;
	uint32_t n = 0;

	if (p->documents.live == p->documents.count)
		return OK;
	p->live = FAULT() ? NULL : malloc((p->documents.live + 1) * sizeof *p->live);
	if (!p->live)
		return error_memory(e);
	for (uint32_t row = 0; row < p->documents.count; row++)
		if (p->documents.numbers[row] != DEAD_ROW)
			p->live[n++] = row;
	return OK;
}

/* A row as the index holds it, by the index's number. */
static void index_row(const struct image *g, size_t number, float *out)
{
	vectors_floats(&g->private->documents, indexed_row(g, number), out);
	double length = vector_length(out, g->dimension);
	if (g->similarity == PB__SIMILARITY__SIMILARITY_COSINE)
		for (uint32_t j = 0; j < g->dimension; j++)
			out[j] = (float)(out[j] / length);
}

static struct faiss_stop stop_of(const struct progress *progress)
{
	return (struct faiss_stop){is_cancelled, progress ? progress->cancelled : NULL};
}

static void tell_training(void *arg, uint64_t done, uint64_t total)
{
	progress_report(arg, "train", done, total, "assignments");
}

/* Trains on rows spread evenly over the file. */
static enum code train(const struct image *g, struct faiss_index *index,
	const struct progress *progress, struct error *e)
{
	size_t n = g->rows < TRAINING_ROWS ? g->rows : TRAINING_ROWS;
	struct faiss_stop stop = stop_of(progress);
	struct faiss_watch watch = {tell_training, (void *)progress};

	if (!faiss_wants_training(index))
		return OK;
	progress_report(progress, "train", 0, 0, "assignments");
	float *sample = FAULT() ? NULL : malloc((n * g->dimension + 1) * sizeof *sample);
	if (!sample)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		index_row(g, i * g->rows / n, sample + i * g->dimension);
	enum code rc = faiss_train(index, n, sample, &stop, &watch, e);
	free(sample);
	return rc;
}

static enum code add_rows(const struct image *g, struct faiss_index *index,
	const struct progress *progress, struct error *e)
{
	struct faiss_stop stop = stop_of(progress);
	size_t most = faiss_wants_all(index) ? g->rows : CHUNK_ROWS;
	float *chunk = FAULT() ? NULL : malloc((most * g->dimension + 1) * sizeof *chunk);
	enum code rc = chunk ? OK : error_memory(e);

	for (uint32_t first = 0, n; !rc && first < g->rows; first += n) {
		n = (uint32_t)(g->rows - first < most ? g->rows - first : most);
		for (uint32_t i = 0; i < n; i++)
			index_row(g, first + i, chunk + (size_t)i * g->dimension);
		progress_report(progress, "index", first, g->rows, "vectors");
		rc = progress_check(progress, e);
		if (!rc)
			rc = faiss_add(index, n, chunk, &stop, e);
	}
	free(chunk);
	return rc;
}

static enum faiss_metric metric_of(Pb__Similarity similarity)
{
	return similarity == PB__SIMILARITY__SIMILARITY_L2 ? FAISS_SQUARED_L2 : FAISS_INNER_PRODUCT;
}

bool image_index_is_exact(const char *index)
{
	return !strcmp(index, "exact");
}

enum code image_index_check(
	const char *index, uint32_t dimension, Pb__Similarity similarity, struct error *e)
{
	struct faiss_index *trial;
	uint32_t lists;

	if (image_index_is_exact(index))
		return OK;
	if (image_index_is_lists(index))
		return image_index_lists(index, &lists, e);
	if (faiss_new(index, dimension, metric_of(similarity), &trial, e))
		return e->code;
	faiss_free(trial);
	return OK;
}

static enum code build_index(struct image *g, const struct progress *progress, struct error *e)
{
	struct faiss_index *index;

	if (faiss_new(g->index, g->dimension, metric_of(g->similarity), &index, e))
		return e->code;
	if (train(g, index, progress, e) || add_rows(g, index, progress, e)) {
		faiss_free(index);
		return e->code;
	}
	g->private->index = index;
	return OK;
}

/* From its cache when that can be believed. */
static enum code get_index(struct image *g, const struct image_files *files,
	const struct progress *progress, struct error *e)
{
	struct cache cache = {
		files->cache, files->key, g->private->documents.fingerprint, g->index};
	struct error ignored;

	if (number_live(g, e))
		return e->code;
	if (!files->cache)
		return build_index(g, progress, e);
	struct faiss_index *index = cache_load(&cache);
	if (index && faiss_rows(index) == g->rows) {
		g->private->index = index;
		return OK;
	}
	faiss_free(index);
	if (build_index(g, progress, e))
		return e->code;
	g->made_anew = !files->codes;
	cache_save(
		&cache, g->private->index, &ignored); /* without it the next start builds again */
	return OK;
}

/* Rows that were encoded while they came were hashed with that; their codes tell the truth that the
 * index is measured by. */
static enum code open_approximate(struct image *g, const struct image_files *files,
	struct codes_builder **codes, const struct progress *progress, struct error *e)
{
	enum code rc = *codes ? finish_codes(g, codes, e)
			      : vectors_check(&g->private->documents, NULL, progress, e);

	return rc ? rc : get_index(g, files, progress, e);
}

static enum code image_new(const struct image_about *about, struct image **out, struct error *e)
{
	struct image *g = FAULT() ? NULL : calloc(1, sizeof *g);

	if (!g)
		return error_memory(e);
	atomic_init(&g->references, 1);
	g->private = FAULT() ? NULL : calloc(1, sizeof *g->private);
	g->encoder = FAULT() ? NULL : strdup(about->encoder);
	g->index = FAULT() ? NULL : strdup(about->index);
	if (!g->private || !g->encoder || !g->index) {
		image_release(g);
		return error_memory(e);
	}
	g->generation = about->generation;
	g->step = about->step;
	g->dimension = about->dimension;
	g->similarity = about->similarity;
	g->exact = image_index_is_exact(about->index);
	if (image_index_lists(about->index, &g->lists, e)) {
		image_release(g);
		return e->code;
	}
	g->recall = about->recall ? *about->recall : (Pb__Recall)PB__RECALL__INIT;
	*out = g;
	return OK;
}

static enum code open_model(struct image *g, const char *path, struct error *e)
{
	if (!path)
		return OK;
	if (lsa_load(path, &g->private->lsa, e))
		return e->code;
	g->lsa = g->private->lsa;
	if (lsa_dimension(g->lsa) != g->dimension)
		return vectors_corrupt(e, "its model is of another dimension");
	return OK;
}

static enum code open_queries(struct image *g, const struct image_files *files,
	const struct image_about *about, const struct progress *progress, struct error *e)
{
	struct vectors *queries = &g->private->queries;

	if (!files->queries)
		return OK;
	if (open_side(files->queries, PB__SIDE__SIDE_QUERY, about, queries, e))
		return e->code;
	return files->codes ? OK : vectors_check(queries, NULL, progress, e);
}

static enum code fill(struct image *g, const struct image_files *files,
	const struct image_about *about, struct codes_builder **codes,
	const struct progress *progress, struct error *e)
{
	struct image_private *p = g->private;

	if (open_side(files->documents, PB__SIDE__SIDE_DOCUMENT, about, &p->documents, e))
		return e->code;
	g->rows = p->documents.live;
	if (open_queries(g, files, about, progress, e) || open_model(g, files->lsa, e))
		return e->code;
	if (g->exact)
		return open_exact(g, codes, files->cache, progress, e);
	if (g->lists)
		return open_lists(g, files, codes, progress, e);
	return open_approximate(g, files, codes, progress, e);
}

enum code image_open(const struct image_files *files, const struct image_about *about,
	const struct progress *progress, struct image **out, struct error *e)
{
	struct codes_builder *codes = files->codes;
	struct image *g;
	enum code rc = image_new(about, &g, e);

	if (!rc && (rc = fill(g, files, about, &codes, progress, e)))
		image_release(g);
	codes_builder_free(codes);
	if (!rc)
		*out = g;
	return rc;
}
