/* sorted_merge is a sort of both lists, and it can be stopped anywhere. */
#include "storage/sorted.h"

#include <stdlib.h>

#include "proto/fault.h"
#include "tests/runner.h"
#include "tests/storage/patience.h"
#include "tests/storage/vectors/sample.h"

enum { KEYS = 40, MOST = 5000 };

static uint64_t state;

static uint32_t below(uint32_t n)
{
	return (uint32_t)(sample_next(&state) % n);
}

/* By keys, of which many are the same, then by number, as all who use it do. */
static int by_key(const void *a, const void *b, void *keys)
{
	const uint32_t *key = keys;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (key[x] != key[y])
		return key[x] < key[y] ? -1 : 1;
	return (x > y) - (x < y);
}

struct lists {
	uint32_t key[MOST], list[MOST], fresh[MOST], want[MOST];
	uint32_t n, m;
};

/* All numbers, each in one of both lists. */
static void make(struct lists *l, uint32_t all, uint32_t known_of_ten)
{
	l->n = l->m = 0;
	for (uint32_t i = 0; i < all; i++) {
		l->key[i] = below(KEYS);
		l->want[i] = i;
		if (below(10) < known_of_ten)
			l->list[l->n++] = i;
		else
			l->fresh[l->m++] = i;
	}
	qsort_r(l->list, l->n, sizeof *l->list, by_key, l->key);
	qsort_r(l->want, all, sizeof *l->want, by_key, l->key);
	for (uint32_t i = l->m; i > 1; i--) {
		uint32_t other = below(i), swap = l->fresh[i - 1];
		l->fresh[i - 1] = l->fresh[other];
		l->fresh[other] = swap;
	}
}

static bool merge(struct lists *l, struct stop *stop)
{
	return sorted_merge(l->list, l->n, l->fresh, l->m, by_key, l->key, stop);
}

START_TEST(is_a_sort_of_both)
{
	static const uint32_t sizes[] = {0, 1, 2, 3, 100, 1023, 1024, 1025, 2048, 2049, 3500, MOST};
	static struct lists l;

	for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (uint32_t known = 0; known <= 10; known += 2) {
			state = i * 100 + known;
			make(&l, sizes[i], known);
			ck_assert(merge(&l, NULL));
			ck_assert_mem_eq(l.list, l.want, sizes[i] * sizeof *l.list);
		}
}
END_TEST

START_TEST(stops_wherever_it_is_told)
{
	static struct lists l;
	struct patience patience = {0, 0};

	for (;; patience.most++) {
		struct stop stop = {.given_up = patience_is_over, .arg = &patience};
		patience.asked = 0;
		make(&l, MOST, 0);
		bool done = merge(&l, &stop);
		ck_assert_int_eq(stop.stopped, !done);
		if (done)
			break;
		ck_assert_uint_eq(patience.asked, patience.most + 1);
	}
	ck_assert_mem_eq(l.list, l.want, sizeof l.list);
	/* runs, three rounds of merging, the list: each puts every number somewhere */
	ck_assert_uint_ge(patience.asked, 5 * MOST * 16 / STOP_EVERY - 1);
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(says_that_memory_ran_out)
{
	static struct lists l;

	make(&l, MOST, 0);
	fault_arm(0);
	ck_assert(!merge(&l, NULL));
	ck_assert(fault_fired());
	fault_arm(-1);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("sorted");
	TCase *t = tcase_create("sorted");

	tcase_add_test(t, is_a_sort_of_both);
	tcase_add_test(t, stops_wherever_it_is_told);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, says_that_memory_ran_out);
#endif
	suite_add_tcase(s, t);
	return s;
}
