/*
 * A whole mining of NFCorpus's training set through gRPC, preset `st`, against mine_hard_negatives of
 * sentence-transformers for the same vectors and positives. Both sides tell documents apart by id, and so
 * what they mine is the same, but for the order of scores that are nearly equal.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/mining.h"
#include "tests/bench/partner.h"
#include "tests/bench/training.h"

enum { NEGATIVES = 8 };
#define NEARLY 1e-5 /* apart: floats may rank such scores either way */

/* Both must live as long as the request. */
static struct mining *ask(const struct training *t, const char **positives)
{
	struct mining *g = mining_of("training", "st", NEGATIVES, t->n);

	for (size_t i = 0; i < t->n_judged; i++) {
		uint32_t query = t->judged[i].query;
		Pb__MineQuery *q = g->pointers[query];
		positives[i] = t->shelf.ids[t->judged[i].document];
		if (!q->positives) {
			mining_put_vector(q, t->query + (size_t)query * D);
			q->positives = &positives[i];
		}
		q->n_positives++;
	}
	return g;
}

static double score(const struct training *t, uint32_t query, uint32_t document)
{
	const float *q = t->query + (size_t)query * D, *x = t->document + (size_t)document * D;
	double sum = 0;

	for (int i = 0; i < D; i++)
		sum += (double)q[i] * x[i];
	return sum;
}

/* Whether a query's negatives are as good as theirs, place for place. */
static bool agree(const struct training *t, uint32_t query, const Pb__MineResult *r,
	const int32_t *theirs, size_t *same)
{
	size_t n = 0;

	while (n < NEGATIVES && theirs[n] >= 0)
		n++;
	if (r->n_negatives != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint32_t ours = (uint32_t)strtoul(r->negatives[i]->document_id + 1, NULL, 10);
		*same += ours == (uint32_t)theirs[i];
		if (fabs(score(t, query, ours) - score(t, query, (uint32_t)theirs[i])) > NEARLY)
			return false;
	}
	return true;
}

static int32_t *read_theirs(const struct training *t, struct partner *p)
{
	int32_t *theirs = must_allocate((size_t)t->n * NEGATIVES, sizeof *theirs);
	char path[4200];

	snprintf(path, sizeof path, "%s/mined", t->folder);
	partner_seconds(p, "save %s", path);
	FILE *f = fopen(path, "rb");
	if (!f || fread(theirs, NEGATIVES * sizeof *theirs, t->n, f) != t->n) {
		fprintf(stderr, "bench: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return theirs;
}

/* Says how many queries got the same. */
static bool check(
	struct bench *b, const struct mining *g, const struct training *t, struct partner *p)
{
	int32_t *theirs = read_theirs(t, p);
	struct arena arena;
	size_t agreed = 0, same = 0;

	arena_init(&arena, (size_t)1 << 30);
	const Pb__MineNegativesResponse *answer = mining_answer(b, g, &arena);
	for (uint32_t i = 0; i < t->n; i++)
		agreed += agree(t, i, answer->results[i], theirs + (size_t)i * NEGATIVES, &same);
	fprintf(stderr,
		"# training set: %u queries, %zu positives; %zu queries agree, %zu negatives are "
		"the same\n",
		t->n, t->n_judged, agreed, same);
	arena_free(&arena);
	free(theirs);
	return agreed == t->n;
}

static void compare(struct bench *b, const struct measurement *m)
{
	struct training *t = training_new(b);
	const char **positives = must_allocate(t->n_judged, sizeof *positives);
	struct mining *g = ask(t, positives);
	struct partner *p = st_in(b, t->folder, D);
	double ours[ROUNDS], theirs[ROUNDS];
	size_t depth;

	partner_seconds(p, "mine %d", NEGATIVES); /* finds its best way */
	mining_run(b, g, &depth);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = mining_run(b, g, &depth);
		theirs[r] = partner_seconds(p, "mine %d", NEGATIVES);
	}
	double seconds = median(ours, ROUNDS);
	if (check(b, g, t, p))
		line(m->name, t->n / seconds, "queries/s", p->name,
			median(theirs, ROUNDS) / seconds);
	else
		left_out(m->name, "the two sides did not mine the same negatives");
	partner_stop(p);
	mining_free(g);
	free(positives);
	training_free(t);
}

void line_mine_st(struct bench *b, const struct measurement *m)
{
	if (!nfcorpus_of(b))
		left_out(m->name, "$HARDMINER_SHARED names no folder with data/nfcorpus/beir");
	else if (access(b->python, X_OK))
		left_out(m->name, "tests/bench/peers.sh has not been run");
	else
		compare(b, m);
}
