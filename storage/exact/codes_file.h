/*
 * Codes on disk, so that a start need not make them again. Only a cache: believed when it says that
 * it was made of this very vector file and its hash is right, else as good as absent. Nothing is
 * synced, for a file that a crash tore does not have the right hash.
 */
#ifndef STORAGE_EXACT_CODES_FILE_H
#define STORAGE_EXACT_CODES_FILE_H

#include "storage/exact/codes.h"
#include "storage/vectors/file.h"

/* What a file that cannot be written leaves is nothing. */
enum code codes_save(
	const struct codes *c, const struct vectors *of, const char *path, struct error *e);
/* In memory of their own, as they were made: a scan goes through pages of 2 MB then, which a mapped
 * file does not have. NULL when there are none to be believed, or no memory. */
struct codes *codes_load(const struct vectors *of, const char *path);

#endif
