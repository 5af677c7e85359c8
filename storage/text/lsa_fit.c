/*
 * Fitting: the leading right singular vectors V of the documents x terms matrix A, by randomized
 * subspace iteration with projection at the end (Halko, Martinsson, Tropp 2011, algorithms 4.4 and
 * 5.1, applied to A transposed):
 *
 *     X = A' G, G random normal, documents x width        a sketch of what the rows of A span
 *     X = orth(X);  X = A' (A X)                          REFINEMENTS times: sharpens it
 *     X = orth(X);  Y = A X                               the matrix within that span ...
 *     V = X U, where Y' Y = U S^2 U'                      ... and its singular vectors
 *
 * width is the dimension and OVERSAMPLING columns more. A document's row y = a X goes straight back
 * into the sum of a' y and is forgotten: nothing of the documents' size is ever stored, only two
 * matrices of terms x width. Rows are read packed from the index.
 *
 * orth(X) goes through the eigenvectors of X'X, summed in double (Stathopoulos and Wu 2002): one
 * pass over row blocks, so it can stop half way, and columns beyond the rank, which a QR would fill
 * with noise, become zero. Squaring halves the digits, but double has twice those of the floats in X.
 *
 * Terms of a single document are left out: they relate no documents, and are half of the terms.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <lapacke.h>
#undef I /* complex.h's */

#include "storage/text/array.h"
#include "storage/text/bm25_matrix.h"
#include "storage/text/lsa_model.h"
#include "storage/text/random.h"
#include "storage/text/sparse.h"

enum {
	OVERSAMPLING = 16,
	REFINEMENTS = 2,
	BLOCK = 256,		 /* rows of a dense product at once */
	LOOK_UP_EVERY = 1 << 24, /* multiplications between two looks at `cancelled`: some 5 ms */
};

struct fit {
	const struct bm25 *matrix;
	const char *phase;
	atomic_bool *cancelled;
	lsa_progress progress;
	void *arg;
	uint64_t done, total; /* multiplications of sparse entries with dense rows */
	uint64_t since;	      /* since the last look */

	uint32_t dimension, n_terms;
	size_t columns, width;	       /* of X, and with the zeroes that fill up its rows */
	uint32_t *row_of;	       /* a term of the matrix: its row of X, or NO_TERM */
	double *idf;		       /* likewise */
	float *x, *next;	       /* n_terms x width; next is where A'AX grows */
	struct sparse_entry *entries;  /* the document at hand */
	float *y;		       /* BLOCK x width */
	double *gram, *block, *turned; /* width x width; BLOCK x width, twice */
	double *eigenvalues;	       /* width */
};

static void fit_free(struct fit *f)
{
	free(f->row_of);
	free(f->idf);
	free(f->x);
	free(f->next);
	free(f->entries);
	free(f->y);
	free(f->gram);
	free(f->block);
	free(f->turned);
	free(f->eigenvalues);
}

static uint32_t choose_terms(struct fit *f)
{
	uint32_t n = 0;

	for (uint32_t t = 0; t < bm25_whole(f->matrix)->terms.n; t++) {
		size_t df = segment_frequency(bm25_whole(f->matrix), t);
		f->row_of[t] = df > 1 ? n++ : NO_TERM;
		f->idf[t] = bm25_idf(f->matrix, (double)df);
		f->total += df > 1 ? df : 0;
	}
	return n;
}

static uint32_t smaller_side(const struct bm25 *m, uint32_t n_terms)
{
	return n_terms < m->filled ? n_terms : m->filled;
}

uint32_t lsa_largest_dimension(const struct bm25 *matrix)
{
	uint32_t n = 0;

	for (uint32_t t = 0; t < bm25_whole(matrix)->terms.n; t++)
		n += segment_frequency(bm25_whole(matrix), t) > 1;
	return smaller_side(matrix, n);
}

static bool check_dimension(const struct fit *f, struct error *e)
{
	uint32_t most = smaller_side(f->matrix, f->n_terms);

	if (f->dimension && f->dimension <= most)
		return true;
	if (most)
		error_set(e, INVALID_ARGUMENT, "BAD_DIMENSION",
			"The dimension must be 1 to %u here: %u documents share %u terms.", most,
			f->matrix->filled, f->n_terms);
	else
		error_set(e, INVALID_ARGUMENT, "BAD_DIMENSION",
			"No two documents share a term, so no dimension is small enough.");
	error_field(e, "dimension");
	return false;
}

static size_t longest_row(const struct bm25 *m)
{
	size_t longest = 0;

	const size_t *start = bm25_whole(m)->row_start;
	for (uint32_t d = 0; d < m->n; d++) {
		size_t bytes = start[d + 1] - start[d];
		longest = bytes > longest ? bytes : longest;
	}
	return longest / 2; /* an entry has two bytes or more */
}

static bool allocate(struct fit *f)
{
	size_t width = f->width, cells;

	if (__builtin_mul_overflow((size_t)f->n_terms, width, &cells))
		return false;
	f->x = array_new(cells, sizeof *f->x);
	f->next = array_new(cells, sizeof *f->next);
	f->entries = array_new(longest_row(f->matrix), sizeof *f->entries);
	f->y = array_new(BLOCK * width, sizeof *f->y);
	f->gram = array_new(width * width, sizeof *f->gram);
	f->block = array_new(BLOCK * width, sizeof *f->block);
	f->turned = array_new(BLOCK * width, sizeof *f->turned);
	f->eigenvalues = array_new(width, sizeof *f->eigenvalues);
	return f->x && f->next && f->entries && f->y && f->gram && f->block && f->turned &&
	       f->eigenvalues;
}

static enum code prepare(struct fit *f, struct error *e)
{
	f->row_of = array_new(bm25_whole(f->matrix)->terms.n, sizeof *f->row_of);
	f->idf = array_new(bm25_whole(f->matrix)->terms.n, sizeof *f->idf);
	if (!f->row_of || !f->idf)
		return error_memory(e);
	f->n_terms = choose_terms(f);
	if (!check_dimension(f, e))
		return e->code;
	f->columns = f->dimension + OVERSAMPLING;
	f->columns = f->columns < f->n_terms ? f->columns : f->n_terms;
	f->width = (f->columns + SPARSE_LANES - 1) / SPARSE_LANES * SPARSE_LANES;
	f->total *= (2 * REFINEMENTS + 2) * f->width;
	return allocate(f) ? OK : error_memory(e);
}

/* Looks first thing. */
static void enter(struct fit *f, const char *phase)
{
	f->phase = phase;
	f->since = LOOK_UP_EVERY;
}

/* Says how far it is and asks whether to go on. */
static enum code look_up(struct fit *f, uint64_t multiplications, struct error *e)
{
	f->since += multiplications;
	if (f->since < LOOK_UP_EVERY)
		return OK;
	f->since = 0;
	if (f->progress)
		f->progress(f->arg, f->phase, f->done, f->total);
	if (f->cancelled && atomic_load_explicit(f->cancelled, memory_order_relaxed))
		return error_set(e, CANCELLED, "CANCELLED", "The encoder's fitting was cancelled.");
	return OK;
}

static enum code multiplied(struct fit *f, size_t entries, struct error *e)
{
	f->done += entries * f->width;
	return look_up(f, entries * f->width, e);
}

/* A document's row of A, in f->entries; returns its length. */
static size_t read_row(const struct fit *f, uint32_t document)
{
	const struct bm25 *m = f->matrix;
	double norm = bm25_norm_of(m, bm25_whole(m)->length[document]);
	size_t n = 0;

	for (struct bm25_row row = segment_row(bm25_whole(m), document); bm25_row_next(&row);)
		if (f->row_of[row.term] != NO_TERM)
			f->entries[n++] = (struct sparse_entry){f->row_of[row.term],
				(float)(f->idf[row.term] * bm25_saturated(row.tf, norm))};
	return n;
}

/* x = A' G */
static enum code sketch(struct fit *f, uint64_t seed, struct error *e)
{
	struct random random;

	enter(f, "sketch");
	random_seed(&random, seed);
	for (uint32_t d = 0; d < f->matrix->n; d++) {
		size_t n = read_row(f, d);
		random_normal(&random, f->y, f->columns);
		sparse_scatter(f->entries, n, f->x, f->width, f->y);
		if (multiplied(f, n, e))
			return e->code;
	}
	return OK;
}

/* x = A' (A x) */
static enum code square(struct fit *f, struct error *e)
{
	float *x = f->x;

	memset(f->next, 0, f->n_terms * f->width * sizeof *f->next);
	for (uint32_t d = 0; d < f->matrix->n; d++) {
		size_t n = read_row(f, d);
		sparse_gather(f->entries, n, f->x, f->width, f->y);
		sparse_scatter(f->entries, n, f->next, f->width, f->y);
		if (multiplied(f, 2 * n, e))
			return e->code;
	}
	f->x = f->next;
	f->next = x;
	return OK;
}

/* gram += rows' rows; its upper triangle */
static void add_gram(struct fit *f, const float *rows, size_t n)
{
	for (size_t i = 0; i < n * f->width; i++)
		f->block[i] = rows[i];
	cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)f->columns, (int)n, 1, f->block,
		(int)f->width, 1, f->gram, (int)f->width);
}

/* Puts the gram matrix's eigenvectors in its place, as columns, by falling eigenvalue. */
static enum code solve_gram(struct fit *f, struct error *e)
{
	size_t n = f->columns;
	int info = LAPACKE_dsyevd(
		LAPACK_ROW_MAJOR, 'V', 'U', (int)n, f->gram, (int)f->width, f->eigenvalues);

	if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
		return error_memory(e);
	if (info)
		return error_set(e, INTERNAL, "NO_CONVERGENCE",
			"The encoder's singular vectors could not be computed (%d).", info);
	for (size_t j = 0; j < n / 2; j++) {
		double value = f->eigenvalues[j];
		f->eigenvalues[j] = f->eigenvalues[n - 1 - j];
		f->eigenvalues[n - 1 - j] = value;
		for (size_t i = 0; i < n; i++) {
			double *row = f->gram + i * f->width, swapped = row[j];
			row[j] = row[n - 1 - j];
			row[n - 1 - j] = swapped;
		}
	}
	return OK;
}

/* x = x gram, for the first `kept` columns; the others become zero. */
static enum code turn(struct fit *f, size_t kept, struct error *e)
{
	for (size_t from = 0; from < f->n_terms; from += BLOCK) {
		size_t n = f->n_terms - from < BLOCK ? f->n_terms - from : BLOCK;
		float *rows = f->x + from * f->width;
		for (size_t i = 0; i < n * f->width; i++)
			f->block[i] = rows[i];
		cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)kept,
			(int)f->columns, 1, f->block, (int)f->width, f->gram, (int)f->width, 0,
			f->turned, (int)f->width);
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < f->width; j++)
				rows[i * f->width + j] =
					j < kept ? (float)f->turned[i * f->width + j] : 0;
		if (look_up(f, n * f->width * f->width / 8, e))
			return e->code;
	}
	return OK;
}

/* x = orth(x): orthonormal columns for the same span. */
static enum code orthonormalize(struct fit *f, struct error *e)
{
	size_t kept = 0;

	memset(f->gram, 0, f->width * f->width * sizeof *f->gram);
	for (size_t from = 0; from < f->n_terms; from += BLOCK) {
		size_t n = f->n_terms - from < BLOCK ? f->n_terms - from : BLOCK;
		add_gram(f, f->x + from * f->width, n);
		if (look_up(f, n * f->width * f->width / 16, e))
			return e->code;
	}
	if (solve_gram(f, e))
		return e->code;
	/* below this lies what rounding to float left of zero */
	double least = f->eigenvalues[0] * 1e-13;
	while (kept < f->columns && f->eigenvalues[kept] > least)
		kept++;
	for (size_t i = 0; i < f->columns; i++)
		for (size_t j = 0; j < kept; j++)
			f->gram[i * f->width + j] /= sqrt(f->eigenvalues[j]);
	return turn(f, kept, e);
}

/* x = x U, where U are the right singular vectors of A x */
static enum code project(struct fit *f, struct error *e)
{
	size_t filled = 0;

	enter(f, "project");
	memset(f->gram, 0, f->width * f->width * sizeof *f->gram);
	for (uint32_t d = 0; d < f->matrix->n; d++) {
		size_t n = read_row(f, d);
		sparse_gather(f->entries, n, f->x, f->width, f->y + filled++ * f->width);
		if (filled == BLOCK || d + 1 == f->matrix->n) {
			add_gram(f, f->y, filled);
			filled = 0;
		}
		if (multiplied(f, n, e))
			return e->code;
	}
	return solve_gram(f, e) ? e->code : turn(f, f->dimension, e);
}

static enum code iterate(struct fit *f, uint64_t seed, struct error *e)
{
	if (sketch(f, seed, e))
		return e->code;
	enter(f, "refine");
	for (int i = 0; i < REFINEMENTS; i++)
		if (orthonormalize(f, e) || square(f, e))
			return e->code;
	return orthonormalize(f, e) ? e->code : project(f, e);
}

/* A singular vector's sign is free: its largest component is made positive, the first of equals. */
static void copy_vectors(const struct fit *f, struct lsa *l)
{
	for (size_t j = 0; j < f->dimension; j++) {
		float largest = 0;
		for (size_t t = 0; t < f->n_terms; t++) {
			float value = f->x[t * f->width + j];
			largest = fabsf(value) > fabsf(largest) ? value : largest;
		}
		for (size_t t = 0; t < f->n_terms; t++) {
			float value = f->x[t * f->width + j];
			l->v[t * f->dimension + j] = largest < 0 ? -value : value;
		}
	}
}

static bool copy_terms(const struct fit *f, struct lsa *l)
{
	const struct terms *terms = &bm25_whole(f->matrix)->terms;

	for (uint32_t t = 0; t < terms->n; t++) {
		size_t length;
		const char *term = terms_get(terms, t, &length);
		if (f->row_of[t] == NO_TERM)
			continue;
		if (terms_add(&l->terms, term, length) == NO_TERM)
			return false;
		l->idf[f->row_of[t]] = f->idf[t];
	}
	terms_trim(&l->terms);
	return true;
}

static enum code make_model(const struct fit *f, struct lsa **out, struct error *e)
{
	const struct bm25 *m = f->matrix;
	struct lsa *l = array_new(1, sizeof *l);

	if (!l)
		return error_memory(e);
	l->dimension = f->dimension;
	l->k1 = m->k1;
	l->b = m->b;
	l->average = m->average;
	snprintf(l->stemmer, sizeof l->stemmer, "%s", m->stemmer ? m->stemmer : "");
	l->idf = array_new(f->n_terms, sizeof *l->idf);
	l->v = array_new((size_t)f->n_terms * f->dimension, sizeof *l->v);
	if (!l->idf || !l->v || !copy_terms(f, l)) {
		lsa_free(l);
		return error_memory(e);
	}
	copy_vectors(f, l);
	*out = l;
	return OK;
}

enum code lsa_fit(const struct bm25 *matrix, uint32_t dimension, uint64_t seed,
	atomic_bool *cancelled, lsa_progress progress, void *arg, struct lsa **out, struct error *e)
{
	struct fit f = {.matrix = matrix,
		.dimension = dimension,
		.cancelled = cancelled,
		.progress = progress,
		.arg = arg};
	enum code code;

	openblas_set_num_threads(1); /* threads would sum in an order of their own */
	code = prepare(&f, e);
	if (!code)
		code = iterate(&f, seed, e);
	if (!code)
		code = make_model(&f, out, e);
	if (!code && progress)
		progress(arg, f.phase, f.total, f.total);
	fit_free(&f);
	return code;
}
