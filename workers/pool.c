/*
 * A lane is one line of turns, first come, first served. A turn is a submitted job, or one slice of
 * a pool_each: a share gives a slice away and goes back to the end of the line, so slices of large
 * requests and whole small ones alternate, and nobody waits for more than one slice a competitor.
 *
 * `width` of a lane's threads may compute at once: they hold its places. HEAVY has spare threads: one
 * that calls pool_each gives its place up until its slices are done, and one of a crew while it waits
 * for others or lets others go first, and a spare thread may begin the next job there. Without spares,
 * a lane full of large requests would not begin a small one, and requests could not meet in one scan.
 *
 *   idle threads    take what was lent, then whatever stands first. The last KEPT of them leave slices
 *                   to their callers and take jobs only: slices that gave their places up hold a thread
 *                   each, and a few large requests have enough of them for all the spares.
 *   pool_each       takes slices only, its own or another's: a job begun on top of its stack would
 *                   hold it up. It leaves a job to an idle thread and passes it over when there is
 *                   none.
 *   who is back     waits for a place as well, in a line of its own; the two lines take turns, so
 *                   that neither a stream of small jobs nor many threads that come back at once keep
 *                   the other line waiting for more than one piece of work a turn. In their own the
 *                   hasty go first, but whom PASSED_BY of them went before is not passed any more.
 *
 * Nobody waits for ever: who holds a place computes, and either ends or gives it up; who waits to be
 * back holds none. Two may go beyond `width`, so as not to wait behind what is long: a caller of
 * pool_each whose last slice is done, one a request, and those who must be back at once, up to twice
 * the width. They have little left to do.
 *
 * What takes long and cannot be cut is done aside (pool_aside), without a place: while there are threads,
 * small turns begin as if it were not there, and the kernel shares the cores among both. No more than
 * `width` are aside at once, so that it has little to share; others wait for that, each on its thread.
 *
 * What is lent (pool_crew) stands before the line and is not counted in it: it belongs to a request
 * that was admitted.
 */
#include "workers/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "proto/fault.h"

enum {
	LANES = 2,
	SPARE = 40, /* threads of HEAVY beyond its width */
	KEPT = 8,   /* for jobs */
	PASSED_BY = 8
};

struct line {
	pthread_mutex_t lock;
	pthread_cond_t work;	/* for an idle thread: there is a turn and a place for it */
	pthread_cond_t callers; /* the same for pool_each, or a share is finished */
	pthread_cond_t returns; /* for those who wait to be back: one has a place */
	pthread_cond_t asides;	/* for those who wait to be aside: one may */
	struct job *first, **last;
	struct job *lent;	      /* latest first */
	struct returning *returning;  /* by haste, and who was passed too often */
	size_t queued, queue, shares; /* jobs in the line; the most that may be; shares in it */
	size_t width, running, aside, idle, waiting;
	bool returned_last; /* the last place went to one who is back */
	bool stopping;
	pthread_t *threads;
	size_t n_threads;
};

struct pool {
	struct line lines[LANES];
};

/* One who waits to be back; lives on its stack. */
struct returning {
	struct returning *next;
	enum haste haste;
	size_t passed_by; /* those who went before it, though it was there first */
	bool granted;
};

/* The lane for which this thread runs a turn: it has a place there, or gave it up for a while. */
static _Thread_local const struct line *turn_of;

/* A pool_each in the line; lives on its caller's stack. */
struct share {
	struct job job; /* run is NULL: what tells a share from a job */
	void (*each)(void *arg, size_t i);
	void *arg;
	size_t n, next; /* slices given away so far */
	size_t left;	/* not returned yet */
};

static void line_push(struct line *l, struct job *turn)
{
	turn->next = NULL;
	l->shares += !turn->run;
	*l->last = turn;
	l->last = &turn->next;
}

static struct job *line_remove(struct line *l, struct job **at)
{
	struct job *turn = *at;

	l->shares -= !turn->run;
	*at = turn->next;
	if (!*at)
		l->last = at;
	return turn;
}

/* The first turn in the line for an idle thread, when so many others stay idle; or where it would be. */
static struct job **turn_for_idle(struct line *l, size_t others)
{
	struct job **at = &l->first;

	while (*at && !(*at)->run && others < KEPT && !l->stopping)
		at = &(*at)->next;
	return at;
}

/* Whether an idle thread has something to begin. */
static bool may_begin(struct line *l, size_t others)
{
	return l->lent || *turn_for_idle(l, others);
}

/* The same, of all that are idle. */
static bool one_may_begin(struct line *l)
{
	return l->idle && may_begin(l, l->idle - 1);
}

static bool may_return(struct line *l)
{
	const struct returning *r = l->returning;

	if (!r)
		return false;
	if (r->haste == AT_ONCE && l->running < 2 * l->width)
		return true;
	if (l->running >= l->width)
		return false;
	bool others = one_may_begin(l) || (l->shares && l->waiting);
	return !others || !l->returned_last;
}

static void give_place_back(struct line *l)
{
	struct returning *r = l->returning;

	l->returning = r->next;
	r->granted = true;
	l->running++;
	l->returned_last = true;
	pthread_cond_broadcast(&l->returns);
}

/* To be called whenever a turn or a place appears. */
static void wake(struct line *l)
{
	while (may_return(l))
		give_place_back(l);
	if (l->running >= l->width)
		return;
	if (one_may_begin(l))
		pthread_cond_signal(&l->work);
	else if (l->shares && l->waiting)
		pthread_cond_broadcast(&l->callers);
}

static void run_slice(struct line *l, struct share *s)
{
	size_t i = s->next++;

	if (s->next < s->n)
		line_push(l, &s->job);
	wake(l);
	pthread_mutex_unlock(&l->lock);
	s->each(s->arg, i);
	pthread_mutex_lock(&l->lock);
	if (--s->left == 0)
		pthread_cond_broadcast(&l->callers);
}

static void run_job(struct line *l, struct job *job)
{
	wake(l);
	pthread_mutex_unlock(&l->lock);
	job->run(job);
	pthread_mutex_lock(&l->lock);
}

/* Runs a turn that is out of the line, unlocked. */
static void run_turn(struct line *l, struct job *turn)
{
	const struct line *before = turn_of;

	turn_of = l;
	l->running++;
	l->returned_last = false;
	if (turn->run)
		run_job(l, turn);
	else
		run_slice(l, (struct share *)turn);
	turn_of = before;
	l->running--;
	wake(l);
}

static void take_first(struct line *l)
{
	struct job *turn = l->lent;

	if (turn) {
		l->lent = turn->next;
	} else {
		turn = line_remove(l, turn_for_idle(l, l->idle));
		l->queued -= turn->run != NULL;
	}
	run_turn(l, turn);
}

static void *line_thread(void *arg)
{
	struct line *l = arg;

	pthread_mutex_lock(&l->lock);
	l->idle--;
	while (may_begin(l, l->idle) || !l->stopping) {
		if (may_begin(l, l->idle) && l->running < l->width) {
			take_first(l);
			continue;
		}
		l->idle++;
		pthread_cond_wait(&l->work, &l->lock);
		l->idle--;
	}
	pthread_cond_broadcast(&l->work); /* those that had to leave the last turns to us */
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static void line_stop(struct line *l)
{
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	pthread_cond_broadcast(&l->work);
	pthread_mutex_unlock(&l->lock);
	for (size_t i = 0; i < l->n_threads; i++)
		pthread_join(l->threads[i], NULL);
	free(l->threads);
	pthread_cond_destroy(&l->asides);
	pthread_cond_destroy(&l->returns);
	pthread_cond_destroy(&l->callers);
	pthread_cond_destroy(&l->work);
	pthread_mutex_destroy(&l->lock);
}

static void line_init(struct line *l, size_t width, size_t queue)
{
	*l = (struct line){.width = width, .queue = queue, .last = &l->first};
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->work, NULL);
	pthread_cond_init(&l->callers, NULL);
	pthread_cond_init(&l->returns, NULL);
	pthread_cond_init(&l->asides, NULL);
}

/* Under the lock, so that no thread looks at `threads` before all are in it. */
static bool line_start(struct line *l, size_t n)
{
	l->threads = FAULT() ? NULL : calloc(n, sizeof *l->threads);
	if (!l->threads)
		return false;
	pthread_mutex_lock(&l->lock);
	while (l->n_threads < n && !FAULT() &&
		!pthread_create(&l->threads[l->n_threads], NULL, line_thread, l)) {
		l->n_threads++;
		l->idle++; /* it is not there yet, but it will look at the line first */
	}
	pthread_mutex_unlock(&l->lock);
	return l->n_threads == n;
}

struct pool *pool_start(const struct pool_options *options)
{
	struct pool *pool = FAULT() ? NULL : calloc(1, sizeof *pool);
	bool started = true;

	if (!pool)
		return NULL;
	for (int i = 0; i < LANES; i++)
		line_init(&pool->lines[i], options->threads[i], options->queue[i]);
	for (int i = 0; i < LANES && started; i++)
		started =
			line_start(&pool->lines[i], options->threads[i] + (i == HEAVY ? SPARE : 0));
	return started ? pool : pool_stop(pool);
}

struct pool *pool_stop(struct pool *pool)
{
	if (!pool)
		return NULL;
	for (int i = 0; i < LANES; i++)
		line_stop(&pool->lines[i]);
	free(pool);
	return NULL;
}

static bool submit(struct line *l, struct job *job, bool bounded)
{
	pthread_mutex_lock(&l->lock);
	bool taken = !bounded || l->queued < l->queue;
	if (taken) {
		l->queued++;
		line_push(l, job);
		wake(l);
	}
	pthread_mutex_unlock(&l->lock);
	return taken;
}

bool pool_submit(struct pool *pool, enum lane lane, struct job *job)
{
	return submit(&pool->lines[lane], job, true);
}

void pool_resume(struct pool *pool, enum lane lane, struct job *job)
{
	submit(&pool->lines[lane], job, false);
}

size_t pool_queued(struct pool *pool, enum lane lane)
{
	struct line *l = &pool->lines[lane];

	pthread_mutex_lock(&l->lock);
	size_t n = l->queued;
	pthread_mutex_unlock(&l->lock);
	return n;
}

size_t pool_threads(const struct pool *pool, enum lane lane)
{
	return pool->lines[lane].width;
}

/* The turn a pool_each may take now, or NULL. */
static struct job **slice_for_caller(struct line *l)
{
	struct job **at = &l->first;

	if (l->running >= l->width || !*at)
		return NULL;
	if ((l->lent || (*at)->run) && l->idle)
		return NULL;
	while (*at && (*at)->run)
		at = &(*at)->next;
	return *at ? at : NULL;
}

static void share_out(struct line *l, struct share *s)
{
	struct job **at;

	line_push(l, &s->job);
	wake(l);
	while (s->left) {
		at = slice_for_caller(l);
		if (at) {
			run_turn(l, line_remove(l, at));
			continue;
		}
		l->waiting++;
		pthread_cond_wait(&l->callers, &l->lock);
		l->waiting--;
	}
}

void pool_each(struct pool *pool, size_t n, void (*each)(void *arg, size_t i), void *arg)
{
	if (!pool || n < 2) {
		for (size_t i = 0; i < n; i++)
			each(arg, i);
		return;
	}
	struct line *l = &pool->lines[HEAVY];
	struct share s = {.each = each, .arg = arg, .n = n, .left = n};
	bool place = turn_of == l; /* the caller holds one of the lane's places */

	pthread_mutex_lock(&l->lock);
	l->running -= place;
	share_out(l, &s);
	l->running += place;
	pthread_mutex_unlock(&l->lock);
}

/* What somebody without a place waits for; lives on its stack. */
struct errand {
	struct job job;
	void (*run)(void *arg);
	void *arg;
	sem_t done;
};

static void run_errand(struct job *job)
{
	struct errand *errand = (struct errand *)job;

	errand->run(errand->arg);
	sem_post(&errand->done);
}

void pool_run(struct pool *pool, void (*run)(void *arg), void *arg)
{
	if (!pool || turn_of == &pool->lines[HEAVY]) {
		run(arg);
		return;
	}
	struct errand errand = {.job.run = run_errand, .run = run, .arg = arg};
	sem_init(&errand.done, 0, 0);
	pool_resume(pool, HEAVY, &errand.job);
	while (sem_wait(&errand.done))
		; /* a signal came */
	sem_destroy(&errand.done);
}

static void lend(void *arg, struct job *job)
{
	struct line *l = arg;

	pthread_mutex_lock(&l->lock);
	job->next = l->lent;
	l->lent = job;
	wake(l);
	pthread_mutex_unlock(&l->lock);
}

static void leave(void *arg)
{
	struct line *l = arg;

	if (turn_of != l)
		return;
	pthread_mutex_lock(&l->lock);
	l->running--;
	l->returned_last = true; /* lest it be back before a thread that was woken is there */
	wake(l);
	pthread_mutex_unlock(&l->lock);
}

/* Who must be back at once needs no place that another waits for. */
static bool may_pass(const struct returning *r, enum haste haste)
{
	return r->haste < haste && (haste == AT_ONCE || r->passed_by < PASSED_BY);
}

static void back(void *arg, enum haste haste)
{
	struct line *l = arg;
	struct returning r = {.haste = haste};

	if (turn_of != l)
		return;
	pthread_mutex_lock(&l->lock);
	struct returning **at = &l->returning;
	while (*at && !may_pass(*at, haste))
		at = &(*at)->next;
	r.next = *at;
	*at = &r;
	for (struct returning *behind = r.next; behind; behind = behind->next)
		behind->passed_by++;
	wake(l);
	while (!r.granted)
		pthread_cond_wait(&l->returns, &l->lock);
	pthread_mutex_unlock(&l->lock);
}

static void run_aside(struct line *l, void (*run)(void *arg), void *arg)
{
	pthread_mutex_lock(&l->lock);
	while (l->aside == l->width)
		pthread_cond_wait(&l->asides, &l->lock);
	l->aside++;
	pthread_mutex_unlock(&l->lock);
	run(arg);
	pthread_mutex_lock(&l->lock);
	l->aside--;
	pthread_cond_signal(&l->asides);
	pthread_mutex_unlock(&l->lock);
}

void pool_aside(
	struct pool *pool, enum lane lane, void (*run)(void *arg), void *arg, enum haste haste)
{
	struct line *l = &pool->lines[lane];

	if (turn_of != l) {
		run(arg);
		return;
	}
	leave(l);
	run_aside(l, run, arg);
	back(l, haste);
}

static bool wanted(void *arg)
{
	struct line *l = arg;

	pthread_mutex_lock(&l->lock);
	bool somebody = l->idle && *turn_for_idle(l, l->idle - 1);
	pthread_mutex_unlock(&l->lock);
	return somebody;
}

static size_t awaited(void *arg)
{
	struct line *l = arg;
	size_t n = 0;

	pthread_mutex_lock(&l->lock);
	for (const struct returning *r = l->returning; r; r = r->next)
		n++;
	pthread_mutex_unlock(&l->lock);
	return n;
}

struct crew pool_crew(struct pool *pool)
{
	struct line *l = &pool->lines[HEAVY];

	return (struct crew){l->width, lend, leave, back, wanted, awaited, l};
}
