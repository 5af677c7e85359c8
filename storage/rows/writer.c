/*
 * Durability, and why one connection has it to itself.
 *
 * A write is acknowledged when its commit is on disk: the journal is a write-ahead log, and with
 * synchronous=FULL each commit ends in an fsync of that log. What was acknowledged survives
 * kill -9 and the loss of power. An fsync is the whole price of a small write, so writes share it:
 * while one group is being committed the next callers queue up, and all of them become the next
 * group. No delay is ever added; under load the queue fills by itself.
 *
 *	BEGIN IMMEDIATE
 *	  SAVEPOINT w, apply, RELEASE w        for each write; ROLLBACK TO w if its apply fails
 *	COMMIT                                 one fsync for all
 *	answer everyone
 *	checkpoint, if the log has grown
 *
 * How this can fail:
 *
 * - An apply fails (a bad id, say): its savepoint is undone, its neighbours live on.
 * - An apply fails and SQLite has ended the whole transaction on its own, as it may when the disk
 *   is full or memory is out: what the neighbours did is gone too. All of the group are told so.
 * - COMMIT fails: so does every write of the group that had not failed by itself. On a full disk
 *   the transaction is rolled back, nothing of it is there, and later writes may do better.
 * - The disk itself fails, above all in fsync: the kernel may have dropped the dirty pages and
 *   call the next fsync a success, so nothing is tried again. From then on every write is refused,
 *   and whether the failed group is there is known after a restart. Reads go on.
 *
 * Only this connection ever writes or checkpoints. SQLite 3.7.0 to 3.51.2 can lose a transaction
 * when one connection commits while another one resets the log after a checkpoint; Debian 12 has
 * 3.40.1. With one connection doing both, in turn, the race has nobody to run against. Readers are
 * opened read-only, with checkpoints off, also when they close.
 */
#include "storage/rows/writer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/rows/statement.h"

/* Pages in the log. From the first on, each commit is followed by a checkpoint that disturbs
 * nobody; from the second on by one that waits a little for readers, so that the log can start
 * over and does not grow without end. */
enum { CHECKPOINT_AT = 4096, CHECKPOINT_HARD_AT = 32768, CHECKPOINT_WAIT_MS = 200 };

/* Lives on the waiting caller's stack. */
struct write {
	struct write *next;
	database_apply apply;
	void *arg;
	struct error *error; /* OK unless it fails */
	bool done;
	pthread_cond_t answered;
};

struct writer {
	sqlite3 *db;	      /* the thread's alone */
	int log_pages;	      /* after the last commit */
	struct error failure; /* the disk's; not OK: no more writes */

	pthread_t thread;
	pthread_mutex_t lock; /* over what follows, and over every write's `done` */
	pthread_cond_t wanted;
	struct write *first, **last;
	bool stopping;
};

static int note_log_pages(void *writer, sqlite3 *db, const char *name, int pages)
{
	(void)db, (void)name;
	((struct writer *)writer)->log_pages = pages;
	return SQLITE_OK;
}

/* A write that fails is undone alone. Returns the group's fate: a failure here is everyone's. */
static enum code apply_alone(sqlite3 *db, struct write *w, struct error *e)
{
	if (statement_exec(db, "SAVEPOINT w", e))
		return e->code;
	bool failed = w->apply(db, w->arg, w->error) != OK;
	statements_reset(db);
	if (failed && (sqlite3_get_autocommit(db) || error_is_storage_failure(w->error))) {
		*e = *w->error;
		return e->code;
	}
	if (failed && statement_exec(db, "ROLLBACK TO w", e))
		return e->code;
	return statement_exec(db, "RELEASE w", e);
}

static enum code apply_group(sqlite3 *db, struct write *group, struct error *e)
{
	if (statement_exec(db, "BEGIN IMMEDIATE", e))
		return e->code;
	for (struct write *w = group; w; w = w->next)
		if (apply_alone(db, w, e))
			return e->code;
	return statement_exec(db, "COMMIT", e);
}

static void fail_group(struct writer *w, struct write *group, const struct error *why)
{
	for (struct write *one = group; one; one = one->next)
		if (one->error->code == OK)
			*one->error = *why;
	if (error_is_storage_failure(why))
		w->failure = *why;
}

static void commit_group(struct writer *w, struct write *group)
{
	struct error e = {0};

	if (w->failure.code) {
		fail_group(w, group, &w->failure);
		return;
	}
	if (apply_group(w->db, group, &e) == OK)
		return;
	if (!sqlite3_get_autocommit(w->db))
		sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
	if (!sqlite3_get_autocommit(w->db))
		error_set(&w->failure, UNAVAILABLE, "STORAGE_FAILED",
			"A write that failed could not be undone; restart hardminerd.");
	fail_group(w, group, &e);
}

/* After the answers: nobody waits for it. A full disk is no failure of the log, which keeps what
 * the file could not take. */
static void checkpoint(struct writer *w)
{
	struct error e;
	int mode = w->log_pages >= CHECKPOINT_HARD_AT ? SQLITE_CHECKPOINT_RESTART
						      : SQLITE_CHECKPOINT_PASSIVE;

	if (w->failure.code || w->log_pages < CHECKPOINT_AT)
		return;
	int rc = sqlite3_wal_checkpoint_v2(w->db, NULL, mode, NULL, NULL);
	if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
		database_error(w->db, &e);
		if (error_is_storage_failure(&e))
			w->failure = e;
	}
}

static struct write *take_group(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->first && !w->stopping)
		pthread_cond_wait(&w->wanted, &w->lock);
	struct write *group = w->first;
	w->first = NULL;
	w->last = &w->first;
	pthread_mutex_unlock(&w->lock);
	return group;
}

/* A write dies when its caller sees `done`, which the lock puts off until the loop is through. */
static void answer_group(struct writer *w, struct write *group)
{
	pthread_mutex_lock(&w->lock);
	for (struct write *one = group; one; one = one->next) {
		one->done = true;
		pthread_cond_signal(&one->answered);
	}
	pthread_mutex_unlock(&w->lock);
}

static void *run(void *writer)
{
	struct writer *w = writer;
	struct write *group;

	while ((group = take_group(w))) {
		commit_group(w, group);
		answer_group(w, group);
		checkpoint(w);
	}
	return NULL;
}

static void dispose(struct writer *w)
{
	sqlite3_wal_hook(w->db, NULL, NULL);
	pthread_cond_destroy(&w->wanted);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

enum code writer_start(sqlite3 *db, struct writer **out, struct error *e)
{
	struct writer *w = FAULT() ? NULL : calloc(1, sizeof *w);

	if (!w)
		return error_memory(e);
	w->db = db;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wanted, NULL);
	sqlite3_wal_hook(db, note_log_pages, w);
	sqlite3_busy_timeout(db, CHECKPOINT_WAIT_MS);
	int err = pthread_create(&w->thread, NULL, run, w);
	if (err) {
		dispose(w);
		return error_errno(e, err, "start the writer's thread");
	}
	*out = w;
	return OK;
}

struct writer *writer_stop(struct writer *w)
{
	if (!w)
		return NULL;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->wanted);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	if (!w->failure.code)
		sqlite3_wal_checkpoint_v2(w->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	dispose(w);
	return NULL;
}

enum code writer_do(struct writer *w, database_apply apply, void *arg, struct error *e)
{
	struct error outcome = {0};
	struct write write = {.apply = apply, .arg = arg, .error = &outcome};

	pthread_cond_init(&write.answered, NULL);
	pthread_mutex_lock(&w->lock);
	*w->last = &write;
	w->last = &write.next;
	pthread_cond_signal(&w->wanted);
	while (!write.done)
		pthread_cond_wait(&write.answered, &w->lock);
	pthread_mutex_unlock(&w->lock);
	pthread_cond_destroy(&write.answered);
	if (outcome.code)
		*e = outcome;
	return outcome.code;
}
