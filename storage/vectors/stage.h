/*
 * The uploads of an open generation. Rows of either side are appended, in the order they come, to
 * the file that will be the generation's vector file, and a log says whose they are; both are
 * synced before a row is acknowledged. A row sent twice is there twice; the later one counts.
 * Uploads that arrive together share one sync. Opening cuts what a crash left torn at the end.
 *
 * While rows come in they are hashed and encoded, so that publishing finds nothing to read.
 */
#ifndef STORAGE_VECTORS_STAGE_H
#define STORAGE_VECTORS_STAGE_H

#include "storage/vectors/file.h"

struct stage;

struct stage_paths {
	const char *log;
	const char *rows[2]; /* by side */
};

/* `about` without its side. The files are made when there is no log. DATA_LOSS/CORRUPT_FILE when
 * acknowledged rows are damaged or gone. */
enum code stage_open(const struct stage_paths *paths, const struct vectors_about *about,
	struct stage **out, struct error *e);
struct stage *stage_close(struct stage *s); /* NULL is fine; returns NULL. The files stay. */

/* Checked rows in the generation's dtype, numbers[i] the document or query of the i-th; n > 0. Any
 * thread. On disk when it returns OK; after a failure nothing of it is there. */
enum code stage_append(struct stage *s, Pb__Side side, const uint32_t *numbers, const void *rows,
	uint32_t n, struct error *e);

/* Makes a side's file a vector file, synced under its path; `live` rows count, and when there are
 * none nothing is done. Nobody else may use the stage meanwhile. It can be sealed again, and
 * appended to, which cuts off the seal. The time it takes grows with the number of rows, not with
 * their size, unless the stage was opened or cut since they came: then they are read once. */
enum code stage_seal(struct stage *s, Pb__Side side, const struct progress *progress,
	uint32_t *live, struct error *e);
/* After sealing: the codes of the documents, the caller's to free. */
struct codes_builder *stage_take_codes(struct stage *s);

#endif
