#include "storage/text/lsa.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage/text/array.h"
#include "storage/text/bm25_matrix.h"
#include "storage/text/lsa_model.h"
#include "storage/text/tokens.h"

void lsa_free(struct lsa *l)
{
	if (!l)
		return;
	terms_free(&l->terms);
	free(l->idf);
	free(l->v);
	free(l);
}

uint32_t lsa_dimension(const struct lsa *l)
{
	return l->dimension;
}

static void add_term(const struct lsa *l, uint32_t term, uint32_t tf, double norm, float *out)
{
	const float *v = l->v + (size_t)term * l->dimension;
	float weight = (float)(l->idf[term] * bm25_saturated(tf, norm));

	for (uint32_t j = 0; j < l->dimension; j++)
		out[j] += weight * v[j];
}

static bool normalize(float *out, uint32_t n)
{
	double sum = 0;

	for (uint32_t j = 0; j < n; j++)
		sum += (double)out[j] * out[j];
	if (sum == 0)
		return false;
	for (uint32_t j = 0; j < n; j++)
		out[j] = (float)(out[j] / sqrt(sum));
	return true;
}

/* Terms are found by their bytes, so that an encoder read from a file fits the index built since. */
bool lsa_encode_document(
	const struct lsa *l, const struct bm25 *matrix, uint32_t document, float *out)
{
	double norm = bm25_norm_of(matrix, bm25_whole(matrix)->length[document]);

	memset(out, 0, l->dimension * sizeof *out);
	for (struct bm25_row row = segment_row(bm25_whole(matrix), document);
		bm25_row_next(&row);) {
		size_t length;
		const char *bytes = terms_get(&bm25_whole(matrix)->terms, row.term, &length);
		uint32_t term = terms_find(&l->terms, bytes, length);
		if (term != NO_TERM)
			add_term(l, term, row.tf, norm, out);
	}
	return normalize(out, l->dimension);
}

/* A text's known terms, one for each time they occur. */
struct found {
	uint32_t *terms;
	size_t n, cap;
	uint64_t length; /* of the text in tokens, known or not */
};

static bool find_terms(const struct lsa *l, struct tokens *tokens, struct found *found)
{
	size_t length;

	for (const char *token; (token = tokens_next(tokens, &length)); found->length++) {
		uint32_t term = terms_find(&l->terms, token, length);
		if (term == NO_TERM)
			continue;
		if (!array_grow(&found->terms, &found->cap, found->n + 1, sizeof *found->terms))
			return false;
		found->terms[found->n++] = term;
	}
	return !tokens->failed;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* By rising term, as documents are: the same text gets the same bytes. */
static bool encode_found(const struct lsa *l, const struct found *found, float *out)
{
	double norm = bm25_norm(l->k1, l->b, l->average, (double)found->length);

	memset(out, 0, l->dimension * sizeof *out);
	if (found->n)
		qsort(found->terms, found->n, sizeof *found->terms, by_number);
	for (size_t i = 0, tf; i < found->n; i += tf) {
		for (tf = 1; i + tf < found->n && found->terms[i + tf] == found->terms[i];)
			tf++;
		add_term(l, found->terms[i], (uint32_t)tf, norm, out);
	}
	return normalize(out, l->dimension);
}

enum code lsa_encode_text(const struct lsa *l, const char *text, float *out, struct error *e)
{
	struct found found = {0};
	struct tokens tokens;
	enum code code;

	if (tokens_open(&tokens, *l->stemmer ? l->stemmer : NULL, e))
		return e->code;
	tokens_start(&tokens, text);
	if (!find_terms(l, &tokens, &found))
		code = error_memory(e);
	else if (!encode_found(l, &found, out))
		code = error_set(e, INVALID_ARGUMENT, "NO_KNOWN_TERM",
			"The text has no word that two documents of the collection share, so lsa "
			"has no vector for it.");
	else
		code = OK;
	tokens_close(&tokens);
	free(found.terms);
	return code;
}
