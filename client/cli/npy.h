/*
 * A .npy file of rows: a two-dimensional array of '<f4' or '<f2' in C order, mapped read-only so
 * that its size is no matter. Versions 1.0 to 3.0 of the format.
 */
#ifndef CLIENT_CLI_NPY_H
#define CLIENT_CLI_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

struct npy {
	const uint8_t *rows; /* n rows of row_bytes each, back to back */
	size_t n, row_bytes;
	uint32_t dimension;
	unsigned item_bytes; /* 4: binary32, 2: binary16 */
	void *map;
	size_t map_bytes;
};

/* The file must hold exactly the rows its header announces. */
enum code npy_open(const char *path, struct npy *out, struct error *e);
void npy_close(struct npy *npy);
/* The header and bounds of an image in memory: what npy_open does after mapping it. */
enum code npy_parse(const uint8_t *bytes, size_t len, struct npy *out, struct error *e);

#endif
