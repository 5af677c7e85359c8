/* A query's vector: what the request may bring, and where one comes from otherwise. */
#include <math.h>
#include <string.h>

#include "storage/text/lsa.h"
#include "workers/mine/query.h"

static bool brings_vector(const Pb__MineQuery *b)
{
	return b->n_vector || b->has_vector_f32;
}

static const char *vector_field(const Pb__MineQuery *b)
{
	return b->n_vector ? "vector" : "vector_f32";
}

static enum code check_length(const Pb__MineQuery *b, uint32_t dimension, struct error *e)
{
	if (b->n_vector ? b->n_vector == dimension
			: b->vector_f32.len == (size_t)dimension * sizeof(float))
		return OK;
	if (b->n_vector)
		error_set(e, INVALID_ARGUMENT, "WRONG_DIMENSION",
			"The vector has %zu numbers; the generation's have %u.", b->n_vector,
			dimension);
	else
		error_set(e, INVALID_ARGUMENT, "WRONG_DIMENSION",
			"The vector has %zu bytes; %u numbers of 4 bytes are %zu.",
			b->vector_f32.len, dimension, (size_t)dimension * sizeof(float));
	return error_field(e, "%s", vector_field(b));
}

static float brought_number(const Pb__MineQuery *b, size_t i)
{
	float f;

	if (b->n_vector)
		return b->vector[i];
	memcpy(&f, b->vector_f32.data + i * sizeof f, sizeof f); /* bytes need not be aligned */
	return f;
}

static enum code check_numbers(const Pb__MineQuery *b, const struct image *image, struct error *e)
{
	bool zero = true;

	for (size_t i = 0; i < image->dimension; i++) {
		float f = brought_number(b, i);
		zero = zero && f == 0;
		if (isfinite(f))
			continue;
		error_set(e, INVALID_ARGUMENT, "NOT_FINITE", "A vector's numbers must be finite.");
		return error_field(e, "%s[%zu]", vector_field(b), i);
	}
	if (!zero || image->similarity != PB__SIMILARITY__SIMILARITY_COSINE)
		return OK;
	error_set(e, INVALID_ARGUMENT, "ZERO_VECTOR",
		"A vector of zeros has no direction, so no cosine.");
	return error_field(e, "%s", vector_field(b));
}

/* Without a generation nothing looks at a vector, and there is nothing to check it against. */
enum code query_check_vector(const struct reading *r, const struct query *q)
{
	const Pb__MineQuery *b = q->brought;

	if (b->n_vector && b->has_vector_f32) {
		error_set(r->e, INVALID_ARGUMENT, "CONTRADICTION",
			"The query brings its vector twice; send vector or vector_f32.");
		return error_field(r->e, "vector_f32");
	}
	if (!brings_vector(b) || !r->view->image)
		return OK;
	if (check_length(b, r->view->image->dimension, r->e))
		return r->e->code;
	return check_numbers(b, r->view->image, r->e);
}

static enum code no_vector(const struct query *q, const struct image *image, struct error *e)
{
	error_set(e, FAILED_PRECONDITION, "NO_QUERY_VECTOR",
		"The query \"%s\" has no vector in generation %llu. Send one with the query, "
		"upload the query's before publishing, or encode the collection with lsa.",
		q->id, (unsigned long long)image->generation);
	return error_field(e, "queries[%zu]", q->index);
}

static enum code encode(
	const struct query *q, const struct image *image, float *out, struct error *e)
{
	enum code rc = lsa_encode_text(image->lsa, q->text, out, e);

	if (rc != INVALID_ARGUMENT)
		return rc;
	error_set(e, FAILED_PRECONDITION, "NO_QUERY_VECTOR",
		"No word of the query \"%s\" is in the collection, so lsa has no vector for it. "
		"Send a vector with the query.",
		q->id);
	return error_field(e, "queries[%zu]", q->index);
}

enum code query_vector(
	const struct query *q, const struct image *image, float *out, struct error *e)
{
	if (brings_vector(q->brought)) {
		for (size_t i = 0; i < image->dimension; i++)
			out[i] = brought_number(q->brought, i);
		return OK;
	}
	if (q->brought->text && image->lsa)
		return encode(q, image, out, e);
	if (q->number != NO_QUERY && image_query_vector(image, q->number, out))
		return OK;
	if (q->text && image->lsa)
		return encode(q, image, out, e);
	return no_vector(q, image, e);
}
