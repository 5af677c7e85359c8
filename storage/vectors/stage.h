/*
 * The upload log of an open generation: rows of either side in the order they came, appended and
 * synced before they are acknowledged. A row sent twice is in it twice; the later one counts.
 * Uploads that arrive together share one sync. Opening cuts what a crash left torn at the end.
 */
#ifndef STORAGE_VECTORS_STAGE_H
#define STORAGE_VECTORS_STAGE_H

#include "storage/vectors/file.h"

struct stage;

/* `about` without its side. Any thread may append; the file is made when it is not there. */
enum code stage_open(
	const char *path, const struct vectors_about *about, struct stage **out, struct error *e);
struct stage *stage_close(struct stage *s); /* NULL is fine; returns NULL */

/* Checked rows in the generation's dtype, numbers[i] the document or query of the i-th; n > 0.
 * On disk when it returns OK; after a failure nothing of it is there. */
enum code stage_append(struct stage *s, Pb__Side side, const uint32_t *numbers, const void *rows,
	uint32_t n, struct error *e);

/* What one side holds in the end: the last row of each number, by rising number. */
struct staged {
	uint32_t count;
	uint32_t *numbers;
	uint64_t *at; /* offset of each row in `map` */
	unsigned char *map;
	size_t map_bytes;
};

/* Of all that was acknowledged before the call. */
enum code stage_collect(struct stage *s, Pb__Side side, struct staged *out, struct error *e);
void staged_free(struct staged *t); /* also a zeroed one */

#endif
