#include "workers/mine/texts.h"

#include "storage/rows/queries.h"

enum code texts_init(struct texts *t, size_t most, struct arena *arena, struct error *e)
{
	t->n = 0;
	t->numbers = arena_array(arena, most, sizeof *t->numbers);
	t->slots = arena_array(arena, most, sizeof *t->slots);
	return t->numbers && t->slots ? OK : error_memory(e);
}

void texts_want(struct texts *t, uint32_t document, const char **slot)
{
	t->numbers[t->n] = document;
	t->slots[t->n++] = slot;
}

enum code texts_read(
	const struct texts *t, const struct mining *m, struct arena *arena, struct error *e)
{
	const char **texts = arena_array(arena, t->n, sizeof *texts);
	sqlite3 *reader;

	if (!texts)
		return error_memory(e);
	if (database_read(m->db, &reader, e))
		return e->code;
	enum code rc =
		documents_texts(reader, m->view.collection.id, t->numbers, t->n, arena, texts, e);
	database_read_done(m->db, reader);
	for (size_t i = 0; i < t->n && rc == OK; i++)
		*t->slots[i] = texts[i];
	return rc;
}

static void want_result(struct texts *t, const struct corpus *corpus, Pb__MineResult *r)
{
	for (size_t i = 0; i < r->n_positives; i++)
		texts_want(t, corpus_find(corpus, r->positives[i]->document_id),
			&r->positives[i]->text);
	for (size_t i = 0; i < r->n_negatives; i++)
		texts_want(t, corpus_find(corpus, r->negatives[i]->document_id),
			&r->negatives[i]->text);
}

enum code texts_put(const struct mining *m, Pb__MineResult *const *results, size_t n,
	struct arena *arena, struct error *e)
{
	struct texts texts;
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		most += results[i]->n_positives + results[i]->n_negatives;
	if (texts_init(&texts, most, arena, e))
		return e->code;
	for (size_t i = 0; i < n; i++)
		want_result(&texts, m->view.corpus, results[i]);
	return texts_read(&texts, m, arena, e);
}

static enum code put_query_texts(const struct mining *m, Pb__MineResult *const *results, size_t n,
	struct arena *arena, struct error *e)
{
	const char **ids = arena_array(arena, n, sizeof *ids);
	struct query_row *rows = arena_array(arena, n, sizeof *rows);
	sqlite3 *reader;

	if (!ids || !rows)
		return error_memory(e);
	for (size_t i = 0; i < n; i++)
		ids[i] = results[i]->query_id;
	if (database_read(m->db, &reader, e))
		return e->code;
	enum code rc = queries_load(reader, m->view.collection.id, ids, n, arena, rows, e);
	database_read_done(m->db, reader);
	for (size_t i = 0; i < n && rc == OK; i++)
		results[i]->text = rows[i].text;
	return rc;
}

enum code texts_put_stored(const struct mine *mine, const char *collection,
	Pb__MineResult *const *results, size_t n, struct arena *arena, struct error *e)
{
	struct mining m = {.db = mine->db, .cancelled = mine->cancelled};

	if (catalog_view(mine->catalog, collection, 0, IMAGE_NONE, mine->cancelled, &m.view, e))
		return e->code;
	enum code rc = texts_put(&m, results, n, arena, e);
	if (rc == OK)
		rc = put_query_texts(&m, results, n, arena, e);
	view_release(&m.view);
	return rc;
}
