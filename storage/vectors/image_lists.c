#include "storage/vectors/image_lists.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/vectors/image_private.h"
#include "storage/vectors/lists_file.h"
#include "storage/vectors/lists_train.h"

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
	enum code rc = lists_train(&p->documents, g->lists, progress, centroids, e);
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

	p->documents.about.plain = true;
	if (check_rows(g, e) || get_lists(g, files, codes, progress, e))
		return e->code;
	if (g->recall.has_nprobe)
		p->lists->nprobe = lists_probes(p->lists, g->recall.nprobe);
	p->exact = (struct exact){&p->documents, p->lists->codes, p->lists};
	p->shared = shared_new(&p->exact);
	return p->shared ? OK : error_memory(e);
}
