/* A joint pass by itself, portion by portion, on the test's thread. */
#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/joint.h"
#include "storage/exact/lists.h"
#include "storage/exact/pass_private.h"
#include "tests/runner.h"
#include "tests/storage/exact/caller.h"

enum { REQUESTS = 3, LISTS = 7 };

static const struct shape shape = {.similarity = PB__SIMILARITY__SIMILARITY_L2,
	.dtype = PB__DTYPE__DTYPE_F32,
	.kind = KIND_UNIFORM,
	.n = 9000,
	.dimension = 40,
	.holes = 9};

static const struct {
	size_t queries, threads, lots; /* queries of a request */
} cuts[] = {{6, 1, 1}, {6, 3, 3} /* by chunks */, {30, 1, 1}, {30, 3, 3} /* by queries */,
	{40, 2, 3} /* and more than threads */};

/* Requests that went into one pass, and are not yet out of it. */
struct meeting {
	struct engine engine;
	struct lists
		*lists; /* NULL: all rows are searched; else the same in lists, all looked into */
	struct exact exact;
	struct caller callers[REQUESTS];
	struct waiting waiting[REQUESTS];
	struct joint *joint;
};

static struct meeting m;

static void begin(bool in_lists, uint64_t *seed)
{
	struct world *w = &m.engine.world;
	struct error e;

	engine_begin(&m.engine, &shape, seed);
	m.exact = w->exact;
	m.lists = NULL;
	if (!in_lists)
		return;
	ck_ok(lists_new(&w->rows.about, &w->exact.codes->rotation.basis, w->value, LISTS, &m.lists,
		      &e),
		&e);
	ck_ok(lists_fill(m.lists, &w->rows, w->exact.codes, NULL, &e), &e);
	m.exact = (struct exact){&w->rows, m.lists->codes, m.lists};
}

static void end(void)
{
	lists_free(m.lists);
	engine_end(&m.engine);
}

/* Half of the questions are from so far away that bytes tell nothing of distances: every row is scored
 * for them. */
static void go_far(struct ask *a)
{
	uint32_t d = a->w->shape.dimension;

	for (size_t i = 0; i < ASK_VECTORS / 2; i++) {
		float *v = a->vectors + i * d;
		for (uint32_t j = 0; j < d; j++)
			v[j] = 1e16F * (2 + v[j]);
		world_scores(a->w, v, a->scores + i * a->w->shape.n);
	}
	for (size_t i = 0; i < a->n; i++) {
		a->questions[i].vector = i % ASK_VECTORS;
		a->queries[i] = (struct exact_query){.vector = a->vectors + i % ASK_VECTORS * d,
			.k = 1 + i,
			.floor = -INFINITY,
			.out = a->queries[i].out};
	}
	ask_again(a);
}

static void meet(int cut, bool far, uint64_t *seed)
{
	struct joint *j = m.joint = calloc(1, sizeof *m.joint);

	j->order = m.engine.world.order;
	for (size_t i = REQUESTS; i-- > 0;) {
		caller_init(&m.callers[i], &m.engine, cuts[cut].queries, seed);
		if (far)
			go_far(&m.callers[i].ask);
		m.waiting[i] = (struct waiting){
			.request = &m.callers[i].request, .next = j->requests, .taken = true};
		j->requests = &m.waiting[i];
		j->n += cuts[cut].queries;
	}
	joint_cut(j, &m.exact, cuts[cut].threads);
	ck_assert_int_eq(j->error.code, OK);
	ck_assert_uint_eq(j->n_lots, cuts[cut].lots);
}

static uint32_t left_of(const struct lot *lot)
{
	return lot->chunks->end - lot->chunks->next;
}

/* At most n portions, of whatever lot has one left. Returns how many it did. */
static size_t work(size_t n)
{
	size_t done = 0;
	struct lot *lot;
	struct error e;

	for (; done < n && (lot = joint_lot(m.joint)); done++)
		ck_ok(joint_work(m.joint, lot, &e), &e);
	return done;
}

/* Until something else is next. */
static void encode(void)
{
	struct lot *lot;
	struct error e;

	while ((lot = joint_lot(m.joint)) && lot->stage == ENCODE)
		ck_ok(joint_work(m.joint, lot, &e), &e);
}

/* Those still in the pass, whose answers are the pass's copies, against what is true. */
static void part(void)
{
	ck_assert(joint_is_over(m.joint));
	for (struct waiting *w = m.joint->requests; w; w = w->next) {
		struct caller *c = &m.callers[w - m.waiting];
		for (size_t i = 0; i < c->ask.n; i++)
			query_take_answer(&c->ask.queries[i], &m.joint->queries[w->first + i]);
		ask_check(&c->ask);
		caller_free(c);
	}
	joint_free(m.joint);
}

/* Its memory is gone when the others go on. */
static void cancel_second(void)
{
	m.callers[1].cancelled = true;
	ck_assert(joint_drop_cancelled(m.joint));
	ck_assert(m.waiting[1].done && m.waiting[1].error.code == CANCELLED);
	ck_assert(!m.waiting[0].done && !m.waiting[2].done);
	caller_free(&m.callers[1]);
}

START_TEST(a_cancelled_request_leaves_after_any_portion)
{
	uint64_t seed = 31;
	size_t portions = 0;
	bool more = true;

	begin(_i / 8, &seed);
	for (; more; portions += 1 + portions / 2) {
		meet(_i % 4, _i / 4 % 2, &seed);
		ck_assert(!joint_drop_cancelled(m.joint));
		more = work(portions) == portions;
		cancel_second();
		work(SIZE_MAX);
		part();
	}
	ck_assert_uint_gt(portions, 3);
	end();
}
END_TEST

START_TEST(a_cancelled_request_stays_for_the_lot_that_somebody_is_at)
{
	uint64_t seed = 32;

	begin(false, &seed);
	meet(1, false, &seed);
	m.callers[1].cancelled = true;
	m.joint->lots[1].busy = true;
	ck_assert(!joint_drop_cancelled(m.joint));
	ck_assert(!m.waiting[1].done);
	m.joint->lots[1].busy = false;
	m.joint->lots[0].busy = true; /* it has left that one */
	cancel_second();
	m.joint->lots[0].busy = false;
	work(SIZE_MAX);
	part();
	end();
}
END_TEST

/* The first lot is to take in what the others found. */
START_TEST(a_cancelled_request_is_taken_out_of_the_first_lot_first)
{
	uint64_t seed = 35;

	begin(false, &seed);
	meet(1, false, &seed);
	m.callers[1].cancelled = true;
	m.joint->lots[0].busy = true;
	ck_assert(!joint_drop_cancelled(m.joint));
	ck_assert_uint_eq(m.waiting[1].dropped, 0);
	m.joint->lots[0].busy = false;
	cancel_second();
	work(SIZE_MAX);
	part();
	end();
}
END_TEST

/* Scores of some 16,000 rows are a portion, however many queries want them. */
START_TEST(scoring_every_row_is_done_in_portions)
{
	uint64_t seed = 33;
	size_t far = 0;

	begin(_i / 4, &seed);
	meet(_i % 4, true, &seed);
	for (size_t i = 0; i < cuts[_i % 4].queries; i++)
		far += REQUESTS * (i % ASK_VECTORS < ASK_VECTORS / 2);
	ck_assert_uint_ge(work(SIZE_MAX), far * shape.n / 20000);
	part();
	end();
}
END_TEST

/* Panel by panel; and lots of chunks share what the first makes, once it has made all. */
START_TEST(a_query_is_encoded_once)
{
	uint64_t seed = 41;
	struct joint *j;
	size_t panels = 0, portions = 0;
	struct error e;

	begin(_i / 4, &seed);
	meet(_i % 4, false, &seed);
	j = m.joint;
	for (size_t i = 0; i < j->n_lots; i++)
		panels += i == 0 || !j->by_chunks ? j->lots[i].pass->n_panels : 0;
	for (struct lot *lot; (lot = joint_lot(j)); ck_ok(joint_work(j, lot, &e), &e))
		portions += lot->stage == ENCODE;
	ck_assert_uint_eq(portions, panels);
	for (size_t i = 0; i < j->n_lots; i++)
		ck_assert_int_eq(j->lots[i].pass->borrowed, i > 0 && j->by_chunks);
	part();
	end();
}
END_TEST

START_TEST(others_wait_for_the_lot_that_encodes)
{
	uint64_t seed = 42;

	begin(false, &seed);
	meet(1, false, &seed);
	ck_assert(m.joint->lots[0].pass->n_panels > 1);
	work(1);
	m.joint->lots[0].busy = true;
	ck_assert_uint_eq(work(SIZE_MAX), 0);
	ck_assert_uint_eq(joint_free_lots(m.joint), 0);
	m.joint->lots[0].busy = false;
	work(SIZE_MAX);
	part();
	end();
}
END_TEST

/* All that there is: each lot is encoded, scanned, finished, and has every row scored. */
START_TEST(time_allowing_a_lot_has_a_portion_of_each_kind)
{
	uint64_t seed = 37;

	begin(false, &seed);
	meet(_i, true, &seed);
	m.joint->portion_ns = UINT64_MAX;
	bool by_chunks = m.joint->by_chunks;
	ck_assert_uint_eq(work(SIZE_MAX), by_chunks ? 4 : 4 * cuts[_i].lots);
	part();
	end();
}
END_TEST

/* Somebody is at the first lot and does not come on. */
START_TEST(a_lot_of_chunks_takes_those_that_others_have_not_come_to)
{
	uint64_t seed = 38;

	begin(false, &seed);
	meet(1, false, &seed);
	ck_assert(m.joint->by_chunks);
	encode();
	work(1);
	m.joint->lots[0].busy = true;
	work(SIZE_MAX);
	ck_assert_uint_eq(left_of(&m.joint->lots[0]), 0);
	ck_assert_uint_eq(
		m.joint->lots[0].finished, 0); /* what the busy one finds is not there yet */
	m.joint->lots[0].busy = false;
	work(SIZE_MAX);
	part();
	end();
}
END_TEST

/* Two begin to scan, and one finds that the other has taken all: the other may still be at work. */
START_TEST(who_finds_nothing_left_to_scan_does_not_finish)
{
	uint64_t seed = 40;
	struct lot *late, *other;
	struct error e;

	begin(false, &seed);
	meet(1, false, &seed);
	m.joint->portion_ns = UINT64_MAX;
	encode();
	late = joint_lot(m.joint);
	late->busy = true;
	other = joint_lot(m.joint);
	other->busy = true;
	ck_ok(joint_work(m.joint, other, &e), &e);
	ck_assert_uint_eq(left_of(late), 0);
	ck_ok(joint_work(m.joint, late, &e), &e);
	ck_assert_uint_eq(late->finished + other->finished, 0);
	late->busy = other->busy = false;
	work(SIZE_MAX);
	part();
	end();
}
END_TEST

/* More lots than threads, of whole panels: none is far from the others. */
START_TEST(lots_of_queries_come_on_together)
{
	uint64_t seed = 39;
	struct joint *j;

	begin(false, &seed);
	meet(4, false, &seed);
	j = m.joint;
	encode();
	for (struct lot *lot; (lot = joint_lot(j)) && left_of(lot);) {
		struct error e;
		for (size_t i = 0; i < j->n_lots; i++)
			ck_assert_uint_le(left_of(&j->lots[i]), left_of(lot));
		ck_ok(joint_work(j, lot, &e), &e);
	}
	for (size_t i = 0; i < j->n_lots; i++) {
		ck_assert_uint_eq(j->lots[i].first % PANEL, 0);
		ck_assert_uint_ge(j->lots[i].n, 2 * PANEL);
	}
	work(SIZE_MAX);
	part();
	end();
}
END_TEST

/* And so do their queries of which every row is scored. */
START_TEST(what_is_left_of_lots_comes_on_together)
{
	uint64_t seed = 43;
	size_t portions = 0;
	struct joint *j;

	begin(false, &seed);
	meet(4, true, &seed);
	j = m.joint;
	for (struct lot *lot; (lot = joint_lot(j)); portions += lot->stage == REST) {
		struct error e;
		for (size_t i = 0; i < j->n_lots && lot->stage == REST; i++)
			ck_assert_uint_le(
				pass_rest_left(j->lots[i].pass), pass_rest_left(lot->pass));
		ck_ok(joint_work(j, lot, &e), &e);
	}
	ck_assert_uint_gt(portions, 5 * j->n_lots);
	part();
	end();
}
END_TEST

/* Whoever waits for it waits for a step, or for all of a lot, as the clock is to allow. */
START_TEST(a_portion_ends_with_the_step_after_its_time)
{
	uint64_t seed = 36;
	bool all = _i % 2;

	begin(false, &seed);
	meet(_i / 2, false, &seed);
	m.joint->portion_ns = all ? UINT64_MAX : 0;
	for (struct lot *lot; encode(), (lot = joint_lot(m.joint)) && left_of(lot);) {
		uint32_t left = left_of(lot);
		struct error e;
		ck_ok(joint_work(m.joint, lot, &e), &e);
		ck_assert_uint_eq(
			left - left_of(lot), all || left < m.joint->step ? left : m.joint->step);
	}
	work(SIZE_MAX);
	part();
	end();
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(no_memory_for_those_that_want_every_row_is_an_error)
{
	uint64_t seed = 34;
	struct error e = {0};
	bool fired = true;

	begin(false, &seed);
	for (long n = 0; fired; n++) {
		meet(0, true, &seed);
		fault_arm(n);
		for (struct lot *lot; (lot = joint_lot(m.joint));)
			if (joint_work(m.joint, lot, &e))
				break;
		fired = fault_fired();
		fault_arm(-1);
		if (e.code)
			ck_refused(e.code, &e, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
		e.code = OK;
		for (size_t i = 0; i < REQUESTS; i++)
			caller_free(&m.callers[i]);
		joint_free(m.joint);
		ck_assert(n < 1000);
	}
	end();
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("joint");
	TCase *t = tcase_create("joint");

	tcase_add_loop_test(t, a_cancelled_request_leaves_after_any_portion, 0, 16);
	tcase_add_test(t, a_cancelled_request_stays_for_the_lot_that_somebody_is_at);
	tcase_add_test(t, a_cancelled_request_is_taken_out_of_the_first_lot_first);
	tcase_add_loop_test(t, scoring_every_row_is_done_in_portions, 0, 8);
	tcase_add_loop_test(t, a_query_is_encoded_once, 0, 8);
	tcase_add_test(t, others_wait_for_the_lot_that_encodes);
	tcase_add_loop_test(t, time_allowing_a_lot_has_a_portion_of_each_kind, 0, 5);
	tcase_add_test(t, a_lot_of_chunks_takes_those_that_others_have_not_come_to);
	tcase_add_test(t, who_finds_nothing_left_to_scan_does_not_finish);
	tcase_add_test(t, lots_of_queries_come_on_together);
	tcase_add_test(t, what_is_left_of_lots_comes_on_together);
	tcase_add_loop_test(t, a_portion_ends_with_the_step_after_its_time, 0, 8);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, no_memory_for_those_that_want_every_row_is_an_error);
#endif
	suite_add_tcase(s, t);
	return s;
}
