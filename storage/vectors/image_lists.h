/* Lists of our own over a generation's rows: "lists<n>". */
#ifndef STORAGE_VECTORS_IMAGE_LISTS_H
#define STORAGE_VECTORS_IMAGE_LISTS_H

#include "storage/vectors/image_open.h"

/* Whether an index string is one of lists, and, unless it is refused, how many: 0 for other indexes.
 * INVALID_ARGUMENT/BAD_INDEX at "index". */
bool image_index_is_lists(const char *index);
enum code image_index_lists(const char *index, uint32_t *out, struct error *e);

/* Takes the lists from their cache, or trains and fills them. `codes`: of the uploads, taken; NULL
 * there: rows are verified on the way. Reports the phases "train" and "index". */
enum code open_lists(struct image *g, const struct image_files *files, struct codes_builder **codes,
	const struct progress *progress, struct error *e);

#endif
