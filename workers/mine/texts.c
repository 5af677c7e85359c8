#include "workers/mine/texts.h"

#include "storage/rows/documents.h"

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
