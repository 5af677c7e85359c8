#include "storage/exact/codes_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "proto/fault.h"
#include "storage/durable.h"

/* Before the blocks. */
struct header {
	uint64_t hash; /* of the rest of this */
	char magic[8]; /* a new one for every other way of making codes */
	uint64_t fingerprint;
	double longest, skew;
	uint32_t rows, blocks, head, zero;
	uint64_t basis_hash, tails_hash, blocks_hash;
};

static size_t basis_size(const struct codes *c)
{
	return basis_bytes(&c->rotation.basis, c->dimension);
}

static struct header header_of(const struct codes *c, const struct vectors *of)
{
	const struct basis *basis = &c->rotation.basis;
	struct header h = {.magic = "HMCODES2",
		.fingerprint = of->fingerprint,
		.longest = c->longest,
		.skew = basis->skew,
		.rows = c->rows,
		.blocks = c->blocks,
		.head = basis->head,
		.basis_hash = XXH3_64bits(basis->row, basis_size(c)),
		.blocks_hash = XXH3_64bits(c->block.at, codes_bytes(c)),
		.tails_hash = XXH3_64bits(c->tails.at, codes_tail_bytes(c))};

	h.hash = XXH3_64bits((char *)&h + sizeof h.hash, sizeof h - sizeof h.hash);
	return h;
}

enum code codes_save(const struct codes *c, const struct vectors *of, const char *path,
	struct stop *stop, struct error *e)
{
	struct header h = header_of(c, of);
	const struct durable_part parts[] = {{&h, sizeof h}, {c->rotation.basis.row, basis_size(c)},
		{c->block.at, codes_bytes(c)}, {c->tails.at, codes_tail_bytes(c)}};

	return durable_file(path, parts, sizeof parts / sizeof *parts, stop,
		"write the codes of a generation", e);
}

/* Codes in the basis that comes next, empty. */
static struct codes *read_basis(int fd, const struct vectors *of, const struct header *h)
{
	uint32_t d = of->about.dimension;
	struct codes *c = NULL;
	struct basis basis;

	if (basis_make(&basis, d, h->head, h->skew) &&
		durable_read(fd, basis.row, basis_bytes(&basis, d)))
		c = codes_new(d, of->about.similarity, &basis);
	basis_free(&basis);
	return c;
}

static bool read_blocks(int fd, const struct header *h, struct codes *c)
{
	struct stat st;

	c->rows = h->rows;
	c->blocks = h->blocks;
	c->longest = h->longest;
	return !fstat(fd, &st) &&
	       (uint64_t)st.st_size ==
		       sizeof *h + basis_size(c) + codes_bytes(c) + codes_tail_bytes(c) &&
	       codes_reserve(c, h->blocks) && durable_read(fd, c->block.at, codes_bytes(c)) &&
	       durable_read(fd, c->tails.at, codes_tail_bytes(c));
}

/* The header is compared as a whole with what it would be of what was read. */
static struct codes *read_codes(int fd, const struct vectors *of)
{
	struct header h, want;
	struct codes *c;

	if (!durable_read(fd, &h, sizeof h) || h.rows != of->count ||
		h.blocks != (of->count + (uint64_t)CODE_BLOCK - 1) / CODE_BLOCK)
		return NULL;
	c = read_basis(fd, of, &h);
	if (c && read_blocks(fd, &h, c)) {
		region_trim(&c->block, codes_bytes(c));
		region_trim(&c->tails, codes_tail_bytes(c));
		want = header_of(c, of);
		if (!memcmp(&h, &want, sizeof h))
			return c;
	}
	codes_free(c);
	return NULL;
}

struct codes *codes_load(const struct vectors *of, const char *path)
{
	int fd = FAULT() ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	struct codes *c = read_codes(fd, of);
	close(fd);
	return c;
}
