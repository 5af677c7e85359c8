/*
 * What the hashes of a file vouch for and an index never is: refused, where it could do harm, and asked and
 * followed without any, where it could not.
 */
#include <math.h>
#include <stdlib.h>

#include "storage/text/bm25_check.h"
#include "tests/storage/text/bm25_mend.h"
#include "tests/storage/text/bm25_written.h"

static struct error err;

/* As if they had been written so: most are refused, and what is not can be asked and followed. */
START_TEST(bytes_that_the_hashes_vouch_for_do_no_harm)
{
	static const unsigned char changes[] = {1, 0x80, 0xff};
	struct history *h = history_new(20);
	struct text t = _i ? written_worn(h) : written_sample(5, 40);
	size_t n, refused = 0, taken = 0;

	ck_ok(written_save(t.index, written, NULL, &err), &err);
	unsigned char *bytes = written_bytes(written, &n);
	for (size_t at = HEADER_HASHED; at < n; at++) {
		unsigned char was = bytes[at];
		bytes[at] ^= changes[at % 3];
		bm25_mend(bytes, n);
		written_put(bytes, n);
		struct bm25_kept k;
		bool there = written_load(0.9, 0.4, NULL, &k);
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
	struct text t = written_worn(h);
	struct part *p = &t.index->parts[0];

	ck_ok(written_save(t.index, written, NULL, &err), &err);
	ck_assert(written_believed());
	uint32_t at = part_next(p, 0, p->segment->n);
	ck_assert(part_lose(p, at));
	ck_ok(written_save(t.index, written, NULL, &err), &err);
	ck_assert(!written_believed());
	p->lost[at / 64] ^= (uint64_t)1 << at % 64;
	for (at = 0; !part_lost(p, at); at++)
		;
	p->lost[at / 64] ^= (uint64_t)1 << at % 64;
	ck_ok(written_save(t.index, written, NULL, &err), &err);
	ck_assert(!written_believed());
	text_free(&t);
	free(h);
}
END_TEST

static void ck_unbelieved(struct bm25 *b)
{
	ck_ok(written_save(b, written, NULL, &err), &err);
	ck_assert(!written_believed());
}

/* What an index never is, though every number is within its bounds. */
START_TEST(rows_that_do_not_add_up_are_refused)
{
	struct text t = written_sample(6, 40);
	struct segment *s = t.index->parts[0].segment;
	uint32_t d = 0;

	while (!s->length[d])
		d++;
	unsigned char *tf = &s->rows[s->row_start[d] + 1],
		      was = *tf; /* words are few: one byte each */
	ck_assert_uint_lt(was, 0x80);
	s->length[d]++; /* more tokens than the row has */
	ck_unbelieved(t.index);
	s->length[d] -= 1u + was; /* a word that occurs 0 times */
	*tf = 0;
	ck_unbelieved(t.index);
	s->length[d] += was;
	*tf = was;
	ck_ok(written_save(t.index, written, NULL, &err), &err);
	ck_assert(written_believed());
	text_free(&t);
}
END_TEST

/* A number is another one, and put back. */
#define ck_changed(b, what, to) \
	do { \
		__typeof__(what) was = (what); \
		(what) = (__typeof__(what))(to); \
		ck_unbelieved(b); \
		(what) = was; \
	} while (0)

START_TEST(postings_that_do_not_add_up_are_refused)
{
	struct text t = written_sample(6, 40);
	struct part *p = &t.index->parts[0];
	struct segment *s = p->segment;
	uint32_t terms = s->terms.n, some = 0;

	while (segment_frequency(s, some) < 3 || s->tf[s->posting_start[some]] == MANY)
		some++;
	size_t first = s->posting_start[some];
	ck_changed(t.index, s->place[first], s->place[first + 1]);
	ck_changed(t.index, s->place[first], s->n);
	ck_changed(t.index, s->tf[first], 0);
	ck_changed(t.index, s->tf[first], MANY);
	ck_changed(t.index, s->posting_start[terms], s->posting_start[terms] - 1);
	ck_changed(t.index, s->chunks[some].first, 1);
	ck_changed(t.index, s->chunks[some].range, 1);
	ck_changed(t.index, s->chunk_start[terms], terms - 1); /* each term has one */
	ck_changed(t.index, p->codes->best_start[terms], p->codes->best_start[terms] - 1);
	ck_changed(t.index, p->codes->scale[some].base, -0.5f);
	ck_changed(t.index, p->codes->scale[some].step, NAN);
	ck_changed(t.index, p->codes->average, INFINITY);
	ck_ok(written_save(t.index, written, NULL, &err), &err);
	ck_assert(written_believed());
	text_free(&t);
}
END_TEST

/* The last of them goes beyond what there is, and all before rises. */
static void ck_too_long(struct bm25 *b, struct segment *s, struct chunk *c)
{
	size_t end = s->posting_start[s->terms.n],
	       second = end - segment_frequency(s, s->terms.n - 1);

	for (size_t i = second + c[1].first; i < end; i++)
		s->place[i] = (uint16_t)(RANGE - (end - i));
	ck_changed(b, c[1].first, segment_frequency(s, s->terms.n - 1) + 1);
}

/* Of a term in more than one range. */
START_TEST(chunks_that_do_not_add_up_are_refused)
{
	struct history *h = history_new(50);
	struct text first = {0}, t;

	text_seed(9);
	history_upload(h, 66000, 0, 3);
	t = history_next(h, &first);
	struct segment *s = t.index->parts[0].segment;
	uint32_t last = s->terms.n - 1;
	ck_assert_uint_eq(s->chunk_start[last + 1] - s->chunk_start[last], 2);
	struct chunk *c = &s->chunks[s->chunk_start[last]];
	ck_changed(t.index, c[1].first, segment_frequency(s, last));
	ck_changed(t.index, c[1].first, 0);
	ck_changed(t.index, c[1].range, 0);
	ck_ok(written_save(t.index, written, NULL, &err), &err);
	ck_assert(written_believed());
	ck_too_long(t.index, s, c);
	text_free(&t);
	free(h);
}
END_TEST

/* One word of bits fewer than the documents need, in a file that is as long as it says. */
START_TEST(bits_of_lost_documents_are_as_many_as_documents)
{
	struct text t = written_sample(7, 200);
	uint64_t *lost;
	size_t n;

	ck_assert(part_lose(&t.index->parts[0], 3));
	ck_ok(written_save(t.index, written, NULL, &err), &err);
	unsigned char *bytes = written_bytes(written, &n);
	lost = (uint64_t *)(bytes + HEADER + offsetof(struct bm25_sizes, lost));
	ck_assert_uint_eq(*lost, 200 / 64 + 1);
	--*lost;
	bm25_mend(bytes, n - sizeof *lost);
	written_put(bytes, n - sizeof *lost);
	ck_assert(!written_believed());
	free(bytes);
	text_free(&t);
}
END_TEST

START_TEST(an_index_in_parts_was_not_built_at_once)
{
	struct history *h = history_new(20);
	struct text now = {0};

	text_seed(13);
	for (uint32_t n = 200; n; n /= 50) {
		history_upload(h, n, 0, 5);
		history_go_on(h, &now);
	}
	ck_assert_uint_eq(now.index->n_parts, 2);
	ck_assert_uint_eq(now.index->parts[0].n_lost, 0);
	ck_changed(now.index, now.index->at_once, true);
	text_free(&now);
	free(h);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("bm25_check");
	TCase *t = tcase_create("bm25_check");

	tcase_add_checked_fixture(t, written_setup, temporary_remove);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, bytes_that_the_hashes_vouch_for_do_no_harm, 0, 2);
	tcase_add_test(t, each_document_is_there_once);
	tcase_add_test(t, rows_that_do_not_add_up_are_refused);
	tcase_add_test(t, postings_that_do_not_add_up_are_refused);
	tcase_add_test(t, chunks_that_do_not_add_up_are_refused);
	tcase_add_test(t, bits_of_lost_documents_are_as_many_as_documents);
	tcase_add_test(t, an_index_in_parts_was_not_built_at_once);
	suite_add_tcase(s, t);
	return s;
}
