/*
 * Codes on disk, so that a start need not make them again. Only a cache: believed when it says that
 * it was made of this very vector file and its hash is right, else as good as absent.
 */
#ifndef STORAGE_EXACT_CODES_FILE_H
#define STORAGE_EXACT_CODES_FILE_H

#include "storage/exact/codes.h"
#include "storage/stop.h"
#include "storage/vectors/file.h"

/* As a whole or not at all; given up, it is CANCELLED. */
enum code codes_save(const struct codes *c, const struct vectors *of, const char *path,
	struct stop *stop, struct error *e);
/* Read and verified, not mapped: a scan goes through the pages of 2 MB that memory of their own has. Over
 * mapped pages of 4 KB one query takes 7 to 8 % longer, a batch 2 to 4 %, and whether a file has larger
 * ones is up to the kernel and its file system. NULL when there are none to be believed, or no memory. */
struct codes *codes_load(const struct vectors *of, const char *path);

#endif
