/*
 * Batches: all queries at once, certified, against those who would do the same for a trainer. Both
 * sides give the true top k by cosine of unit vectors.
 */
#include "tests/bench/batch.h"
#include "tests/bench/partner.h"

enum { TURNS = 3 }; /* one of theirs takes some seconds */

static void against(struct bench *b, const struct measurement *m, struct partner *p,
	const char *name, const char *command, size_t k)
{
	struct batch *a = batch_new(b, exact_of(b), k);
	double ours[TURNS], theirs[TURNS];

	batch_run(a, 0, Q, (size_t)m->n);
	for (int i = 0; i < TURNS; i++) {
		theirs[i] = partner_seconds(p, "%s", command);
		ours[i] = batch_run(a, 0, Q, (size_t)m->n);
	}
	batch_free(a);
	double seconds = median(ours, TURNS);
	line(m->name, Q / seconds, "queries/s", name, median(theirs, TURNS) / seconds);
}

static void against_faiss(struct bench *b, const struct measurement *m, struct partner *p, size_t k)
{
	char command[64];

	snprintf(command, sizeof command, "batch %d %zu", m->n, k);
	against(b, m, p, p->name, command, k);
}

void line_exact_batch(struct bench *b, const struct measurement *m)
{
	against_faiss(b, m, faiss_of(b), 100);
}

void line_exact_avx512(struct bench *b, const struct measurement *m)
{
	if (!__builtin_cpu_supports("avx512f"))
		left_out(m->name, "the machine has no AVX-512");
	else
		against_faiss(b, m, faiss_avx512_of(b), 100);
}

void line_exact_k1000(struct bench *b, const struct measurement *m)
{
	against_faiss(b, m, faiss_of(b), 1000);
}

void line_exact_torch(struct bench *b, const struct measurement *m)
{
	struct partner *p = peer_of(b);

	if (p)
		against(b, m, p, p->name, "torch 100", 100);
	else
		left_out(m->name, "tests/bench/peers.sh has not been run");
}

void line_exact_faiss_cpu(struct bench *b, const struct measurement *m)
{
	struct partner *p = peer_of(b);

	if (p)
		against(b, m, p, "faiss-cpu-from-PyPI", "faiss 100", 100);
	else
		left_out(m->name, "tests/bench/peers.sh has not been run");
}
