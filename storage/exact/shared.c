/*
 * A request stands in one of two lines, urgent or bulk, and each line has one joint pass at a time:
 * all that stand there when the one before is over, up to what takes a quarter of a second. A
 * joint pass is cut into lots, one for each thread of the crew:
 *
 *   many queries   a lot is some of the queries, over all chunks
 *   few queries    a lot is all of the queries, over some of the chunks; the first lot absorbs the
 *                  others when all are scanned
 *
 * and a lot is scanned in portions of some 20 ms. Threads that wait in shared_search take portions,
 * urgent ones first, so that a request of one query is held up by a bulk pass for one portion. There
 * is no leader: whoever finds its line's pass over opens the next, whoever does the last portion
 * closes it. A thread with nothing to do leaves its place to others, which may bring company for the
 * next pass; and when a pass opens, idle threads are sent for.
 *
 * Everything here is guarded by `lock`, except that a portion belongs to the thread that took it. A
 * pass borrows its requests' queries until it is over; so a cancelled request that is already in one
 * waits for the portions at work, and its pass is broken off when nobody else is in it.
 */
#include "storage/exact/shared.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/fault.h"
#include "storage/exact/pass.h"
#include "storage/isa.h"
#include "storage/progress.h"

enum { MOST_LOTS = 64, FEW_QUERIES = 24, FINISHED_AT_ONCE = 64 };

enum line { URGENT, BULK, LINES };

struct waiting {
	const struct shared_request *request;
	struct waiting *next;
	bool taken, done;
	struct error error;
};

struct lot {
	struct pass *pass;
	uint32_t next, end;  /* chunks to scan */
	size_t finished, of; /* queries */
	bool busy;
};

/* A pass for several requests. */
struct joint {
	struct waiting *requests;
	struct exact_query *queries; /* copies, back to back */
	size_t n;
	const uint32_t *order;
	struct lot lots[MOST_LOTS];
	size_t n_lots, busy;
	uint32_t portion;	  /* chunks */
	bool by_chunks, absorbed; /* lots are of chunks; the first has all that they found */
	struct error error;	  /* ends the pass */
};

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

/* Multiplications that some milliseconds of a thread are good for. */
static double work_in(double seconds)
{
	static const double rate[] = {
		[ISA_PORTABLE] = 1e9, [ISA_AVX2] = 60e9, [ISA_AVX512] = 200e9};

	return seconds * rate[isa_now()];
}

static double work_a_query(const struct shared *s)
{
	return (double)s->x->codes->blocks * CODE_BLOCK * s->x->codes->dimension + 1;
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

/* Takes out of the line what goes together, from the first on. */
static void gather(struct shared *s, enum line line, struct joint *j)
{
	struct waiting *w = s->first[line], *next, **end = &j->requests;
	double most = work_in(.25) * (double)s->threads / work_a_query(s);

	j->order = w->request->order;
	for (; w; w = next) {
		next = w->next;
		if (w->request->order != j->order)
			continue;
		if (j->n && (double)(j->n + w->request->n) > most)
			break;
		step_out(s, line, w);
		w->taken = true;
		j->n += w->request->n;
		*end = w;
		end = &w->next;
	}
}

static void copy_queries(struct joint *j)
{
	size_t n = 0;

	for (struct waiting *w = j->requests; w; w = w->next) {
		memcpy(j->queries + n, w->request->queries, w->request->n * sizeof *j->queries);
		n += w->request->n;
	}
}

static enum code add_lot(const struct shared *s, struct joint *j, size_t i)
{
	struct lot *lot = &j->lots[i];
	uint32_t chunks = pass_chunks(s->x);
	size_t from = j->n * i / j->n_lots, to = j->n * (i + 1) / j->n_lots;

	lot->end = chunks;
	lot->of = to - from;
	if (j->by_chunks) {
		from = 0;
		to = j->n;
		lot->next = (uint32_t)((uint64_t)chunks * i / j->n_lots);
		lot->end = (uint32_t)((uint64_t)chunks * (i + 1) / j->n_lots);
		lot->of = i == 0 ? j->n : 0;
	}
	return pass_begin(s->x, j->order, j->queries + from, to - from, &lot->pass, &j->error);
}

/* No more than are worth waking a thread for. */
static size_t lots_for(double work, size_t threads)
{
	double worth = work / work_in(.0005) + 1;
	size_t most = threads < MOST_LOTS ? threads : MOST_LOTS;

	return worth < (double)most ? (size_t)worth : most;
}

/* Cuts a joint pass into lots. What fails is its error. */
static void cut(const struct shared *s, struct joint *j, size_t threads)
{
	double chunk = work_a_query(s) / (pass_chunks(s->x) + 1.0);

	j->queries = FAULT() ? NULL : malloc(j->n * sizeof *j->queries);
	if (!j->queries) {
		error_memory(&j->error);
		return;
	}
	copy_queries(j);
	j->n_lots = lots_for(work_a_query(s) * (double)j->n, threads);
	j->by_chunks = j->n < j->n_lots * FEW_QUERIES;
	size_t queries = j->by_chunks ? j->n : j->n / j->n_lots;
	double portion = work_in(.02) / (chunk * (double)queries);
	j->portion = portion < 1		? 1
		     : portion < UINT32_MAX / 2 ? (uint32_t)portion
						: UINT32_MAX / 2;
	for (size_t i = 0; i < j->n_lots; i++)
		if (add_lot(s, j, i))
			return;
}

static bool scanned(const struct joint *j)
{
	for (size_t i = 0; i < j->n_lots; i++)
		if (j->lots[i].busy || j->lots[i].next < j->lots[i].end)
			return false;
	return true;
}

static bool has_work(const struct joint *j, const struct lot *lot)
{
	if (lot->busy)
		return false;
	if (lot->next < lot->end)
		return true;
	return lot->finished < lot->of && (!j->by_chunks || scanned(j));
}

static bool is_over(const struct joint *j)
{
	if (j->busy)
		return false;
	for (size_t i = 0; i < j->n_lots && !j->error.code; i++)
		if (has_work(j, &j->lots[i]))
			return false;
	return true;
}

static bool all_cancelled(const struct joint *j)
{
	struct error e;

	for (struct waiting *w = j->requests; w; w = w->next)
		if (!check_cancelled(w->request->cancelled, &e))
			return false;
	return true;
}

/* A lot that is worth a portion now, of the first line that has one. */
static struct lot *find_lot(struct shared *s, struct joint **of)
{
	for (int line = 0; line < LINES; line++) {
		struct joint *j = s->joint[line];
		if (!j || j->error.code)
			continue;
		for (size_t i = 0; i < j->n_lots; i++)
			if (has_work(j, &j->lots[i])) {
				*of = j;
				return &j->lots[i];
			}
	}
	return NULL;
}

static enum code work_off(struct joint *j, struct lot *lot, struct error *e)
{
	if (lot->next < lot->end) {
		uint32_t n = lot->end - lot->next < j->portion ? lot->end - lot->next : j->portion;
		lot->next += n;
		return pass_scan(lot->pass, lot->next - n, n, NULL, e);
	}
	if (j->by_chunks && !j->absorbed) {
		for (size_t i = 1; i < j->n_lots; i++)
			pass_absorb(lot->pass, j->lots[i].pass);
		j->absorbed = true;
	}
	size_t left = lot->of - lot->finished;
	size_t n = left < FINISHED_AT_ONCE ? left : FINISHED_AT_ONCE;
	lot->finished += n;
	return pass_finish(lot->pass, lot->finished - n, n, NULL, e);
}

static void joint_free(struct joint *j)
{
	for (size_t i = 0; i < j->n_lots; i++)
		pass_end(j->lots[i].pass);
	free(j->queries);
	free(j);
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
	work_off(j, lot, &e);
	pthread_mutex_lock(&s->lock);
	s->at_work--;
	j->busy--;
	lot->busy = false;
	if (e.code)
		j->error = e;
	else if (!j->error.code && all_cancelled(j))
		error_set(&j->error, CANCELLED, "CANCELLED", "The request was cancelled.");
	if (is_over(j))
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
	cut(s, j, threads);
	pthread_mutex_lock(&s->lock);
	s->opening[line] = false;
	s->joint[line] = j;
	if (is_over(j))
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
