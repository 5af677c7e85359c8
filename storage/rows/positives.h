/* Positives as queries see them; positives_upsert is in queries.h. */
#ifndef STORAGE_ROWS_POSITIVES_H
#define STORAGE_ROWS_POSITIVES_H

#include "storage/rows/queries.h"

/* Sets the positives of one query (a number), sorted by document id in byte order. */
enum code positives_read(sqlite3 *reader, int64_t collection, uint32_t query, struct arena *arena,
	struct query_row *out, struct error *e);

#endif
