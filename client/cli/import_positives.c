/*
 * Judgments. Files of judgments name documents and queries that their corpus does not have (a
 * subset of a corpus, one split's queries), and the daemon rightly refuses a message that does. So
 * each message goes by itself: when it is refused for positives[i], every judgment of its that
 * names the same missing thing is dropped and counted, and the rest is sent again.
 */
#include <string.h>

#include "client/cli/import.h"
#include "client/cli/progress.h"
#include "client/cli/records.h"

struct batch {
	Pb__Positive *items[MESSAGE_ITEMS];
	size_t n;
};

/* Drops what names the same missing query or document as positives[i]. */
static size_t drop_like(struct batch *b, size_t at, bool query)
{
	const char *missing = query ? b->items[at]->query_id : b->items[at]->document_id;
	size_t kept = 0;

	for (size_t i = 0; i < b->n; i++) {
		const Pb__Positive *p = b->items[i];
		if (strcmp(query ? p->query_id : p->document_id, missing) != 0)
			b->items[kept++] = b->items[i];
	}
	size_t dropped = b->n - kept;
	b->n = kept;
	return dropped;
}

/* Whether the refusal was for one judgment's missing query or document: which, and of which side. */
static bool names_missing(const struct error *e, size_t n, size_t *at, bool *query)
{
	char side[16];

	if (e->code != NOT_FOUND || sscanf(e->field, "positives[%zu].%15s", at, side) != 2)
		return false;
	*query = !strcmp(side, "query_id");
	return *at < n && (*query || !strcmp(side, "document_id"));
}

static enum code send(struct session *s, const char *collection, struct batch *b,
	struct import_counts *counts, struct error *e)
{
	Pb__UpsertPositivesRequest request = PB__UPSERT_POSITIVES_REQUEST__INIT;

	request.collection = collection;
	request.positives = b->items;
	while (b->n) {
		Pb__UpsertResponse *answer;
		size_t at;
		bool query;

		request.n_positives = b->n;
		if (!session_ask(s, "UpsertPositives", &request.base, &answer, e)) {
			counts->created += answer->created;
			counts->updated += answer->updated;
			counts->unchanged += answer->unchanged;
			return OK;
		}
		if (!names_missing(e, b->n, &at, &query))
			return e->code;
		counts->unknown += drop_like(b, at, query);
	}
	return OK;
}

static enum code read(struct lines *l, struct arena *arena, struct batch *b,
	struct import_counts *counts, bool *more, struct error *e)
{
	while (b->n < MESSAGE_ITEMS) {
		Pb__Positive *positive;
		bool graded;

		if (lines_next(l, more, e))
			return e->code;
		if (!*more)
			return OK;
		if (record_positive(l, arena, &positive, &graded, e))
			return lines_at(l, e);
		if (positive)
			b->items[b->n++] = positive;
		else
			counts->no_grade += graded;
	}
	return OK;
}

static enum code one_message(struct session *s, const char *collection, struct lines *l,
	struct import_counts *counts, bool *more, struct error *e)
{
	struct batch b = {.n = 0};
	struct arena arena;

	arena_init(&arena, MESSAGE_MEMORY);
	enum code code = read(l, &arena, &b, counts, more, e);
	if (!code)
		code = send(s, collection, &b, counts, e);
	arena_free(&arena);
	return code;
}

static uint64_t judgments(const struct import_counts *c)
{
	return c->created + c->updated + c->unchanged + c->unknown + c->no_grade;
}

enum code import_positives(struct session *s, const char *collection, const char *path,
	struct import_counts *counts, struct error *e)
{
	struct progress progress;
	struct progress_state state = {.rate = -1, .eta = -1};
	double began = seconds_now();
	struct lines l;
	bool more = true;
	enum code code = OK;

	if (lines_open(&l, path, e))
		return e->code;
	progress_begin(&progress, "positives", s->quiet);
	while (more && !code) {
		code = one_message(s, collection, &l, counts, &more, e);
		state.items = judgments(counts);
		state.share = l.size ? (double)l.read / (double)l.size : -1;
		progress_show(&progress, &state);
	}
	if (code)
		progress_clear(&progress);
	else
		progress_end(&progress, &state);
	lines_close(&l);
	counts->seconds += seconds_now() - began;
	return code;
}
