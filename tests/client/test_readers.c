#include "tests/runner.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/lines.h"
#include "client/cli/npy.h"
#include "client/cli/records.h"

static struct arena arena;
static struct error err;
static char path[4200];

static void setup(void)
{
	snprintf(path, sizeof path, "%s/file", temporary_make());
	arena_init(&arena, 1 << 20);
	err = (struct error){0};
}

static void teardown(void)
{
	arena_free(&arena);
	temporary_remove();
}

static void file_holds(const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

static struct lines file_of(const char *text)
{
	struct lines l;

	file_holds(text, strlen(text));
	ck_ok(lines_open(&l, path, &err), &err);
	return l;
}

static struct lines first_line(const char *text)
{
	struct lines l = file_of(text);
	bool more;

	ck_ok(lines_next(&l, &more, &err), &err);
	ck_assert(more);
	return l;
}

START_TEST(lines_end_in_either_way_and_blank_ones_are_passed_over)
{
	const char *want[] = {"one", "two", "three"};
	const uint64_t number[] = {1, 3, 5};
	struct lines l = file_of("one\r\n \t\ntwo\n\nthree");
	bool more;

	for (int i = 0; i < 3; i++) {
		ck_ok(lines_next(&l, &more, &err), &err);
		ck_assert(more);
		ck_assert_str_eq(l.text, want[i]);
		ck_assert_uint_eq(l.number, number[i]);
	}
	ck_ok(lines_next(&l, &more, &err), &err);
	ck_assert(!more);
	ck_assert_uint_eq(l.read, l.size);
	lines_close(&l);
}
END_TEST

START_TEST(long_lines_are_read_whole_across_the_buffers_end)
{
	static char text[3 * 70001 + 1];

	for (int i = 0; i < 3; i++) {
		memset(text + i * 70001, 'a' + i, 70000);
		text[i * 70001 + 70000] = '\n';
	}
	struct lines l = file_of(text);
	for (int i = 0; i < 3; i++) {
		bool more;
		ck_ok(lines_next(&l, &more, &err), &err);
		ck_assert_uint_eq(l.len, 70000);
		ck_assert_uint_eq(strspn(l.text, (char[]){(char)('a' + i), 0}), 70000);
	}
	lines_close(&l);
}
END_TEST

START_TEST(bad_lines_are_named_by_file_and_number)
{
	static const char nul[] = "fine\nnot\0fine\n";
	struct lines l;
	char want[4300];
	bool more;

	file_holds(nul, sizeof nul - 1);
	ck_ok(lines_open(&l, path, &err), &err);
	ck_ok(lines_next(&l, &more, &err), &err);
	ck_refused(lines_next(&l, &more, &err), &err, INVALID_ARGUMENT, "NUL_IN_TEXT");
	snprintf(want, sizeof want, "%s:2: ", path);
	ck_assert_int_eq(strncmp(err.text, want, strlen(want)), 0);
	lines_close(&l);
	ck_refused(lines_open(&l, "/nowhere/at/all", &err), &err, NOT_FOUND, "NO_SUCH_FILE");
}
END_TEST

START_TEST(an_endless_line_is_refused_before_it_fills_memory)
{
	struct lines l;
	bool more;

	ck_ok(lines_open(&l, "/dev/zero", &err), &err);
	ck_refused(lines_next(&l, &more, &err), &err, INVALID_ARGUMENT, "LINE_TOO_LONG");
	lines_close(&l);
}
END_TEST

START_TEST(beir_and_own_documents_are_read)
{
	Pb__Document *d;
	struct lines l = first_line("{\"_id\": \"d1\", \"title\": \"T\", \"text\": \"été\", "
				    "\"metadata\": {\"url\": \"u\"}, \"id\": \"shadow\", "
				    "\"extra\": 3}\n");

	ck_ok(record_document(&l, &arena, &d, &err), &err);
	ck_assert_str_eq(d->id, "d1");
	ck_assert_str_eq(d->title, "T");
	ck_assert_str_eq(d->text, "été");
	ck_assert_str_eq(d->metadata, "{\"url\":\"u\"}");
	ck_assert_ptr_null(d->group);
	lines_close(&l);

	l = first_line("{\"id\": 17, \"text\": \"\", \"group\": \"g\", \"metadata\": \"m\"}");
	ck_ok(record_document(&l, &arena, &d, &err), &err);
	ck_assert_str_eq(d->id, "17");
	ck_assert_str_eq(d->text, "");
	ck_assert_str_eq(d->group, "g");
	ck_assert_str_eq(d->metadata, "m");
	lines_close(&l);
}
END_TEST

START_TEST(queries_are_read)
{
	struct lines l = first_line("{\"_id\": \"q\", \"text\": \"why\", \"metadata\": {}}");
	Pb__Query *q;

	ck_ok(record_query(&l, &arena, &q, &err), &err);
	ck_assert_str_eq(q->id, "q");
	ck_assert_str_eq(q->text, "why");
	lines_close(&l);
}
END_TEST

static const char *const bad_records[] = {
	"{\"_id\": \"d\"",			/* cut */
	"{\"_id\": \"d\"} {}",			/* two */
	"[\"d\"]",				/* no object */
	"{\"text\": \"no id\"}",		/* no id */
	"{\"_id\": null, \"id\": \"x\"}",	/* no id either */
	"{\"_id\": \"\"}",			/* empty id */
	"{\"_id\": 1.5}",			/* an id that has no one spelling */
	"{\"_id\": \"d\", \"text\": 1}",	/* wrong type */
	"{\"_id\": \"d\", \"_id\": \"e\"}",	/* twice */
	"{\"id\": \"d\", \"txet\": \"t\"}",	/* a slip that would lose text */
	"{\"_id\": \"d\", \"text\": \"\xff\"}", /* no UTF-8 */
};

START_TEST(bad_records_are_refused)
{
	struct lines l = first_line(bad_records[_i]);
	Pb__Document *d;

	ck_assert_int_eq(record_document(&l, &arena, &d, &err), INVALID_ARGUMENT);
	lines_close(&l);
}
END_TEST

static const struct {
	const char *line;
	const char *query, *document;
	uint32_t grade;
} judgments[] = {
	{"q1\td1\t2", "q1", "d1", 2},
	{"q 1\td 1\t1", "q 1", "d 1", 1},
	{"q1\t0\td1\t3", "q1", "d1", 3},
	{"q1 0  d1 1", "q1", "d1", 1},
	{"q1\td1", "q1", "d1", 1},
};

START_TEST(judgments_of_every_dialect_are_read)
{
	struct lines l = first_line(judgments[_i].line);
	Pb__Positive *p;
	bool graded;

	ck_ok(record_positive(&l, &arena, &p, &graded, &err), &err);
	ck_assert(graded);
	ck_assert_str_eq(p->query_id, judgments[_i].query);
	ck_assert_str_eq(p->document_id, judgments[_i].document);
	ck_assert_uint_eq(p->grade, judgments[_i].grade);
	lines_close(&l);
}
END_TEST

START_TEST(a_heading_and_grades_of_zero_are_no_positives)
{
	struct lines l = first_line("query-id\tcorpus-id\tscore\nq\td\t0\nq\td\t-1\nq\td\tx\n");
	Pb__Positive *p;
	bool graded, more;

	ck_ok(record_positive(&l, &arena, &p, &graded, &err), &err);
	ck_assert(!graded && !p);
	for (int i = 0; i < 2; i++) {
		ck_ok(lines_next(&l, &more, &err), &err);
		ck_ok(record_positive(&l, &arena, &p, &graded, &err), &err);
		ck_assert(graded && !p);
	}
	ck_ok(lines_next(&l, &more, &err), &err);
	ck_refused(record_positive(&l, &arena, &p, &graded, &err), &err, INVALID_ARGUMENT,
		"BAD_RECORD");
	lines_close(&l);
}
END_TEST

/* A version 1.0 file as numpy.save writes it: the header padded with blanks to 64 bytes. */
static size_t npy_of(uint8_t *to, const char *dictionary, size_t data)
{
	size_t header = 118;

	memcpy(to, "\x93NUMPY\x01\x00\x76\x00", 10);
	memset(to + 10, ' ', header);
	memcpy(to + 10, dictionary, strlen(dictionary));
	to[10 + header - 1] = '\n';
	for (size_t i = 0; i < data; i++)
		to[10 + header + i] = (uint8_t)i;
	return 10 + header + data;
}

START_TEST(npy_rows_are_found)
{
	uint8_t bytes[256];
	struct npy npy;
	size_t len =
		npy_of(bytes, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 24);

	file_holds(bytes, len);
	ck_ok(npy_open(path, &npy, &err), &err);
	ck_assert_uint_eq(npy.n, 3);
	ck_assert_uint_eq(npy.dimension, 2);
	ck_assert_uint_eq(npy.item_bytes, 4);
	ck_assert_uint_eq(npy.row_bytes, 8);
	ck_assert_uint_eq(npy.rows[23], 23);
	npy_close(&npy);
}
END_TEST

START_TEST(npy_halves_and_later_versions_are_read)
{
	uint8_t bytes[256];
	struct npy npy;
	size_t len =
		npy_of(bytes, "{'descr': '<f2', 'fortran_order': False, 'shape': (4, 3), }", 24);

	ck_ok(npy_parse(bytes, len, &npy, &err), &err);
	ck_assert_uint_eq(npy.item_bytes, 2);
	memmove(bytes + 12, bytes + 10, len - 10);
	memcpy(bytes + 6, "\x02\x00\x76\x00\x00\x00", 6);
	ck_ok(npy_parse(bytes, len + 2, &npy, &err), &err);
	ck_assert_uint_eq(npy.n, 4);
	ck_assert_uint_eq(npy.rows[0], 0);
}
END_TEST

static const char *const bad_headers[] = {
	"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }",
	"{'descr': '>f4', 'fortran_order': False, 'shape': (3, 2), }",
	"{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 1), }",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0), }",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2), }",
	"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387907, 2), }",
	"{'descr': '<f4', 'fortran_order': False}",
	"{'shape': (3, 2), 'fortran_order': False}",
};

START_TEST(npy_headers_that_do_not_fit_are_refused)
{
	uint8_t bytes[256];
	struct npy npy;
	size_t len = npy_of(bytes, bad_headers[_i], 24);

	ck_refused(npy_parse(bytes, len, &npy, &err), &err, INVALID_ARGUMENT, "BAD_NPY");
}
END_TEST

START_TEST(a_npy_file_cut_anywhere_is_refused)
{
	uint8_t bytes[256];
	struct npy npy;
	size_t len =
		npy_of(bytes, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 24);

	for (size_t n = 0; n < len; n++)
		ck_refused(npy_parse(bytes, n, &npy, &err), &err, INVALID_ARGUMENT, "BAD_NPY");
	ck_assert_int_eq(npy_open("/nowhere/rows.npy", &npy, &err), NOT_FOUND);
	file_holds("", 0);
	ck_refused(npy_open(path, &npy, &err), &err, INVALID_ARGUMENT, "BAD_NPY");
}
END_TEST

#define N(array) (int)(sizeof(array) / sizeof *(array))

Suite *suite(void)
{
	Suite *s = suite_create("readers");
	TCase *t = tcase_create("readers");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, lines_end_in_either_way_and_blank_ones_are_passed_over);
	tcase_add_test(t, long_lines_are_read_whole_across_the_buffers_end);
	tcase_add_test(t, bad_lines_are_named_by_file_and_number);
	tcase_add_test(t, an_endless_line_is_refused_before_it_fills_memory);
	tcase_add_test(t, beir_and_own_documents_are_read);
	tcase_add_test(t, queries_are_read);
	tcase_add_loop_test(t, bad_records_are_refused, 0, N(bad_records));
	tcase_add_loop_test(t, judgments_of_every_dialect_are_read, 0, N(judgments));
	tcase_add_test(t, a_heading_and_grades_of_zero_are_no_positives);
	tcase_add_test(t, npy_rows_are_found);
	tcase_add_test(t, npy_halves_and_later_versions_are_read);
	tcase_add_loop_test(t, npy_headers_that_do_not_fit_are_refused, 0, N(bad_headers));
	tcase_add_test(t, a_npy_file_cut_anywhere_is_refused);
	suite_add_tcase(s, t);
	return s;
}
