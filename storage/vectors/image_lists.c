#include "storage/vectors/image_lists.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/score.h"
#include "storage/vectors/image_private.h"
#include "storage/vectors/lists_file.h"

static const char prefix[] = "lists";

bool image_index_is_lists(const char *index)
{
	return !strncmp(index, prefix, sizeof prefix - 1);
}

enum code image_index_lists(const char *index, uint32_t *out, struct error *e)
{
	const char *number = index + sizeof prefix - 1;
	char *end;

	*out = 0;
	if (!image_index_is_lists(index))
		return OK;
	unsigned long n = isdigit((unsigned char)*number) ? strtoul(number, &end, 10) : 0;
	if (n > 0 && n <= LISTS_MOST && *number != '0' && !*end) {
		*out = (uint32_t)n;
		return OK;
	}
	error_set(e, INVALID_ARGUMENT, "BAD_INDEX",
		"Lists are from \"lists1\" to \"lists%u\"; there is no index \"%.40s\".",
		LISTS_MOST, index);
	return error_field(e, "index");
}

/* What k-means learns from: enough rows a list to find its middle, of few lists more, which costs
 * little; of very many fewer, for all of it is in memory: 2^18 rows, or 16 a list, of d floats. */
enum { LEAST_SAMPLE = 1 << 16, A_LIST = 64, A_LIST_AT_LEAST = 16, MANY_SAMPLE = 1 << 18 };

static size_t sample_size(const struct image *g)
{
	size_t lists = g->lists, n = A_LIST * lists;

	if (n > MANY_SAMPLE)
		n = A_LIST_AT_LEAST * lists > MANY_SAMPLE ? A_LIST_AT_LEAST * lists : MANY_SAMPLE;
	if (n < LEAST_SAMPLE)
		n = LEAST_SAMPLE;
	return n < g->rows ? n : g->rows;
}

static void make_unit(float *x, uint32_t d)
{
	double length = vector_length(x, d);

	for (uint32_t j = 0; j < d && length > 0; j++)
		x[j] = (float)(x[j] / length);
}

/* n of the live rows, spread evenly; where lists are of directions, as those. */
static void take_sample(const struct image *g, size_t n, float *out)
{
	const struct vectors *v = &g->private->documents;
	uint64_t live = 0;

	for (size_t row = 0, i = 0; i < n; row++) {
		if (v->numbers[row] == DEAD_ROW || live++ != i * g->rows / n)
			continue;
		float *x = out + i++ * g->dimension;
		vectors_floats(v, (uint32_t)row, x);
		if (g->similarity != PB__SIMILARITY__SIMILARITY_L2)
			make_unit(x, g->dimension);
	}
}

static bool asked(void *arg)
{
	return arg && atomic_load_explicit((atomic_bool *)arg, memory_order_relaxed);
}

static void tell(void *arg, uint64_t done, uint64_t total)
{
	progress_report(arg, "train", done, total, "assignments");
}

static enum code train(
	const struct image *g, const struct progress *progress, float *centroids, struct error *e)
{
	struct faiss_kmeans how = {.dimension = g->dimension,
		.lists = g->lists,
		.iterations = 10,
		.seed = 1234,
		.spherical = g->similarity != PB__SIMILARITY__SIMILARITY_L2};
	struct faiss_stop stop = {asked, progress ? progress->cancelled : NULL};
	struct faiss_watch watch = {tell, (void *)progress};
	size_t n = sample_size(g);

	progress_report(progress, "train", 0, 0, "assignments");
	float *sample = FAULT() ? NULL : malloc(n * g->dimension * sizeof *sample + 1);
	if (!sample)
		return error_memory(e);
	take_sample(g, n, sample);
	enum code rc = faiss_kmeans(&how, n, sample, centroids, &stop, &watch, e);
	free(sample);
	return rc;
}

static enum code check_rows(const struct image *g, struct error *e)
{
	if (g->lists <= g->rows)
		return OK;
	return error_set(e, FAILED_PRECONDITION, "INDEX_NOT_BUILDABLE",
		"The index \"%s\" needs at least %u document vectors; there are %u.", g->index,
		g->lists, g->rows);
}

static enum code build(struct image *g, const struct progress *progress, struct error *e)
{
	struct image_private *p = g->private;

	float *centroids =
		FAULT() ? NULL : malloc((size_t)g->lists * g->dimension * sizeof *centroids);
	if (!centroids)
		return error_memory(e);
	enum code rc = train(g, progress, centroids, e);
	if (!rc)
		rc = lists_new(&p->documents.about, &p->codes->rotation.basis, centroids, g->lists,
			&p->lists, e);
	free(centroids);
	return rc ? rc : lists_fill(p->lists, &p->documents, p->codes, progress, e);
}

static enum code get_lists(struct image *g, const struct image_files *files,
	struct codes_builder **codes, const struct progress *progress, struct error *e)
{
	struct image_private *p = g->private;
	struct cache cache = {files->cache, files->key, p->documents.fingerprint, g->index};
	struct error ignored;
	bool uploaded = *codes;

	if (!uploaded && files->cache && (p->lists = lists_load(&cache, &p->documents)))
		return vectors_check(&p->documents, NULL, progress, e);
	if (get_codes(g, codes, NULL, progress, e) || build(g, progress, e))
		return e->code;
	if (files->cache) /* without it the next start builds again */
		lists_save(&cache, p->lists, &ignored);
	if (!uploaded) /* else they tell the truth that the lists are measured by */
		image_measured(g);
	return OK;
}

enum code open_lists(struct image *g, const struct image_files *files, struct codes_builder **codes,
	const struct progress *progress, struct error *e)
{
	struct image_private *p = g->private;

	if (check_rows(g, e) || get_lists(g, files, codes, progress, e))
		return e->code;
	if (g->recall.has_nprobe)
		p->lists->nprobe = lists_probes(p->lists, g->recall.nprobe);
	p->exact = (struct exact){&p->documents, p->lists->codes, p->lists};
	p->shared = shared_new(&p->exact);
	return p->shared ? OK : error_memory(e);
}
