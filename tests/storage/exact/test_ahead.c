/* What is fetched ahead is all of what is told, and nothing that is not. */
#include <string.h>

#include "storage/exact/ahead.h"
#include "storage/exact/codes.h"
#include "storage/exact/pass_private.h"
#include "tests/runner.h"

enum { MOST_LINES = 3000, MOST_STEPS = 600 };

static unsigned char memory[MOST_LINES * CACHE_LINE];
static int touched[MOST_LINES];

static struct ahead lines(size_t n)
{
	return (struct ahead){memory, n * CACHE_LINE};
}

static void touch(const unsigned char *at, size_t bytes)
{
	ck_assert(at >= memory && at < memory + bytes);
	touched[(size_t)(at - memory) / CACHE_LINE]++;
}

/* As a kernel goes over its steps; the lines that are asked for once and more. */
static size_t walk(size_t n, size_t steps)
{
	struct fetch f = fetch_begin(lines(n), steps);
	size_t some = 0;

	memset(touched, 0, sizeof touched);
	for (size_t s = 0; f.pace && s < steps; s++) {
		touch(f.at, n * CACHE_LINE);
		touch(f.at + f.second, n * CACHE_LINE);
		fetch_step(&f);
	}
	for (size_t i = 0; i < n; i++)
		some += touched[i] > 0;
	return some;
}

/* Up to two lines a step, there is time for all of them, but for what bytes that do not divide evenly leave
 * at the end. */
START_TEST(a_walk_asks_for_all_lines_and_no_others)
{
	for (size_t steps = 1; steps <= MOST_STEPS; steps += 1 + steps / 8)
		for (size_t n = 1; n <= MOST_LINES; n += 1 + n / 16) {
			size_t some = walk(n, steps), rounding = steps / CACHE_LINE + 1;
			if (n <= 2 * steps)
				ck_assert_uint_ge(some + rounding, n);
			else
				ck_assert_uint_eq(some, 2 * steps);
		}
}
END_TEST

START_TEST(where_there_is_nothing_a_walk_goes_nowhere)
{
	struct fetch f = fetch_begin((struct ahead){0}, 7);

	for (int s = 0; s < 7; s++)
		fetch_step(&f);
	ck_assert_ptr_null(f.at);
}
END_TEST

/* One after the other, without anything between them. */
static void check_parts(struct ahead whole, size_t n)
{
	const unsigned char *at = whole.at;
	size_t most = 0, least = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		struct ahead part = ahead_part(whole, i, n);
		ck_assert_ptr_eq(part.at, at);
		ck_assert_uint_eq(part.bytes % CACHE_LINE, 0);
		at += part.bytes;
		most = part.bytes > most ? part.bytes : most;
		least = part.bytes < least ? part.bytes : least;
	}
	ck_assert_ptr_eq(at, whole.at + whole.bytes);
	ck_assert_uint_le(most - least, CACHE_LINE);
}

START_TEST(parts_make_up_the_whole_and_are_about_equal)
{
	for (size_t bytes = 0; bytes <= 100; bytes++)
		for (size_t n = 1; n <= 40; n++)
			check_parts(lines(bytes), n);
}
END_TEST

/* Whatever the panels are, together they fetch all, and the last ones of them do. */
START_TEST(panels_share_what_comes_next)
{
	for (size_t panels = 1; panels <= 9; panels++) {
		const unsigned char *at = memory;
		for (size_t left = panels; left-- > 0;) {
			struct ahead own = ahead_of_panel(lines(1001), left, panels);
			ck_assert((own.bytes > 0) == (left < FETCHING_PANELS));
			if (own.bytes)
				ck_assert_ptr_eq(own.at, at);
			at += own.bytes;
		}
		ck_assert_ptr_eq(at, memory + 1001 * CACHE_LINE);
	}
}
END_TEST

/* The codes of whoever is compared are whole blocks, and never beyond the last. */
START_TEST(a_span_has_the_blocks_that_its_rows_are_in)
{
	struct codes c = {.blocks = 3 * CHUNK_BLOCKS + 5, .block_bytes = 640};
	struct {
		struct span span;
		size_t from, to; /* blocks */
	} cases[] = {{{0, 1}, 0, 1}, {{0, 32}, 0, 1}, {{31, 33}, 0, 2}, {{32, 64}, 1, 2},
		{{40, 97}, 1, 4}, {chunk_span(&c, 1), CHUNK_BLOCKS, 2 * CHUNK_BLOCKS},
		{chunk_span(&c, 3), 3 * CHUNK_BLOCKS, 3 * CHUNK_BLOCKS + 5}};

	c.block.at = memory;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ahead codes = span_codes(&c, &cases[i].span);
		ck_assert_ptr_eq(codes.at, memory + cases[i].from * 640);
		ck_assert_uint_eq(codes.bytes, (cases[i].to - cases[i].from) * 640);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("ahead");
	TCase *t = tcase_create("ahead");

	tcase_add_test(t, a_walk_asks_for_all_lines_and_no_others);
	tcase_add_test(t, where_there_is_nothing_a_walk_goes_nowhere);
	tcase_add_test(t, parts_make_up_the_whole_and_are_about_equal);
	tcase_add_test(t, panels_share_what_comes_next);
	tcase_add_test(t, a_span_has_the_blocks_that_its_rows_are_in);
	suite_add_tcase(s, t);
	return s;
}
