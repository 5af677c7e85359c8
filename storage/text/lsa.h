/*
 * The embedded encoder `lsa`: truncated SVD of the corpus's own BM25 matrix A (documents x terms,
 * A_dt = idf_t * saturated tf) by randomized range finding (Halko, Martinsson, Tropp 2011, alg. 4.4
 * and 5.1) on BLAS and LAPACK. A text's vector is its row a projected on the right singular
 * vectors, a V, scaled to unit length. The same corpus, dimension and seed give the same bytes.
 */
#ifndef STORAGE_TEXT_LSA_H
#define STORAGE_TEXT_LSA_H

#include <stdatomic.h>

#include "storage/text/bm25.h"

struct lsa;

/* Called now and then with how much is done; may be NULL. */
typedef void (*lsa_progress)(void *arg, const char *phase, uint64_t done, uint64_t total);

/* The matrix is that of the terms that two documents or more share, and `dimension` may not exceed
 * its smaller side: INVALID_ARGUMENT/BAD_DIMENSION at "dimension". Seconds for 100,000 documents, on
 * the calling thread alone: OpenBLAS is told to use one thread, in the whole process. Stops within
 * some 100 ms of `cancelled` (may be NULL), with CANCELLED/CANCELLED. */
enum code lsa_fit(const struct bm25 *matrix, uint32_t dimension, uint64_t seed,
	atomic_bool *cancelled, lsa_progress progress, void *arg, struct lsa **out,
	struct error *e);
/* The largest dimension that lsa_fit takes; 0: there is none. */
uint32_t lsa_largest_dimension(const struct bm25 *matrix);
void lsa_free(struct lsa *l);
uint32_t lsa_dimension(const struct lsa *l);

/* Encodes one document of the fitted matrix to unit length. False when none of its terms is known:
 * there is no vector for it. `out` holds `dimension` floats. Any thread. */
bool lsa_encode_document(
	const struct lsa *l, const struct bm25 *matrix, uint32_t document, float *out);
/* Encodes any text as if it were a document: its own term counts and length, the fitted matrix's idf
 * and average length. INVALID_ARGUMENT/NO_KNOWN_TERM when there is no vector for it. Any thread. */
enum code lsa_encode_text(const struct lsa *l, const char *text, float *out, struct error *e);

/* Self-contained: terms, weights, V; checksummed. Written aside, fsynced, renamed: a save that
 * fails leaves the file that was there or the new one, whole. Loading refuses what does not check:
 * DATA_LOSS/CORRUPT_FILE. */
enum code lsa_save(const struct lsa *l, const char *path, struct error *e);
enum code lsa_load(const char *path, struct lsa **out, struct error *e);

#endif
