#include "client/cli/records.h"

#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Which key goes where in the message. */
struct slot {
	const char *key;
	size_t offset;
	bool any; /* takes more than strings, as JSON text */
};

static const struct slot document_slots[] = {
	{"id", offsetof(Pb__Document, id), false},
	{"title", offsetof(Pb__Document, title), false},
	{"text", offsetof(Pb__Document, text), false},
	{"group", offsetof(Pb__Document, group), false},
	{"metadata", offsetof(Pb__Document, metadata), true},
	{NULL},
};

static const struct slot query_slots[] = {
	{"id", offsetof(Pb__Query, id), false},
	{"text", offsetof(Pb__Query, text), false},
	{"group", offsetof(Pb__Query, group), false},
	{NULL},
};

static enum code bad(struct error *e, const char *key, const char *sentence)
{
	return error_set(e, INVALID_ARGUMENT, "BAD_RECORD", "\"%s\" %s", key, sentence);
}

static enum code as_json(json_t *value, struct arena *arena, const char **out, struct error *e)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_PRESERVE_ORDER);

	*out = text ? arena_strdup(arena, text) : NULL;
	free(text);
	return *out ? OK : error_memory(e);
}

static enum code take(
	const struct slot *slot, json_t *value, struct arena *arena, char *message, struct error *e)
{
	const char **out = (const char **)(void *)(message + slot->offset);
	bool is_id = !strcmp(slot->key, "id");

	if (json_is_null(value))
		return OK;
	if (slot->any && !json_is_string(value))
		return as_json(value, arena, out, e);
	if (is_id && json_is_integer(value))
		return as_json(value, arena, out, e);
	if (!json_is_string(value))
		return bad(e, slot->key, "must be a string.");
	if (is_id && !json_string_length(value))
		return bad(e, slot->key, "must not be empty.");
	*out = arena_strndup(arena, json_string_value(value), json_string_length(value));
	return *out ? OK : error_memory(e);
}

static enum code take_all(const struct slot *slots, json_t *object, struct arena *arena,
	char *message, struct error *e)
{
	const char *id_key = json_object_get(object, "_id") ? "_id" : "id";
	const char *key;
	json_t *value;

	if (!json_object_get(object, id_key) || json_is_null(json_object_get(object, id_key)))
		return error_set(e, INVALID_ARGUMENT, "BAD_RECORD",
			"The record has neither \"_id\" nor \"id\".");
	json_object_foreach(object, key, value)
	{
		const struct slot *slot = slots;
		const char *name = strcmp(key, id_key) ? key : "id";
		bool shadowed = name == key && !strcmp(key, "id"); /* a BEIR record's own "id" */

		while (slot->key && strcmp(slot->key, name))
			slot++;
		if (slot->key && !shadowed) {
			if (take(slot, value, arena, message, e))
				return e->code;
		} else if (id_key[0] != '_') {
			return bad(e, key, "is no field of this record and would be lost.");
		}
	}
	return OK;
}

static enum code parse(const struct lines *l, const struct slot *slots, struct arena *arena,
	void *message, struct error *e)
{
	json_error_t why;
	json_t *object = json_loadb(l->text, l->len, JSON_REJECT_DUPLICATES, &why);

	if (!object)
		return error_set(e, INVALID_ARGUMENT, "BAD_JSON",
			"The line is not one JSON object: %s at column %d.", why.text, why.column);
	enum code code = OK;
	if (!json_is_object(object))
		code = error_set(e, INVALID_ARGUMENT, "BAD_JSON",
			"The line is JSON, but not an object: {\"_id\": ...}.");
	else
		code = take_all(slots, object, arena, message, e);
	json_decref(object);
	return code;
}

enum code record_document(
	const struct lines *l, struct arena *arena, Pb__Document **out, struct error *e)
{
	Pb__Document *document = arena_alloc(arena, sizeof *document);

	if (!document)
		return error_memory(e);
	pb__document__init(document);
	if (parse(l, document_slots, arena, document, e))
		return e->code;
	*out = document;
	return OK;
}

enum code record_query(const struct lines *l, struct arena *arena, Pb__Query **out, struct error *e)
{
	Pb__Query *query = arena_alloc(arena, sizeof *query);

	if (!query)
		return error_memory(e);
	pb__query__init(query);
	if (parse(l, query_slots, arena, query, e))
		return e->code;
	*out = query;
	return OK;
}

/* Cuts the text at every tab, or where there is none at every run of blanks; up to `max` parts. */
static size_t cut(char *text, char **part, size_t max)
{
	bool tabs = strchr(text, '\t') != NULL;
	size_t n = 0;

	while (text && n < max) {
		char *next = strsep(&text, tabs ? "\t" : " ");
		if (tabs || *next)
			part[n++] = next;
	}
	return n;
}

static bool whole_number(const char *text, long long *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return !errno && end != text && !*end;
}

enum code record_positive(const struct lines *l, struct arena *arena, Pb__Positive **out,
	bool *graded, struct error *e)
{
	char *copy = arena_strndup(arena, l->text, l->len), *part[5];
	Pb__Positive *positive = arena_alloc(arena, sizeof *positive);
	long long grade = 1;

	if (!copy || !positive)
		return error_memory(e);
	size_t n = cut(copy, part, 5);
	if (n < 2 || n > 4)
		return error_set(e, INVALID_ARGUMENT, "BAD_RECORD",
			"The line must be query, document and grade, between tabs.");
	char *document = part[n == 4 ? 2 : 1];
	*graded = n == 2 || whole_number(part[n - 1], &grade);
	*out = NULL;
	if (!*graded && l->number == 1)
		return OK;
	if (!*graded || grade > UINT32_MAX)
		return error_set(e, INVALID_ARGUMENT, "BAD_RECORD",
			"The grade must be a whole number; \"%s\" is not.", part[n - 1]);
	if (grade <= 0)
		return OK;
	pb__positive__init(positive);
	positive->query_id = part[0];
	positive->document_id = document;
	positive->has_grade = 1;
	positive->grade = (uint32_t)grade;
	*out = positive;
	return OK;
}
