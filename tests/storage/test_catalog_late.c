/* Files that are written too late to be of use: none stays. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "proto/fault.h"
#include "tests/storage/keeping_fixture.h"

/* Publishes so often at one step of something else that what was served before is retired. */
struct retiring {
	long at, steps;
};

static void retire(void *arg)
{
	struct retiring *r = arg;

	if (r->steps++ != r->at)
		return;
	fault_watch(NULL, NULL);
	for (int i = 0; i < 2; i++)
		ck_ok(publish_generation("demo", uploaded(), &err), &err);
}

/* Whether the step came. */
static bool watch_retiring(struct retiring *r, long at, void (*deed)(void *arg), void *arg)
{
	*r = (struct retiring){at, 0};
	fault_watch(retire, r);
	deed(arg);
	fault_watch(NULL, NULL);
	return r->steps > at;
}

static void do_what_is_sent(void *arg)
{
	do_it(arg);
}

START_TEST(codes_of_a_generation_that_is_retired_while_they_are_written_are_not_left)
{
	struct retiring r;
	struct hand h;
	bool came = true;

	hand_open(&h);
	for (long at = 0; came; at++) {
		begin_afresh();
		struct path file = codes_path(published_by(&h));
		came = watch_retiring(&r, at, do_what_is_sent, &h);
		ck_assert_int_eq(path_exists(&file), !came);
		ck_assert_uint_eq(files(".tmp"), 0);
	}
	ck_assert_int_ge(r.steps, 6);
	ck_assert_uint_eq(told_not_kept, 0);
}
END_TEST

enum { LAST_STEPS = 30 };

static void view_first(void *arg)
{
	struct view v;

	(void)arg;
	if (catalog_view(catalog, "demo", 1, IMAGE_NEEDED, NULL, &v, &err))
		ck_assert_str_eq(err.reason, "GENERATION_RETIRED");
	else
		view_release(&v);
}

/* The first generation of a collection, not served and without the file of its index. */
static struct path without_index(const char *index)
{
	begin_afresh();
	uint64_t g = begin("demo", index);
	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, DOCUMENTS_EACH, &err), &err);
	ck_ok(publish_generation("demo", g, &err), &err);
	ck_ok(publish_generation("demo", uploaded(), &err), &err);
	struct path file = codes_path(g);
	ck_assert_int_eq(unlink(file.text), 0);
	return file;
}

/* Each step from some before the file is written; building has many. */
START_TEST(an_index_of_a_generation_that_is_retired_while_it_is_read_is_not_left)
{
	static const char *const indexes[] = {"Flat", "lists4"};
	struct path file = without_index(indexes[_i]);
	struct retiring r;
	bool came = watch_retiring(&r, LONG_MAX, view_first, NULL);

	ck_assert(!came && path_exists(&file));
	long steps = r.steps;
	ck_assert_int_ge(steps, LAST_STEPS);
	for (long at = steps - LAST_STEPS; at < steps; at++) {
		file = without_index(indexes[_i]);
		ck_assert(watch_retiring(&r, at, view_first, NULL));
		ck_assert(!path_exists(&file));
		ck_assert_uint_eq(files(".tmp"), 0);
	}
}
END_TEST

static void leave_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(write(fd, "half", 4), 4);
	close(fd);
}

/* What is half-written when a process ends goes when the next one starts. */
START_TEST(half_a_file_is_swept)
{
	put("demo", DOCUMENTS_EACH, 0);
	struct path aside = codes_path(uploaded());

	ck_ok(publish_generation("demo", 1, &err), &err);
	strcat(aside.text, ".tmp");
	leave_file(aside.text);
	ck_assert_uint_eq(files(".tmp"), 1);
	ck_assert_uint_eq(restart(), 0);
}
END_TEST

/* As of a writer that was killed after the generation was retired: the next start or the next
 * publication finds it. */
START_TEST(a_file_of_a_retired_generation_is_swept)
{
	put("demo", DOCUMENTS_EACH, 0);
	for (int i = 0; i < 3; i++)
		ck_ok(publish_generation("demo", uploaded(), &err), &err);
	struct path late = codes_path(1);
	ck_assert(!path_exists(&late));
	leave_file(late.text);
	if (_i)
		ck_assert_uint_eq(restart(), 0);
	else
		ck_ok(publish_generation("demo", uploaded(), &err), &err);
	ck_assert(!path_exists(&late));
}
END_TEST

static void ask_for_texts(void)
{
	struct view v;

	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NONE, NULL, &v, &err), &err);
	view_release(&v);
}

/* An index of texts that nobody has the time to write any more; but time enough for a small one. */
START_TEST(a_daemon_that_stops_gives_texts_up_in_time)
{
	struct hand h;

	hand_open(&h);
	catalog_lend(catalog, &h.crew);
	put("demo", DOCUMENTS_EACH, 0);
	ask_for_texts();
	catalog_closing(catalog, _i ? 1000 : 0);
	do_it(&h);
	struct path texts = text_path(catalog, fixture_collection("demo").id);
	ck_assert_int_eq(path_exists(&texts), _i);
	ck_assert_uint_eq(files(".tmp"), 0);
	ck_assert_uint_eq(told_not_kept, 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("catalog late");
	TCase *t = tcase_create("catalog late");

	tcase_add_checked_fixture(t, catalog_setup, catalog_teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(
		t, codes_of_a_generation_that_is_retired_while_they_are_written_are_not_left);
	tcase_add_loop_test(
		t, an_index_of_a_generation_that_is_retired_while_it_is_read_is_not_left, 0, 2);
	tcase_add_test(t, half_a_file_is_swept);
	tcase_add_loop_test(t, a_daemon_that_stops_gives_texts_up_in_time, 0, 2);
	tcase_add_loop_test(t, a_file_of_a_retired_generation_is_swept, 0, 2);
	suite_add_tcase(s, t);
	return s;
}
