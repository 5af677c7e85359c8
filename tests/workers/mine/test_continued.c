/*
 * A BM25 list that is asked deeper again and again, against every document's score by the formula.
 * Documents are short and words few, so that many tie.
 */
#include "tests/workers/mine/world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "workers/mine/source.h"

enum { DOCUMENTS = 300, LONGEST = 12, WORDS = 9, QUERY_WORDS = 4, QUESTIONS = 200 };

#define BM25 PB__SOURCE_KIND__SOURCE_KIND_BM25

static const char *const words[WORDS] = {
	"ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "oak", "yew"};

static struct world w;
static struct error err;
static unsigned chance = 1;
static int text[DOCUMENTS][LONGEST], length[DOCUMENTS];
static Pb__MineNegativesRequest recipe;
static Pb__Source source, *sources[] = {&source};
static struct mining m;

static int below(int n)
{
	chance = chance * 1103515245 + 12345;
	return (int)(chance >> 16) % n;
}

/* The first words are the frequent ones; a document may be empty. */
static char *random_words(int *into, int n)
{
	char *all = arena_printf(&w.arena, "%s", "");

	for (int i = 0; i < n; i++) {
		int a = below(WORDS), b = below(WORDS);
		into[i] = a < b ? a : b;
		all = arena_printf(&w.arena, "%s%s ", all, words[into[i]]);
	}
	return all;
}

static void setup(void)
{
	struct seed_document seeds[DOCUMENTS] = {0};

	world_open(&w);
	for (int d = 0; d < DOCUMENTS; d++) {
		length[d] = below(LONGEST + 1);
		seeds[d].id = arena_printf(&w.arena, "d%03d", d * 77 % 307);
		seeds[d].text = random_words(text[d], length[d]);
	}
	world_documents(&w, seeds, DOCUMENTS);
	pb__mine_negatives_request__init(&recipe);
	pb__source__init(&source);
	source.has_kind = true;
	source.kind = BM25;
	source.has_quota = false;
	recipe.sources = sources;
	recipe.n_sources = 1;
	recipe.scorer = PB__SCORER__SCORER_BM25;
	m = mining_of(&w.mine, &recipe);
	ck_ok(catalog_view(w.catalog, "world", 0, IMAGE_NONE, NULL, &m.view, &err), &err);
}

static void teardown(void)
{
	view_release(&m.view);
	world_close(&w);
}

static int count(const int *in, int n, int word)
{
	int times = 0;

	for (int i = 0; i < n; i++)
		times += in[i] == word;
	return times;
}

/* What a word adds to each document's score, with how often the query says it. */
static void add_word(int word, int times, double *scores)
{
	double df = 0, filled = 0, tokens = 0;

	for (int d = 0; d < DOCUMENTS; d++) {
		df += count(text[d], length[d], word) > 0;
		filled += length[d] > 0;
		tokens += length[d];
	}
	double idf = log(1 + (filled - df + 0.5) / (df + 0.5));
	for (int d = 0; d < DOCUMENTS; d++) {
		int tf = count(text[d], length[d], word);
		double norm = 0.9 * (1 - 0.4 + 0.4 * length[d] / (tokens / filled));
		if (tf)
			scores[d] += times * idf * (tf / (tf + norm));
	}
}

static int best_first(const void *a, const void *b)
{
	return hit_before(a, b, m.view.corpus->order) ? -1 : 1;
}

static size_t truth(const int *said, struct hit *hits)
{
	double scores[DOCUMENTS] = {0};
	size_t n = 0;

	for (int i = 0; i < QUERY_WORDS; i++)
		if (!count(said, i, said[i]))
			add_word(said[i], count(said, QUERY_WORDS, said[i]), scores);
	for (uint32_t d = 0; d < DOCUMENTS; d++)
		if (scores[d] > 0)
			hits[n++] = (struct hit){d, scores[d]};
	qsort(hits, n, sizeof *hits, best_first);
	return n;
}

static struct ask ask_for(struct query *q, int *said)
{
	struct ask ask;

	*q = (struct query){.id = "q", .text = random_words(said, QUERY_WORDS), .number = NO_QUERY};
	ck_ok(ask_begin(&ask, &m, q, &w.arena, &err), &err);
	return ask;
}

static struct found answer(const struct ask *ask)
{
	struct found found[1][N_SOURCES];

	ck_ok(sources_ask(&m, APART, ask, 1, &w.arena, found, &err), &err);
	return found[0][BM25];
}

static void ck_list(const struct found *list, uint32_t depth, const struct hit *want, size_t n)
{
	ck_assert_uint_eq(list->n, n < depth ? n : depth);
	for (size_t i = 0; i < list->n; i++) {
		ck_assert_uint_eq(list->hits[i].document, want[i].document);
		ck_assert_double_eq_tol(list->hits[i].score, want[i].score, 1e-12);
	}
	if (list->n < n)
		ck_assert(list->more);
	if (list->n < depth)
		ck_assert(!list->more);
}

START_TEST(a_list_continued_is_the_list_asked_for_at_once)
{
	for (int i = 0; i < QUESTIONS; i++) {
		int said[QUERY_WORDS];
		struct query q;
		struct hit all[DOCUMENTS];
		struct found before[N_SOURCES], found[N_SOURCES] = {0};
		struct ask ask = ask_for(&q, said);
		size_t n = truth(said, all);

		for (ask.depth = 1 + (uint32_t)below(20); ask.depth < 2 * DOCUMENTS;
			ask.depth += 1 + (uint32_t)below((int)ask.depth)) {
			found[BM25] = answer(&ask);
			ck_list(&found[BM25], ask.depth, all, n);
			ck_ok(sources_keep(found, false, &w.arena, before, &err), &err);
			ask.before = before;
		}
		ask_end(&ask);
	}
}
END_TEST

START_TEST(a_quota_ends_a_list_however_deep_it_is_asked)
{
	int said[QUERY_WORDS];
	struct query q;
	struct hit all[DOCUMENTS];
	struct found before[N_SOURCES] = {0};
	struct ask ask = ask_for(&q, said);

	ck_assert_uint_gt(truth(said, all), 40);
	source.has_quota = true;
	source.quota = 25;
	for (ask.depth = 10; ask.depth < 100; ask.depth *= 2) {
		struct found found = answer(&ask);
		ck_assert_uint_eq(found.n, ask.depth < 25 ? ask.depth : 25);
		ck_assert(found.more == (ask.depth < 25));
		for (size_t i = 0; i < found.n; i++)
			ck_assert_uint_eq(found.hits[i].document, all[i].document);
		before[BM25] = found;
		ask.before = before;
	}
	ask_end(&ask);
}
END_TEST

/* Found once, a hit is not looked for again: it would come back as it is. */
START_TEST(what_was_found_before_is_kept_and_not_sought_again)
{
	int said[QUERY_WORDS];
	struct query q;
	struct found before[N_SOURCES] = {0};
	struct ask ask = ask_for(&q, said);

	ask.depth = 10;
	before[BM25] = answer(&ask);
	before[BM25].hits[0].score = 1000;
	ask.before = before;
	ask.depth = 20;
	struct found found = answer(&ask);
	ck_assert_uint_eq(found.n, 20);
	ck_assert_double_eq(found.hits[0].score, 1000);
	before[BM25].more = false;
	ck_assert_uint_eq(answer(&ask).n, 10);
	ask_end(&ask);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("continued");
	TCase *t = tcase_create("continued");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_list_continued_is_the_list_asked_for_at_once);
	tcase_add_test(t, a_quota_ends_a_list_however_deep_it_is_asked);
	tcase_add_test(t, what_was_found_before_is_kept_and_not_sought_again);
	suite_add_tcase(s, t);
	return s;
}
