/*
 * Documents as rows. Within a collection every document has a number, 0, 1, 2 ... in the order of
 * first arrival, never reused: the index by which images know it.
 */
#ifndef STORAGE_ROWS_DOCUMENTS_H
#define STORAGE_ROWS_DOCUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/arena.h"
#include "storage/rows/database.h"
#include "storage/text/content.h"

struct upsert_counts {
	uint64_t created, updated, unchanged, revision;
};

/* Whole or not at all. Errors name the path within the request: documents[3].id. Refuses ids that
 * are absent, empty, too long or twice in the request, and texts that are too long. An empty group is
 * none. A document that is the same as before is left alone, and so is the revision if all are. */
enum code documents_upsert(struct database *db, int64_t collection, Pb__Document **documents,
	size_t n, struct upsert_counts *out, struct error *e);

/* NOT_FOUND/NO_SUCH_DOCUMENT at "id". Strings live in the arena. */
enum code document_get(struct database *db, int64_t collection, const char *id, struct arena *arena,
	Pb__Document *out, struct error *e);

/* A document as the scan sees it; strings die when the callback returns. */
struct document_row {
	uint32_t number;
	const char *id, *title, *text, *group; /* title, text and group may be NULL */
	struct content content;		       /* hashes of what it says */
};

/* Every document by rising number, from `first`, through a reader. The callback stops the scan by
 * returning anything but OK. `with_text` false leaves title and text NULL. */
typedef enum code (*document_visit)(void *arg, const struct document_row *row, struct error *e);
enum code documents_each(sqlite3 *reader, int64_t collection, uint32_t first, bool with_text,
	document_visit visit, void *arg, struct error *e);
/* Every document below the number `end` whose group or content was replaced after the collection's
 * documents_revision was `since`, likewise, with title and text. */
enum code documents_replaced(sqlite3 *reader, int64_t collection, uint32_t end, uint64_t since,
	document_visit visit, void *arg, struct error *e);

/* The documents of these numbers, in their order, likewise, with title and text. */
enum code documents_some(sqlite3 *reader, int64_t collection, const uint32_t *numbers, size_t n,
	document_visit visit, void *arg, struct error *e);

/* What is searched and encoded of the given documents: title, space, text; "" where there is
 * neither. One string a number, in the arena. */
enum code documents_texts(sqlite3 *reader, int64_t collection, const uint32_t *numbers, size_t n,
	struct arena *arena, const char **out, struct error *e);

#endif
