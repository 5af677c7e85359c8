/* The layout of a vector file, shared by the one who reads it and the one who writes it. */
#ifndef STORAGE_VECTORS_FORMAT_H
#define STORAGE_VECTORS_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/vectors/file.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "vector files are mapped as they are: little-endian machines only"
#endif

enum { FORMAT_VERSION = 2, FORMAT_ROWS = 4096, BLOCK_ROWS = 1024 };

struct format_header {
	char magic[8];
	uint32_t version, side, dtype, similarity, dimension, encoder_bytes;
	uint64_t count, live, generation;
	int64_t step;
	char encoder[LIMIT_ID_BYTES]; /* zeros after its end */
	uint64_t tail_hash;	      /* of all behind the rows */
	uint64_t reserved[438];	      /* zeros */
	uint64_t hash;		      /* of all before it */
};
_Static_assert(sizeof(struct format_header) == FORMAT_ROWS, "the rows begin on a page");

extern const char format_magic[8];

/* Where everything is; false when the sizes overflow. */
struct format_layout {
	size_t row_bytes, rows_bytes;
	size_t tail, tail_bytes; /* all behind the rows */
	size_t numbers, sums;	 /* offsets in the file */
	size_t blocks;
	size_t total;
};
bool format_layout(uint64_t count, uint32_t dimension, size_t element, struct format_layout *out);

/* DATA_LOSS/CORRUPT_FILE, saying `what`. */
enum code vectors_corrupt(struct error *e, const char *what);

#endif
