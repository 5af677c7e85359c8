/*
 * How much an approximate index finds of what is there, measured against the truth.
 *
 * For each sampled query the true k best documents are asked of `truth`. Of the k that a search for
 * k gives, those are right that score no less than the k-th true one: among equal scores any choice
 * is as good as ours. Recall is the share that is right, over all queries.
 *
 * The sample is the generation's own query vectors when it has RECALL_LEAST of them, spread evenly
 * when there are more than RECALL_QUERIES; else document rows, likewise, each searched for among
 * the others, for that it finds itself says nothing. Nothing is drawn: a generation measured again
 * gives the same number.
 *
 * Lists are settled by it: they are measured with 1, 2, 4 ... and all of them looked into, and the
 * fewest that find RECALL_SETTLED are what a search looks into that does not say.
 */
#ifndef STORAGE_VECTORS_RECALL_H
#define STORAGE_VECTORS_RECALL_H

#include "storage/progress.h"
#include "storage/vectors/image.h"

enum { RECALL_K = 100, RECALL_LEAST = 200, RECALL_QUERIES = 256 };
#define RECALL_SETTLED .99

/* Answers a request truly: every query with its k best documents, sorted, with the scores that
 * image_score has. However it is done; scan_rows is one such. The requests made of it have no
 * limits, and up to RECALL_BLOCK queries. */
enum { RECALL_BLOCK = 32 };
typedef enum code exact_answer(
	const struct image *g, const struct shared_request *r, struct error *e);

/* Of an image that is not exact, searched as it is for who brings no parameters; its lists are settled
 * first, so nobody else may have it yet. On the calling thread and the progress's crew. `out` is left alone where there is nothing to find: a single
 * document. Reports the phase "measure"; `progress` may be NULL. */
enum code recall_measure(struct image *g, exact_answer *truth, const struct progress *progress,
	Pb__Recall *out, struct error *e);

#endif
