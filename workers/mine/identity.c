#include "workers/mine/identity.h"

#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int by_hash(const void *a, const void *b)
{
	const struct hash128 *x = a, *y = b;

	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	return (x->low > y->low) - (x->low < y->low);
}

/* An empty text says nothing, so it is never the same as another. */
static bool says_something(struct hash128 h)
{
	return h.low || h.high;
}

static void add_content(struct identity *id, struct hash128 h)
{
	if (says_something(h))
		id->contents[id->n_contents++] = h;
}

static void add_group(struct identity *id, uint32_t group)
{
	if (group)
		id->groups[id->n_groups++] = group;
}

/* A document and a positive are the same when any of their texts, with or without the title, is. */
static void take_contents(struct identity *id, const struct query *q)
{
	for (size_t i = 0; i < q->n_positives; i++) {
		add_content(id, id->corpus->content[q->positives[i]].whole);
		add_content(id, id->corpus->content[q->positives[i]].text);
	}
	qsort(id->contents, id->n_contents, sizeof *id->contents, by_hash);
	if (q->text)
		id->text = content_of(NULL, q->text).text;
}

static void take_groups(struct identity *id, const struct query *q)
{
	add_group(id, q->group);
	for (size_t i = 0; i < q->n_positives; i++)
		add_group(id, id->corpus->group[q->positives[i]]);
	qsort(id->groups, id->n_groups, sizeof *id->groups, by_number);
}

enum code identity_of(const Pb__MineNegativesRequest *recipe, const struct corpus *corpus,
	const struct query *q, struct arena *arena, struct identity *out, struct error *e)
{
	struct identity id = {.corpus = corpus, .n_positives = q->n_positives};

	id.positives = arena_array(arena, q->n_positives, sizeof *id.positives);
	id.contents = arena_array(arena, 2 * q->n_positives, sizeof *id.contents);
	id.groups = arena_array(arena, q->n_positives + 1, sizeof *id.groups);
	if (!id.positives || !id.contents || !id.groups)
		return error_memory(e);
	for (size_t i = 0; i < q->n_positives; i++)
		id.positives[i] = q->positives[i];
	qsort(id.positives, id.n_positives, sizeof *id.positives, by_number);
	if (recipe->exclude_duplicates)
		take_contents(&id, q);
	if (recipe->exclude_groups)
		take_groups(&id, q);
	*out = id;
	return OK;
}

static bool has_number(const uint32_t *numbers, size_t n, uint32_t number)
{
	return n && bsearch(&number, numbers, n, sizeof number, by_number);
}

static bool has_content(const struct identity *id, const struct content *c)
{
	return id->n_contents &&
	       (bsearch(&c->whole, id->contents, id->n_contents, sizeof c->whole, by_hash) ||
		       bsearch(&c->text, id->contents, id->n_contents, sizeof c->text, by_hash));
}

enum verdict identity_check(const struct identity *id, uint32_t document)
{
	const struct content *c = &id->corpus->content[document];

	if (has_number(id->positives, id->n_positives, document))
		return REJECTED_POSITIVE;
	if (has_content(id, c))
		return REJECTED_DUPLICATE;
	if (hash128_equal(c->whole, id->text) || hash128_equal(c->text, id->text))
		return REJECTED_QUERY_TEXT;
	if (has_number(id->groups, id->n_groups, id->corpus->group[document]))
		return REJECTED_GROUP;
	return UNDECIDED;
}

void identity_list(const struct identity *id, struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		list->at[i].verdict = identity_check(id, list->at[i].document);
}
