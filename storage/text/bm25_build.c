/* Building an index: documents are read, counted and put into a segment, which becomes a part of it. */
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/text/array.h"
#include "storage/text/bm25_fill.h"
#include "storage/text/bm25_parts.h"
#include "storage/text/tokens.h"

struct bm25_builder {
	struct bm25 *index; /* what is built */
	const struct bm25 *before;
	struct filling filling;
	struct tokens tokens;
	struct stop *stop; /* or NULL */
	uint32_t most_anew;
	struct error broken; /* why the builder never worked; code OK otherwise */
	uint32_t *place;     /* a term: 1 + where it is in the row at hand; 0: not there */
	size_t place_cap;
	uint32_t next; /* the number that an added document gets */
};

/* The bounds of a search are proved for these (bm25_bounds.c). */
static enum code check_options(double k1, double b, struct error *e)
{
	const char *field = "k1";

	if (k1 >= 0 && k1 < INFINITY) {
		if (b >= 0 && b <= 1)
			return OK;
		field = "b";
	}
	error_set(e, INVALID_ARGUMENT, "OUT_OF_RANGE",
		"BM25's k1 is %g and its b is %g; k1 must be a number from 0 on, b one from 0 to "
		"1.",
		k1, b);
	return error_field(e, "%s", field);
}

static bool open_builder(struct bm25_builder *b, const struct bm25_options *options)
{
	const char *stemmer = options ? options->stemmer : NULL;

	b->index = array_new(1, sizeof *b->index);
	if (!b->index || !fill_open(&b->filling))
		return false;
	b->index->k1 = options ? options->k1 : 0.9;
	b->index->b = options ? options->b : 0.4;
	b->most_anew = BM25_ANEW;
	if (stemmer && !(b->index->stemmer = FAULT() ? NULL : strdup(stemmer)))
		return false;
	if (!check_options(b->index->k1, b->index->b, &b->broken))
		tokens_open(&b->tokens, stemmer, &b->broken);
	return b->broken.code != RESOURCE_EXHAUSTED;
}

struct bm25_builder *bm25_builder_new(const struct bm25_options *options)
{
	struct bm25_builder *b = array_new(1, sizeof *b);

	if (b && !open_builder(b, options)) {
		bm25_builder_free(b);
		return NULL;
	}
	return b;
}

struct bm25_builder *bm25_builder_after(const struct bm25 *before)
{
	struct bm25_options options = {before->k1, before->b, before->stemmer};
	struct bm25_builder *b = bm25_builder_new(&options);

	if (b)
		b->before = before;
	return b;
}

void bm25_builder_stop(struct bm25_builder *b, struct stop *stop)
{
	b->stop = stop;
}

void bm25_builder_anew(struct bm25_builder *b, uint32_t most)
{
	b->most_anew = most;
}

void bm25_builder_free(struct bm25_builder *b)
{
	if (!b)
		return;
	bm25_free(b->index);
	fill_close(&b->filling);
	tokens_close(&b->tokens);
	free(b->place);
	free(b);
}

void bm25_free(struct bm25 *b)
{
	if (!b)
		return;
	parts_free(b->parts, b->n_parts);
	free(b->stemmer);
	free(b);
}

static bool count_term(struct bm25_builder *b, const char *token, size_t length)
{
	struct filling *f = &b->filling;
	uint32_t term = terms_add(&f->segment->terms, token, length);

	if (term == NO_TERM || !fill_reach(&b->place, &b->place_cap, (size_t)term + 1))
		return false;
	if (b->place[term]) {
		f->row[b->place[term] - 1].tf++;
		return true;
	}
	if (!fill_entry(f, term, 1))
		return false;
	b->place[term] = (uint32_t)f->row_n;
	return true;
}

/* Counts a text's tokens into the row at hand; returns how many. */
static uint64_t count_text(struct bm25_builder *b, const char *text, bool *failed)
{
	uint64_t n = 0;
	size_t length;

	tokens_start(&b->tokens, text);
	for (const char *token; (token = tokens_next(&b->tokens, &length)) && !*failed; n++)
		*failed = !count_term(b, token, length);
	*failed = *failed || b->tokens.failed;
	return n;
}

enum code bm25_builder_put(struct bm25_builder *b, uint32_t document, const char *title,
	const char *text, struct error *e)
{
	bool failed = false;

	if (b->broken.code) {
		*e = b->broken;
		return e->code;
	}
	uint64_t length = count_text(b, title, &failed);
	length += failed ? 0 : count_text(b, text, &failed);
	for (size_t i = 0; !failed && i < b->filling.row_n; i++)
		b->place[b->filling.row[i].term] = 0;
	if (failed || !fill_document(&b->filling, document, (uint32_t)length))
		return error_memory(e);
	b->next = document + 1;
	return OK;
}

enum code bm25_builder_add(
	struct bm25_builder *b, const char *title, const char *text, struct error *e)
{
	return bm25_builder_put(b, b->next, title, text, e);
}

static enum code finish(struct bm25_builder *b, struct error *e)
{
	struct bm25 *index = b->index;

	if (b->broken.code) {
		*e = b->broken;
		return e->code;
	}
	index->at_once = !b->before || (b->before->at_once && !b->filling.segment->n);
	struct segment *fresh = fill_done(&b->filling, b->stop);
	uint32_t came = fresh ? fresh->n : 0;
	bool done = fresh && parts_succeed(index, b->before, fresh, b->stop);
	segment_release(fresh);
	done = done && parts_renew(index, came, b->most_anew, b->stop);
	return done ? OK : stop_or_memory(b->stop, e);
}

enum code bm25_build(
	struct bm25_builder *b, const uint32_t *order, struct bm25 **out, struct error *e)
{
	enum code rc = finish(b, e);

	if (!rc) {
		*out = b->index;
		(*out)->order = order;
		b->index = NULL;
	}
	bm25_builder_free(b);
	return rc;
}
