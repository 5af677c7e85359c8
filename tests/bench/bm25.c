/*
 * BM25's top 100 on one core, against bm25s: the same words, k1 and b. Both sides time whole queries,
 * from words to the sorted hits, in processor time of the one thread that they use, so that a
 * neighbour on the machine costs neither.
 */
#include "tests/bench/bm25_top.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/text/bm25_file.h"
#include "tests/bench/bench.h"
#include "tests/bench/partner.h"
#include "tests/bench/text.h"

enum { UPDATES = 3, MOST_NEW = 1000 };

/* Updates between two turns of the partner, and documents of each. */
enum { IN_A_ROW = 90, NEW = 500, REPLACED = 500 };

enum { UPLOADS = 64 };

#define CEILING .95 /* of the best score */

struct ranked {
	struct text *text;
	uint32_t *order;
	struct bm25 *index;
	struct bm25 *uploaded; /* the same in many parts, or NULL */
};

/* Puts a document's words, as another document. */
static void index_one(
	struct bm25_builder *builder, const struct text *d, uint32_t document, uint32_t number)
{
	static char text[LONGEST_TEXT * LONGEST_WORD];
	const size_t *start = d->start + document;
	struct error e;

	text_spell(text, d->words + start[0], start[1] - start[0]);
	must(bm25_builder_put(builder, number, NULL, text, &e), &e, "index a document");
}

static struct bm25 *index_all(const struct ranked *r)
{
	struct bm25_builder *builder = bm25_builder_new(NULL);
	struct bm25 *index;
	struct error e;

	for (uint32_t i = 0; i < r->text->n; i++)
		index_one(builder, r->text, i, i);
	must(bm25_build(builder, r->order, &index, &e), &e, "index the documents");
	return index;
}

static void index_text(struct ranked *r)
{
	const struct text *d = r->text;
	double began = cpu_s();

	uint32_t room = d->n + MOST_NEW + UPDATES * IN_A_ROW * NEW;
	r->order = must_allocate(room, sizeof *r->order);
	for (uint32_t i = 0; i < room; i++)
		r->order[i] = i;
	r->index = index_all(r);
	fprintf(stderr, "# BM25: %u documents, %zu words, indexed in %.1f s\n", d->n,
		d->start[d->n], cpu_s() - began);
}

static struct ranked *ranked_of(struct bench *b)
{
	if (!b->ranked) {
		b->ranked = must_allocate(1, sizeof *b->ranked);
		b->ranked->text = text_new(b);
		index_text(b->ranked);
	}
	return b->ranked;
}

/* The same documents, uploaded a few at a time. */
static struct bm25 *index_in_uploads(const struct ranked *r)
{
	struct bm25 *now = NULL, *next;
	const struct text *d = r->text;
	struct error e;
	double began = cpu_s();

	for (uint32_t upload = 0, i = 0; upload < UPLOADS; upload++) {
		struct bm25_builder *builder =
			now ? bm25_builder_after(now) : bm25_builder_new(NULL);
		for (; i < (uint64_t)d->n * (upload + 1) / UPLOADS; i++)
			index_one(builder, d, i, i);
		must(bm25_build(builder, r->order, &next, &e), &e, "index more documents");
		bm25_free(now);
		now = next;
	}
	fprintf(stderr, "# BM25: indexed in %d uploads in %.1f s\n", UPLOADS, cpu_s() - began);
	return now;
}

size_t bm25_top(const struct bm25 *index, const char *text, double ceiling,
	struct bm25_scratch *scratch, struct hit *hits)
{
	struct bm25_query *q = bm25_query(index, text);
	struct bm25_request request = bm25_best(q, TOP);
	struct error e;
	size_t found;

	request.at_most = ceiling;
	must(bm25_search(index, &request, scratch, hits, &found, &e), &e, "search");
	bm25_query_free(q);
	return found;
}

/* Queries a second; with a ceiling for each, or NULL. */
static double search_all(const struct ranked *r, int set, const double *ceilings)
{
	char text[QUERY_WORDS * LONGEST_WORD];
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct hit hits[TOP];
	double began = cpu_s();

	for (int i = 0; i < TEXT_QUERIES; i++) {
		text_spell(text, r->text->queries[set][i], QUERY_WORDS);
		bm25_top(r->index, text, ceilings ? ceilings[i] : INFINITY, scratch, hits);
	}
	double took = cpu_s() - began;
	bm25_scratch_free(scratch);
	return TEXT_QUERIES / took;
}

/* Seconds that bm25s took for a set's queries. */
static double search_there(struct partner *p, int set)
{
	return partner_seconds(p, "%d %d", set * TEXT_QUERIES, TEXT_QUERIES);
}

void line_bm25(struct bench *b, const struct measurement *m)
{
	double ours[ROUNDS], theirs[ROUNDS];

	if (access(b->python, X_OK)) {
		left_out(m->name, "tests/bench/peers.sh has not been run");
		return;
	}
	const struct ranked *r = ranked_of(b);
	struct partner *p = bm25s_of(b);
	search_there(p, m->n); /* compiled, and in its caches as we are in ours */
	search_all(r, m->n, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = search_all(r, m->n, NULL);
		theirs[i] = TEXT_QUERIES / search_there(p, m->n);
	}
	double value = median(ours, ROUNDS);
	line(m->name, value, "queries/s", p->name, value / median(theirs, ROUNDS));
}

static void put_ceilings(const struct ranked *r, int set, double *ceilings)
{
	char text[QUERY_WORDS * LONGEST_WORD];
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct hit best;
	struct error e;
	size_t found;

	for (int i = 0; i < TEXT_QUERIES; i++) {
		text_spell(text, r->text->queries[set][i], QUERY_WORDS);
		struct bm25_query *q = bm25_query(r->index, text);
		struct bm25_request request = bm25_best(q, 1);
		must(bm25_search(r->index, &request, scratch, &best, &found, &e), &e, "search");
		ceilings[i] = found ? CEILING * best.score : INFINITY;
		bm25_query_free(q);
	}
	bm25_scratch_free(scratch);
}

void line_bm25_ceiling(struct bench *b, const struct measurement *m)
{
	double ours[ROUNDS], theirs[ROUNDS], ceilings[TEXT_QUERIES];
	const struct ranked *r = ranked_of(b);

	put_ceilings(r, m->n, ceilings);
	search_all(r, m->n, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = search_all(r, m->n, ceilings);
		theirs[i] = search_all(r, m->n, NULL);
	}
	double value = median(ours, ROUNDS);
	line(m->name, value, "queries/s", "plain-top-k", median(theirs, ROUNDS) / value);
}

void line_bm25_parts(struct bench *b, const struct measurement *m)
{
	double ours[ROUNDS], theirs[ROUNDS];
	struct ranked *r = ranked_of(b);

	if (!r->uploaded)
		r->uploaded = index_in_uploads(r);
	struct ranked parted = {r->text, r->order, r->uploaded, NULL};
	search_all(&parted, m->n, NULL);
	search_all(r, m->n, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = search_all(&parted, m->n, NULL);
		theirs[i] = search_all(r, m->n, NULL);
	}
	double value = median(ours, ROUNDS);
	line(m->name, value, "queries/s", "one-part", median(theirs, ROUNDS) / value);
}

/* Seconds until as many more documents are searchable. */
static double update(const struct ranked *r, uint32_t more)
{
	uint32_t n = r->text->n;
	struct bm25 *next;
	struct error e;
	double began = cpu_s();

	struct bm25_builder *builder = bm25_builder_after(r->index);
	for (uint32_t i = 0; i < more; i++)
		index_one(builder, r->text, i * (n / more), n + i);
	must(bm25_build(builder, r->order, &next, &e), &e, "index more documents");
	double took = cpu_s() - began;
	bm25_free(next);
	return took;
}

void line_bm25_update(struct bench *b, const struct measurement *m)
{
	double ours[UPDATES], theirs[UPDATES];

	if (access(b->python, X_OK)) {
		left_out(m->name, "tests/bench/peers.sh has not been run");
		return;
	}
	const struct ranked *r = ranked_of(b);
	struct partner *p = bm25s_of(b);
	update(r, (uint32_t)m->n);
	for (int i = 0; i < UPDATES; i++) {
		ours[i] = update(r, (uint32_t)m->n);
		theirs[i] = partner_seconds(p, "index");
	}
	double value = median(ours, UPDATES);
	line(m->name, value * 1e3, "ms", p->name, median(theirs, UPDATES) / value);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The index after one more update: documents that were replaced, evenly from all, by others; and new
 * ones. Adds the seconds to *took, and keeps the longest. */
static struct bm25 *update_again(
	const struct ranked *r, struct bm25 *before, uint32_t number, double *took, double *longest)
{
	const uint32_t n = r->text->n, step = n / REPLACED, first = n + number * NEW;
	struct bm25 *next;
	struct error e;
	double began = cpu_s();

	struct bm25_builder *builder = bm25_builder_after(before);
	for (uint32_t i = 0; i < REPLACED; i++)
		index_one(builder, r->text, (i * step + number * 7 + 1) % n,
			i * step + smaller(number, step - 1));
	for (uint32_t i = 0; i < NEW; i++)
		index_one(builder, r->text, (i * (n / NEW) + number * 11 + 3) % n, first + i);
	must(bm25_build(builder, r->order, &next, &e), &e, "index more documents");
	double seconds = cpu_s() - began;
	*took += seconds;
	*longest = seconds > *longest ? seconds : *longest;
	if (before != r->index)
		bm25_free(before);
	return next;
}

/* The mean of many updates, in which parts are merged. */
void line_bm25_updates(struct bench *b, const struct measurement *m)
{
	double ours = 0, longest = 0, theirs[UPDATES];
	uint32_t number = 0;

	if (access(b->python, X_OK)) {
		left_out(m->name, "tests/bench/peers.sh has not been run");
		return;
	}
	const struct ranked *r = ranked_of(b);
	struct partner *p = bm25s_of(b);
	struct bm25 *now = r->index;
	for (int i = 0; i < UPDATES; i++) {
		for (int j = 0; j < IN_A_ROW; j++)
			now = update_again(r, now, number++, &ours, &longest);
		theirs[i] = partner_seconds(p, "index");
	}
	bm25_free(now);
	fprintf(stderr, "# %s: %u updates, the longest %.2f s\n", m->name, number, longest);
	double mean = ours / number;
	line(m->name, mean * 1e3, "ms", p->name, median(theirs, UPDATES) / mean);
}

/* Seconds until the index of a file is there. */
static double load(const struct ranked *r, const char *path)
{
	static const struct bm25_options options = {.9, .4, NULL};
	struct error e = {.text = "there is none to be believed"};
	struct bm25_kept kept;
	struct bm25 *index;
	double began = cpu_s();

	must(bm25_load(path, &options, NULL, &kept) ? OK : DATA_LOSS, &e, "read the index");
	must(bm25_build(bm25_builder_after(kept.index), r->order, &index, &e), &e, "follow it");
	bm25_kept_free(&kept);
	double took = cpu_s() - began;
	bm25_free(index);
	return took;
}

static double index_again(const struct ranked *r)
{
	double began = cpu_s();
	struct bm25 *index = index_all(r);
	double took = cpu_s() - began;

	bm25_free(index);
	return took;
}

static void save(const struct ranked *r, const char *path)
{
	struct hash128 *said = must_allocate(r->text->n, sizeof *said);
	const struct bm25_kept kept = {r->index, said, r->text->n};
	struct error e;
	double began = now_s();

	must(bm25_save(&kept, path, NULL, &e), &e, "write the index");
	fprintf(stderr, "# BM25: the index is on disk after %.1f s\n", now_s() - began);
	free(said);
}

void line_bm25_start(struct bench *b, const struct measurement *m)
{
	const struct ranked *r = ranked_of(b);
	double ours[UPDATES], theirs[UPDATES];
	char path[4096];

	snprintf(path, sizeof path, "%s/text.bm25", b->dir);
	save(r, path);
	load(r, path);
	for (int i = 0; i < UPDATES; i++) {
		ours[i] = load(r, path);
		theirs[i] = index_again(r);
	}
	unlink(path);
	double value = median(ours, UPDATES);
	line(m->name, value * 1e3, "ms", "texts", median(theirs, UPDATES) / value);
}

void ranked_free(struct bench *b)
{
	if (!b->ranked)
		return;
	bm25_free(b->ranked->index);
	bm25_free(b->ranked->uploaded);
	text_free(b->ranked->text);
	free(b->ranked->order);
	free(b->ranked);
	b->ranked = NULL;
}
