/* From sixteen vectors to whole numbers, with what that cost. */
#ifndef STORAGE_EXACT_ENCODE_H
#define STORAGE_EXACT_ENCODE_H

#include <stddef.h>

#include "storage/exact/rotation.h"

/*
 * In: x[i] is dimension i of 16 vectors. Out, a lane a vector:
 *
 *   x       whole numbers within `most`, so that scale * x is nearly the vector, rotated
 *   scale   0 for a vector so short that this would be no normal number
 *   slack   at least | rotated vector - scale * x |, whatever any step rounded
 *   tail    at least the length of the rotated vector's tail (basis.h)
 *   length  at least the vector's length, and nearly it; not finite when the vector is not
 *   square  at most half of the length's square, no less than (1 - square_loss) of that
 *
 * With `unit` the vector is first made one of length 1, and scale, slack and tail are that one's; a zero
 * vector has no direction: its slack is not finite. Length and square stay those of the vector
 * given.
 */
struct encoding {
	lanes scale, slack, tail, length, square;
};

/*
 * How large whole numbers become: each by magnitude, and in sums of magnitudes, to each of which the
 * rounding of the numbers adds a half. A stretch is four steps of four dimensions; its halves are the
 * first two dimensions of every step, and the last two.
 */
enum { STRETCH = 16 };
struct most {
	float one, pair, half; /* pair: of dimensions 2 i and 2 i + 1; INFINITY: as they come */
};
extern const struct most any_bytes; /* -127 .. 127 */

void encode_group(const struct rotation *r, lanes *x, bool unit, const struct most *most,
	struct encoding *out);

/* Whole numbers -127 .. 127 as bytes, 128 added: for every four of d dimensions 16 x 4 bytes, each
 * `stride` bytes after the one before, aligned to 64; zeros behind the last dimension. */
void encode_bytes(const lanes *x, uint32_t d, unsigned char *out, size_t stride);
/* The same of the first n vectors, but a vector's bytes back to back, and a vector's after another's. */
void encode_rows(const lanes *x, uint32_t d, uint32_t n, unsigned char *out);
double square_loss(uint32_t dimension);

#endif
