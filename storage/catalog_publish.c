/*
 * Publishing, and what a crash leaves at each step:
 *
 *   1. the staged rows become vector files, each aside, synced, renamed    open, with its stage
 *   2. the image is opened from those files, its index built and measured  open, with its stage
 *   3. one transaction: published, served, older ones retired              published
 *   4. readers get the new image; the stage and retired files go           published
 *
 * Before 3 the next start unlinks the files and keeps the stage, after it the other way round.
 */
#include "storage/catalog_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"
#include "storage/rows/generations.h"
#include "storage/vectors/recall.h"
#include "storage/vectors/scan.h"

struct publishing {
	struct catalog *catalog;
	struct entry *entry;
	const struct collection *row;
	const Pb__Generation *generation; /* its row, open */
	const struct progress *progress;
	bool waiting;	     /* somebody does */
	uint64_t vectors[2]; /* by side */
};

struct vectors_about about_vectors(const Pb__Generation *g, Pb__Side side)
{
	struct vectors_about about = {
		side, g->dtype, g->similarity, g->dimension, g->generation, g->step, ""};

	snprintf(about.encoder, sizeof about.encoder, "%s", g->encoder);
	return about;
}

struct image_about about_image(const Pb__Generation *g)
{
	return (struct image_about){g->generation, g->step, g->dimension, g->similarity, g->encoder,
		g->index, g->recall};
}

static const char *kind_of(Pb__Side side)
{
	return side == PB__SIDE__SIDE_QUERY ? FILE_QUERIES : FILE_DOCUMENTS;
}

static enum code copy_rows(
	struct publishing *p, const struct staged *from, struct vectors_writer *w, struct error *e)
{
	for (uint32_t i = 0; i < from->count; i++) {
		if (i % 1024 == 0) {
			progress_report(p->progress, "write", i, from->count, "vectors");
			if (progress_check(p->progress, e))
				return e->code;
		}
		if (vectors_append(w, from->map + from->at[i], 1, e))
			return e->code;
	}
	return OK;
}

static enum code write_staged(
	struct publishing *p, Pb__Side side, const struct staged *from, struct error *e)
{
	const Pb__Generation *g = p->generation;
	struct path path = generation_path(p->catalog, p->row->id, g->generation, kind_of(side));
	struct vectors_about about = about_vectors(g, side);
	struct vectors_writer *w;

	if (vectors_create(path.text, &about, from->numbers, from->count, &w, e))
		return e->code;
	if (copy_rows(p, from, w, e)) {
		vectors_abandon(w);
		return e->code;
	}
	return vectors_commit(w, e);
}

/* What takes longer than anybody should wait for an answer is a job. */
static enum code check_patience(
	const struct publishing *p, Pb__Side side, uint64_t rows, struct error *e)
{
	const Pb__Generation *g = p->generation;

	if (!p->waiting || side != PB__SIDE__SIDE_DOCUMENT || image_index_is_exact(g->index) ||
		rows * g->dimension <= LIMIT_INDEX_NUMBERS)
		return OK;
	error_set(e, FAILED_PRECONDITION, "NEEDS_BACKGROUND",
		"Building \"%s\" over %llu vectors of %u numbers takes longer than a request "
		"should (the limit is %d numbers in all); publish with background = true.",
		g->index, (unsigned long long)rows, g->dimension, LIMIT_INDEX_NUMBERS);
	return error_field(e, "background");
}

static enum code write_side(
	struct publishing *p, struct stage *stage, Pb__Side side, struct error *e)
{
	struct staged staged;

	if (stage_collect(stage, side, &staged, e))
		return e->code;
	enum code rc = check_patience(p, side, staged.count, e);
	if (!rc && staged.count)
		rc = write_staged(p, side, &staged, e);
	p->vectors[side] = staged.count;
	staged_free(&staged);
	return rc;
}

static enum code write_files(struct publishing *p, struct stage *stage, struct error *e)
{
	if (write_side(p, stage, PB__SIDE__SIDE_DOCUMENT, e) ||
		write_side(p, stage, PB__SIDE__SIDE_QUERY, e))
		return e->code;
	if (p->vectors[PB__SIDE__SIDE_DOCUMENT])
		return OK;
	error_set(e, FAILED_PRECONDITION, "NO_VECTORS",
		"Generation %llu has no document vectors yet; upload some first.",
		(unsigned long long)p->generation->generation);
	return error_field(e, "generation");
}

/* Step 3. The image is put in place first, where nobody asks for it before the row names it, so
 * that no reader finds the row ahead of the image. */
static enum code commit(struct publishing *p, struct image *image, struct error *e)
{
	uint64_t generation = p->generation->generation;

	if (entry_add_image(p->entry, image, e))
		return e->code;
	if (generation_mark_published(p->catalog->db, p->row, generation,
		    p->vectors[PB__SIDE__SIDE_DOCUMENT], p->vectors[PB__SIDE__SIDE_QUERY],
		    image->recall.has_recall ? &image->recall : NULL, p->catalog->keep, e)) {
		entry_drop_image(p->entry, generation);
		return e->code;
	}
	entry_serve(p->entry, generation);
	return OK;
}

/* While the image is still nobody's but ours. */
static enum code measure(struct publishing *p, struct image *image, struct error *e)
{
	if (image_index_is_exact(image->index))
		return OK;
	return recall_measure(image, scan_rows, p->progress, &image->recall, e);
}

static enum code build(struct publishing *p, struct stage *stage, struct error *e)
{
	struct image *image;

	if (write_files(p, stage, e) || progress_check(p->progress, e) ||
		open_image(p->catalog, p->row, p->generation, p->vectors[PB__SIDE__SIDE_QUERY] > 0,
			p->progress, &image, e))
		return e->code;
	enum code rc = measure(p, image, e);
	if (!rc)
		rc = progress_check(p->progress, e);
	if (!rc)
		rc = commit(p, image, e);
	image_release(image);
	return rc;
}

/* Everything that makes a generation ready but is not worth keeping when it did not become so. */
static void drop_built(struct publishing *p)
{
	uint64_t generation = p->generation->generation;

	files_drop(p->catalog, p->row->id, generation, FILE_DOCUMENTS);
	files_drop(p->catalog, p->row->id, generation, FILE_QUERIES);
	files_drop(p->catalog, p->row->id, generation, FILE_CACHE);
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
		drop_built(&p);
		staging_reopen(entry, staging);
		return e->code;
	}
	staging_forget(entry, staging);
	files_drop(c, row->id, generation, FILE_STAGE);
	struct error ignored; /* what is left now goes at the next start */
	files_sweep(c, row, false, &ignored);
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
