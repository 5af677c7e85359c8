#include "tests/storage/corpus_same.h"

#include <stdio.h>
#include <string.h>

#include "tests/storage/vectors/sample.h"

static uint64_t state;

uint32_t upload_below(uint32_t n)
{
	return (uint32_t)(sample_next(&state) % n);
}

void upload_seed(uint64_t seed)
{
	state = seed;
}

/* Few words, so that texts, and halves of them, are often the same. */
static const char *some_text(void)
{
	static const char *const words[] = {"a", "b", "c", "A", "d"};
	char text[64] = "";

	for (uint32_t n = upload_below(5); n > 0; n--) {
		strcat(text, words[upload_below(5)]);
		strcat(text, " ");
	}
	return upload_below(6) ? arena_strdup(&arena, text) : NULL;
}

static const char *some_group(void)
{
	return upload_below(2) ? arena_printf(&arena, "g%u", upload_below(5)) : NULL;
}

/* Up to `most` documents of a few hundred ids, in no order: some are new, some are not. */
void upload(uint32_t most)
{
	Pb__Document *documents[64];
	uint32_t n = 1 + upload_below(most), first = upload_below(300);

	for (uint32_t i = 0; i < n; i++)
		documents[i] = document(arena_printf(&arena, "d%u", (first + i * 10) % 301),
			some_text(), some_text(), some_group());
	put_documents(fixture_collection("demo").id, documents, n);
}

static void ck_same_contents(const struct corpus *a, const struct corpus *b)
{
	uint32_t x[301], y[301];

	for (uint32_t d = 0; d < a->n; d++) {
		struct hash128 hashes[] = {a->content[d].whole, a->content[d].text};
		ck_assert_mem_eq(&a->content[d], &b->content[d], sizeof a->content[d]);
		for (int i = 0; i < 2; i++) {
			size_t n = corpus_same_content(a, hashes[i], x, 301);
			ck_assert_uint_eq(corpus_same_content(b, hashes[i], y, 301), n);
			ck_assert(!n || !memcmp(x, y, n * sizeof *x));
		}
	}
}

void ck_same_answers(const struct corpus *a, const struct corpus *b, const char *text)
{
	struct bm25_scratch *scratch = bm25_scratch_new();
	struct bm25_query *p = bm25_query(a->bm25, text), *q = bm25_query(b->bm25, text);
	struct bm25_request r = bm25_best(p, 301), s = bm25_best(q, 301);
	struct hit x[301], y[301];
	size_t n, m;

	ck_ok(bm25_search(a->bm25, &r, scratch, x, &n, &err), &err);
	ck_ok(bm25_search(b->bm25, &s, scratch, y, &m, &err), &err);
	ck_assert_uint_eq(n, m);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(x[i].document, y[i].document);
		ck_assert(x[i].score == y[i].score);
	}
	for (uint32_t d = 0; d < a->n; d++)
		ck_assert(bm25_score(a->bm25, p, d) == bm25_score(b->bm25, q, d));
	bm25_query_free(p);
	bm25_query_free(q);
	bm25_scratch_free(scratch);
}

void ck_same_corpus(const struct corpus *a, const struct corpus *b)
{
	ck_assert_uint_eq(a->n, b->n);
	ck_assert_uint_eq(a->documents_revision, b->documents_revision);
	for (uint32_t d = 0; d < a->n; d++) {
		ck_assert_str_eq(a->id[d], b->id[d]);
		ck_assert_uint_eq(a->order[d], b->order[d]);
		ck_assert_uint_eq(corpus_find(a, b->id[d]), d);
		/* numbers of groups may differ, who is in one group may not */
		ck_assert_int_eq(!a->group[d], !b->group[d]);
		ck_assert_int_eq(
			d && a->group[d] == a->group[d - 1], d && b->group[d] == b->group[d - 1]);
	}
	for (int g = 0; g < 5; g++) {
		char name[8];
		snprintf(name, sizeof name, "g%d", g);
		uint32_t in_a = corpus_group(a, name), in_b = corpus_group(b, name);
		for (uint32_t d = 0; d < a->n; d++)
			ck_assert_int_eq(in_a && a->group[d] == in_a, in_b && b->group[d] == in_b);
	}
	ck_same_contents(a, b);
	ck_same_answers(a, b, "a");
	ck_same_answers(a, b, "b d c c");
}
