/*
 *     header      struct header; its first field is the XXH3-64 of what follows in it
 *     sizes       of each part
 *     said        documents x 128 bits
 *     parts       one after the other: arrays as lay_out has them, as they lie in memory
 *
 * The header holds the XXH3-64 of all the rest. Sizes are checked against the file's own before anything
 * is allocated.
 */
#include "storage/text/bm25_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_STATIC_LINKING_ONLY /* a state on the stack */
#include <xxhash.h>
#include <utf8proc.h>

#include "proto/fault.h"
#include "storage/durable.h"
#include "storage/text/array.h"
#include "storage/text/bm25_check.h"

_Static_assert(sizeof(size_t) == 8, "starts are written as they lie in memory");

/* What must be the same as when it was written. */
struct about {
	char magic[8]; /* a new one for every other way of making tokens or an index of them */
	uint32_t byte_order; /* the host's */
	uint32_t zero;
	double k1, b;
	char stemmer[32]; /* "": none */
	char folding[32]; /* utf8proc's version: which folded texts, and so which tokens */
};

struct header {
	uint64_t hash; /* of the rest of this */
	struct about about;
	uint32_t documents, parts, at_once, zero;
	uint64_t body;
};

_Static_assert(sizeof(struct header) == 8 + 96 + 24, "no padding: every byte is checked");
_Static_assert(sizeof(struct bm25_sizes) == 8 + 7 * 8, "likewise");

enum { ARRAYS = 14, FILE_BITS = 56 };

/* False when a name is too long to be in a file. */
static bool about(const struct bm25_options *o, struct about *out)
{
	const char *stemmer = o->stemmer ? o->stemmer : "", *folding = utf8proc_version();

	*out = (struct about){
		.magic = "HMBM25A\n", .byte_order = 0x01020304, .k1 = o->k1, .b = o->b};
	if (strlen(stemmer) >= sizeof out->stemmer || strlen(folding) >= sizeof out->folding)
		return false;
	memcpy(out->stemmer, stemmer, strlen(stemmer));
	memcpy(out->folding, folding, strlen(folding));
	return true;
}

static struct bm25_sizes sizes_of(const struct part *p)
{
	const struct segment *s = p->segment;
	uint32_t terms = s->terms.n;

	return (struct bm25_sizes){.documents = s->n,
		.terms = terms,
		.term_bytes = terms ? s->terms.start[terms] : 0,
		.row_bytes = s->n ? s->row_start[s->n] : 0,
		.postings = s->posting_start[terms],
		.chunks = s->chunk_start[terms],
		.best = p->codes->best_start[terms],
		.lost = p->lost ? lost_words(s) : 0,
		.average = p->codes->average};
}

/* A part's arrays. An empty segment may lack some. */
static void lay_out(
	const struct part *p, const struct bm25_sizes *z, struct durable_part out[static ARRAYS])
{
	const struct segment *s = p->segment;
	const struct bm25_codes *c = p->codes;
	size_t n = z->documents, terms = z->terms;

	out[0] = (struct durable_part){s->terms.pool, z->term_bytes};
	out[1] = (struct durable_part){
		s->terms.start, terms ? (terms + 1) * sizeof *s->terms.start : 0};
	out[2] = (struct durable_part){s->document, n * sizeof *s->document};
	out[3] = (struct durable_part){s->length, n * sizeof *s->length};
	out[4] = (struct durable_part){s->row_start, n ? (n + 1) * sizeof *s->row_start : 0};
	out[5] = (struct durable_part){s->rows, z->row_bytes};
	out[6] = (struct durable_part){s->place, z->postings * sizeof *s->place};
	out[7] = (struct durable_part){s->tf, z->postings};
	out[8] = (struct durable_part){s->chunk_start, (terms + 1) * sizeof *s->chunk_start};
	out[9] = (struct durable_part){s->chunks, z->chunks * sizeof *s->chunks};
	out[10] = (struct durable_part){c->code, z->postings};
	out[11] = (struct durable_part){c->scale, terms * sizeof *c->scale};
	out[12] = (struct durable_part){c->best, z->best};
	out[13] = (struct durable_part){p->lost, z->lost * sizeof *p->lost};
}

static bool update(XXH3_state_t *state, const void *bytes, size_t n, struct stop *stop)
{
	for (size_t at = 0, some; at < n; at += some) {
		some = n - at < STOP_SLICE ? n - at : STOP_SLICE;
		XXH3_64bits_update(state, (const char *)bytes + at, some);
		if (stop_after(stop, some / STOP_BYTES + 1))
			return false;
	}
	return true;
}

/* The file's parts: header, sizes, said, and the arrays. */
struct pieces {
	struct header header;
	struct bm25_sizes *sizes;
	struct durable_part *all;
	size_t n;
};

static bool collect(struct pieces *p, const struct bm25_kept *k)
{
	const struct bm25 *b = k->index;

	p->sizes = array_new(b->n_parts, sizeof *p->sizes);
	p->all = array_new(3 + b->n_parts * ARRAYS, sizeof *p->all);
	if (!p->sizes || !p->all)
		return false;
	p->all[0] = (struct durable_part){&p->header, sizeof p->header};
	p->all[1] = (struct durable_part){p->sizes, b->n_parts * sizeof *p->sizes};
	p->all[2] = (struct durable_part){k->said, k->n * sizeof *k->said};
	p->n = 3;
	for (size_t i = 0; i < b->n_parts; i++, p->n += ARRAYS) {
		p->sizes[i] = sizes_of(&b->parts[i]);
		lay_out(&b->parts[i], &p->sizes[i], p->all + p->n);
	}
	return true;
}

static uint64_t header_hash(const struct header *h)
{
	return XXH3_64bits((const char *)h + sizeof h->hash, sizeof *h - sizeof h->hash);
}

/* False when stopped. */
static bool complete(struct pieces *p, const struct bm25_kept *k, struct stop *stop)
{
	struct header *h = &p->header;
	XXH3_state_t state;

	XXH3_64bits_reset(&state);
	for (size_t i = 1; i < p->n; i++)
		if (!update(&state, p->all[i].bytes, p->all[i].n, stop))
			return false;
	h->documents = k->n;
	h->parts = (uint32_t)k->index->n_parts;
	h->at_once = k->index->at_once;
	h->body = XXH3_64bits_digest(&state);
	h->hash = header_hash(h);
	return true;
}

enum code bm25_save(const struct bm25_kept *k, const char *path, struct stop *stop, struct error *e)
{
	const struct bm25_options options = {k->index->k1, k->index->b, k->index->stemmer};
	struct pieces p = {.sizes = NULL};
	enum code rc = OK;

	if (!about(&options, &p.header.about))
		return error_set(e, UNIMPLEMENTED, "CANNOT_BE_KEPT",
			"An index of words whose stemmer or folding has so long a name is not "
			"written.");
	if (!collect(&p, k) || !complete(&p, k, stop))
		rc = stop_or_memory(stop, e);
	else
		rc = durable_file(path, p.all, p.n, stop, "write the index of texts", e);
	free(p.sizes);
	free(p.all);
	return rc;
}

/* A file on its way in. */
struct reading {
	int fd;
	struct stop *stop;
	XXH3_state_t state;
	struct header header;
	struct bm25_sizes *sizes;
	uint64_t **lost; /* a part: its bits */
};

static bool read_hashed(struct reading *r, void *to, size_t n)
{
	for (size_t at = 0, some; at < n; at += some) {
		some = n - at < STOP_SLICE ? n - at : STOP_SLICE;
		if (!durable_read(r->fd, (char *)to + at, some))
			return false;
		XXH3_64bits_update(&r->state, (char *)to + at, some);
		if (stop_after(r->stop, some / STOP_BYTES + 1))
			return false;
	}
	return true;
}

static bool read_header(struct reading *r, const struct bm25_options *options)
{
	struct header *h = &r->header;
	struct about want;

	return about(options, &want) && durable_read(r->fd, h, sizeof *h) &&
	       h->hash == header_hash(h) && !memcmp(&h->about, &want, sizeof want) && h->parts &&
	       h->at_once <= 1 && (!h->at_once || h->parts == 1) && !h->zero;
}

/* None of them beyond the file's, so that what they add up to is a number. */
static bool plausible(const struct bm25_sizes *z, uint64_t size)
{
	return z->terms < NO_TERM && z->term_bytes <= size && z->row_bytes <= size &&
	       z->postings <= size && z->chunks <= size && z->best <= size && z->lost <= size;
}

static bool read_sizes(struct reading *r, uint64_t size)
{
	const struct header *h = &r->header;
	uint64_t total =
		sizeof *h + h->parts * sizeof *r->sizes + h->documents * sizeof(struct hash128);
	const struct part none = {
		.segment = &(struct segment){0}, .codes = &(struct bm25_codes){0}};
	struct durable_part arrays[ARRAYS];

	if (size >> FILE_BITS || total > size)
		return false;
	r->sizes = array_new(h->parts, sizeof *r->sizes);
	if (!r->sizes || !read_hashed(r, r->sizes, h->parts * sizeof *r->sizes))
		return false;
	for (uint32_t i = 0; i < h->parts; i++) {
		if (!plausible(&r->sizes[i], size))
			return false;
		lay_out(&none, &r->sizes[i], arrays);
		for (int j = 0; j < ARRAYS; j++)
			total += arrays[j].n;
		if (total > size)
			return false;
	}
	return total == size;
}

static bool make_segment(struct segment *s, const struct bm25_sizes *z)
{
	s->terms.pool = array_new(z->term_bytes, 1);
	s->terms.start = array_new((size_t)z->terms + 1, sizeof *s->terms.start);
	s->document = array_new(z->documents, sizeof *s->document);
	s->length = array_new(z->documents, sizeof *s->length);
	s->row_start = array_new((size_t)z->documents + 1, sizeof *s->row_start);
	s->rows = array_new(z->row_bytes, 1);
	s->place = array_new(z->postings, sizeof *s->place);
	s->tf = array_new(z->postings, 1);
	s->chunk_start = array_new((size_t)z->terms + 1, sizeof *s->chunk_start);
	s->chunks = array_new(z->chunks, sizeof *s->chunks);
	return s->terms.pool && s->terms.start && s->document && s->length && s->row_start &&
	       s->rows && s->place && s->tf && s->chunk_start && s->chunks;
}

static bool make_codes(struct bm25_codes *c, const struct bm25_sizes *z)
{
	c->code = array_new(z->postings, 1);
	c->scale = array_new(z->terms, sizeof *c->scale);
	c->best = array_new(z->best, 1);
	return c->code && c->scale && c->best;
}

/* The bits of what is lost are lent to the part while they are read. */
static bool read_part(struct reading *r, uint32_t number, struct part *p)
{
	const struct bm25_sizes *z = &r->sizes[number];
	struct durable_part arrays[ARRAYS];
	bool done = true;

	p->segment = segment_new();
	p->codes = bm25_codes_empty(z->average);
	r->lost[number] = array_new(z->lost, sizeof **r->lost);
	if (!p->segment || !p->codes || !r->lost[number] || !make_segment(p->segment, z) ||
		!make_codes(p->codes, z))
		return false;
	p->lost = r->lost[number];
	lay_out(p, z, arrays);
	p->lost = NULL;
	for (int i = 0; done && i < ARRAYS; i++)
		done = read_hashed(r, (void *)arrays[i].bytes, arrays[i].n);
	return done;
}

static bool read_body(struct reading *r, struct bm25_kept *k)
{
	const struct header *h = &r->header;
	struct bm25 *b = k->index;

	b->parts = array_new(h->parts, sizeof *b->parts);
	k->said = array_new(h->documents, sizeof *k->said);
	r->lost = array_new(h->parts, sizeof *r->lost);
	if (!b->parts || !k->said || !r->lost ||
		!read_hashed(r, k->said, h->documents * sizeof *k->said))
		return false;
	while (b->n_parts < h->parts) {
		uint32_t i = (uint32_t)b->n_parts++;
		if (!read_part(r, i, &b->parts[i]))
			return false;
	}
	return h->body == XXH3_64bits_digest(&r->state);
}

/* Every document lives in one part and no other. */
static bool each_lives_once(const struct bm25 *b, uint32_t documents, struct stop *stop)
{
	uint64_t *seen = array_new((size_t)documents / 64 + 1, sizeof *seen);
	bool good = seen && b->n == documents;

	for (size_t i = 0; good && i < b->n_parts; i++) {
		const struct part *p = &b->parts[i];
		const uint32_t n = p->segment->n;
		for (uint32_t at = part_next(p, 0, n); good && at < n;
			at = part_next(p, at + 1, n)) {
			uint32_t d = p->segment->document[at];
			good = !(seen[d / 64] >> d % 64 & 1) && !stop_after(stop, 1);
			seen[d / 64] |= (uint64_t)1 << d % 64;
		}
	}
	free(seen);
	return good;
}

static bool check_body(struct reading *r, struct bm25 *b)
{
	const struct header *h = &r->header;

	for (uint32_t i = 0; i < h->parts; i++)
		if (!bm25_check(&b->parts[i], &r->sizes[i], r->lost[i], h->documents, r->stop))
			return false;
	parts_count(b);
	b->at_once = h->at_once;
	return (!b->at_once || !b->parts[0].n_lost) && each_lives_once(b, h->documents, r->stop);
}

static bool read_index(struct reading *r, const struct bm25_options *o, struct bm25_kept *k)
{
	struct stat st;

	XXH3_64bits_reset(&r->state);
	if (fstat(r->fd, &st) || !read_header(r, o) || !read_sizes(r, (uint64_t)st.st_size))
		return false;
	k->n = r->header.documents;
	k->index = array_new(1, sizeof *k->index);
	if (!k->index)
		return false;
	k->index->k1 = o->k1;
	k->index->b = o->b;
	if (o->stemmer && !(k->index->stemmer = FAULT() ? NULL : strdup(o->stemmer)))
		return false;
	return read_body(r, k) && check_body(r, k->index);
}

bool bm25_load(const char *path, const struct bm25_options *options, struct stop *stop,
	struct bm25_kept *out)
{
	struct reading r = {.fd = FAULT() ? -1 : open(path, O_RDONLY | O_CLOEXEC), .stop = stop};
	struct bm25_kept k = {.n = 0};

	if (r.fd < 0)
		return false;
	bool read = read_index(&r, options, &k);
	close(r.fd);
	for (uint32_t i = 0; r.lost && i < r.header.parts; i++)
		free(r.lost[i]);
	free(r.lost);
	free(r.sizes);
	if (read)
		*out = k;
	else
		bm25_kept_free(&k);
	return read;
}

void bm25_kept_free(struct bm25_kept *k)
{
	bm25_free(k->index);
	free(k->said);
	*k = (struct bm25_kept){0};
}
