/* Requests that are refused as a whole, by the path of what is wrong. */
#include "tests/workers/mine/golden_world.h"

#include <math.h>
#include <string.h>

#include "proto/limits.h"

static struct world w;
static struct error err;
static struct mined mined;
static Pb__MineNegativesRequest req;

static void open_golden(void)
{
	world_open(&w);
	golden_fill(&w);
	pb__mine_negatives_request__init(&req);
}

static void close_world(void)
{
	world_close(&w);
}

#define SET(field, value) req.has_##field = true, req.field = (value)

static Pb__MineQuery *query(const char *id)
{
	Pb__MineQuery *q = arena_alloc(&w.arena, sizeof *q);

	pb__mine_query__init(q);
	q->id = id;
	return q;
}

static void ask(Pb__MineQuery **queries, size_t n)
{
	req.queries = queries;
	req.n_queries = n;
}

static void ck_refused_at(enum code code, const char *field, const char *reason)
{
	ck_refused(world_mine(&w, &req, &mined, &err), &err, code, reason);
	ck_assert_str_eq(err.field, field);
	ck_assert_uint_eq(mined.n, 0);
}

START_TEST(a_request_without_queries_or_with_too_many_is_refused)
{
	ck_refused_at(INVALID_ARGUMENT, "queries", "MISSING_FIELD");
	req.n_queries = LIMIT_QUERIES + 1;
	ck_refused_at(INVALID_ARGUMENT, "queries", "LIMIT_EXCEEDED");
}
END_TEST

START_TEST(an_unknown_query_that_brings_nothing_is_not_found)
{
	Pb__MineQuery *q[] = {query("q"), query("nobody")};

	ask(q, 2);
	ck_refused_at(NOT_FOUND, "queries[1].id", "NO_SUCH_QUERY");
	q[1] = query(NULL);
	ck_refused_at(INVALID_ARGUMENT, "queries[1].id", "MISSING_FIELD");
	q[1] = query("");
	ck_refused_at(INVALID_ARGUMENT, "queries[1].id", "INVALID_ID");
	char *giant = arena_alloc(&w.arena, 10001);
	memset(giant, 'a', 10000);
	q[1] = query(giant);
	ck_refused_at(INVALID_ARGUMENT, "queries[1].id", "INVALID_ID");
	q[1] = query("q");
	ck_refused_at(INVALID_ARGUMENT, "queries[1].id", "DUPLICATE_ID");
}
END_TEST

START_TEST(what_a_query_brings_is_checked_by_path)
{
	Pb__MineQuery *b = query("own"), *q[] = {query("q"), b};
	const char *positives[] = {"p1", "ghost"};
	float numbers[] = {1, 0, 0, 0};

	ask(q, 2);
	b->positives = positives;
	b->n_positives = 2;
	ck_refused_at(NOT_FOUND, "queries[1].positives[1]", "NO_SUCH_DOCUMENT");
	b->n_positives = 1;
	b->vector = numbers;
	b->n_vector = 4;
	ck_refused_at(INVALID_ARGUMENT, "queries[1].vector", "WRONG_DIMENSION");
	b->n_vector = 3;
	numbers[2] = NAN;
	ck_refused_at(INVALID_ARGUMENT, "queries[1].vector[2]", "NOT_FINITE");
	numbers[2] = 0;
	b->has_vector_f32 = true;
	b->vector_f32 = (ProtobufCBinaryData){13, (uint8_t *)numbers};
	ck_refused_at(INVALID_ARGUMENT, "queries[1].vector_f32", "CONTRADICTION");
	b->n_vector = 0;
	ck_refused_at(INVALID_ARGUMENT, "queries[1].vector_f32", "WRONG_DIMENSION");
	numbers[1] = INFINITY;
	b->vector_f32.len = 12;
	ck_refused_at(INVALID_ARGUMENT, "queries[1].vector_f32[1]", "NOT_FINITE");
}
END_TEST

START_TEST(given_lists_are_checked_by_path)
{
	Pb__Candidate a = PB__CANDIDATE__INIT, b = PB__CANDIDATE__INIT, *both[] = {&a, &b};
	Pb__MineQuery *own = query("own"), *q[] = {own};
	const char *positives[] = {"p1"};
	double scores[] = {.5, NAN};

	ask(q, 1);
	own->candidates = both;
	own->n_candidates = 2;
	a.document_id = "d1";
	ck_refused_at(INVALID_ARGUMENT, "queries[0].candidates", "CONTRADICTION");
	SET(scorer, PB__SCORER__SCORER_GIVEN);
	ck_refused_at(INVALID_ARGUMENT, "queries[0].candidates[1].document_id", "MISSING_FIELD");
	b.document_id = "ghost";
	ck_refused_at(NOT_FOUND, "queries[0].candidates[1].document_id", "NO_SUCH_DOCUMENT");
	b.document_id = "d1";
	ck_refused_at(INVALID_ARGUMENT, "queries[0].candidates[1].document_id", "DUPLICATE_ID");
	b.document_id = "d2";
	b.has_score = true;
	b.score = INFINITY;
	ck_refused_at(INVALID_ARGUMENT, "queries[0].candidates[1].score", "NOT_FINITE");
	b.score = 1;
	own->positives = positives;
	own->n_positives = 1;
	own->positive_scores = scores;
	own->n_positive_scores = 2;
	ck_refused_at(INVALID_ARGUMENT, "queries[0].positive_scores", "WRONG_LENGTH");
	scores[0] = NAN;
	own->n_positive_scores = 1;
	ck_refused_at(INVALID_ARGUMENT, "queries[0].positive_scores[0]", "NOT_FINITE");
	SET(scorer, PB__SCORER__SCORER_DENSE);
	own->n_candidates = 0;
	ck_refused_at(INVALID_ARGUMENT, "queries[0].positive_scores", "CONTRADICTION");
}
END_TEST

START_TEST(a_missing_collection_or_generation_is_not_found)
{
	Pb__MineQuery *q[] = {query("q")};

	ask(q, 1);
	SET(generation, 7);
	ck_refused(world_mine(&w, &req, &mined, &err), &err, NOT_FOUND, "NO_SUCH_GENERATION");
	req.collection = "nowhere";
	ck_refused(mine_run(&w.mine, &req, NULL, NULL, &w.arena, &mined.summary, &err), &err,
		NOT_FOUND, "NO_SUCH_COLLECTION");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("refusals");
	TCase *t = tcase_create("refusals");

	tcase_add_checked_fixture(t, open_golden, close_world);
	tcase_add_test(t, a_request_without_queries_or_with_too_many_is_refused);
	tcase_add_test(t, an_unknown_query_that_brings_nothing_is_not_found);
	tcase_add_test(t, what_a_query_brings_is_checked_by_path);
	tcase_add_test(t, given_lists_are_checked_by_path);
	tcase_add_test(t, a_missing_collection_or_generation_is_not_found);
	suite_add_tcase(s, t);
	return s;
}
