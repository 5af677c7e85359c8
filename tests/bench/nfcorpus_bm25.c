/*
 * BM25's top 100 of real queries over real documents, against bm25s: as bm25.c does it with made ones.
 * Both sides find the same, but for the order of scores that are nearly equal: theirs are sums of floats.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/text/terms.h"
#include "storage/text/tokens.h"
#include "tests/bench/bm25_top.h"
#include "tests/bench/nfcorpus.h"
#include "tests/bench/partner.h"
#include "tests/bench/words.h"

enum { TIMES = 5 /* all queries, for a turn: once takes some milliseconds */ };
#define NEARLY 1e-5 /* of a score, what theirs may be off */

/* What they find for a query: scores are 0 from where nothing is found any more. */
struct theirs {
	int32_t document[TOP];
	float score[TOP];
};

/* Room for their words: a ligature of three bytes may be four. */
static struct words room_for(char *const *text, uint32_t n)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < n; i++)
		bytes += strlen(text[i]) + 1;
	return (struct words){must_allocate(2 * bytes, sizeof(uint32_t)),
		must_allocate(n + (size_t)1, sizeof(size_t)), n};
}

/* The words of texts by their numbers in the dictionary. It gets those that it has not, or else they are
 * passed over: what no document has finds nothing. */
static struct words words_of(char *const *text, uint32_t n, struct terms *terms, bool gets)
{
	struct words w = room_for(text, n);
	struct tokens tokens;
	struct error e;
	const char *token;
	size_t length, words = 0;

	must(tokens_open(&tokens, NULL, &e), &e, "read words");
	for (uint32_t i = 0; i < n; i++) {
		tokens_start(&tokens, text[i]);
		while ((token = tokens_next(&tokens, &length))) {
			w.word[words] = gets ? terms_add(terms, token, length)
					     : terms_find(terms, token, length);
			words += w.word[words] != NO_TERM;
		}
		w.start[i + 1] = words;
	}
	tokens_close(&tokens);
	return w;
}

static void words_free(struct words *w)
{
	free(w->word);
	free(w->start);
}

static struct partner *bm25s_with(struct bench *b, const struct nfcorpus *c)
{
	struct terms terms;
	char folder[4096];

	snprintf(folder, sizeof folder, "%s/nfcorpus", b->dir);
	mkdir(folder, 0700);
	terms_init(&terms);
	struct words documents = words_of(c->text, c->n, &terms, true);
	struct words queries = words_of(c->query, c->n_queries, &terms, false);
	words_write(folder, &documents, &queries);
	fprintf(stderr, "# NFCorpus: %u documents, %zu words; %u queries, %zu words\n", c->n,
		documents.start[c->n], c->n_queries, queries.start[c->n_queries]);
	words_free(&documents);
	words_free(&queries);
	terms_free(&terms);
	return bm25s_in(b, folder);
}

/* Seconds. */
static double search_all(const struct bm25 *index, const struct nfcorpus *c)
{
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct hit hits[TOP];
	double began = cpu_s();

	for (int i = 0; i < TIMES; i++)
		for (uint32_t q = 0; q < c->n_queries; q++)
			bm25_top(index, c->query[q], INFINITY, scratch, hits);
	double took = cpu_s() - began;
	bm25_scratch_free(scratch);
	return took;
}

static double search_there(struct partner *p, const struct nfcorpus *c)
{
	double took = 0;

	for (int i = 0; i < TIMES; i++)
		took += partner_seconds(p, "0 %u", c->n_queries);
	return took;
}

static struct theirs *read_theirs(
	const struct bench *b, struct partner *p, const struct nfcorpus *c)
{
	struct theirs *theirs = must_allocate(c->n_queries, sizeof *theirs);
	char path[4200];

	snprintf(path, sizeof path, "%s/nfcorpus/found", b->dir);
	partner_seconds(p, "save 0 %u %s", c->n_queries, path);
	FILE *f = fopen(path, "rb");
	if (!f || fread(theirs, sizeof *theirs, c->n_queries, f) != c->n_queries) {
		fprintf(stderr, "bench: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return theirs;
}

static bool nearly(double a, double b)
{
	return fabs(a - b) <= NEARLY * fabs(a);
}

/* Whether they have our hit with its score; or it may be one of those that tie for the last places. */
static bool they_have(const struct theirs *t, const struct hit *hit, size_t found)
{
	for (size_t i = 0; i < found; i++)
		if (t->document[i] == (int32_t)hit->document)
			return nearly(hit->score, t->score[i]);
	return found == TOP && nearly(hit->score, t->score[TOP - 1]);
}

static bool agree(const struct hit *hits, size_t found, const struct theirs *t)
{
	if (found < TOP && t->score[found] > 0)
		return false;
	for (size_t i = 0; i < found; i++)
		if (!nearly(hits[i].score, t->score[i]) || !they_have(t, &hits[i], found))
			return false;
	return true;
}

/* Says how many queries found the same. */
static bool check(struct bench *b, struct partner *p, const struct nfcorpus *c)
{
	struct theirs *theirs = read_theirs(b, p, c);
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct hit hits[TOP];
	uint32_t agreed = 0;
	size_t all = 0;

	for (uint32_t q = 0; q < c->n_queries; q++) {
		size_t found = bm25_top(c->index, c->query[q], INFINITY, scratch, hits);
		agreed += agree(hits, found, &theirs[q]);
		all += found;
	}
	bm25_scratch_free(scratch);
	free(theirs);
	fprintf(stderr, "# NFCorpus: %u of %u queries find the same, %zu documents\n", agreed,
		c->n_queries, all);
	return agreed == c->n_queries && all > 0;
}

static void compare(struct bench *b, const struct measurement *m, const struct nfcorpus *c)
{
	double ours[ROUNDS], theirs[ROUNDS];
	const struct bm25 *index = nfcorpus_index(b);
	struct partner *p = bm25s_with(b, c);

	search_there(p, c); /* compiled, and in its caches as we are in ours */
	search_all(index, c);
	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = search_all(index, c);
		theirs[i] = search_there(p, c);
	}
	double seconds = median(ours, ROUNDS);
	if (check(b, p, c))
		line(m->name, TIMES * c->n_queries / seconds, "queries/s", p->name,
			median(theirs, ROUNDS) / seconds);
	else
		left_out(m->name, "the two sides did not find the same");
	partner_stop(p);
}

void line_nfcorpus_bm25(struct bench *b, const struct measurement *m)
{
	const struct nfcorpus *c = nfcorpus_of(b);

	if (!c)
		left_out(m->name, "$HARDMINER_SHARED names no folder with data/nfcorpus/beir");
	else if (access(b->python, X_OK))
		left_out(m->name, "tests/bench/peers.sh has not been run");
	else
		compare(b, m, c);
}
