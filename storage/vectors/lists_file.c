#include "storage/vectors/lists_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/durable.h"

static const char deed[] = "write the lists of a generation";

/* What stands behind the header, back to back. */
enum part { BASIS, CENTROIDS, STARTS, ROWS, BLOCKS, TAILS, PARTS };

/* `tag` is the keyed hash of the rest of this, which has those of the parts. */
struct header {
	uint64_t tag;
	char magic[8];
	char index[136];
	uint64_t fingerprint;
	double longest, skew;
	uint32_t lists, rows, head, zero;
	uint64_t part_tag[PARTS];
};

static struct durable_part part_of(const struct lists *l, enum part part)
{
	const struct basis *basis = &l->codes->rotation.basis;

	switch (part) {
	case BASIS:
		return (struct durable_part){basis->row, basis_bytes(basis, l->codes->dimension)};
	case CENTROIDS:
		return (struct durable_part){l->coarse.at, l->n * l->coarse.vectors.row_bytes};
	case STARTS:
		return (struct durable_part){l->start, (l->n + (size_t)1) * sizeof *l->start};
	case ROWS:
		return (struct durable_part){l->row, l->codes->rows * sizeof *l->row};
	case BLOCKS:
		return (struct durable_part){l->codes->block.at, codes_bytes(l->codes)};
	default:
		return (struct durable_part){l->codes->tails.at, codes_tail_bytes(l->codes)};
	}
}

static struct header header_of(const struct cache *c, const struct lists *l)
{
	const struct basis *basis = &l->codes->rotation.basis;
	struct header h = {.magic = "HMLISTS2",
		.fingerprint = c->fingerprint,
		.longest = l->codes->longest,
		.skew = basis->skew,
		.lists = l->n,
		.rows = l->codes->rows,
		.head = basis->head};

	snprintf(h.index, sizeof h.index, "%s", c->index);
	for (enum part i = 0; i < PARTS; i++) {
		struct durable_part part = part_of(l, i);
		h.part_tag[i] = keyed_hash(&c->key, part.bytes, part.n);
	}
	h.tag = keyed_hash(&c->key, (char *)&h + sizeof h.tag, sizeof h - sizeof h.tag);
	return h;
}

enum code lists_save(const struct cache *c, const struct lists *l, struct error *e)
{
	struct header h = header_of(c, l);
	struct durable_part parts[1 + PARTS] = {{&h, sizeof h}};

	for (enum part i = 0; i < PARTS; i++)
		parts[1 + i] = part_of(l, i);
	return durable_file(c->path, parts, 1 + PARTS, NULL, deed, e);
}

static bool read_part(FILE *f, const struct lists *l, enum part which)
{
	struct durable_part part = part_of(l, which);

	return fread((void *)part.bytes, 1, part.n, f) == part.n;
}

/* Lists with the centroids that come next. */
static struct lists *read_centroids(
	FILE *f, const struct header *h, const struct vectors *of, const struct basis *basis)
{
	size_t n = (size_t)h->lists * of->about.dimension;
	float *centroid = FAULT() ? NULL : malloc(n * sizeof *centroid);
	struct lists *l = NULL;
	struct error e;

	if (centroid && fread(centroid, sizeof *centroid, n, f) == n &&
		lists_new(&of->about, basis, centroid, h->lists, &l, &e))
		l = NULL;
	free(centroid);
	return l;
}

/* Makes room for the rest as the header has it. */
static bool make_room(struct lists *l, const struct header *h, const struct vectors *of,
	const struct basis *basis)
{
	uint32_t blocks = (uint32_t)((h->rows + (uint64_t)CODE_BLOCK - 1) / CODE_BLOCK);

	l->row = FAULT() ? NULL : malloc(h->rows * sizeof *l->row + 1);
	l->codes = codes_new(of->about.dimension, of->about.similarity, basis);
	if (!l->row || !l->codes || !codes_reserve(l->codes, blocks))
		return false;
	l->codes->rows = h->rows;
	l->codes->blocks = blocks;
	l->codes->longest = h->longest;
	return true;
}

static struct lists *read_rest(
	FILE *f, const struct header *h, const struct vectors *of, const struct basis *basis)
{
	struct lists *l = read_centroids(f, h, of, basis);

	if (l && make_room(l, h, of, basis) && read_part(f, l, STARTS) && read_part(f, l, ROWS) &&
		read_part(f, l, BLOCKS) && read_part(f, l, TAILS))
		return l;
	lists_free(l);
	return NULL;
}

static struct lists *read_lists(FILE *f, const struct header *h, const struct vectors *of)
{
	uint32_t d = of->about.dimension;
	struct lists *l = NULL;
	struct basis basis;

	if (basis_make(&basis, d, h->head, h->skew) &&
		fread(basis.row, 1, basis_bytes(&basis, d), f) == basis_bytes(&basis, d))
		l = read_rest(f, h, of, &basis);
	basis_free(&basis);
	return l;
}

/* Nothing is allocated for a header that is not for these vectors, or not proved ours. */
static bool read_header(FILE *f, const struct cache *c, const struct vectors *of, struct header *h)
{
	return fread(h, sizeof *h, 1, f) == 1 &&
	       h->tag ==
		       keyed_hash(&c->key, (char *)h + sizeof h->tag, sizeof *h - sizeof h->tag) &&
	       h->fingerprint == c->fingerprint && h->lists > 0 && h->lists <= LISTS_MOST &&
	       h->rows == of->live;
}

struct lists *lists_load(const struct cache *c, const struct vectors *of)
{
	FILE *f = FAULT() ? NULL : fopen(c->path, "rbe");
	struct lists *l = NULL;
	struct header h;

	if (!f)
		return NULL;
	if (read_header(f, c, of, &h))
		l = read_lists(f, &h, of);
	fclose(f);
	if (!l)
		return NULL;
	/* Compared as a whole with what it would be of what was read. */
	struct header want = header_of(c, l);
	if (!memcmp(&h, &want, sizeof h) && lists_cut(l))
		return l;
	lists_free(l);
	return NULL;
}
