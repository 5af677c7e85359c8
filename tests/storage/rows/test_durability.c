/*
 * A process that writes is killed at any moment; another one opens what it left. Whatever had been
 * acknowledged is there, and of the rest nothing is there by half.
 */
#include "tests/storage/rows/fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 25, THREADS = 4, MOST = 4000 };

/* One upsert is three documents, so that a half would be seen. */
struct ack {
	int thread, write;
};

struct scribe {
	pthread_t thread;
	int64_t collection;
	int round, number, pipe;
};

static void write_three(const struct scribe *s, int write)
{
	char ids[3][48];
	Pb__Document documents[3], *list[3];
	struct upsert_counts counts;
	struct error e;

	for (int i = 0; i < 3; i++) {
		snprintf(ids[i], sizeof ids[i], "r%d-t%d-w%d-%d", s->round, s->number, write, i);
		pb__document__init(&documents[i]);
		documents[i].id = ids[i];
		documents[i].text =
			"Something that takes a little room in the log of the database.";
		list[i] = &documents[i];
	}
	if (documents_upsert(db, s->collection, list, 3, &counts, &e))
		abort();
}

static void *scribble(void *arg)
{
	struct scribe *s = arg;

	for (int i = 0;; i++) {
		struct ack ack = {s->number, i};
		write_three(s, i);
		if (write(s->pipe, &ack, sizeof ack) != sizeof ack)
			abort();
	}
	return NULL;
}

/* In the child, until it is killed. */
static void write_forever(int round, int pipe)
{
	struct scribe scribes[THREADS];
	struct collection c;
	struct error e;

	if (database_open(dir, &db, &e) || collection_get(db, "demo", &c, &e))
		abort();
	for (int i = 0; i < THREADS; i++) {
		scribes[i] = (struct scribe){
			.collection = c.id, .round = round, .number = i, .pipe = pipe};
		if (pthread_create(&scribes[i].thread, NULL, scribble, &scribes[i]))
			abort();
	}
	for (;;)
		pause();
}

/* Reads acknowledgements until there have been `wanted`, kills, reads what is left. */
static size_t kill_after(size_t wanted, pid_t child, int pipe, struct ack acks[static MOST])
{
	size_t n = 0;

	while (n < MOST && read(pipe, &acks[n], sizeof *acks) == sizeof *acks)
		if (++n == wanted)
			ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_uint_ge(n, wanted);
	ck_assert_uint_lt(n, MOST);
	return n;
}

static size_t crash(int round, size_t wanted, struct ack acks[static MOST])
{
	int ends[2], status;

	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(ends[0]);
		write_forever(round, ends[1]);
	}
	close(ends[1]);
	size_t n = kill_after(wanted, child, ends[0], acks);
	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return n;
}

static void ck_acknowledged(int64_t collection, int round, const struct ack *ack)
{
	for (int i = 0; i < 3; i++) {
		Pb__Document d;
		const char *id =
			arena_printf(&arena, "r%d-t%d-w%d-%d", round, ack->thread, ack->write, i);
		ck_ok(document_get(db, collection, id, &arena, &d, &err), &err);
	}
}

/* Each upsert made three documents and raised the revision by one. */
static void ck_nothing_by_half(void)
{
	struct collection c = fixture_collection("demo");

	ck_assert_int_eq(fixture_number("SELECT count(*) FROM documents"), (int64_t)c.documents);
	ck_assert_uint_eq(c.documents, 3 * c.revision);
	ck_assert_int_eq(fixture_number("SELECT count(*) FROM (SELECT 1 FROM documents "
					"GROUP BY substr(id, 1, length(id) - 2) "
					"HAVING count(*) <> 3)"),
		0);
	ck_assert_int_eq(fixture_number("SELECT max(key) & 0xffffffff FROM documents"),
		(int64_t)c.documents - 1);
}

START_TEST(what_was_acknowledged_survives_being_killed)
{
	static struct ack acks[MOST];
	struct collection c;

	srandom(20240229);
	ck_ok(collection_create(db, "demo", &c, &err), &err);
	for (int round = 0; round < KILLS; round++) {
		db = database_close(db);
		size_t n = crash(round, 1 + (size_t)random() % 60, acks);
		ck_ok(database_open(dir, &db, &err), &err);
		for (size_t i = 0; i < n; i++)
			ck_acknowledged(c.id, round, &acks[i]);
		ck_nothing_by_half();
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("durability");
	TCase *t = tcase_create("durability");

	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_add_test(t, what_was_acknowledged_survives_being_killed);
	suite_add_tcase(s, t);
	return s;
}
