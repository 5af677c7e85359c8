#include "client/cli/rows.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const row_formats[] = {"triplet", "n-tuple", "labeled-pair", "labeled-list", NULL};

/* A positive or a negative: what a row needs of either. */
struct passage {
	const char *id, *text;
	bool has_score;
	double score;
};

static struct passage positive_at(const Pb__MineResult *result, size_t i)
{
	const Pb__ScoredPositive *p = result->positives[i];

	return (struct passage){p->document_id, p->text, p->has_score, p->score};
}

static struct passage negative_at(const Pb__MineResult *result, size_t i)
{
	const Pb__Negative *n = result->negatives[i];

	return (struct passage){n->document_id, n->text, n->has_score, n->score};
}

static int append(const char *bytes, size_t len, void *to)
{
	buf_add(to, bytes, len);
	return 0;
}

static void put_string(struct buf *to, const char *text)
{
	json_t *string = json_string(text ? text : "");

	if (!string || json_dump_callback(string, append, to, JSON_ENCODE_ANY))
		to->failed = true;
	json_decref(string);
}

static void put_key(struct buf *to, const char *key)
{
	buf_printf(to, ", \"%s\": ", key);
}

static void put_passage(struct buf *to, const struct rows *r, struct passage p)
{
	put_string(to, r->ids ? p.id : p.text);
}

/* The fewest digits that read back as the same number. */
static void put_score(struct buf *to, struct rows *r, struct passage p)
{
	char digits[40];
	int precision = 6;

	if (!p.has_score || !isfinite(p.score)) {
		r->unscored++;
		buf_str(to, "null");
		return;
	}
	do
		snprintf(digits, sizeof digits, "%.*g", precision, p.score);
	while (strtod(digits, NULL) != p.score && precision++ < 17);
	buf_str(to, digits);
}

static void begin_row(struct buf *to, const struct rows *r, const Pb__MineResult *result)
{
	buf_str(to, "{\"anchor\": ");
	put_string(to, r->ids ? result->query_id : result->text);
	put_key(to, "positive");
}

static void end_row(struct buf *to, struct rows *r)
{
	buf_str(to, "}\n");
	r->written++;
}

/* "scores": [positive, negative ...] of the negatives first .. first + n. */
static void put_scores(struct buf *to, struct rows *r, const Pb__MineResult *result,
	struct passage positive, size_t first, size_t n)
{
	put_key(to, "scores");
	buf_char(to, '[');
	put_score(to, r, positive);
	for (size_t i = first; i < first + n; i++) {
		buf_str(to, ", ");
		put_score(to, r, negative_at(result, i));
	}
	buf_char(to, ']');
}

static void triplets(struct rows *r, const Pb__MineResult *result, size_t at, struct buf *to)
{
	struct passage positive = positive_at(result, at);

	for (size_t i = 0; i < result->n_negatives; i++) {
		begin_row(to, r, result);
		put_passage(to, r, positive);
		put_key(to, "negative");
		put_passage(to, r, negative_at(result, i));
		if (r->scores)
			put_scores(to, r, result, positive, i, 1);
		end_row(to, r);
	}
	r->left_out += result->n_negatives == 0;
}

static void n_tuple(struct rows *r, const Pb__MineResult *result, size_t at, struct buf *to)
{
	struct passage positive = positive_at(result, at);

	if (result->n_negatives < r->num_negatives) {
		r->left_out++;
		return;
	}
	begin_row(to, r, result);
	put_passage(to, r, positive);
	for (size_t i = 0; i < r->num_negatives; i++) {
		buf_printf(to, ", \"negative_%zu\": ", i + 1);
		put_passage(to, r, negative_at(result, i));
	}
	if (r->scores)
		put_scores(to, r, result, positive, 0, r->num_negatives);
	end_row(to, r);
}

static void labeled_pair(struct rows *r, const Pb__MineResult *result, struct passage passage,
	int label, struct buf *to)
{
	begin_row(to, r, result);
	put_passage(to, r, passage);
	put_key(to, r->scores ? "score" : "label");
	if (r->scores)
		put_score(to, r, passage);
	else
		buf_printf(to, "%d", label);
	end_row(to, r);
}

static void labeled_list(struct rows *r, const Pb__MineResult *result, size_t at, struct buf *to)
{
	struct passage positive = positive_at(result, at);

	if (!result->n_negatives) {
		r->left_out++;
		return;
	}
	begin_row(to, r, result);
	buf_char(to, '[');
	put_passage(to, r, positive);
	for (size_t i = 0; i < result->n_negatives; i++) {
		buf_str(to, ", ");
		put_passage(to, r, negative_at(result, i));
	}
	buf_char(to, ']');
	if (r->scores) {
		put_scores(to, r, result, positive, 0, result->n_negatives);
	} else {
		put_key(to, "labels");
		buf_str(to, "[1");
		for (size_t i = 0; i < result->n_negatives; i++)
			buf_str(to, ", 0");
		buf_char(to, ']');
	}
	end_row(to, r);
}

static void one_positive(struct rows *r, const Pb__MineResult *result, size_t at, struct buf *to)
{
	switch (r->format) {
	case TRIPLET:
		triplets(r, result, at, to);
		break;
	case N_TUPLE:
		n_tuple(r, result, at, to);
		break;
	case LABELED_PAIR:
		labeled_pair(r, result, positive_at(result, at), 1, to);
		break;
	case LABELED_LIST:
		labeled_list(r, result, at, to);
		break;
	}
}

void rows_write(struct rows *r, const Pb__MineResult *result, struct buf *to)
{
	const char *only = r->anchor_only ? result->anchor_id : NULL;

	if (result->error) {
		r->failed++;
		return;
	}
	for (size_t i = 0; i < result->n_positives; i++)
		if (!only || !strcmp(only, result->positives[i]->document_id))
			one_positive(r, result, i, to);
	for (size_t i = 0; r->format == LABELED_PAIR && i < result->n_negatives; i++)
		labeled_pair(r, result, negative_at(result, i), 0, to);
}
