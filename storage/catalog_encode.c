/*
 * Encoding a collection with the embedded encoder: a model is fitted, a generation begun, every
 * text's vector put into its upload log like anybody's, and the generation published. What fails
 * on the way leaves an open generation without vectors.
 */
#include "storage/catalog_private.h"

#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"
#include "storage/rows/generations.h"
#include "storage/rows/queries.h"
#include "storage/text/lsa.h"

struct encoding {
	struct catalog *catalog;
	struct entry *entry;
	const struct collection *row;
	const struct corpus *corpus;
	const struct progress *progress;
	struct lsa *lsa;
	uint64_t generation;
};

/* Rows on their way into the log. */
struct batch {
	struct stage *stage;
	Pb__Side side;
	uint32_t n, *numbers;
	float *rows;
};

enum { BATCH_ROWS = 4096, PAGE_QUERIES = 1000 };

static enum code batch_flush(struct batch *b, struct error *e)
{
	if (b->n && stage_append(b->stage, b->side, b->numbers, b->rows, b->n, e))
		return e->code;
	b->n = 0;
	return OK;
}

static enum code encode_documents(struct encoding *x, struct batch *b, struct error *e)
{
	uint32_t dimension = lsa_dimension(x->lsa);

	for (uint32_t i = 0; i < x->corpus->n; i++) {
		float *to = b->rows + (size_t)b->n * dimension;
		if (lsa_encode_document(x->lsa, x->corpus->bm25, i, to))
			b->numbers[b->n++] = i;
		if (i % 256 == 0) {
			progress_report(
				x->progress, "encode documents", i, x->corpus->n, "documents");
			if (progress_check(x->progress, e))
				return e->code;
		}
		if (b->n == BATCH_ROWS && batch_flush(b, e))
			return e->code;
	}
	return batch_flush(b, e);
}

static enum code encode_page(struct encoding *x, struct batch *b, const struct query_row *rows,
	size_t n, struct error *e)
{
	uint32_t dimension = lsa_dimension(x->lsa);

	for (size_t i = 0; i < n; i++) {
		float *to = b->rows + (size_t)b->n * dimension;
		enum code rc = lsa_encode_text(x->lsa, rows[i].text ? rows[i].text : "", to, e);
		if (!rc)
			b->numbers[b->n++] = rows[i].number;
		else if (rc != INVALID_ARGUMENT) /* that: it has no known term, and no vector */
			return rc;
	}
	return batch_flush(b, e);
}

static enum code read_page(struct encoding *x, uint32_t first, struct arena *arena,
	struct query_row *rows, size_t *n, struct error *e)
{
	sqlite3 *reader;

	if (database_read(x->catalog->db, &reader, e))
		return e->code;
	enum code rc = queries_page(reader, x->row->id, first, PAGE_QUERIES, arena, rows, n, e);
	database_read_done(x->catalog->db, reader);
	return rc;
}

static enum code encode_queries(struct encoding *x, struct batch *b, struct error *e)
{
	struct query_row *rows;
	struct arena arena;
	uint32_t first = 0;
	size_t n = 1;
	enum code rc = OK;

	arena_init(&arena, LIMIT_REQUEST_MEMORY);
	b->side = PB__SIDE__SIDE_QUERY;
	while (!rc && n) {
		progress_report(x->progress, "encode queries", first, x->row->queries, "queries");
		rows = arena_array(&arena, PAGE_QUERIES, sizeof *rows);
		rc = rows ? progress_check(x->progress, e) : error_memory(e);
		if (!rc)
			rc = read_page(x, first, &arena, rows, &n, e);
		if (!rc)
			rc = encode_page(x, b, rows, n, e);
		if (!rc && n)
			first = rows[n - 1].number + 1;
		arena_free(&arena);
	}
	return rc;
}

static enum code encode_all(struct encoding *x, struct stage *stage, struct error *e)
{
	size_t dimension = lsa_dimension(x->lsa);
	struct batch b = {.stage = stage, .side = PB__SIDE__SIDE_DOCUMENT};

	b.numbers = FAULT() ? NULL : malloc(BATCH_ROWS * sizeof *b.numbers);
	b.rows = FAULT() ? NULL : malloc(BATCH_ROWS * dimension * sizeof *b.rows);
	enum code rc = b.numbers && b.rows ? OK : error_memory(e);
	if (!rc)
		rc = encode_documents(x, &b, e);
	if (!rc)
		rc = encode_queries(x, &b, e);
	free(b.numbers);
	free(b.rows);
	return rc;
}

/* Puts model and vectors beside the generation just begun. */
static enum code fill(struct encoding *x, struct error *e)
{
	struct path model = generation_path(x->catalog, x->row->id, x->generation, FILE_LSA);
	struct staging *staging;
	struct arena arena;
	Pb__Generation g;

	arena_init(&arena, 1 << 20);
	enum code rc =
		staging_use(x->catalog, x->entry, x->row, x->generation, &arena, &g, &staging, e);
	arena_free(&arena);
	if (rc)
		return rc;
	rc = lsa_save(x->lsa, model.text, e);
	if (!rc)
		rc = encode_all(x, staging->stage, e);
	staging_done(x->entry, staging);
	return rc;
}

static enum code begin(struct encoding *x, const Pb__EncodeCollectionRequest *req,
	struct arena *arena, struct error *e)
{
	Pb__BeginGenerationRequest begin = PB__BEGIN_GENERATION_REQUEST__INIT;
	Pb__Generation g;

	begin.collection = (char *)x->row->name;
	begin.encoder = req->encoder;
	begin.has_step = begin.has_dimension = 1;
	begin.step = req->step;
	begin.dimension = lsa_dimension(x->lsa);
	begin.index = req->index;
	if (generation_begin(x->catalog->db, x->row, &begin, arena, &g, e))
		return e->code;
	x->generation = g.generation;
	return OK;
}

/* An encoding that failed is not resumed: its files are of no use. */
static void drop_all(struct encoding *x)
{
	struct staging *staging;
	struct arena arena;
	Pb__Generation g;
	struct error e;

	arena_init(&arena, 1 << 20);
	if (!staging_close(x->catalog, x->entry, x->row, x->generation, &arena, &g, &staging, &e)) {
		staging_forget(x->entry, staging);
		files_drop_stage(x->catalog, x->row->id, x->generation);
		files_drop(x->catalog, x->row->id, x->generation, FILE_LSA);
	}
	arena_free(&arena);
}

static void report_fit(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	progress_report(arg, phase, done, total, "steps");
}

/* A small corpus has fewer dimensions than the default; a caller who names a number means it. */
static uint32_t dimension_for(const Pb__EncodeCollectionRequest *req, const struct bm25 *matrix)
{
	uint32_t most = lsa_largest_dimension(matrix);

	return req->has_dimension || !most || req->dimension < most ? req->dimension : most;
}

static enum code run(struct encoding *x, const Pb__EncodeCollectionRequest *req,
	struct arena *arena, Pb__Generation *out, struct error *e)
{
	atomic_bool *cancelled = x->progress ? x->progress->cancelled : NULL;

	if (lsa_fit(x->corpus->bm25, dimension_for(req, x->corpus->bm25), req->seed, cancelled,
		    report_fit, (void *)x->progress, &x->lsa, e) ||
		begin(x, req, arena, e))
		return e->code;
	if (fill(x, e) || publish(x->catalog, x->entry, x->row, x->generation, false, x->progress,
				  arena, out, NULL, e)) {
		drop_all(x);
		return e->code;
	}
	return OK;
}

static enum code check_request(const Pb__EncodeCollectionRequest *req, struct error *e)
{
	if (strcmp(req->encoder, "lsa")) {
		error_set(e, INVALID_ARGUMENT, "UNKNOWN_ENCODER",
			"There is no embedded encoder \"%s\"; there is \"lsa\".", req->encoder);
		return error_field(e, "encoder");
	}
	if (req->dimension == 0 || req->dimension > LIMIT_DIMENSION) {
		error_set(e, INVALID_ARGUMENT, "OUT_OF_RANGE",
			"dimension is %u; it must be 1 to %d.", req->dimension, LIMIT_DIMENSION);
		return error_field(e, "dimension");
	}
	return image_index_check(req->index, req->dimension, PB__SIMILARITY__SIMILARITY_COSINE, e);
}

enum code catalog_encode(struct catalog *c, const Pb__EncodeCollectionRequest *req,
	const struct progress *progress, struct arena *arena, Pb__Generation *out, struct error *e)
{
	struct collection row;
	struct encoding x = {.catalog = c, .row = &row, .progress = progress};
	struct corpus *corpus;

	if (check_request(req, e) || collection_get(c->db, req->collection, &row, e) ||
		entry_use(c, row.id, &x.entry, e))
		return e->code;
	enum code rc = entry_corpus_at_once(
		c, x.entry, &row, progress ? progress->cancelled : NULL, &corpus, e);
	if (!rc) {
		x.corpus = corpus;
		rc = run(&x, req, arena, out, e);
		corpus_release(corpus);
		lsa_free(x.lsa);
	}
	entry_done(c, x.entry);
	return rc;
}
