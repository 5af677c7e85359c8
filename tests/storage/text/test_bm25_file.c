/*
 * An index that was written and read back answers as the formula says, to the bit, and so does what
 * follows it; and no other bytes than those that were written are believed, nor do any do harm.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/fault.h"
#include "tests/storage/patience.h"
#include "tests/storage/text/bm25_written.h"

static char aside[PATH_MAX], other[PATH_MAX];
static struct error err;

static void setup(void)
{
	written_setup();
	snprintf(aside, sizeof aside, "%s.tmp", written);
	snprintf(other, sizeof other, "%s-other", written);
}

static struct bm25_kept loaded(const struct text *t)
{
	struct bm25_kept k = {0};
	struct hash128 *said = written_said(t->n);

	ck_assert(written_load(t->k1, t->b, NULL, &k));
	ck_assert_uint_eq(k.n, t->n);
	ck_assert_mem_eq(k.said, said, t->n * sizeof *said);
	free(said);
	return k;
}

static void ck_same_bytes(const char *a, const char *b)
{
	size_t n, m;
	unsigned char *x = written_bytes(a, &n), *y = written_bytes(b, &m);

	ck_assert_uint_eq(n, m);
	ck_assert_mem_eq(x, y, n);
	free(x);
	free(y);
}

/* Over a file: the documents as they are, of which nothing was read again. */
static struct text read_back(const struct history *h, const struct text *t)
{
	struct text again = history_text(h);
	struct bm25_kept k = loaded(t);

	memcpy(again.order, t->order, t->n * sizeof *t->order);
	ck_ok(bm25_build(bm25_builder_after(k.index), again.order, &again.index, &err), &err);
	ck_assert_int_eq(bm25_at_once(again.index), bm25_at_once(t->index));
	bm25_kept_free(&k);
	return again;
}

/* What follows it once documents came and changed. */
static void ck_succeeded(struct history *h, const struct text *before)
{
	struct bm25_kept k = loaded(before);
	struct text next;

	history_upload(h, text_below(9), text_below(9), 12);
	next = history_text(h);
	ck_ok(history_succeed(h, k.index, NULL, &next, &err), &err);
	bm25_kept_free(&k);
	ck_questions(&next, 1);
	text_free(&next);
}

START_TEST(what_is_saved_is_loaded_and_goes_on)
{
	static const double shapes[][2] = {{0.9, 0.4}, {0, 0.4}, {2, 1}, {1.5, 0}};
	size_t most_parts = 0, lost = 0;

	for (uint64_t seed = 0; seed < 40; seed++) {
		text_seed(seed + (uint64_t)_i * 1000);
		struct history *h = history_new(seed % 5 ? 60 : 2);
		struct text now = {0};
		h->k1 = shapes[seed % 4][0];
		h->b = shapes[seed % 4][1];
		h->anew = seed % 3 ? BM25_ANEW : 3;
		for (int step = 0; step < 6; step++) {
			history_upload(h, text_below(2 + (200u >> 2 * step)),
				text_below(2 + h->n / 8), 12);
			history_go_on(h, &now);
			ck_ok(written_save(now.index, written, NULL, &err), &err);
			struct text again = read_back(h, &now);
			ck_questions(&again, 1);
			text_free(&again);
			most_parts =
				now.index->n_parts > most_parts ? now.index->n_parts : most_parts;
			lost += now.index->n_parts && now.index->parts[0].n_lost;
		}
		ck_succeeded(h, &now);
		text_free(&now);
		free(h);
	}
	ck_assert_uint_ge(most_parts, 3);
	ck_assert_uint_ge(lost, 10);
}
END_TEST

/* More than one range, and words that come so often that their number is in the row alone. */
START_TEST(a_large_index_is_loaded)
{
	struct history *h = history_new(500);
	struct text first = {0}, now;

	text_seed(3);
	history_upload(h, 70000, 0, 4);
	first = history_next(h, &first);
	history_upload(h, 3000, 3000, 5);
	now = history_next(h, &first);
	ck_assert_uint_ge(now.index->n_parts, 2);
	ck_ok(written_save(now.index, written, NULL, &err), &err);
	struct text again = read_back(h, &now);
	ck_questions(&again, 2);
	text_free(&again);
	text_free(&first);
	text_free(&now);
	free(h);
}
END_TEST

START_TEST(an_index_built_at_once_is_the_same_bytes_and_stays_so)
{
	struct text t = written_sample(1, 300), same = written_sample(1, 300);

	ck_ok(written_save(t.index, written, NULL, &err), &err);
	ck_ok(written_save(same.index, other, NULL, &err), &err);
	ck_same_bytes(written, other);
	struct bm25_kept k = loaded(&t);
	ck_assert(bm25_at_once(k.index));
	ck_ok(written_save(k.index, other, NULL, &err), &err);
	ck_same_bytes(written, other);
	bm25_kept_free(&k);
	text_free(&t);
	text_free(&same);
}
END_TEST

START_TEST(an_index_in_parts_is_the_same_bytes_again)
{
	struct history *h = history_new(20);
	struct text t = written_worn(h);

	ck_ok(written_save(t.index, written, NULL, &err), &err);
	struct bm25_kept k = loaded(&t);
	ck_assert(!bm25_at_once(k.index));
	ck_ok(written_save(k.index, other, NULL, &err), &err);
	ck_same_bytes(written, other);
	bm25_kept_free(&k);
	text_free(&t);
	free(h);
}
END_TEST

START_TEST(nothing_is_kept_too)
{
	static const char *const texts[] = {NULL, ""};

	for (uint32_t n = 0; n < 3; n++) { /* no document, or none that says a word */
		struct bm25_builder *builder = bm25_builder_new(NULL);
		uint32_t order[] = {0, 1, 2, 3};
		struct bm25_kept k;
		struct bm25 *b, *next;
		for (uint32_t d = 0; d < n; d++)
			ck_ok(bm25_builder_add(builder, NULL, texts[d], &err), &err);
		ck_ok(bm25_build(builder, order, &b, &err), &err);
		ck_ok(written_save(b, written, NULL, &err), &err);
		ck_assert(written_load(0.9, 0.4, NULL, &k));
		ck_assert_uint_eq(k.n, n);
		builder = bm25_builder_after(k.index);
		ck_ok(bm25_builder_put(builder, n, "one", "word", &err), &err);
		ck_ok(bm25_build(builder, order, &next, &err), &err);
		struct bm25_query *q = bm25_query(next, "word");
		ck_assert(bm25_score(next, q, n) > 0);
		bm25_query_free(q);
		bm25_free(next);
		bm25_kept_free(&k);
		bm25_free(b);
	}
}
END_TEST

START_TEST(an_index_of_other_options_is_not_believed)
{
	static const struct bm25_options english = {1.2, 0.75, "english"};
	struct bm25_builder *builder = bm25_builder_new(&english);
	uint32_t order[] = {0};
	struct bm25_kept k;
	struct bm25 *b;

	ck_ok(bm25_builder_add(builder, NULL, "running", &err), &err);
	ck_ok(bm25_build(builder, order, &b, &err), &err);
	ck_ok(written_save(b, written, NULL, &err), &err);
	bm25_free(b);
	ck_assert(!written_load(1.2, 0.75, NULL, &k));
	ck_assert(!written_load(1.2, 0.75, "porter", &k));
	ck_assert(!written_load(1.2, 0.7, "english", &k));
	ck_assert(!written_load(1.3, 0.75, "english", &k));
	ck_assert(written_load(1.2, 0.75, "english", &k));
	ck_ok(bm25_build(bm25_builder_after(k.index), order, &b, &err), &err);
	struct bm25_query *q = bm25_query(b, "runs");
	ck_assert(bm25_score(b, q, 0) > 0);
	bm25_query_free(q);
	bm25_free(b);
	bm25_kept_free(&k);
}
END_TEST

START_TEST(any_changed_byte_is_noticed)
{
	struct history *h = history_new(20);
	struct text t = written_worn(h);
	struct stat st;

	ck_ok(written_save(t.index, written, NULL, &err), &err);
	ck_assert_int_eq(stat(written, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		flip_byte(written, at);
		ck_assert(!written_believed());
		flip_byte(written, at);
	}
	ck_assert(written_believed());
	text_free(&t);
	free(h);
}
END_TEST

START_TEST(any_other_length_is_noticed)
{
	struct text t = written_sample(2, 12);

	ck_ok(written_save(t.index, written, NULL, &err), &err);
	int fd = open(written, O_RDWR);
	off_t size = lseek(fd, 0, SEEK_END);
	ck_assert_int_eq(pwrite(fd, "", 1, size), 1);
	ck_assert(!written_believed());
	for (off_t n = size - 1; n >= 0; n--) {
		ck_assert_int_eq(ftruncate(fd, n), 0);
		ck_assert(!written_believed());
	}
	close(fd);
	unlink(written);
	ck_assert(!written_believed());
	text_free(&t);
}
END_TEST

/* Whether there is a file, which is whole then. */
static bool whole_or_none(void)
{
	ck_assert_int_eq(access(written, F_OK) == 0, written_believed());
	ck_assert_int_ne(access(aside, F_OK), 0);
	return written_believed();
}

START_TEST(saving_and_loading_can_be_given_up_anywhere)
{
	struct text t = written_sample(3, 3000);
	struct patience patience = {0, 0};
	struct stop stop;
	struct bm25_kept k;
	const struct bm25_options options = {0.9, 0.4, NULL};
	enum code rc;

	for (;; patience.most++) {
		patience.asked = 0;
		stop = (struct stop){.given_up = patience_is_over, .arg = &patience};
		rc = written_save(t.index, written, &stop, &err);
		ck_assert_int_eq(rc, stop.stopped ? CANCELLED : OK);
		ck_assert_int_eq(whole_or_none(), rc == OK);
		if (!rc)
			break;
	}
	ck_assert_uint_ge(patience.asked, 14);
	for (patience.most = 0;; patience.most++) {
		patience.asked = 0;
		stop = (struct stop){.given_up = patience_is_over, .arg = &patience};
		bool there = bm25_load(written, &options, &stop, &k);
		ck_assert_int_eq(there, !stop.stopped);
		if (there)
			break;
	}
	ck_assert_uint_ge(patience.asked * STOP_EVERY, t.index->parts[0].segment->n);
	bm25_kept_free(&k);
	text_free(&t);
}
END_TEST

#ifdef HARDMINER_FAULTS
START_TEST(any_step_may_fail_and_leaves_nothing_half_written)
{
	static const struct bm25_options english = {0.9, 0.4, "english"};
	struct history *h = history_new(20);
	struct text t = written_worn(h);
	struct bm25_kept k;
	enum code rc;
	long n = 0;

	do {
		fault_arm(n++);
		rc = written_save(t.index, written, NULL, &err);
		ck_assert_int_eq(rc != OK, fault_fired());
		fault_arm(-1);
		ck_assert_int_eq(whole_or_none() || rc, true);
		unlink(written);
	} while (rc);
	ck_assert_int_gt(n, 20);
	t.index->stemmer = strdup("english");
	ck_ok(written_save(t.index, written, NULL, &err), &err);
	n = 0;
	bool there;
	do {
		fault_arm(n++);
		there = bm25_load(written, &english, NULL, &k);
		ck_assert_int_eq(there, !fault_fired());
		fault_arm(-1);
	} while (!there);
	ck_assert_int_gt(n, 60);
	bm25_kept_free(&k);
	text_free(&t);
	free(h);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("bm25_file");
	TCase *t = tcase_create("bm25_file");

	tcase_add_checked_fixture(t, setup, temporary_remove);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, what_is_saved_is_loaded_and_goes_on, 0, 4);
	tcase_add_test(t, a_large_index_is_loaded);
	tcase_add_test(t, an_index_built_at_once_is_the_same_bytes_and_stays_so);
	tcase_add_test(t, an_index_in_parts_is_the_same_bytes_again);
	tcase_add_test(t, nothing_is_kept_too);
	tcase_add_test(t, an_index_of_other_options_is_not_believed);
	tcase_add_test(t, any_changed_byte_is_noticed);
	tcase_add_test(t, any_other_length_is_noticed);
	tcase_add_test(t, saving_and_loading_can_be_given_up_anywhere);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, any_step_may_fail_and_leaves_nothing_half_written);
#endif
	suite_add_tcase(s, t);
	return s;
}
