/* Private memory a vector: the codes, while f32 rows stay in the mapped file, whose pages the kernel
 * may take back; against FAISS's index of the same rows, as its own process counts it. */
#include "tests/bench/data.h"
#include "tests/bench/partner.h"

void line_resident(struct bench *b, const struct measurement *m)
{
	struct partner *p = faiss_of(b);

	exact_of(b);
	line(m->name, (double)b->codes_bytes / b->rows, "bytes", p->name,
		(double)b->codes_bytes / (double)p->bytes);
}
