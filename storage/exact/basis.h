/*
 * The directions that vectors of a generation mostly go along. Of what an encoder makes, most of the
 * length lies in a few directions; in an orthogonal basis that has those first, a head of less than
 * half of the dimensions has some nine tenths of the squares. What the tail can add to a product is
 * then known to be little before it is looked at (query.h), and is looked at only where it matters.
 *
 * The basis is made of the eigenvectors of a sample's second moments (principal components, about
 * zero). It decides how fast a scan is and never what it finds. Rows that are not like the sample have
 * long tails, and theirs are looked at more often.
 *
 * Learning takes some d^3 multiplications, and bringing a vector into the basis d^2: what a scan of d
 * rows takes. At 768 dimensions the one is some tenths of a second, the other some 20 us.
 */
#ifndef STORAGE_EXACT_BASIS_H
#define STORAGE_EXACT_BASIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hardminer/v1/miner.pb-c.h"

enum {
	BASIS_MOST = 768,   /* dimensions: of more it would cost too much */
	TAIL_MULTIPLE = 32, /* what the tail's dimensions are a multiple of */
};

struct basis {
	uint32_t head; /* dimensions; all of them when there is no tail */
	double skew;   /* at least | 1 - B'B |, the largest of its singular values */
	float *row;    /* dimension x dimension; NULL without a tail: the vectors' own basis */
};

/* Whether vectors of so many dimensions may get a basis at all. */
bool basis_is_possible(uint32_t dimension);
/* Of n vectors back to back, of any lengths, in this type; those that are zero or not finite do not
 * count. Leaves the vectors' own basis where another would gain little. False: no memory, and that one
 * too. Sets BLAS to one thread. */
bool basis_learn(
	struct basis *b, uint32_t dimension, Pb__Dtype dtype, const void *vectors, size_t n);
void basis_own(struct basis *b, uint32_t dimension);
bool basis_copy(struct basis *to, const struct basis *from, uint32_t dimension);
void basis_free(struct basis *b);
/* Of `row`. */
size_t basis_bytes(const struct basis *b, uint32_t dimension);
/* One that a file tells of, with room for its rows. False: it cannot be one, or no memory. Free it in
 * either case. */
bool basis_make(struct basis *b, uint32_t dimension, uint32_t head, double skew);

#endif
