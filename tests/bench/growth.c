/* Time a query at twice the rows, over twenty times that at a tenth of the rows. */
#include <stdlib.h>

#include "storage/exact/codes.h"
#include "tests/bench/batch.h"

void line_growth(struct bench *b, const struct measurement *m)
{
	const struct data *d = data_of(b);
	struct vectors few = first_rows(d, b->rows / 10), many = first_rows(d, 2 * b->rows);
	struct exact small = {&few, codes_of(&few)}, large = {&many, codes_of(&many)};
	struct batch *at_few = batch_new(b, &small, 100), *at_many = batch_new(b, &large, 100);
	double ours[ROUNDS], theirs[ROUNDS];

	batch_run(at_few, 0, Q, (size_t)m->n);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = batch_run(at_many, 0, Q, (size_t)m->n);
		theirs[r] = 20 * batch_run(at_few, 0, Q, (size_t)m->n);
	}
	batch_free(at_few);
	batch_free(at_many);
	codes_free((struct codes *)small.codes);
	codes_free((struct codes *)large.codes);
	double seconds = median(ours, ROUNDS);
	line(m->name, Q / seconds, "queries/s", "20-times-a-twentieth",
		seconds / median(theirs, ROUNDS));
}
