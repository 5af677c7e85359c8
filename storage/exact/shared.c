/*
 * A request stands in one of two lines, urgent or bulk, and each line has one joint pass (joint.h) at
 * a time: all that stand there when the one before is over, up to what takes a quarter of a second.
 *
 * Threads that wait in shared_search take portions of it, urgent ones first, so that a request of one
 * query is held up by a bulk pass for one portion. There is no leader: whoever finds its line's pass
 * over opens the next, whoever does the last portion closes it. A thread with nothing to do leaves its
 * place to others, which may bring company for the next pass; and when a pass opens, idle threads are
 * sent for.
 *
 * Everything here is guarded by `lock`, except that a portion belongs to the thread that took it. A
 * pass borrows its requests' queries until it is over; so a cancelled request that is already in one
 * waits for the portions at work, and its pass is broken off when nobody else is in it.
 */
#include "storage/exact/shared.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "proto/fault.h"
#include "storage/exact/joint.h"
#include "storage/progress.h"

enum line { URGENT, BULK, LINES };

enum { MOST_HITS = 1 << 20 };

struct helper {
	struct job job;
	struct shared *shared;
	bool sent;
};

struct shared {
	const struct exact *x;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned references; /* the owner's, and one a helper on its way */
	struct waiting *first[LINES], **last[LINES];
	struct joint *joint[LINES]; /* at work, or NULL */
	bool opening[LINES];	    /* somebody cuts the next */
	size_t at_work;		    /* threads on portions */
	size_t threads;		    /* that may be */
	struct helper helpers[MOST_LOTS];
};

struct shared *shared_new(const struct exact *x)
{
	struct shared *s = FAULT() ? NULL : calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->x = x;
	s->references = s->threads = 1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	for (int i = 0; i < LINES; i++)
		s->last[i] = &s->first[i];
	return s;
}

/* The lock is held, and let go of. */
static void release(struct shared *s)
{
	bool last = --s->references == 0;

	pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void shared_free(struct shared *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	release(s);
}

static void stand(struct shared *s, enum line line, struct waiting *w)
{
	*s->last[line] = w;
	s->last[line] = &w->next;
}

static void step_out(struct shared *s, enum line line, struct waiting *w)
{
	struct waiting **at = &s->first[line];

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (!w->next)
		s->last[line] = at;
	w->next = NULL;
}

static size_t hits_of(const struct shared_request *r)
{
	size_t hits = 0;

	for (size_t i = 0; i < r->n; i++)
		hits += r->queries[i].k + r->queries[i].n_excluded;
	return hits;
}

/* Takes out of the line what goes together, from the first on: as much as a quarter of a second and
 * some 100 MB of survivors are good for, or one request. */
static void gather(struct shared *s, enum line line, struct joint *j)
{
	struct waiting *w = s->first[line], *next, **end = &j->requests;
	double most = joint_most(s->x, s->threads);

	j->order = w->request->order;
	for (; w; w = next) {
		next = w->next;
		if (w->request->order != j->order)
			continue;
		size_t hits = hits_of(w->request);
		if (j->n && ((double)(j->n + w->request->n) > most || j->hits + hits > MOST_HITS))
			break;
		step_out(s, line, w);
		w->taken = true;
		j->n += w->request->n;
		j->hits += hits;
		*end = w;
		end = &w->next;
	}
}

/* A lot that is worth a portion now, of the first line that has one. */
static struct lot *find_lot(struct shared *s, struct joint **of)
{
	for (int line = 0; line < LINES; line++) {
		struct joint *j = s->joint[line];
		if (!j || j->error.code)
			continue;
		struct lot *lot = joint_lot(j);
		if (lot) {
			*of = j;
			return lot;
		}
	}
	return NULL;
}

/* Hands the answers out. */
static void close_joint(struct shared *s, enum line line)
{
	struct joint *j = s->joint[line];
	struct waiting *w = j->requests, *next;

	for (size_t n = 0; w; n += w->request->n, w = next) {
		next = w->next; /* it goes with its thread once it is done */
		w->error = j->error;
		for (size_t i = 0; i < w->request->n && !j->error.code; i++)
			w->request->queries[i].found = j->queries[n + i].found;
		w->done = true;
	}
	s->joint[line] = NULL;
	pthread_cond_broadcast(&s->changed);
	joint_free(j);
}

/* The lock is held, but not while working. */
static void do_portion(struct shared *s, struct joint *j, struct lot *lot)
{
	struct error e = {0};

	lot->busy = true;
	j->busy++;
	s->at_work++;
	pthread_mutex_unlock(&s->lock);
	joint_work(j, lot, &e);
	pthread_mutex_lock(&s->lock);
	s->at_work--;
	j->busy--;
	lot->busy = false;
	if (e.code)
		j->error = e;
	else if (!j->error.code && joint_all_cancelled(j))
		error_set(&j->error, CANCELLED, "CANCELLED", "The request was cancelled.");
	if (joint_is_over(j))
		close_joint(s, j == s->joint[URGENT] ? URGENT : BULK);
	else
		pthread_cond_signal(&s->changed);
}

static bool may_work(const struct shared *s)
{
	return s->at_work < s->threads;
}

static void help(struct job *job)
{
	struct helper *helper = (struct helper *)job;
	struct shared *s = helper->shared;
	struct joint *j;
	struct lot *lot;

	pthread_mutex_lock(&s->lock);
	while (may_work(s) && (lot = find_lot(s, &j)))
		do_portion(s, j, lot);
	helper->sent = false;
	release(s);
}

static void send_helpers(struct shared *s, const struct joint *j, const struct crew *crew)
{
	for (size_t i = 0; crew && i + 1 < j->n_lots; i++) {
		struct helper *h = &s->helpers[i];
		if (h->sent)
			continue;
		h->job.run = help;
		h->shared = s;
		h->sent = true;
		s->references++;
		crew->send(crew->arg, &h->job);
	}
}

/* Opens the line's next pass. The lock is held, but not while queries are encoded. */
static void open_joint(struct shared *s, enum line line, const struct crew *crew)
{
	struct joint *j = FAULT() ? NULL : calloc(1, sizeof *j);

	if (!j) {
		struct waiting *w = s->first[line];
		step_out(s, line, w);
		error_memory(&w->error);
		w->done = true;
		pthread_cond_broadcast(&s->changed);
		return;
	}
	gather(s, line, j);
	s->opening[line] = true;
	size_t threads = s->threads;
	pthread_mutex_unlock(&s->lock);
	joint_cut(j, s->x, threads);
	pthread_mutex_lock(&s->lock);
	s->opening[line] = false;
	s->joint[line] = j;
	if (joint_is_over(j))
		close_joint(s, line);
	else
		send_helpers(s, j, crew);
}

static void wait_a_while(struct shared *s, const struct crew *crew)
{
	struct timespec until;

	/* Nobody signals a cancellation, so look again now and then. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 20 * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (crew)
		crew->leave(crew->arg);
	pthread_cond_timedwait(&s->changed, &s->lock, &until);
	if (crew)
		crew->back(crew->arg);
}

/* Whether this thread should rather make room for company: somebody is at work already. */
static bool is_wanted(const struct shared *s, const struct crew *crew)
{
	return crew && s->at_work && crew->wanted(crew->arg);
}

static void take_part(struct shared *s, enum line line, struct waiting *w)
{
	const struct crew *crew = w->request->crew;
	struct error *e = &w->error;
	struct joint *j;
	struct lot *lot;

	while (!w->done) {
		if (!w->taken && check_cancelled(w->request->cancelled, e)) {
			step_out(s, line, w);
			return;
		}
		for (int i = 0; i < LINES; i++)
			if (!s->joint[i] && !s->opening[i] && s->first[i])
				open_joint(s, i, crew);
		if (w->done)
			return;
		if (may_work(s) && !is_wanted(s, crew) && (lot = find_lot(s, &j)))
			do_portion(s, j, lot);
		else
			wait_a_while(s, crew);
	}
}

enum code shared_search(struct shared *s, const struct shared_request *r, struct error *e)
{
	struct waiting w = {.request = r};
	enum line line = r->bulk ? BULK : URGENT;

	if (r->n == 0)
		return OK;
	pthread_mutex_lock(&s->lock);
	if (r->crew && r->crew->threads > s->threads)
		s->threads = r->crew->threads;
	stand(s, line, &w);
	take_part(s, line, &w);
	pthread_mutex_unlock(&s->lock);
	if (w.error.code)
		*e = w.error;
	return w.error.code;
}
