/*
 * A lane is one line of turns, first come, first served. A turn is a submitted job, or one slice of
 * a pool_each: a share gives a slice away and goes back to the end of the line, so slices of large
 * requests and whole small ones alternate, and nobody waits for more than one slice a competitor.
 *
 * `width` of a lane's threads may compute at once. HEAVY has spare ones: a thread that calls pool_each
 * gives its place up until its slices are done, and one of a crew while it waits for others, and a
 * spare thread may begin the next job there. Without spares, a lane full of large requests would not
 * begin a small one, and requests could not meet in one scan.
 *
 *   idle threads    take whatever stands first
 *   pool_each       takes slices only, its own or another's: a job begun on top of its stack would
 *                   hold it up. It leaves a job to an idle thread and passes it over when there is
 *                   none.
 *
 * A caller whose last slice is done goes on at once, even when that makes one thread more than
 * `width` for the length of a slice. So does a thread of a crew that is back from waiting.
 */
#include "workers/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "proto/fault.h"

enum { LANES = 2, SPARE = 40 /* threads of HEAVY beyond its width */ };

struct line {
	pthread_mutex_t lock;
	pthread_cond_t work;	/* for an idle thread: there is a turn and a place for it */
	pthread_cond_t callers; /* the same for pool_each, or a share is finished */
	struct job *first, **last;
	size_t queued, queue; /* jobs without shares; the most that may wait */
	size_t width, running, idle, waiting;
	bool stopping;
	pthread_t *threads;
	size_t n_threads;
};

struct pool {
	struct line lines[LANES];
};

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
	*l->last = turn;
	l->last = &turn->next;
}

static struct job *line_remove(struct line *l, struct job **at)
{
	struct job *turn = *at;

	*at = turn->next;
	if (!*at)
		l->last = at;
	return turn;
}

/* To be called whenever a turn or a place appears. */
static void wake(struct line *l)
{
	if (!l->first || l->running >= l->width)
		return;
	if (l->idle)
		pthread_cond_signal(&l->work);
	else if (l->waiting)
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
	l->queued--;
	wake(l);
	pthread_mutex_unlock(&l->lock);
	job->run(job);
	pthread_mutex_lock(&l->lock);
}

/* Takes the turn at `at` out of the line and runs it, unlocked. */
static void take_turn(struct line *l, struct job **at)
{
	struct job *turn = line_remove(l, at);

	l->running++;
	if (turn->run)
		run_job(l, turn);
	else
		run_slice(l, (struct share *)turn);
	l->running--;
	wake(l);
}

static void *line_thread(void *arg)
{
	struct line *l = arg;

	pthread_mutex_lock(&l->lock);
	l->idle--;
	while (l->first || !l->stopping) {
		if (l->first && l->running < l->width) {
			take_turn(l, &l->first);
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
	if ((*at)->run && l->idle)
		return NULL;
	while (*at && (*at)->run)
		at = &(*at)->next;
	return *at ? at : NULL;
}

static bool is_own_thread(const struct line *l)
{
	for (size_t i = 0; i < l->n_threads; i++)
		if (pthread_equal(l->threads[i], pthread_self()))
			return true;
	return false;
}

static void share_out(struct line *l, struct share *s)
{
	struct job **at;

	line_push(l, &s->job);
	wake(l);
	while (s->left) {
		at = slice_for_caller(l);
		if (at) {
			take_turn(l, at);
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
	bool place = is_own_thread(l); /* the caller holds one of the lane's places */

	pthread_mutex_lock(&l->lock);
	l->running -= place;
	share_out(l, &s);
	l->running += place;
	pthread_mutex_unlock(&l->lock);
}

static void send_first(void *arg, struct job *job)
{
	struct line *l = arg;

	pthread_mutex_lock(&l->lock);
	l->queued++; /* as run_job counts it off */
	job->next = l->first;
	l->first = job;
	if (!job->next)
		l->last = &job->next;
	wake(l);
	pthread_mutex_unlock(&l->lock);
}

/* A thread that is not the lane's holds a place only while pool_each has lent it one; it keeps it. */
static void leave(void *arg)
{
	struct line *l = arg;

	if (!is_own_thread(l))
		return;
	pthread_mutex_lock(&l->lock);
	l->running--;
	wake(l);
	pthread_mutex_unlock(&l->lock);
}

static void back(void *arg)
{
	struct line *l = arg;

	if (!is_own_thread(l))
		return;
	pthread_mutex_lock(&l->lock);
	l->running++;
	pthread_mutex_unlock(&l->lock);
}

static bool wanted(void *arg)
{
	struct line *l = arg;

	pthread_mutex_lock(&l->lock);
	bool somebody = l->first && l->idle;
	pthread_mutex_unlock(&l->lock);
	return somebody;
}

struct crew pool_crew(struct pool *pool)
{
	struct line *l = &pool->lines[HEAVY];

	return (struct crew){l->width, send_first, leave, back, wanted, l};
}
