/*
 * The index of a collection's texts is on disk soon after it was made: written by a crew that was lent, whole
 * or not at all, not for every small upload; and the next start reads it and answers as before.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/catalog_files.h"
#include "tests/storage/catalog_fixture.h"
#include "tests/storage/hand.h"
#include "workers/pool.h"

enum { N = 40, A_SHARE = 5 /* an eighth of them */ };

static struct hand hand;

static void setup(void)
{
	catalog_setup();
	hand_open(&hand);
	catalog_lend(catalog, &hand.crew);
}

static void teardown(void)
{
	if (hand.job)
		do_it(&hand);
	catalog_teardown();
}

static struct path file(void)
{
	return text_path(catalog, fixture_collection("demo").id);
}

static bool there(void)
{
	struct path p = file();

	return path_exists(&p);
}

static size_t halves(void)
{
	return files_ending(fixture_collection("demo").id, ".tmp");
}

/* Restarts; whether all texts are indexed again is told at the next request. */
static void restart(void)
{
	ck_assert_ptr_null(hand.job); /* a pool does what it was sent before it stops */
	catalog_reopen();
	ck_assert_uint_eq(halves(), 0);
	told_indexed = told_indexed_anew = 0;
	catalog_lend(catalog, &hand.crew);
}

/* Documents with these numbers say a word that no other says. */
static void say(const char *word, uint32_t first, uint32_t n)
{
	Pb__Document *documents[N];

	for (uint32_t i = 0; i < n; i++)
		documents[i] = document(arena_printf(&arena, "d%u", first + i), NULL, word, NULL);
	put_documents(fixture_collection("demo").id, documents, n);
}

/* How many documents of the collection say so. */
static size_t saying(const struct corpus *c, const char *word)
{
	struct bm25_query *q = bm25_query(c->bm25, word);
	size_t n = 0;

	for (uint32_t d = 0; d < c->n; d++)
		n += bm25_score(c->bm25, q, d) > 0;
	bm25_query_free(q);
	return n;
}

/* A request: how many texts were read for its corpus, which has so many documents that say the word. */
static uint32_t ask(const char *word, size_t n)
{
	struct view v;

	ck_ok(catalog_view(catalog, "demo", 0, IMAGE_NONE, NULL, &v, &err), &err);
	uint32_t indexed = v.corpus->indexed;
	ck_assert_uint_eq(saying(v.corpus, word), n);
	view_release(&v);
	return indexed;
}

static void put_all(void)
{
	say("old", 0, N);
	ck_assert_uint_eq(ask("old", N), N);
}

static void put_and_keep(void)
{
	put_all();
	do_it(&hand);
	ck_assert(there());
}

START_TEST(a_request_does_not_wait_for_it_and_a_start_reads_it)
{
	put_all();
	ck_assert_ptr_nonnull(hand.job);
	ck_assert(!there());
	do_it(&hand);
	ck_assert(hand.left == 1 && hand.back == 1);
	ck_assert(there());
	restart();
	ck_assert_uint_eq(ask("old", N), 0);
	ck_assert_uint_eq(told_indexed_anew, 0);
	ck_assert_ptr_null(hand.job);
	ck_assert_uint_eq(told_not_kept, 0);
}
END_TEST

START_TEST(what_came_since_is_indexed_and_nothing_else)
{
	put_and_keep();
	say("new", N - 2, 3);
	restart();
	ck_assert_uint_eq(ask("new", 3), 3);
	ck_assert_uint_eq(ask("old", N - 2), 3);
	ck_assert_uint_eq(told_indexed_anew, 0);
	ck_assert_ptr_null(hand.job);
}
END_TEST

/* An eighth of all: by one document at a time, and over a start. */
START_TEST(it_is_written_again_when_enough_was_indexed_since)
{
	put_and_keep();
	for (uint32_t i = 1; i < A_SHARE; i++) {
		say("new", i, 1);
		ask("new", i);
		ck_assert_ptr_null(hand.job);
	}
	restart();
	ck_assert_uint_eq(ask("new", A_SHARE - 1), A_SHARE - 1);
	ck_assert_ptr_null(hand.job);
	say("new", A_SHARE, 1);
	ask("new", A_SHARE);
	ck_assert_ptr_nonnull(hand.job);
	do_it(&hand);
	restart();
	ck_assert_uint_eq(ask("new", A_SHARE), 0);
}
END_TEST

/* It looks for the latest when it begins. */
START_TEST(who_is_late_writes_what_is_there_by_then)
{
	put_all();
	say("new", 0, N / 2);
	ask("new", N / 2); /* hand takes one job and no other */
	do_it(&hand);
	restart();
	ck_assert_uint_eq(ask("new", N / 2), 0);
}
END_TEST

/* Calls once, when the file is begun. */
struct meanwhile {
	void (*call)(void);
	struct path half;
};

static void interrupt(void *arg)
{
	struct meanwhile *m = arg;

	if (!path_exists(&m->half))
		return;
	fault_watch(NULL, NULL);
	m->call();
	m->call = NULL;
}

static struct meanwhile meanwhile(void (*call)(void))
{
	struct meanwhile m = {call, file()};

	strcat(m.half.text, ".tmp");
	return m;
}

static void upload_half(void)
{
	say("new", 0, N / 2);
	ask("new", N / 2);
}

#ifdef HARDMINER_FAULTS
/* What has begun goes on, what came meanwhile follows. */
START_TEST(what_comes_while_it_is_written_is_written_after_that)
{
	put_all();
	struct meanwhile m = meanwhile(upload_half);
	fault_watch(interrupt, &m);
	do_it(&hand);
	ck_assert_ptr_null(m.call);
	ck_assert_ptr_null(hand.job);
	restart();
	ck_assert_uint_eq(ask("new", N / 2), 0);
	ck_assert_uint_eq(told_not_kept, 0);
}
END_TEST

static void delete_it(void)
{
	ck_ok(catalog_delete(catalog, "demo", &err), &err);
}

/* At the n-th step from now. */
struct deletion {
	long n;
};

static void delete_at(void *arg)
{
	struct deletion *d = arg;

	if (d->n--)
		return;
	fault_watch(NULL, NULL);
	delete_it();
}

static void directory_of(const struct path *p, char directory[static PATH_MAX])
{
	snprintf(directory, PATH_MAX, "%.*s", (int)(strrchr(p->text, '/') - p->text), p->text);
}

/* Whichever step it is at: nothing stays, and nothing is to be told. */
START_TEST(of_a_collection_that_is_deleted_meanwhile_nothing_stays)
{
	struct deletion d;
	char directory[PATH_MAX];
	long n = 0;

	for (;; n++) {
		put_all();
		struct path p = file();
		directory_of(&p, directory);
		d.n = n;
		fault_watch(delete_at, &d);
		do_it(&hand);
		fault_watch(NULL, NULL);
		if (d.n >= 0)
			break;
		ck_assert_msg(access(directory, F_OK), "deleted at step %ld", n);
		collection_make("demo");
	}
	ck_assert_int_ge(n, 12); /* the row, directory, said, sizes, pieces, the file's */
	ck_assert_uint_eq(told_not_kept, 0);
}
END_TEST

/* A request that had the row comes to the collection after it is gone. */
START_TEST(who_comes_after_the_deletion_leaves_nothing)
{
	struct collection row;
	struct entry *entry;
	struct corpus *c;
	char directory[PATH_MAX];

	say("old", 0, N);
	row = fixture_collection("demo");
	struct path p = text_path(catalog, row.id);
	directory_of(&p, directory);
	for (int again = 0; again < 2; again++) { /* the name is nobody's; another one's */
		if (again)
			collection_make("demo");
		else
			delete_it();
		ck_ok(entry_use(catalog, row.id, &entry, &err), &err);
		row.documents_revision++;
		ck_ok(entry_corpus(catalog, entry, &row, NULL, &c, &err), &err);
		entry->unkept += N;
		keep_text(catalog, entry, &row);
		do_it(&hand);
		ck_assert_int_ne(access(directory, F_OK), 0);
		corpus_release(c);
		entry_done(catalog, entry);
	}
	ck_assert_uint_eq(told_not_kept, 0);
}
END_TEST

/* Written or not, it is found; and whoever waits for the log hears of it. */
START_TEST(any_step_may_fail)
{
	bool fired;
	long n = 0;

	put_all();
	do {
		unsigned before = told_not_kept;
		ck_assert_ptr_nonnull(hand.job);
		fault_arm(n++);
		do_it(&hand);
		fired = fault_fired();
		fault_arm(-1);
		ck_assert_uint_eq(told_not_kept - before, fired);
		ck_assert_uint_eq(halves(), 0);
		bool kept = there();
		ck_assert(kept || fired);
		restart();
		ck_assert_uint_eq(ask("old", N), kept ? 0 : N);
		ck_assert_uint_eq(told_indexed, !kept);
		if (kept) { /* also when it was the directory that could not be synced */
			struct path p = file();
			unlink(p.text);
			restart();
			ask("old", N);
		}
	} while (fired);
	ck_assert_int_ge(n, 10); /* said, sizes, pieces, open, arrays, sync, rename, directory */
}
END_TEST

START_TEST(after_a_failure_it_is_tried_again_when_as_much_has_come)
{
	put_all();
	fault_arm(0);
	do_it(&hand);
	fault_arm(-1);
	ck_assert(!there() && told_not_kept == 1);
	for (uint32_t i = 1; i < A_SHARE; i++) {
		say("new", i, 1);
		ask("new", i);
		ck_assert_ptr_null(hand.job);
	}
	say("new", A_SHARE, 1);
	ask("new", A_SHARE);
	do_it(&hand);
	restart();
	ck_assert_uint_eq(ask("new", A_SHARE), 0);
}
END_TEST

/* Memory runs out for whoever would be sent: it is told, and the request is answered. */
START_TEST(a_request_is_answered_though_nobody_can_be_sent)
{
	struct collection row;
	struct entry *entry;
	struct corpus *c;

	put_all();
	row = fixture_collection("demo");
	ck_ok(entry_use(catalog, row.id, &entry, &err), &err);
	for (long n = 0; !told_not_kept; n++) {
		if (hand.job)
			do_it(&hand);
		say(n % 2 ? "new" : "newer", 0, A_SHARE);
		row = fixture_collection("demo");
		fault_arm(n);
		if (!entry_corpus(catalog, entry, &row, NULL, &c, &err))
			corpus_release(c);
		ck_assert(fault_fired());
		fault_arm(-1);
	}
	ck_assert_ptr_null(hand.job);
	entry_done(catalog, entry);
	say("last", 0, A_SHARE);
	ask("last", A_SHARE);
	do_it(&hand);
	restart();
	ck_assert_uint_eq(ask("last", A_SHARE), 0);
}
END_TEST
#endif

START_TEST(without_a_crew_nothing_is_written)
{
	catalog_reopen();
	put_all();
	ck_assert(!there());
	ck_assert_ptr_null(hand.job);
	ck_assert_uint_eq(told_not_kept, 0);
}
END_TEST

START_TEST(a_damaged_file_is_made_anew_and_told_of)
{
	struct stat st;

	put_and_keep();
	struct path p = file();
	ck_assert_int_eq(stat(p.text, &st), 0);
	for (off_t at = 0; at < st.st_size; at += st.st_size / 7) {
		flip_byte(p.text, at);
		restart();
		ck_assert_uint_eq(ask("old", N), N);
		ck_assert_uint_eq(told_indexed_anew, 1);
		do_it(&hand);
		restart();
		ck_assert_uint_eq(ask("old", N), 0);
		ck_assert_uint_eq(told_indexed_anew, 0);
	}
}
END_TEST

/* That there is no file yet is nothing to be told of before a start has looked for it. */
START_TEST(a_file_that_is_missing_is_told_of_after_a_start_alone)
{
	struct path p = file();

	put_and_keep();
	ck_assert_uint_eq(told_indexed, 0);
	unlink(p.text);
	restart();
	ck_assert_uint_eq(ask("old", N), N);
	ck_assert_uint_eq(told_indexed, 1);
	ck_assert_uint_eq(told_indexed_anew, 0);
	do_it(&hand);
	restart();
	ck_assert_uint_eq(ask("old", N), 0);
}
END_TEST

/* Under its name, which is all that it has of the old one. */
START_TEST(a_collection_made_anew_has_nothing_of_the_old)
{
	put_and_keep();
	struct path old = file();
	ck_ok(catalog_delete(catalog, "demo", &err), &err);
	ck_assert(!path_exists(&old));
	collection_make("demo");
	say("new", 0, 3);
	ck_assert_uint_eq(ask("old", 0), 3);
	do_it(&hand);
	restart();
	ck_assert_uint_eq(ask("old", 0), 0);
	ck_assert_uint_eq(ask("new", 3), 0);
}
END_TEST

/* Also where a file of the old one lies in its place. */
START_TEST(a_file_in_the_wrong_place_is_seen_through)
{
	struct path place, old = file();
	char aside[PATH_MAX];

	put_and_keep();
	snprintf(aside, sizeof aside, "%s/aside", dir);
	ck_assert_int_eq(rename(old.text, aside), 0);
	ck_ok(catalog_delete(catalog, "demo", &err), &err);
	collection_make("demo");
	say("new", 0, N);
	place = file();
	ck_ok(files_make(catalog, fixture_collection("demo").id, &err), &err);
	ck_assert_int_eq(rename(aside, place.text), 0);
	ck_assert_uint_eq(ask("old", 0), N);
	ck_assert_uint_eq(ask("new", N), N);
}
END_TEST

/* What is half-written when a process ends goes when the next one starts. */
START_TEST(half_a_file_is_swept)
{
	put_and_keep();
	struct path aside = file();
	strcat(aside.text, ".tmp");
	int fd = open(aside.text, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "half", 4), 4);
	close(fd);
	ck_assert_uint_eq(halves(), 1);
	restart();
	ck_assert_uint_eq(ask("old", N), 0);
}
END_TEST

/* Generations that are swept leave it. */
START_TEST(it_stays_while_generations_come_and_go)
{
	put_and_keep();
	for (int i = 0; i < 4; i++) {
		uint64_t g = begin("demo", "exact");
		ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, N, &err), &err);
		ck_ok(publish_generation("demo", g, &err), &err);
	}
	ck_assert(there());
	restart();
	ck_assert_uint_eq(ask("old", N), 0);
}
END_TEST

static struct pool *two_lanes(void)
{
	struct pool_options options = {.threads = {2, 2}, .queue = {4, 4}};
	struct pool *pool = pool_start(&options);

	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* Asks, and says so, with the pool stopped or not; what is written meanwhile is what the kill meets. */
static void ask_and_say(int acks, uint32_t round, bool stop)
{
	catalog_reopen();
	struct pool *pool = two_lanes();
	struct crew crew = pool_crew(pool);
	char word[16];

	catalog_lend(catalog, &crew);
	snprintf(word, sizeof word, "round%u", round);
	say(word, 0, N);
	ask(word, N);
	if (stop)
		pool_stop(pool);
	if (write(acks, &round, sizeof round) != sizeof round)
		_exit(2);
	pause();
}

static void killed_after_asking(uint32_t round, bool stop)
{
	int pipes[2], status;
	uint32_t said;

	ck_assert_int_eq(pipe(pipes), 0);
	catalog = catalog_close(catalog);
	db = database_close(db);
	pid_t child = fork();
	if (child == 0)
		ask_and_say(pipes[1], round, stop);
	close(pipes[1]);
	ck_assert_int_eq(read(pipes[0], &said, sizeof said), sizeof said);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(pipes[0]);
}

/* Every other time the pool was stopped: then it is written. Else it is, or the one of the round before is
 * there, of which every document says something else now. */
START_TEST(a_killed_process_leaves_it_whole_or_not_at_all)
{
	char word[16], before[16];

	put_and_keep();
	for (uint32_t round = 0; round < 12; round++) {
		snprintf(before, sizeof before, "round%u", round - 1);
		snprintf(word, sizeof word, "round%u", round);
		killed_after_asking(round, round % 2);
		restart();
		uint32_t indexed = ask(word, N);
		ck_assert(indexed == 0 || (indexed == N && round % 2 == 0));
		ask(before, 0);
		if (hand.job)
			do_it(&hand);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("catalog keep text");
	TCase *t = tcase_create("catalog keep text");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_request_does_not_wait_for_it_and_a_start_reads_it);
	tcase_add_test(t, what_came_since_is_indexed_and_nothing_else);
	tcase_add_test(t, it_is_written_again_when_enough_was_indexed_since);
	tcase_add_test(t, who_is_late_writes_what_is_there_by_then);
#ifdef HARDMINER_FAULTS
	tcase_add_test(t, what_comes_while_it_is_written_is_written_after_that);
	tcase_add_test(t, of_a_collection_that_is_deleted_meanwhile_nothing_stays);
	tcase_add_test(t, who_comes_after_the_deletion_leaves_nothing);
	tcase_add_test(t, any_step_may_fail);
	tcase_add_test(t, after_a_failure_it_is_tried_again_when_as_much_has_come);
	tcase_add_test(t, a_request_is_answered_though_nobody_can_be_sent);
#endif
	tcase_add_test(t, without_a_crew_nothing_is_written);
	tcase_add_test(t, a_damaged_file_is_made_anew_and_told_of);
	tcase_add_test(t, a_file_that_is_missing_is_told_of_after_a_start_alone);
	tcase_add_test(t, a_collection_made_anew_has_nothing_of_the_old);
	tcase_add_test(t, a_file_in_the_wrong_place_is_seen_through);
	tcase_add_test(t, half_a_file_is_swept);
	tcase_add_test(t, it_stays_while_generations_come_and_go);
	tcase_add_test(t, a_killed_process_leaves_it_whole_or_not_at_all);
	suite_add_tcase(s, t);
	return s;
}
