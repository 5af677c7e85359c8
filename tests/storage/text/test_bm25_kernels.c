/* The sums that searches add up and sweep, on every instruction set. */
#include "tests/runner.h"

#include <stdbool.h>

#include "storage/isa.h"
#include "storage/text/bm25_kernels.h"

static uint32_t state;

static uint32_t below(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)state * n >> 32);
}

/* Forbids what is better than the looped test's instruction set; false when it is not here. */
static bool force(int isa)
{
	isa_force((enum isa)isa);
	state = 1000;
	return isa_now() == (enum isa)isa;
}

START_TEST(a_sweep_writes_what_lies_between_and_zeroes_all)
{
	static uint16_t sums[BLOCK] __attribute__((aligned(64))), copy[BLOCK];
	static uint32_t out[BLOCK];

	if (!force(_i))
		return;
	for (int round = 0; round < 300; round++) {
		uint32_t low = below(65536), span = below(round % 3	    ? 65536 - low
							  : 3 < 65536 - low ? 3
									    : 1);
		uint32_t most = round % 5 ? 65536 : 8, want = 0;
		bool right = true;
		for (int i = 0; i < BLOCK; i++)
			copy[i] = sums[i] = (uint16_t)(round % 7 ? below(most) : low + span);
		size_t n = bm25_sweep_for(isa_now())(sums, (uint16_t)low, (uint16_t)span, out);
		for (uint32_t i = 0; i < BLOCK; i++) {
			right = right && sums[i] == 0;
			if (copy[i] >= low && copy[i] <= low + span) {
				right = right && want < n && out[want] == (i << 16 | copy[i]);
				want++;
			}
		}
		ck_assert(right);
		ck_assert_uint_eq(n, want);
	}
}
END_TEST

/* Rounded up: of rates that are whole, counts of quarters and eighths are known on paper. */
START_TEST(codes_weigh_what_they_are_worth_rounded_up)
{
	uint16_t units[CODES];

	if (!force(_i))
		return;
	bm25_weigh weigh = bm25_weigh_for(isa_now());
	weigh(units, 0.25, 0.125, 1, 4); /* 1 and c halves, to 4 at most */
	for (int c = 0; c < CODES; c++)
		ck_assert_uint_eq(units[c], c < 6 ? 1 + (c + 1) / 2 : 4);
	weigh(units, 0, 1.0 / 256, 0.5, 512); /* c */
	for (int c = 0; c < CODES; c++)
		ck_assert_uint_eq(units[c], c);
	weigh(units, 0, 1.0 / 256, 2, 65534); /* 65534 c / 128, which is a little less than 512 c */
	for (int c = 0; c < CODES; c++)
		ck_assert_uint_eq(units[c], c == 0 ? 0 : c < 128 ? 512 * c - (c >= 64) : 65534);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("bm25_kernels");
	TCase *t = tcase_create("bm25_kernels");

	tcase_add_loop_test(
		t, a_sweep_writes_what_lies_between_and_zeroes_all, ISA_PORTABLE, ISA_AVX512 + 1);
	tcase_add_loop_test(
		t, codes_weigh_what_they_are_worth_rounded_up, ISA_PORTABLE, ISA_AVX512 + 1);
	suite_add_tcase(s, t);
	return s;
}
