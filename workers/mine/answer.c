#include "workers/mine/answer.h"

#include <math.h>

#include "workers/mine/put.h"

/* PUT, where there is a value. */
#define PUT_SCORE(message, field, value) \
	do { \
		if (!isnan(value)) \
			PUT(message, field, value); \
	} while (0)

/* The source that ranked it best; of equals the first of the schema. */
static Pb__SourceKind best_source(const struct candidate *c)
{
	size_t best = 0;

	for (size_t s = 1; s < N_SOURCES; s++)
		if (c->seen[s].rank < c->seen[best].rank)
			best = s;
	return best;
}

static size_t count_verdict(const struct list *list, enum verdict v)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->at[i].verdict == v;
	return n;
}

static Pb__Negative *add_negative(Pb__MineResult *r, Pb__Negative *n, const char *id, double score)
{
	pb__negative__init(n);
	n->document_id = id;
	PUT_SCORE(n, score, score);
	r->negatives[r->n_negatives++] = n;
	return n;
}

static enum code put_negatives(struct attempt *a, const struct list *list, const struct fill *fill,
	Pb__MineResult *r, struct error *e)
{
	const char **id = a->m->view.corpus->id;
	size_t n = count_verdict(list, CHOSEN) + fill->n;
	Pb__Negative *negative = arena_array(&a->arena, n, sizeof *negative);

	r->negatives = arena_array(&a->arena, n, sizeof *r->negatives);
	if (!negative || !r->negatives)
		return error_memory(e);
	for (size_t i = 0; i < list->n; i++) {
		const struct candidate *c = &list->at[i];
		if (c->verdict != CHOSEN)
			continue;
		add_negative(r, negative, id[c->document], c->score);
		PUT(negative, rank, c->rank);
		PUT(negative, source, best_source(c));
		negative++;
	}
	for (size_t i = 0; i < fill->n; i++) {
		add_negative(r, negative, id[fill->filled[i].document], fill->filled[i].score);
		PUT(negative, source, PB__SOURCE_KIND__SOURCE_KIND_RANDOM);
		negative++;
	}
	PUT(r, filled, fill->n);
	return OK;
}

static enum code put_positives(
	struct attempt *a, const struct pair *p, Pb__MineResult *r, struct error *e)
{
	Pb__ScoredPositive *positive = arena_array(&a->arena, p->n, sizeof *positive);

	r->positives = arena_array(&a->arena, p->n, sizeof *r->positives);
	if (!positive || !r->positives)
		return error_memory(e);
	for (size_t i = 0; i < p->n; i++, positive++) {
		pb__scored_positive__init(positive);
		positive->document_id = a->m->view.corpus->id[a->query->positives[p->first + i]];
		PUT_SCORE(positive, score, a->positive_scores[p->first + i]);
		r->positives[r->n_positives++] = positive;
	}
	return OK;
}

/* The verdicts are the numbers of the fields. */
static enum code put_rejected(
	struct attempt *a, const struct list *list, Pb__MineResult *r, struct error *e)
{
	r->rejected = arena_alloc(&a->arena, sizeof *r->rejected);
	if (!r->rejected)
		return error_memory(e);
	pb__rejected__init(r->rejected);
	for (enum verdict v = CHOSEN + 1; v < N_VERDICTS; v++) {
		const ProtobufCFieldDescriptor *f =
			protobuf_c_message_descriptor_get_field(&pb__rejected__descriptor, v);
		char *message = (char *)r->rejected;
		*(uint64_t *)(message + f->offset) = count_verdict(list, v);
		*(protobuf_c_boolean *)(message + f->quantifier_offset) = true;
	}
	PUT(r->rejected, unlisted, list->unlisted);
	return OK;
}

static enum code begin(
	struct attempt *a, const struct pair *p, Pb__MineResult **out, struct error *e)
{
	Pb__MineResult *r = arena_alloc(&a->arena, sizeof *r);

	if (!r)
		return error_memory(e);
	pb__mine_result__init(r);
	r->query_id = a->query->id;
	if (a->m->recipe->include_text)
		r->text = a->query->text;
	if (p->anchor.document != NO_DOCUMENT)
		r->anchor_id = a->m->view.corpus->id[p->anchor.document];
	else if (p->salt)
		r->anchor_id = p->salt;
	PUT_SCORE(r, anchor_score, p->anchor.score);
	*out = r;
	return OK;
}

static uint32_t depth_reached(const struct attempt *a)
{
	return a->ask.depth < a->m->view.corpus->n ? a->ask.depth : a->m->view.corpus->n;
}

enum code answer_pair(struct attempt *a, const struct pair *p, const struct list *list,
	const struct fill *fill, Pb__MineResult **out, struct error *e)
{
	Pb__MineResult *r;

	if (begin(a, p, &r, e) || put_positives(a, p, r, e) || put_negatives(a, list, fill, r, e) ||
		put_rejected(a, list, r, e))
		return e->code;
	PUT(r, candidates, list->n + list->unlisted);
	PUT(r, depth, depth_reached(a));
	if (a->m->recipe->explain && explain_list(a->m->view.corpus, list, &a->arena, r, e))
		return e->code;
	*out = r;
	return OK;
}

enum code answer_error(struct attempt *a, const struct pair *p, const struct error *why,
	Pb__MineResult **out, struct error *e)
{
	Pb__MineResult *r;

	if (begin(a, p, &r, e))
		return e->code;
	r->error = arena_alloc(&a->arena, sizeof *r->error);
	if (!r->error)
		return error_memory(e);
	pb__error__init(r->error);
	PUT(r->error, code, error_http_status(why));
	r->error->status = code_name(why->code);
	r->error->reason = arena_strdup(&a->arena, why->reason);
	r->error->message = arena_strdup(&a->arena, why->text);
	r->error->field = arena_strdup(&a->arena, why->field);
	if (!r->error->reason || !r->error->message || !r->error->field)
		return error_memory(e);
	*out = r;
	return OK;
}
