/* The same batch with a ceiling for each query at .95 of its positive's score, over the plain one. */
#include "tests/bench/batch.h"

void line_ceiling(struct bench *b, const struct measurement *m)
{
	struct batch *plain = batch_new(b, exact_of(b), 100);
	struct batch *below = batch_new(b, exact_of(b), 100);
	double ours[ROUNDS], theirs[ROUNDS];

	batch_put_ceilings(below, data_of(b), .95);
	batch_run(plain, 0, Q, (size_t)m->n);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = batch_run(below, 0, Q, (size_t)m->n);
		theirs[r] = batch_run(plain, 0, Q, (size_t)m->n);
	}
	batch_free(plain);
	batch_free(below);
	double seconds = median(ours, ROUNDS);
	line(m->name, Q / seconds, "queries/s", "plain-top-k", seconds / median(theirs, ROUNDS));
}
