/* The head of a .npy file, versions 1 and 2: little-endian f4 or f2 in C order, two axes. */
#ifndef STORAGE_VECTORS_NPY_H
#define STORAGE_VECTORS_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "hardminer/v1/miner.pb-c.h"
#include "proto/error.h"

struct npy {
	Pb__Dtype dtype; /* f32 or f16 */
	uint64_t rows, columns;
	const unsigned char *data; /* within the bytes given, rows x columns; any alignment */
	size_t data_bytes;
};

/* INVALID_ARGUMENT/BAD_NPY at "data" for anything else, and when the data's length is not what the
 * shape says. */
enum code npy_parse(const void *bytes, size_t n, struct npy *out, struct error *e);

#endif
