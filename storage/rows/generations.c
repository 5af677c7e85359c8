#include "storage/rows/generations.h"

#include <string.h>

#include "proto/limits.h"
#include "storage/rows/now.h"
#include "storage/rows/packed.h"
#include "storage/rows/statement.h"
#include "storage/rows/upsert.h"

enum {
	OPEN = PB__GENERATION_STATE__GENERATION_STATE_OPEN,
	PUBLISHED = PB__GENERATION_STATE__GENERATION_STATE_PUBLISHED,
	RETIRED = PB__GENERATION_STATE__GENERATION_STATE_RETIRED,
};

#define SELECT \
	"SELECT g.generation, g.encoder, g.step, g.dimension, g.similarity, g.engine, g.dtype, " \
	"g.state, g.document_vectors, g.query_vectors, g.created_at_ms, g.published_at_ms, " \
	"c.generation, g.recall FROM generations g JOIN collections c ON c.id = g.collection "

static enum code check_dimension(const Pb__BeginGenerationRequest *req, struct error *e)
{
	if (!req->has_dimension)
		error_set(e, INVALID_ARGUMENT, "MISSING_FIELD",
			"dimension must be given: how many numbers a vector has.");
	else if (req->dimension == 0)
		error_set(e, INVALID_ARGUMENT, "OUT_OF_RANGE", "dimension is 0; it is 1 or more.");
	else if (req->dimension > LIMIT_DIMENSION)
		error_set(e, INVALID_ARGUMENT, "LIMIT_EXCEEDED",
			"dimension is %u and the limit is %d.", req->dimension, LIMIT_DIMENSION);
	else
		return OK;
	return error_field(e, "dimension");
}

static enum code check(const Pb__BeginGenerationRequest *req, struct error *e)
{
	if (upsert_check_id(req->encoder, "encoder", e) || check_dimension(req, e))
		return e->code;
	if (req->step < 0) {
		error_set(e, INVALID_ARGUMENT, "OUT_OF_RANGE",
			"step is %lld; a training step is 0 or more.", (long long)req->step);
		return error_field(e, "step");
	}
	if (req->dtype != PB__DTYPE__DTYPE_F32 && req->dtype != PB__DTYPE__DTYPE_F16) {
		error_set(e, INVALID_ARGUMENT, "OUT_OF_RANGE",
			"dtype says how rows are kept: f32 or f16.");
		return error_field(e, "dtype");
	}
	return OK;
}

/* The row that `s` stands on. */
static enum code read_row(sqlite3_stmt *s, const struct collection *c, struct arena *arena,
	Pb__Generation *out, struct error *e)
{
	Pb__Generation g = PB__GENERATION__INIT;
	ProtobufCMessage *recall;

	g.collection = arena_strdup(arena, c->name);
	if (!g.collection)
		return error_memory(e);
	if (statement_copy(s, 1, arena, &g.encoder, e) ||
		statement_copy(s, 5, arena, &g.index, e) ||
		packed_column(s, 13, &pb__recall__descriptor, arena, &recall, e))
		return e->code;
	g.recall = (Pb__Recall *)recall;
	g.has_generation = g.has_step = g.has_dimension = g.has_similarity = 1;
	g.generation = (uint64_t)sqlite3_column_int64(s, 0);
	g.step = sqlite3_column_int64(s, 2);
	g.dimension = (uint32_t)sqlite3_column_int64(s, 3);
	g.similarity = (Pb__Similarity)sqlite3_column_int64(s, 4);
	g.has_dtype = g.has_state = g.has_document_vectors = g.has_query_vectors = 1;
	g.dtype = (Pb__Dtype)sqlite3_column_int64(s, 6);
	g.state = (Pb__GenerationState)sqlite3_column_int64(s, 7);
	g.document_vectors = (uint64_t)sqlite3_column_int64(s, 8);
	g.query_vectors = (uint64_t)sqlite3_column_int64(s, 9);
	g.has_created_at_ms = g.has_serving = 1;
	g.created_at_ms = sqlite3_column_int64(s, 10);
	g.has_published_at_ms = sqlite3_column_type(s, 11) != SQLITE_NULL;
	g.published_at_ms = sqlite3_column_int64(s, 11);
	g.serving = g.generation == (uint64_t)sqlite3_column_int64(s, 12);
	*out = g;
	return OK;
}

static enum code missing(const struct collection *c, uint64_t generation, struct error *e)
{
	error_set(e, NOT_FOUND, "NO_SUCH_GENERATION",
		"The collection \"%s\" has no generation %llu.", c->name,
		(unsigned long long)generation);
	return error_field(e, "generation");
}

static enum code find(sqlite3 *db, const struct collection *c, uint64_t generation,
	struct arena *arena, Pb__Generation *out, struct error *e)
{
	sqlite3_stmt *s =
		database_statement(db, SELECT "WHERE g.collection = ?1 AND g.generation = ?2", e);
	bool row;

	if (!s)
		return e->code;
	statement_int(s, 1, c->id);
	statement_int(s, 2, (int64_t)generation);
	if (statement_step(s, &row, e))
		return e->code;
	return row ? read_row(s, c, arena, out, e) : missing(c, generation, e);
}

struct beginning {
	const struct collection *c;
	const Pb__BeginGenerationRequest *req;
	struct arena *arena; /* of who waits for the transaction */
	int64_t number;
	Pb__Generation row;
};

static enum code next_number(sqlite3 *db, struct beginning *b, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"SELECT coalesce(max(generation), 0) + 1 FROM generations WHERE collection = ?1",
		e);
	bool row;

	if (!s)
		return e->code;
	statement_int(s, 1, b->c->id);
	if (statement_step(s, &row, e))
		return e->code;
	b->number = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return OK;
}

static enum code insert(sqlite3 *db, const struct beginning *b, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"INSERT INTO generations (collection, generation, encoder, step, dimension, "
		"similarity, engine, dtype, state, created_at_ms) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		e);

	if (!s)
		return e->code;
	statement_int(s, 1, b->c->id);
	statement_int(s, 2, b->number);
	statement_text(s, 3, b->req->encoder);
	statement_int(s, 4, b->req->step);
	statement_int(s, 5, b->req->dimension);
	statement_int(s, 6, b->req->similarity);
	statement_text(s, 7, b->req->index);
	statement_int(s, 8, b->req->dtype);
	statement_int(s, 9, OPEN);
	statement_int(s, 10, now_ms());
	return statement_run(s, e);
}

/* Reads within the transaction: a generation that its maker cannot be told of is not there. */
static enum code begin(sqlite3 *db, void *arg, struct error *e)
{
	struct beginning *b = arg;
	struct upsert there;

	if (upsert_begin(db, b->c->id, &there, e) || next_number(db, b, e) || insert(db, b, e))
		return e->code;
	return find(db, b->c, (uint64_t)b->number, b->arena, &b->row, e);
}

enum code generation_begin(struct database *db, const struct collection *c,
	const Pb__BeginGenerationRequest *req, struct arena *arena, Pb__Generation *out,
	struct error *e)
{
	struct beginning b = {.c = c, .req = req, .arena = arena};

	if (check(req, e) || database_write(db, begin, &b, e))
		return e->code;
	*out = b.row;
	return OK;
}

enum code generation_get(struct database *db, const struct collection *c, uint64_t generation,
	struct arena *arena, Pb__Generation *out, struct error *e)
{
	sqlite3 *reader;

	if (database_read(db, &reader, e))
		return e->code;
	enum code rc = find(reader, c, generation, arena, out, e);
	database_read_done(db, reader);
	return rc;
}

static enum code list(sqlite3 *reader, const struct collection *c, uint64_t before, size_t limit,
	struct arena *arena, Pb__Generation **rows, size_t *n, struct error *e)
{
	sqlite3_stmt *s = database_statement(reader,
		SELECT "WHERE g.collection = ?1 AND g.generation < ?2 "
		       "ORDER BY g.generation DESC LIMIT ?3",
		e);
	bool row;

	if (!s)
		return e->code;
	statement_int(s, 1, c->id);
	statement_int(s, 2, before && before < INT64_MAX ? (int64_t)before : INT64_MAX);
	statement_int(s, 3, (int64_t)limit);
	for (*n = 0;; ++*n) {
		if (statement_step(s, &row, e))
			return e->code;
		if (!row)
			return OK;
		rows[*n] = arena_alloc(arena, sizeof **rows);
		if (!rows[*n])
			return error_memory(e);
		if (read_row(s, c, arena, rows[*n], e))
			return e->code;
	}
}

enum code generation_list(struct database *db, const struct collection *c, uint64_t before,
	size_t limit, struct arena *arena, Pb__Generation ***out, size_t *n, struct error *e)
{
	Pb__Generation **rows = arena_array(arena, limit, sizeof *rows);
	sqlite3 *reader;
	size_t found;

	if (!rows)
		return error_memory(e);
	if (database_read(db, &reader, e))
		return e->code;
	enum code rc = list(reader, c, before, limit, arena, rows, &found, e);
	database_read_done(db, reader);
	if (rc)
		return rc;
	*out = rows;
	*n = found;
	return OK;
}

struct publication {
	const struct collection *c;
	uint64_t generation, document_vectors, query_vectors;
	struct buf recall; /* packed; empty: none */
	size_t keep;
};

enum code generation_check_open(uint64_t generation, Pb__GenerationState state, struct error *e)
{
	bool published = state == PB__GENERATION_STATE__GENERATION_STATE_PUBLISHED;

	if (state == PB__GENERATION_STATE__GENERATION_STATE_OPEN)
		return OK;
	error_set(e, FAILED_PRECONDITION, "GENERATION_NOT_OPEN",
		"Generation %llu is %s already; begin another one.", (unsigned long long)generation,
		published ? "published" : "retired");
	return error_field(e, "generation");
}

static enum code check_open(sqlite3 *db, const struct publication *p, struct error *e)
{
	sqlite3_stmt *s = database_statement(
		db, "SELECT state FROM generations WHERE collection = ?1 AND generation = ?2", e);
	bool row;

	if (!s)
		return e->code;
	statement_int(s, 1, p->c->id);
	statement_int(s, 2, (int64_t)p->generation);
	if (statement_step(s, &row, e))
		return e->code;
	if (!row)
		return missing(p->c, p->generation, e);
	int64_t state = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return generation_check_open(p->generation, (Pb__GenerationState)state, e);
}

static enum code set_published(sqlite3 *db, const struct publication *p, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"UPDATE generations SET state = ?3, document_vectors = ?4, query_vectors = ?5, "
		"published_at_ms = ?6, recall = ?7 WHERE collection = ?1 AND generation = ?2",
		e);

	if (!s)
		return e->code;
	statement_int(s, 1, p->c->id);
	statement_int(s, 2, (int64_t)p->generation);
	statement_int(s, 3, PUBLISHED);
	statement_int(s, 4, (int64_t)p->document_vectors);
	statement_int(s, 5, (int64_t)p->query_vectors);
	statement_int(s, 6, now_ms());
	if (p->recall.len)
		statement_blob(s, 7, p->recall.data, p->recall.len);
	return statement_run(s, e);
}

static enum code serve(sqlite3 *db, const struct publication *p, struct error *e)
{
	sqlite3_stmt *s =
		database_statement(db, "UPDATE collections SET generation = ?2 WHERE id = ?1", e);

	if (!s)
		return e->code;
	statement_int(s, 1, p->c->id);
	statement_int(s, 2, (int64_t)p->generation);
	return statement_run(s, e);
}

/* Newest by time of publishing, whatever the numbers: the one that is served now comes first, also
 * when the clock was set back. */
static enum code retire(sqlite3 *db, const struct publication *p, struct error *e)
{
	sqlite3_stmt *s = database_statement(db,
		"UPDATE generations SET state = ?4 WHERE collection = ?1 AND state = ?5 "
		"AND generation NOT IN (SELECT generation FROM generations "
		"WHERE collection = ?1 AND state = ?5 "
		"ORDER BY generation = ?2 DESC, published_at_ms DESC, generation DESC LIMIT ?3)",
		e);

	if (!s)
		return e->code;
	statement_int(s, 1, p->c->id);
	statement_int(s, 2, (int64_t)p->generation);
	statement_int(s, 3, p->keep ? (int64_t)p->keep : 1);
	statement_int(s, 4, RETIRED);
	statement_int(s, 5, PUBLISHED);
	return statement_run(s, e);
}

static enum code publish(sqlite3 *db, void *arg, struct error *e)
{
	const struct publication *p = arg;

	if (check_open(db, p, e) || set_published(db, p, e) || serve(db, p, e))
		return e->code;
	return retire(db, p, e);
}

enum code generation_mark_published(struct database *db, const struct collection *c,
	uint64_t generation, uint64_t document_vectors, uint64_t query_vectors,
	const Pb__Recall *recall, size_t keep, struct error *e)
{
	struct publication p = {.c = c,
		.generation = generation,
		.document_vectors = document_vectors,
		.query_vectors = query_vectors,
		.keep = keep};

	buf_init(&p.recall);
	enum code rc = recall ? packed_add(&p.recall, &recall->base, e) : OK;
	if (!rc)
		rc = database_write(db, publish, &p, e);
	buf_free(&p.recall);
	return rc;
}
