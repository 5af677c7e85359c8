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
#include "tests/storage/text/bm25_history.h"
#include "tests/storage/text/bm25_mend.h"

static char path[PATH_MAX], aside[PATH_MAX], other[PATH_MAX];
static struct error err;

static void setup(void)
{
	const char *dir = temporary_make();

	snprintf(path, sizeof path, "%s/text.bm25", dir);
	snprintf(aside, sizeof aside, "%s/text.bm25.tmp", dir);
	snprintf(other, sizeof other, "%s/other", dir);
}

/* What documents say, as numbers of ours. */
static struct hash128 *said_of(uint32_t n)
{
	struct hash128 *said = calloc(n + 1, sizeof *said);

	for (uint32_t d = 0; d < n; d++)
		said[d] = (struct hash128){d * 7919u, ~(uint64_t)d};
	return said;
}

static enum code save(struct bm25 *index, const char *to, struct stop *stop)
{
	struct bm25_kept k = {index, said_of(index->n), index->n};
	enum code rc = bm25_save(&k, to, stop, &err);

	free(k.said);
	return rc;
}

static bool load_as(double k1, double b, const char *stemmer, struct bm25_kept *out)
{
	struct bm25_options options = {k1, b, stemmer};

	return bm25_load(path, &options, NULL, out);
}

static struct bm25_kept loaded(const struct text *t)
{
	struct bm25_kept k = {0};
	struct hash128 *said = said_of(t->n);

	ck_assert(load_as(t->k1, t->b, NULL, &k));
	ck_assert_uint_eq(k.n, t->n);
	ck_assert_mem_eq(k.said, said, t->n * sizeof *said);
	free(said);
	return k;
}

static unsigned char *bytes_of(const char *from, size_t *n)
{
	struct stat st;
	int fd = open(from, O_RDONLY);

	ck_assert_int_eq(fstat(fd, &st), 0);
	*n = (size_t)st.st_size;
	unsigned char *bytes = malloc(*n + 1);
	ck_assert_int_eq(read(fd, bytes, *n), st.st_size);
	close(fd);
	return bytes;
}

static void ck_same_bytes(const char *a, const char *b)
{
	size_t n, m;
	unsigned char *x = bytes_of(a, &n), *y = bytes_of(b, &m);

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
			ck_ok(save(now.index, path, NULL), &err);
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
	ck_ok(save(now.index, path, NULL), &err);
	struct text again = read_back(h, &now);
	ck_questions(&again, 2);
	text_free(&again);
	text_free(&first);
	text_free(&now);
	free(h);
}
END_TEST

static struct text sample(uint64_t seed, uint32_t n)
{
	struct text t = text_new(n, 30);

	text_seed(seed);
	text_fill(&t, 8); /* some say one word 400 times */
	text_build(&t);
	return t;
}

/* An index in several parts, of which the first has lost some. */
static struct text worn(struct history *h)
{
	struct text now = {0};

	text_seed(12);
	h->anew = 3;
	for (int i = 0; i < 4; i++) {
		history_upload(h, i ? 3 : 30, i ? 2 : 0, 5);
		history_go_on(h, &now);
	}
	ck_assert_uint_ge(now.index->n_parts, 2);
	ck_assert_uint_ge(now.index->parts[0].n_lost, 1);
	return now;
}

START_TEST(an_index_built_at_once_is_the_same_bytes_and_stays_so)
{
	struct text t = sample(1, 300), same = sample(1, 300);

	ck_ok(save(t.index, path, NULL), &err);
	ck_ok(save(same.index, other, NULL), &err);
	ck_same_bytes(path, other);
	struct bm25_kept k = loaded(&t);
	ck_assert(bm25_at_once(k.index));
	ck_ok(save(k.index, other, NULL), &err);
	ck_same_bytes(path, other);
	bm25_kept_free(&k);
	text_free(&t);
	text_free(&same);
}
END_TEST

START_TEST(an_index_in_parts_is_the_same_bytes_again)
{
	struct history *h = history_new(20);
	struct text t = worn(h);

	ck_ok(save(t.index, path, NULL), &err);
	struct bm25_kept k = loaded(&t);
	ck_assert(!bm25_at_once(k.index));
	ck_ok(save(k.index, other, NULL), &err);
	ck_same_bytes(path, other);
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
		ck_ok(save(b, path, NULL), &err);
		ck_assert(load_as(0.9, 0.4, NULL, &k));
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
	ck_ok(save(b, path, NULL), &err);
	bm25_free(b);
	ck_assert(!load_as(1.2, 0.75, NULL, &k));
	ck_assert(!load_as(1.2, 0.75, "porter", &k));
	ck_assert(!load_as(1.2, 0.7, "english", &k));
	ck_assert(!load_as(1.3, 0.75, "english", &k));
	ck_assert(load_as(1.2, 0.75, "english", &k));
	ck_ok(bm25_build(bm25_builder_after(k.index), order, &b, &err), &err);
	struct bm25_query *q = bm25_query(b, "runs");
	ck_assert(bm25_score(b, q, 0) > 0);
	bm25_query_free(q);
	bm25_free(b);
	bm25_kept_free(&k);
}
END_TEST

static bool believed(void)
{
	struct bm25_kept k;
	bool there = load_as(0.9, 0.4, NULL, &k);

	if (there)
		bm25_kept_free(&k);
	return there;
}

START_TEST(any_changed_byte_is_noticed)
{
	struct history *h = history_new(20);
	struct text t = worn(h);
	struct stat st;

	ck_ok(save(t.index, path, NULL), &err);
	ck_assert_int_eq(stat(path, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		flip_byte(path, at);
		ck_assert(!believed());
		flip_byte(path, at);
	}
	ck_assert(believed());
	text_free(&t);
	free(h);
}
END_TEST

START_TEST(any_other_length_is_noticed)
{
	struct text t = sample(2, 12);

	ck_ok(save(t.index, path, NULL), &err);
	int fd = open(path, O_RDWR);
	off_t size = lseek(fd, 0, SEEK_END);
	ck_assert_int_eq(pwrite(fd, "", 1, size), 1);
	ck_assert(!believed());
	for (off_t n = size - 1; n >= 0; n--) {
		ck_assert_int_eq(ftruncate(fd, n), 0);
		ck_assert(!believed());
	}
	close(fd);
	unlink(path);
	ck_assert(!believed());
	text_free(&t);
}
END_TEST

static void put_bytes(const unsigned char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_eq(write(fd, bytes, n), n);
	close(fd);
}

/* As if they had been written so: most are refused, and what is not can be asked and followed. */
START_TEST(bytes_that_the_hashes_vouch_for_do_no_harm)
{
	static const unsigned char changes[] = {1, 0x80, 0xff};
	struct history *h = history_new(20);
	struct text t = _i ? worn(h) : sample(5, 40);
	size_t n, refused = 0, taken = 0;

	ck_ok(save(t.index, path, NULL), &err);
	unsigned char *bytes = bytes_of(path, &n);
	for (size_t at = HEADER_HASHED; at < n; at++) {
		unsigned char was = bytes[at];
		bytes[at] ^= changes[at % 3];
		bm25_mend(bytes, n);
		put_bytes(bytes, n);
		struct bm25_kept k;
		bool there = load_as(0.9, 0.4, NULL, &k);
		if (there) {
			ck_assert_msg(bm25_followed(&k), "byte %zu", at);
			bm25_kept_free(&k);
		}
		refused += !there;
		taken += there;
		bytes[at] = was;
	}
	ck_assert_uint_gt(refused, n / 3);
	ck_assert_uint_gt(taken, n / 100);
	free(bytes);
	text_free(&t);
	free(h);
}
END_TEST

/* A document that is there twice, and one that is nowhere. */
START_TEST(each_document_is_there_once)
{
	struct history *h = history_new(20);
	struct text t = worn(h);
	struct part *p = &t.index->parts[0];

	ck_ok(save(t.index, path, NULL), &err);
	ck_assert(believed());
	uint32_t at = part_next(p, 0, p->segment->n);
	ck_assert(part_lose(p, at));
	ck_ok(save(t.index, path, NULL), &err);
	ck_assert(!believed());
	p->lost[at / 64] ^= (uint64_t)1 << at % 64;
	for (at = 0; !part_lost(p, at); at++)
		;
	p->lost[at / 64] ^= (uint64_t)1 << at % 64;
	ck_ok(save(t.index, path, NULL), &err);
	ck_assert(!believed());
	text_free(&t);
	free(h);
}
END_TEST

/* Whether there is a file, which is whole then. */
static bool whole_or_none(void)
{
	ck_assert_int_eq(access(path, F_OK) == 0, believed());
	ck_assert_int_ne(access(aside, F_OK), 0);
	return believed();
}

START_TEST(saving_and_loading_can_be_given_up_anywhere)
{
	struct text t = sample(3, 3000);
	struct patience patience = {0, 0};
	struct stop stop;
	struct bm25_kept k;
	const struct bm25_options options = {0.9, 0.4, NULL};
	enum code rc;

	for (;; patience.most++) {
		patience.asked = 0;
		stop = (struct stop){.given_up = patience_is_over, .arg = &patience};
		rc = save(t.index, path, &stop);
		ck_assert_int_eq(rc, stop.stopped ? CANCELLED : OK);
		ck_assert_int_eq(whole_or_none(), rc == OK);
		if (!rc)
			break;
	}
	ck_assert_uint_ge(patience.asked, 14);
	for (patience.most = 0;; patience.most++) {
		patience.asked = 0;
		stop = (struct stop){.given_up = patience_is_over, .arg = &patience};
		bool there = bm25_load(path, &options, &stop, &k);
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
	struct text t = worn(h);
	struct bm25_kept k;
	enum code rc;
	long n = 0;

	do {
		fault_arm(n++);
		rc = save(t.index, path, NULL);
		ck_assert_int_eq(rc != OK, fault_fired());
		fault_arm(-1);
		ck_assert_int_eq(whole_or_none() || rc, true);
		unlink(path);
	} while (rc);
	ck_assert_int_gt(n, 20);
	t.index->stemmer = strdup("english");
	ck_ok(save(t.index, path, NULL), &err);
	n = 0;
	bool there;
	do {
		fault_arm(n++);
		there = bm25_load(path, &english, NULL, &k);
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
	tcase_add_loop_test(t, bytes_that_the_hashes_vouch_for_do_no_harm, 0, 2);
	tcase_add_test(t, each_document_is_there_once);
	tcase_add_test(t, saving_and_loading_can_be_given_up_anywhere);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, any_step_may_fail_and_leaves_nothing_half_written);
#endif
	suite_add_tcase(s, t);
	return s;
}
