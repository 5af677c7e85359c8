/*
 * Publishing, and what a crash leaves at each step:
 *
 *   1. the uploaded rows, synced long ago, get numbers, sums and a header    open, with its stage
 *   2. the image is opened from them, its index built and measured          open, with its stage
 *   3. the rows are renamed: they are the vector files now                  open, demoted at start
 *   4. one transaction: published, served, older ones retired               published
 *   5. readers get the new image; the stage and retired files go            published
 *   6. codes that came with the uploads are written, by whoever is idle     published
 *
 * Before 4 the next start gives the rows their old name back and keeps the stage, after it the
 * stage goes. Nothing of this reads or writes a row, unless an index has to be built from them.
 */
#include "storage/catalog_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"
#include "storage/rows/generations.h"
#include "storage/vectors/image_lists.h"
#include "storage/vectors/recall.h"

struct publishing {
	struct catalog *catalog;
	struct entry *entry;
	const struct collection *row;
	const Pb__Generation *generation; /* its row, open */
	const struct progress *progress;
	bool waiting;	     /* somebody does */
	uint64_t vectors[2]; /* by side */
};

struct vectors_about about_vectors(const Pb__Generation *g)
{
	struct vectors_about about = {.side = PB__SIDE__SIDE_DOCUMENT,
		.dtype = g->dtype,
		.similarity = g->similarity,
		.dimension = g->dimension,
		.generation = g->generation,
		.step = g->step,
		.plain = image_index_is_lists(g->index)};

	snprintf(about.encoder, sizeof about.encoder, "%s", g->encoder);
	return about;
}

struct image_about about_image(const Pb__Generation *g)
{
	return (struct image_about){g->generation, g->step, g->dimension, g->similarity, g->encoder,
		g->index, g->recall};
}

static enum code seal_side(
	struct publishing *p, struct stage *stage, Pb__Side side, struct error *e)
{
	uint32_t live;

	if (stage_seal(stage, side, p->progress, &live, e))
		return e->code;
	p->vectors[side] = live;
	return OK;
}

static enum code seal(struct publishing *p, struct stage *stage, struct error *e)
{
	if (seal_side(p, stage, PB__SIDE__SIDE_DOCUMENT, e) ||
		seal_side(p, stage, PB__SIDE__SIDE_QUERY, e))
		return e->code;
	if (p->vectors[PB__SIDE__SIDE_DOCUMENT])
		return OK;
	error_set(e, FAILED_PRECONDITION, "NO_VECTORS",
		"Generation %llu has no document vectors yet; upload some first.",
		(unsigned long long)p->generation->generation);
	return error_field(e, "generation");
}

/* What takes longer than anybody should wait for an answer is a job. */
static enum code check_patience(const struct publishing *p, struct error *e)
{
	const Pb__Generation *g = p->generation;
	uint64_t rows = p->vectors[PB__SIDE__SIDE_DOCUMENT];

	if (!p->waiting || image_index_is_exact(g->index) ||
		rows * g->dimension <= LIMIT_INDEX_NUMBERS)
		return OK;
	error_set(e, FAILED_PRECONDITION, "NEEDS_BACKGROUND",
		"Building \"%s\" over %llu vectors of %u numbers takes longer than a request "
		"should (the limit is %d numbers in all); publish with background = true.",
		g->index, (unsigned long long)rows, g->dimension, LIMIT_INDEX_NUMBERS);
	return error_field(e, "background");
}

static enum code mark_published(struct publishing *p, const struct image *image, struct error *e)
{
	return generation_mark_published(p->catalog->db, p->row, p->generation->generation,
		p->vectors[PB__SIDE__SIDE_DOCUMENT], p->vectors[PB__SIDE__SIDE_QUERY],
		image->recall.has_recall ? &image->recall : NULL, p->catalog->keep, e);
}

/* Steps 3 and 4. The image is put in place first, where nobody asks for it before the row names it,
 * so that no reader finds the row ahead of the image. */
static enum code commit(struct publishing *p, struct image *image, struct error *e)
{
	uint64_t generation = p->generation->generation;
	bool queries = p->vectors[PB__SIDE__SIDE_QUERY] > 0;

	if (entry_add_image(p->entry, image, e))
		return e->code;
	if (files_promote(p->catalog, p->row->id, generation, queries, e) ||
		mark_published(p, image, e)) {
		files_demote(p->catalog, p->row->id, generation);
		entry_drop_image(p->entry, generation);
		return e->code;
	}
	entry_serve(p->entry, generation);
	return OK;
}

/* While the image is still nobody's but ours. */
static enum code measure(struct publishing *p, struct image *image, struct error *e)
{
	if (image->exact)
		return OK;
	enum code rc = recall_measure(image, image_truth, p->progress, &image->recall, e);
	image_measured(image);
	return rc;
}

static enum code build(struct publishing *p, struct stage *stage, struct error *e)
{
	struct image *image;
	bool queries;

	if (seal(p, stage, e) || check_patience(p, e) || progress_check(p->progress, e))
		return e->code;
	queries = p->vectors[PB__SIDE__SIDE_QUERY] > 0;
	if (open_image(p->catalog, p->row, p->generation, queries, stage, p->progress, &image, e))
		return e->code;
	enum code rc = measure(p, image, e);
	if (!rc)
		rc = progress_check(p->progress, e);
	if (!rc)
		rc = commit(p, image, e);
	image_release(image);
	return rc;
}

static enum code answer(struct catalog *c, const struct collection *before, uint64_t generation,
	struct arena *arena, Pb__Generation *out, uint64_t *documents_without_vector,
	struct error *e)
{
	struct collection row;

	if (collection_get(c->db, before->name, &row, e) ||
		generation_get(c->db, &row, generation, arena, out, e))
		return e->code;
	if (documents_without_vector)
		*documents_without_vector = row.documents - out->document_vectors;
	return OK;
}

enum code publish(struct catalog *c, struct entry *entry, const struct collection *row,
	uint64_t generation, bool waiting, const struct progress *progress, struct arena *arena,
	Pb__Generation *out, uint64_t *documents_without_vector, struct error *e)
{
	Pb__Generation open;
	struct staging *staging;
	struct publishing p = {.catalog = c,
		.entry = entry,
		.row = row,
		.generation = &open,
		.progress = progress,
		.waiting = waiting};

	if (staging_close(c, entry, row, generation, arena, &open, &staging, e))
		return e->code;
	if (build(&p, staging->stage, e)) {
		files_drop(c, row->id, generation, FILE_CACHE);
		staging_reopen(entry, staging);
		return e->code;
	}
	staging_forget(entry, staging);
	files_drop_stage(c, row->id, generation);
	struct error ignored; /* what is left now goes at the next start */
	files_sweep(c, row, false, &ignored);
	keep_codes(c, entry, row, generation, progress_crew(progress));
	return answer(c, row, generation, arena, out, documents_without_vector, e);
}

enum code catalog_publish(struct catalog *c, const char *collection, uint64_t generation,
	bool waiting, const struct progress *progress, struct arena *arena, Pb__Generation *out,
	uint64_t *documents_without_vector, struct error *e)
{
	struct collection row;
	struct entry *entry;

	if (collection_get(c->db, collection, &row, e) || entry_use(c, row.id, &entry, e))
		return e->code;
	enum code rc = publish(c, entry, &row, generation, waiting, progress, arena, out,
		documents_without_vector, e);
	entry_done(c, entry);
	return rc;
}

enum code catalog_begin(struct catalog *c, const Pb__BeginGenerationRequest *req,
	struct arena *arena, Pb__Generation *out, struct error *e)
{
	struct collection row;

	if (collection_get(c->db, req->collection, &row, e))
		return e->code;
	/* A dimension that cannot be is the rows' to refuse. */
	bool checkable = req->dimension && req->dimension <= LIMIT_DIMENSION;
	if (checkable && image_index_check(req->index, req->dimension, req->similarity, e))
		return e->code;
	return generation_begin(c->db, &row, req, arena, out, e);
}
