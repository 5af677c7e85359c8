/*
 * The engine against the true answer, to the bit, in worlds made to be hard for it: every sort of rows,
 * of limits and of sizes. Each instruction set in its turn is asked questions of its own: more than a
 * million different ones in all.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/exact/survivors.h"
#include "storage/isa.h"
#include "tests/runner.h"
#include "tests/storage/exact/asked.h"
#include "tests/storage/vectors/sample.h"

enum { ENOUGH = 1000000 };

/* Different questions whose answers were looked at, by all tests: each is a process of its own. */
static long *looked_at;

static const Pb__Similarity similarities[] = {PB__SIMILARITY__SIMILARITY_COSINE,
	PB__SIMILARITY__SIMILARITY_DOT, PB__SIMILARITY__SIMILARITY_L2};
static const Pb__Dtype dtypes[] = {PB__DTYPE__DTYPE_F32, PB__DTYPE__DTYPE_F16};

static void ask_about(const struct world *w, uint32_t times, uint64_t *seed)
{
	struct asked asked = {0};
	struct ask a;

	ask_init(&a, w, seed);
	for (uint32_t i = 0; i < 3 * times; i++) {
		isa_force((enum isa)(i % (ISA_AMX + 1)));
		ask_questions(&a, 1 + sample_next(seed) % ASK_MOST, seed);
		ask_engine(&a);
		ask_check(&a);
		*looked_at += (long)asked_anew(&asked, &a);
	}
	ask_free(&a);
}

static void make_world(struct world *w, const struct shape *shape, uint64_t *seed)
{
	isa_force((enum isa)(sample_next(seed) % (ISA_AMX + 1)));
	world_make(w, shape, seed);
}

/* Of every second world a basis is learned, from half of the rows; of wide ones from one, for a query
 * is turned for each instruction set, without vector instructions for some. */
static uint32_t learned_from(uint32_t n, uint32_t dimension, int i)
{
	bool is_learned = dimension < 100 ? i % 2 : dimension < 400 && i == 1;

	return is_learned ? n / 2 + 1 : 0;
}

static void ask_about_all(enum kind kind, uint32_t n, uint32_t dimension, uint32_t times)
{
	uint64_t seed = (uint64_t)kind << 48 | (uint64_t)n << 16 | dimension;
	struct world w;

	for (int i = 0; i < 6; i++) {
		struct shape s = {.similarity = similarities[i % 3],
			.dtype = dtypes[i / 3],
			.kind = kind,
			.n = n,
			.dimension = dimension,
			.holes = (uint32_t)(sample_next(&seed) % 5),
			.sample = learned_from(n, dimension, i)};
		make_world(&w, &s, &seed);
		ask_about(&w, times, &seed);
		world_free(&w);
	}
}

START_TEST(small_worlds)
{
	static const struct {
		uint32_t n, dimension;
	} sizes[] = {{0, 3}, {1, 1}, {2, 2}, {5, 1}, {9, 4}, {31, 7}, {32, 8}, {33, 2}, {64, 16},
		{100, 1}, {100, 3}, {130, 12}, {200, 31}, {513, 2}, {520, 9}, {1100, 5}, {300, 40},
		{700, 64}};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint32_t n = sizes[i].n, d = sizes[i].dimension;
		ask_about_all((enum kind)_i, n, d, 2 + 15000 / (n * d + 1000));
	}
}
END_TEST

START_TEST(wide_worlds)
{
	static const uint32_t dimensions[] = {63, 64, 129, 256, 385, 768, 1023, 1024, 2048, 2049};

	for (size_t i = 0; i < sizeof dimensions / sizeof *dimensions; i++)
		ask_about_all((enum kind)_i, 3 + 9000 / dimensions[i], dimensions[i], 1);
}
END_TEST

static const enum kind crowded[] = {KIND_UNIFORM, KIND_FEW, KIND_EQUAL, KIND_WHOLE, KIND_ULPS,
	KIND_CLUSTERS, KIND_LEVEL, KIND_TIGHT, KIND_SHORT};

START_TEST(large_worlds)
{
	ask_about_all(crowded[_i], 20011, 33, 1);
	ask_about_all(crowded[_i], 100000, 6, 1);
}
END_TEST

#define TAILED(s, type, what, rows, wide) \
	{ \
		.similarity = PB__SIMILARITY__SIMILARITY_##s, .dtype = PB__DTYPE__DTYPE_##type, \
		.kind = KIND_##what, .n = rows, .dimension = wide, .holes = 4, .sample = rows / 2 \
	}

/* So many chunks that thresholds are guessed, and rows that have tails. */
static const struct shape tailed[] = {
	TAILED(L2, F32, FALLING, 50000, 130),
	TAILED(DOT, F32, FALLING, 30000, 200),
	TAILED(COSINE, F16, FALLING, 40000, 100),
	TAILED(L2, F16, CLUSTERS, 40000, 100),
	TAILED(DOT, F16, CLUSTERS, 30000, 200),
	TAILED(COSINE, F32, CLUSTERS, 50000, 130),
	TAILED(L2, F32, DOMINANT, 30000, 96),
	TAILED(DOT, F32, DOMINANT, 30000, 96),
	TAILED(COSINE, F32, DOMINANT, 30000, 96),
};

START_TEST(large_worlds_with_tails)
{
	uint64_t seed = (uint64_t)_i + 1;
	struct world w;

	make_world(&w, &tailed[_i], &seed);
	ck_assert_uint_gt(w.exact.codes->tail, 0);
	ck_assert_uint_gt(w.exact.codes->blocks, 16 * CHUNK_BLOCKS);
	ask_about(&w, 1, &seed);
	world_free(&w);
}
END_TEST

/* The last test. */
START_TEST(there_were_enough_questions)
{
	dprintf(STDERR_FILENO, "%ld questions\n", *looked_at);
	ck_assert_int_ge(*looked_at, ENOUGH);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("exact");
	TCase *t = tcase_create("exact");

	world_tell_sets();
	looked_at = mmap(
		NULL, sizeof *looked_at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	tcase_add_loop_test(t, small_worlds, 0, KIND_COUNT);
	tcase_add_loop_test(t, wide_worlds, 0, KIND_COUNT);
	tcase_add_loop_test(t, large_worlds, 0, sizeof crowded / sizeof *crowded);
	tcase_add_loop_test(t, large_worlds_with_tails, 0, sizeof tailed / sizeof *tailed);
	tcase_add_test(t, there_were_enough_questions);
	suite_add_tcase(s, t);
	return s;
}
