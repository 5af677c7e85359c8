/* One query alone: ours on all cores, FAISS's as it is, which has one thread for one query. */
#include "tests/bench/batch.h"
#include "tests/bench/partner.h"

void line_exact_single(struct bench *b, const struct measurement *m)
{
	enum { TURNS = 25 };
	struct partner *p = faiss_of(b);
	struct batch *a = batch_new(b, exact_of(b), 100);
	double ours[TURNS], theirs[TURNS];

	batch_run(a, TURNS, 1, (size_t)m->n);
	for (int i = 0; i < TURNS; i++) {
		theirs[i] = partner_seconds(p, "single %d 100", i);
		ours[i] = batch_run(a, (size_t)i, 1, (size_t)m->n);
	}
	batch_free(a);
	double seconds = median(ours, TURNS);
	line(m->name, seconds * 1e3, "ms", p->name, median(theirs, TURNS) / seconds);
}
