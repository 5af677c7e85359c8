/*
 * What is asked of the exact engine, and what a first pass may conclude from bytes alone.
 *
 * The bound. Let q be a query, x a row, v and u their images under the rotation, in the basis B that
 * is used (basis.h); were B orthogonal, q.x = v.u. The row is kept as u = s c + e with whole numbers c,
 * the query as v = t b + f with whole numbers b, and the pass computes a = s t (b.c), in whole numbers
 * but for the two scales. By Cauchy-Schwarz
 *
 *   v.u - a  =  v.e + f.(s c)
 *  |q.x - a| <= |q| |e| + |f| |s c|  <=  |q| ( |e| + r (|x| + |e|) ),   r = |f| / |q|
 *
 * B is rounded to floats, so it is skew by some w = |1 - B'B|: q.x and v.u differ by w |q| |x| at most,
 * and |v| and |u| are at most 1 + w times |q| and |x|. With r + 2 w in place of r the line above holds
 * for q.x itself.
 *
 * |e| is at most the row's `slack`, which counts whatever was rounded on the way (encode.c), and r is
 * measured the same way for the query. So with
 *
 *   margin = slack (1 + r) + r |x|
 *
 * no row's product is further than |q| margin from a. What is rounded after that - the whole number
 * to a float (u), some multiplications and additions (u each of what is at most |q| |x|), and the
 * score S that the row will get, summed in double - is less than 24 u |q| |x|; r is taken larger by
 * 32 u for it. For l2, S = 2 q.x - |x|^2 - |q|^2, and |x|^2 / 2 is known to square_loss of itself,
 * or, where floats run out of digits, to some 2^-149 (blur, panel.c).
 *
 * The pass compares a number sigma that orders rows as S does:
 *
 *   cosine   S               rows and query of length 1
 *   dot      S / |q|         the query of length 1
 *   l2       (S + |q|^2) / 2
 *
 * upper = sigma from bytes + |q| margin (|q| = 1 for cosine and dot).
 *
 * Head first. Where there is a tail, the bytes of the head alone are multiplied for every row. With h
 * and l for the parts of head and tail, v.u = vh.uh + vl.ul, and vh.uh is as near to its bytes' product
 * as the line above says, for parts are no longer than the whole; so
 *
 *   q.x <= s t (bh.ch) + |q| margin + |vl| |ul|
 *
 * and |vl| |ul| is known, up to rounding, before any byte of the tail is: an upper like the other, though
 * a larger one mostly. Where it reaches tau, the tail's product takes the place of |vl| |ul|, and the
 * upper is that of all bytes.
 *
 * A row is passed over only when its upper is below tau, and tau only rises. It is what rows certainly
 * eligible prove, which is never more than the k-th largest of lowers = upper - 2 |q| margin, each shaved
 * by what converting rounds; or it is guessed (guess.h). In the end the k-th score among the survivors is
 * known. A row that is as good has an upper that reaches what that score needs, so if tau is no more,
 * nothing outside the survivors can belong to the top k. That is the certificate, one for each query:
 * a tau that rows prove has it by itself, a guess is asked for it (finish.c). Queries whose guesses were
 * too high are scanned again without (again.h). When survivors become more than the cap, the query
 * gives up the pass and is compared with the rows in floats (floats.h), which is another pass with
 * another margin; and when that is given up as well, every row is scored (wide.h).
 */
#ifndef STORAGE_EXACT_QUERY_H
#define STORAGE_EXACT_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/hit.h"

/* One question, and room for its answer. */
struct exact_query {
	const float *vector; /* dimension; finite, and for cosine not zero */
	size_t k;	     /* 1 or more */
	/* What is not wanted: documents by rising number, scores below the floor (or -INFINITY), and
	 * what does not stand strictly behind a hit: so a list is continued behind its last hit, and
	 * {document NO_LIMIT, score s} is a ceiling: scores below s alone. */
	const uint32_t *excluded;
	size_t n_excluded;
	double floor;
	const struct hit *behind; /* or NULL */
	/* Lists to look into, of an engine with some; 0: as many as it is settled for. */
	uint32_t nprobe;
	struct hit *out; /* k, sorted as hit.h says */
	size_t found;	 /* of them */
	/* How many of the rows looked into do not stand behind `behind`, the excluded among them; an index
	 * of FAISS does not say it, and nobody does where the floor is above. */
	size_t ahead;
};

enum { NO_LIMIT = UINT32_MAX };

/* What was filled in of a copy, whose `out` is the same. */
void query_take_answer(struct exact_query *q, const struct exact_query *copy);
bool query_excludes(const struct exact_query *q, uint32_t document);
bool query_behind(const struct exact_query *q, const uint32_t *order, const struct hit *h);

#endif
