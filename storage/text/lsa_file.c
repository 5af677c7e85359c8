/*
 * An encoder as a file, little-endian:
 *
 *     header      struct header; its last field is the XXH3-64 of what stands before it
 *     idf         terms x f64
 *     v           terms x dimension x f32
 *     lengths     terms x u16
 *     bytes       of the terms, one after the other
 *
 * The header holds the XXH3-64 of all the rest. Sizes are checked against the file's own before
 * anything is allocated, and what the checksums vouch for is still looked at: a number that is not
 * finite or a term that is there twice would do its harm far from here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_STATIC_LINKING_ONLY /* a state on the stack */
#include <xxhash.h>

#include "proto/fault.h"
#include "proto/limits.h"
#include "storage/durable.h"
#include "storage/text/array.h"
#include "storage/text/lsa_model.h"
#include "storage/text/tokens.h"

_Static_assert(
	__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are written as they lie in memory");

#define WRITE "write an encoder"

static const char MAGIC[8] = "HMLSA01\n";

struct header {
	char magic[8];
	uint32_t dimension, terms;
	uint64_t bytes; /* of the terms */
	double k1, b, average;
	char stemmer[STEMMER_NAME];
	uint64_t body, header; /* checksums */
};

_Static_assert(sizeof(struct header) == 96, "no padding: every byte is checked");

enum { PARTS = 4 };

/* The parts of the body, in the order of the file. */
struct body {
	struct {
		void *data;
		size_t size;
	} part[PARTS];
	uint16_t *lengths;
	char *bytes;
};

static void body_layout(struct body *body, const struct header *h, double *idf, float *v)
{
	body->part[0].data = idf;
	body->part[0].size = h->terms * sizeof *idf;
	body->part[1].data = v;
	body->part[1].size = (size_t)h->terms * h->dimension * sizeof *v;
	body->part[2].data = body->lengths;
	body->part[2].size = h->terms * sizeof *body->lengths;
	body->part[3].data = body->bytes;
	body->part[3].size = h->bytes;
}

static uint64_t body_hash(const struct body *body)
{
	XXH3_state_t state;

	XXH3_64bits_reset(&state);
	for (int i = 0; i < PARTS; i++)
		XXH3_64bits_update(&state, body->part[i].data, body->part[i].size);
	return XXH3_64bits_digest(&state);
}

static uint64_t header_hash(const struct header *h)
{
	return XXH3_64bits(h, offsetof(struct header, header));
}

enum code lsa_save(const struct lsa *l, const char *path, struct error *e)
{
	struct header h = {.dimension = l->dimension,
		.terms = l->terms.n,
		.bytes = l->terms.start[l->terms.n],
		.k1 = l->k1,
		.b = l->b,
		.average = l->average};
	struct body body = {
		.lengths = array_new(h.terms, sizeof *body.lengths), .bytes = l->terms.pool};

	if (!body.lengths)
		return error_memory(e);
	for (uint32_t t = 0; t < h.terms; t++)
		body.lengths[t] = (uint16_t)(l->terms.start[t + 1] - l->terms.start[t]);
	memcpy(h.magic, MAGIC, sizeof MAGIC);
	memcpy(h.stemmer, l->stemmer, sizeof h.stemmer);
	body_layout(&body, &h, l->idf, l->v);
	h.body = body_hash(&body);
	h.header = header_hash(&h);
	struct durable_part parts[1 + PARTS] = {{&h, sizeof h}};
	for (int i = 0; i < PARTS; i++)
		parts[1 + i] = (struct durable_part){body.part[i].data, body.part[i].size};
	enum code code = durable_file(path, parts, 1 + PARTS, NULL, WRITE, e);
	free(body.lengths);
	return code;
}

static enum code corrupt(struct error *e, const char *path, const char *what)
{
	return error_set(e, DATA_LOSS, "CORRUPT_FILE",
		"The encoder %s is damaged: %s. Delete it and encode the collection again.", path,
		what);
}

static const char *check_header(const struct header *h, uint64_t size)
{
	uint64_t body;

	if (memcmp(h->magic, MAGIC, sizeof MAGIC))
		return "it does not begin like one";
	if (h->header != header_hash(h))
		return "its header fails its checksum";
	if (!h->dimension || h->dimension > LIMIT_DIMENSION || !h->terms || h->terms == NO_TERM)
		return "its sizes are impossible";
	body = h->terms * (sizeof(double) + sizeof(uint16_t) + h->dimension * sizeof(float));
	if (h->bytes > size || body > size || sizeof *h + body + h->bytes != size)
		return "its size is not what its header says";
	if (!(isfinite(h->k1) && isfinite(h->b) && isfinite(h->average) && h->average > 0))
		return "its parameters are no numbers";
	if (h->stemmer[STEMMER_NAME - 1])
		return "its stemmer has no name";
	return NULL;
}

static const char *check_numbers(const struct header *h, const struct lsa *l)
{
	for (size_t i = 0; i < h->terms; i++)
		if (!isfinite(l->idf[i]))
			return "a weight is no number";
	for (size_t i = 0; i < (size_t)h->terms * h->dimension; i++)
		if (!isfinite(l->v[i]))
			return "a vector is not finite";
	return NULL;
}

/* The dictionary, number by number. Sets *memory when that is what stopped it. */
static const char *read_terms(
	const struct header *h, const struct body *body, struct terms *terms, bool *memory)
{
	size_t at = 0;

	for (uint32_t t = 0; t < h->terms; t++) {
		if (!body->lengths[t] || body->lengths[t] > h->bytes - at)
			return "its terms do not fit";
		uint32_t number = terms_add(terms, body->bytes + at, body->lengths[t]);
		if (number == NO_TERM) {
			*memory = true;
			return NULL;
		}
		if (number != t)
			return "a term is there twice";
		at += body->lengths[t];
	}
	terms_trim(terms);
	return at == h->bytes ? NULL : "its terms do not fit";
}

static enum code check_stemmer(const char *name, struct error *e)
{
	struct tokens tokens;

	if (!*name)
		return OK;
	enum code code = tokens_open(&tokens, name, e);
	if (!code)
		tokens_close(&tokens);
	return code;
}

static enum code read_body(int fd, const char *path, const struct header *h, struct body *body,
	struct lsa *l, struct error *e)
{
	const char *wrong;
	bool memory = false;

	for (int i = 0; i < PARTS; i++) {
		ssize_t got = durable_read_up_to(fd, body->part[i].data, body->part[i].size);
		if (got < 0)
			return error_errno(e, errno, "read an encoder");
		if ((size_t)got != body->part[i].size)
			return corrupt(e, path, "it ends too soon");
	}
	wrong = body_hash(body) == h->body ? check_numbers(h, l) : "it fails its checksum";
	if (!wrong)
		wrong = read_terms(h, body, &l->terms, &memory);
	if (memory)
		return error_memory(e);
	return wrong ? corrupt(e, path, wrong) : OK;
}

static enum code read_model(
	int fd, const char *path, const struct header *h, struct lsa **out, struct error *e)
{
	struct lsa *l = array_new(1, sizeof *l);
	struct body body = {.lengths = array_new(h->terms, sizeof *body.lengths),
		.bytes = array_new(h->bytes, 1)};
	enum code code = OK;

	if (l) {
		l->idf = array_new(h->terms, sizeof *l->idf);
		l->v = array_new((size_t)h->terms * h->dimension, sizeof *l->v);
	}
	if (!l || !l->idf || !l->v || !body.lengths || !body.bytes) {
		code = error_memory(e);
	} else {
		l->dimension = h->dimension;
		l->k1 = h->k1;
		l->b = h->b;
		l->average = h->average;
		memcpy(l->stemmer, h->stemmer, sizeof l->stemmer);
		body_layout(&body, h, l->idf, l->v);
		code = read_body(fd, path, h, &body, l, e);
	}
	free(body.lengths);
	free(body.bytes);
	if (code)
		lsa_free(l);
	else
		*out = l;
	return code;
}

static enum code load(int fd, const char *path, struct lsa **out, struct error *e)
{
	struct header h;
	struct stat st;
	ssize_t got = fstat(fd, &st) ? -1 : durable_read_up_to(fd, &h, sizeof h);

	if (got < 0)
		return error_errno(e, errno, "read an encoder");
	if (got != sizeof h)
		return corrupt(e, path, "it ends too soon");
	const char *wrong = check_header(&h, (uint64_t)st.st_size);
	if (wrong)
		return corrupt(e, path, wrong);
	if (check_stemmer(h.stemmer, e))
		return e->code == INVALID_ARGUMENT ? corrupt(e, path, "its stemmer is unknown")
						   : e->code;
	return read_model(fd, path, &h, out, e);
}

enum code lsa_load(const char *path, struct lsa **out, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(e, errno, "open an encoder");
	enum code code = load(fd, path, out, e);
	close(fd);
	return code;
}
