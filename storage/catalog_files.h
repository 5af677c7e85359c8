/*
 * Where a collection's files are: <dir>/collections/<id>/generation-<n>.<kind>, and text.bm25. Which of
 * them are worth keeping follows from the rows alone, so any crash is tidied up by looking: at each
 * start, into all collections, and after each publication into its own. Until then a file may be left of
 * a generation that was retired, such as an index whose writer was killed before it looked again
 * (files_drop_late): nobody opens it, and it costs its room on the disk.
 */
#ifndef STORAGE_CATALOG_FILES_H
#define STORAGE_CATALOG_FILES_H

#include "storage/catalog_private.h"

#define FILE_STAGE "stage"		   /* the log of uploads */
#define FILE_DOCUMENT_ROWS "document.rows" /* what becomes the vector files */
#define FILE_QUERY_ROWS "query.rows"
#define FILE_DOCUMENTS "document.vec"
#define FILE_QUERIES "query.vec"
#define FILE_LSA "lsa"
#define FILE_CACHE "index"    /* what a start would have to make again */
#define FILE_TEXT "text.bm25" /* of a collection: the same of its documents' words */

struct path {
	char text[PATH_MAX];
};

struct path generation_path(
	const struct catalog *c, int64_t collection, uint64_t generation, const char *kind);
struct path text_path(const struct catalog *c, int64_t collection);
bool path_exists(const struct path *p);

/* <dir>/collections, and below it one a collection; fine when they are there. */
enum code files_make_root(const struct catalog *c, struct error *e);
enum code files_make(const struct catalog *c, int64_t collection, struct error *e);

/* Unlinks one file, if it is there. */
void files_drop(const struct catalog *c, int64_t collection, uint64_t generation, const char *kind);
/* After it was written: unlinks it if the generation was retired or deleted meanwhile, for whoever
 * swept then may have come too early. */
void files_drop_late(
	struct catalog *c, const struct collection *row, uint64_t generation, const char *kind);
/* Everything that was uploaded to an open generation. */
void files_drop_stage(const struct catalog *c, int64_t collection, uint64_t generation);
/* Gives sealed rows their places as the generation's vector files, for good; `queries`: there are
 * some. */
enum code files_promote(const struct catalog *c, int64_t collection, uint64_t generation,
	bool queries, struct error *e);
/* Takes that back, when the row did not come to say so. */
void files_demote(const struct catalog *c, int64_t collection, uint64_t generation);
/* A collection's directory with everything in it. */
void files_remove(const struct catalog *c, int64_t collection);
/* Unlinks every file of generations that are retired. At the start, when nobody is at work, also
 * what unfinished work left: of a published generation its stage, of an open one all but that, and
 * everything half-written. Rows of an open generation that were promoted already are demoted. */
enum code files_sweep(
	struct catalog *c, const struct collection *row, bool at_start, struct error *e);
/* Removes the directories of collections that are in no row. */
enum code files_sweep_orphans(struct catalog *c, struct error *e);

#endif
