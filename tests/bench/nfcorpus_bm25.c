/* BM25's top 100 of real queries over real documents, against bm25s: as bm25.c does it with made ones. */
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
	double began = cpu_s();

	for (int i = 0; i < TIMES; i++)
		for (uint32_t q = 0; q < c->n_queries; q++)
			bm25_top(index, c->query[q], INFINITY, scratch);
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
	line(m->name, TIMES * c->n_queries / seconds, "queries/s", p->name,
		median(theirs, ROUNDS) / seconds);
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
