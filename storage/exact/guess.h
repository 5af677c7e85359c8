/*
 * What the k-th best of all rows will be, as far as can be told from some of them.
 *
 * Until a scan has seen all, what is proved is below the k-th best of all, and rows pass that will not
 * last: most that ever do pass in the first quarter. But chunks are visited in an order that has nothing
 * to do with where rows stand (pass.c), so those seen are a sample of all. Of the k best a share f is
 * expected in it, and above its r-th best, with
 *
 *   r = k f + z sqrt(D k f (1 - f)) + z,   z = 3,
 *
 * there are k of all by all likelihood: the mean, z standard deviations of a sample without
 * replacement, and some for the smallest counts. Rows of one chunk come together and may be alike, as
 * passages of one document are. D, the design effect (Kish, Survey Sampling, 1965), is what that makes
 * of the variance: sum n_c^2 / sum n_c, where n_c of the r best are in chunk c, less what it would be
 * above 1 if they stood anywhere; 1 at least. It asks for a larger r, and is that one's then.
 *
 * Nor is a row's sigma known. It is halfway between lower and upper, give or take the margin at worst;
 * but an error that has nothing to do with the query's direction is a share of the margin of some
 * 1 / sqrt(d), for d dimensions, and z of those are taken off. Where there is a ceiling, what stays below
 * it with z of those added counts as eligible: by certainty alone tau would stay two margins below the
 * ceiling, and where that is deep in the list, most of what passes would be in between.
 *
 * So a guess may be wrong. Whether it was is known in the end, from the k-th score (query.h), and only
 * time is lost: the query is scanned again (again.h), by one thread.
 */
#ifndef STORAGE_EXACT_GUESS_H
#define STORAGE_EXACT_GUESS_H

#include "storage/exact/survivors.h"

/* How much of the scan was done: chunks of all of them. */
struct seen {
	uint32_t chunks, all;
};

/* Raises tau to the guess, if that is worth more than what is proved. Survivors are rows, in the order
 * they came. */
void survivors_guess(struct survivors *s, const struct seen *seen);

#endif
