#include "workers/mine/report.h"

#include "workers/mine/put.h"

void report_init(struct report *r, const Pb__MineNegativesRequest *recipe)
{
	*r = (struct report){
		.num_negatives = recipe->num_negatives, .shortfall = recipe->shortfall};
	pb__rejected__init(&r->rejected);
}

void report_free(struct report *r)
{
	numbers_free(&r->positive);
	numbers_free(&r->negative);
	numbers_free(&r->difference);
	numbers_free(&r->margins);
}

static void add_rejected(Pb__Rejected *sum, const Pb__Rejected *rejected)
{
	const ProtobufCMessageDescriptor *type = &pb__rejected__descriptor;

	for (unsigned i = 0; i < type->n_fields; i++) {
		size_t value = type->fields[i].offset, has = type->fields[i].quantifier_offset;
		*(uint64_t *)((char *)sum + value) +=
			*(const uint64_t *)((const char *)rejected + value);
		*(protobuf_c_boolean *)((char *)sum + has) = true;
	}
}

static enum code add_pair(struct report *r, double positive, double negative, struct error *e)
{
	if (numbers_add(&r->positive, positive, e) || numbers_add(&r->negative, negative, e) ||
		numbers_add(&r->difference, positive - negative, e))
		return e->code;
	return OK;
}

static enum code add_negative(struct report *r, const Pb__MineResult *result,
	const Pb__Negative *negative, struct error *e)
{
	r->random += negative->source == PB__SOURCE_KIND__SOURCE_KIND_RANDOM;
	if (!negative->has_score)
		return OK;
	if (result->has_anchor_score) {
		r->at_or_above_anchor += negative->score >= result->anchor_score;
		if (numbers_add(&r->margins, result->anchor_score - negative->score, e))
			return e->code;
	}
	for (size_t i = 0; i < result->n_positives; i++)
		if (result->positives[i]->has_score &&
			add_pair(r, result->positives[i]->score, negative->score, e))
			return e->code;
	return OK;
}

static void add_counts(struct report *r, const Pb__MineResult *result)
{
	bool is_short = result->n_negatives < r->num_negatives;

	r->queries_short += is_short;
	r->queries_dropped += is_short && r->shortfall == PB__SHORTFALL__SHORTFALL_DROP;
	r->negatives += result->n_negatives;
	r->candidates += result->candidates;
	if (result->depth > r->depth_max)
		r->depth_max = result->depth;
	if (result->rejected)
		add_rejected(&r->rejected, result->rejected);
}

enum code report_add(struct report *r, const Pb__MineResult *result, struct error *e)
{
	r->queries++;
	if (result->error) {
		r->queries_failed++;
		return OK;
	}
	add_counts(r, result);
	for (size_t i = 0; i < result->n_negatives; i++)
		if (add_negative(r, result, result->negatives[i], e))
			return e->code;
	return OK;
}

static Pb__Distribution *describe(struct numbers *numbers, struct arena *arena)
{
	Pb__Distribution *d = arena_alloc(arena, sizeof *d);

	if (d)
		numbers_describe(numbers, d);
	return d;
}

static enum code put_scores(
	struct report *r, struct arena *arena, Pb__MineSummary *out, struct error *e)
{
	Pb__ScoreStatistics *s = out->scores = arena_alloc(arena, sizeof *s);

	if (!s)
		return error_memory(e);
	pb__score_statistics__init(s);
	s->positive = describe(&r->positive, arena);
	s->negative = describe(&r->negative, arena);
	s->difference = describe(&r->difference, arena);
	return s->positive && s->negative && s->difference ? OK : error_memory(e);
}

static enum code put_risk(
	struct report *r, struct arena *arena, Pb__MineSummary *out, struct error *e)
{
	Pb__FalseNegativeRisk *risk = out->risk = arena_alloc(arena, sizeof *risk);

	if (!risk)
		return error_memory(e);
	pb__false_negative_risk__init(risk);
	if (r->margins.n) {
		PUT(risk, share_at_or_above_anchor, (double)r->at_or_above_anchor / r->margins.n);
		PUT(risk, margin_q05, numbers_quantile(&r->margins, .05));
		PUT(risk, margin_q25, numbers_quantile(&r->margins, .25));
		PUT(risk, margin_q50, numbers_quantile(&r->margins, .5));
	}
	if (r->negatives)
		PUT(risk, share_random, (double)r->random / r->negatives);
	return OK;
}

static enum code put_counts(
	const struct report *r, struct arena *arena, Pb__MineSummary *out, struct error *e)
{
	PUT(out, queries, r->queries);
	PUT(out, queries_short, r->queries_short);
	PUT(out, queries_dropped, r->queries_dropped);
	PUT(out, queries_failed, r->queries_failed);
	PUT(out, negatives, r->negatives);
	PUT(out, candidates, r->candidates);
	PUT(out, depth_max, r->depth_max);
	out->rejected = arena_copy(arena, &r->rejected, sizeof r->rejected);
	return out->rejected ? OK : error_memory(e);
}

enum code report_finish(
	struct report *r, struct arena *arena, Pb__MineSummary *out, struct error *e)
{
	if (put_counts(r, arena, out, e) || put_scores(r, arena, out, e) ||
		put_risk(r, arena, out, e))
		return e->code;
	return OK;
}
