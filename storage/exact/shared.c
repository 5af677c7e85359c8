/*
 * A request stands in one of three lines, small, middle or bulk, and each line has one joint pass
 * (joint.h) at a time: all that stand there when the one before is over, up to what takes the line's
 * time. Small is what takes no more than some 20 ms, and any single query: those wait for one another
 * alone, and a pass of theirs is so short that who comes late does not wait long for it to be over.
 *
 * Threads that wait in shared_search take portions of some milliseconds of it. There is no leader:
 * whoever finds its line's pass over opens the next, whoever does the last portion closes it. Portions
 * of a line before go first, and nobody does those of a line behind, so as to be back as soon as it is
 * served. But a pass that stood back for PATIENCE of threads' time at others' has one.
 *
 * Nobody waits behind a long job. Between two portions a thread gives its place up when somebody new
 * would take it, or somebody waits to be back (crew.h); a small one does so later. It has its place
 * again in its turn and goes on where the pass stands. A thread with nothing to do leaves as well,
 * which may bring company for the next pass. Helpers, idle threads sent for when there is more to do
 * than threads at it, just go, and are sent for again. So on a pool of any width a request that comes
 * in begins within a portion.
 *
 *   progress     A pass is no thread's own: all that wait for it stand by, with a place, waiting for
 *                one, or without, to be woken when a portion is free. Who finds nobody at work does a
 *                portion before it gives way again, and places go round (workers/pool.c). A pass that
 *                stood back long enough has the next portion of whoever may do it, and one of those
 *                who stand by for it comes back to do so though all are at work, and before those
 *                who wait in their turn.
 *   no deadlock  Who waits for a place holds neither a place nor the lock nor a lot; who holds a
 *                place or a lot computes. Helpers are owed nothing: nobody waits for one that was
 *                sent, and one that comes late finds nothing to do.
 *
 * Everything here is guarded by `lock`, except that a portion belongs to the thread that took it. A
 * pass borrows what its requests' queries point to. A cancelled request is taken out of the lots that
 * nobody is at, by itself or at the end of each portion, and leaves when it is in none any more; the
 * others keep what is searched. When nobody else is left the pass is broken off, and it waits for the
 * portions at work.
 */
#include "storage/exact/shared.h"

#include <pthread.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/joint.h"
#include "storage/progress.h"
#include "storage/wait.h"

enum line { SMALL, MIDDLE, BULK, LINES };

enum {
	MOST_HITS = 1 << 20,
	MS = 1000000,
	PATIENCE = 64 * MS,
	FINE_PATIENCE = 8 /* portions */,
	LEAST_PART = 128, /* queries: fewer would read the codes for too few */
	LOOK_AGAIN_MS = 20
};

/* What goes at once of a large request takes of all threads, beside LEAST_PART. */
#define PART_SECONDS 1.

/* What a small request takes of all threads at most, in seconds. */
#define SMALL_SECONDS .02

/* What a pass may take of all threads, in seconds; and how long others wait for a portion to end, which
 * are few where a pass is short. */
static const struct {
	double pass;
	uint64_t portion_ns;
} allowed[LINES] = {{.08, 20 * MS}, {.25, 8 * MS}, {.25, 8 * MS}};

struct helper {
	struct job job;
	struct shared *shared;
	struct crew crew; /* whose thread it is */
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
	uint64_t passed_by[LINES];  /* what threads were at of lines before since its last, in ns */
	bool fine;		    /* portions are of one step */
	size_t part;		    /* queries of a large request that go at once; 0: by time */
	size_t at_work;		    /* threads on portions */
	uint64_t patience;
	size_t coming[LINES]; /* threads that wait for a place, to take one */
	size_t in_turn;	      /* of those of BULK, in their turn */
	size_t on_way;	      /* helpers sent and not there yet */
	size_t threads;	      /* that may be at work, but for one that does what is due */
	struct helper helpers[MOST_LOTS];
};

struct shared *shared_new(const struct exact *x)
{
	struct shared *s = FAULT() ? NULL : calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->x = x;
	s->references = s->threads = 1;
	s->patience = PATIENCE;
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

void shared_cut_fine(struct shared *s)
{
	s->fine = true;
	s->patience = FINE_PATIENCE;
}

void shared_cut_parts(struct shared *s, size_t queries)
{
	s->part = queries;
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

	for (size_t i = 0; i < r->n; i++) {
		const struct exact_query *q = &r->queries[i];
		hits += q->k + q->n_excluded;
	}
	return hits;
}

/* Takes out of the line what goes together, from the first on: as much as the line's time and some 100
 * MB of survivors are good for, or one request. */
static void gather(struct shared *s, enum line line, struct joint *j)
{
	struct waiting *w = s->first[line], *next, **end = &j->requests;
	double seconds = 0, most = allowed[line].pass * (double)s->threads;

	j->order = w->request->order;
	j->portion_ns = s->fine ? 0 : allowed[line].portion_ns;
	for (; w; w = next) {
		next = w->next;
		if (w->request->order != j->order)
			continue;
		size_t hits = hits_of(w->request);
		seconds += joint_seconds(s->x, w->request->queries, w->request->n);
		if (j->n && (seconds > most || j->hits + hits > MOST_HITS))
			break;
		step_out(s, line, w);
		w->taken = true;
		j->n += w->request->n;
		j->hits += hits;
		*end = w;
		end = &w->next;
	}
}

static struct lot *lot_of(const struct shared *s, enum line line)
{
	struct joint *j = s->joint[line];

	return j && !j->error.code ? joint_lot(j) : NULL;
}

/* The line's pass has stood back long enough for the lines before. */
static bool is_due(const struct shared *s, enum line line)
{
	return s->passed_by[line] >= s->patience && lot_of(s, line);
}

/* A lot that is worth a portion now, of the first line that has one, up to `last`, but for one that is
 * due. */
static struct lot *find_lot(const struct shared *s, enum line last, enum line *of)
{
	struct lot *lot;

	for (*of = last; *of > SMALL; --*of)
		if (is_due(s, *of))
			return lot_of(s, *of);
	for (; *of <= last; ++*of)
		if ((lot = lot_of(s, *of)))
			return lot;
	return NULL;
}

/* A portion of this line took so long. */
static void count_passed_by(struct shared *s, enum line line, uint64_t ns)
{
	for (enum line behind = line + 1; behind < LINES; behind++)
		if (lot_of(s, behind))
			s->passed_by[behind] += s->fine ? 1 : ns;
}

/* Hands the answers out. */
static void close_joint(struct shared *s, enum line line)
{
	struct joint *j = s->joint[line];
	struct waiting *w = j->requests, *next;

	for (; w; w = next) {
		next = w->next; /* it goes with its thread once it is done */
		w->error = j->error;
		for (size_t i = 0; i < w->request->n && !j->error.code; i++)
			query_take_answer(&w->request->queries[i], &j->queries[w->first + i]);
		w->done = true;
	}
	s->joint[line] = NULL;
	pthread_cond_broadcast(&s->changed);
	joint_free(j);
}

/* Those who are cancelled leave; the last of them wait for the portions at work, since what is searched
 * is theirs alone then. */
static void let_go(struct shared *s, struct joint *j)
{
	if (j->error.code)
		return;
	if (!joint_all_cancelled(j) && joint_drop_cancelled(j))
		pthread_cond_broadcast(&s->changed);
	if (joint_all_cancelled(j)) /* looked at anew: all may be by now, or have left */
		error_set(&j->error, CANCELLED, "CANCELLED", "The request was cancelled.");
}

/* The lock is held, but not while working. */
static void do_portion(struct shared *s, enum line line, struct lot *lot)
{
	struct joint *j = s->joint[line];
	struct error e;

	s->passed_by[line] = 0;
	lot->busy = true;
	j->busy++;
	s->at_work++;
	pthread_mutex_unlock(&s->lock);
	enum code rc = joint_work(j, lot, &e);
	pthread_mutex_lock(&s->lock);
	count_passed_by(s, line, lot->took_ns);
	s->at_work--;
	j->busy--;
	lot->busy = false;
	if (rc)
		j->error = e;
	let_go(s, j);
	if (joint_is_over(j))
		close_joint(s, line);
	else
		pthread_cond_broadcast(&s->changed);
}

static bool may_work(const struct shared *s)
{
	return s->at_work < s->threads;
}

static void help(struct job *job)
{
	struct helper *helper = (struct helper *)job;
	struct shared *s = helper->shared;
	const struct crew *crew = &helper->crew;
	enum line line;
	struct lot *lot;

	pthread_mutex_lock(&s->lock);
	s->on_way--;
	while (may_work(s) && !crew->wanted(crew->arg) && !crew->awaited(crew->arg) &&
		(lot = find_lot(s, BULK, &line)))
		do_portion(s, line, lot);
	helper->sent = false;
	release(s);
}

/* Of the lines up to `last`. */
static size_t coming(const struct shared *s, enum line last)
{
	size_t n = 0;

	for (enum line line = SMALL; line <= last; line++)
		n += s->coming[line];
	return n;
}

static void send_helper(struct shared *s, struct helper *h, const struct crew *crew)
{
	*h = (struct helper){.job.run = help, .shared = s, .crew = *crew, .sent = true};
	s->references++;
	s->on_way++;
	crew->send(crew->arg, &h->job);
}

/* For the lots that are free beside the one that the calling thread will take. */
static void send_helpers(struct shared *s, const struct joint *j, const struct crew *crew)
{
	size_t free = joint_free_lots(j), others = 1 + s->at_work + coming(s, BULK);

	for (size_t i = 0; crew && i < MOST_LOTS; i++) {
		if (s->on_way + 1 >= free || s->on_way + others >= s->threads)
			return;
		if (!s->helpers[i].sent)
			send_helper(s, &s->helpers[i], crew);
	}
}

/* Opens the line's next pass. The lock is held, but not while queries are measured. */
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
	s->passed_by[line] = 0;
	if (joint_is_over(j))
		close_joint(s, line);
	else
		send_helpers(s, j, crew);
	pthread_cond_broadcast(&s->changed);
}

static bool may_open(const struct shared *s, enum line line)
{
	return !s->joint[line] && !s->opening[line] && s->first[line];
}

/* Whether it is served; or cancelled, and free to go. */
static bool is_finished(struct shared *s, enum line line, struct waiting *w)
{
	struct error e;

	if (w->done || !check_cancelled(w->request->cancelled, &e))
		return w->done;
	if (!w->taken) {
		step_out(s, line, w);
		w->error = e;
		w->done = true;
	} else if (s->joint[line]) { /* else it is being opened */
		let_go(s, s->joint[line]);
		if (joint_is_over(s->joint[line]))
			close_joint(s, line);
	}
	return w->done;
}

/* Whether there is something to do, and nobody else on the way to do it. */
static bool is_called(struct shared *s, enum line line)
{
	enum line of;

	if (may_open(s, line) && !s->coming[line])
		return true;
	if (is_due(s, line) && s->coming[line] == (line == BULK ? s->in_turn : 0))
		return true;
	return s->at_work + coming(s, line) < s->threads && find_lot(s, line, &of);
}

/* Waits for a place. The lock is let go of meanwhile. */
static void come_back(struct shared *s, enum line line, struct waiting *w)
{
	const struct crew *crew = w->request->crew;
	bool finished = w->done;
	bool in_turn = line == BULK && !is_due(s, line);
	enum haste haste = in_turn ? IN_TURN : finished ? AT_ONCE : FIRST;

	s->coming[line] += !finished;
	s->in_turn += !finished && in_turn;
	pthread_mutex_unlock(&s->lock);
	crew->back(crew->arg, haste);
	pthread_mutex_lock(&s->lock);
	s->coming[line] -= !finished;
	s->in_turn -= !finished && in_turn;
	if (!finished && is_finished(s, line, w)) /* somebody else must do what it came for */
		pthread_cond_broadcast(&s->changed);
}

/* Gives the place up, until there is something to do and a place again. */
static void step_aside(struct shared *s, enum line line, struct waiting *w)
{
	const struct crew *crew = w->request->crew;

	if (crew)
		crew->leave(crew->arg);
	while (!is_finished(s, line, w) && !is_called(s, line))
		wait_a_while(&s->changed, &s->lock, LOOK_AGAIN_MS); /* at cancellations */
	if (crew)
		come_back(s, line, w);
}

/* Whether this thread should rather let somebody else go first, after so many portions since it came.
 * One that has not done anything yet does not, unless others keep its pass going and there is company
 * to come; and who is small is most often done with three: to encode, to scan, to finish. */
static bool gives_way(
	const struct joint *j, const struct crew *crew, enum line line, size_t portions)
{
	bool had_turn = portions >= (line == SMALL ? 3 : 1);

	if (!crew || (!had_turn && (portions || !j->busy)))
		return false;
	return crew->wanted(crew->arg) || (had_turn && crew->awaited(crew->arg) > 0);
}

static void take_part(struct shared *s, enum line line, struct waiting *w)
{
	const struct crew *crew = w->request->crew;
	struct lot *lot;
	enum line of;

	for (size_t portions = 0; !is_finished(s, line, w);) {
		if (may_open(s, line))
			open_joint(s, line, crew);
		if (w->done)
			return;
		lot = may_work(s) || is_due(s, line) ? find_lot(s, line, &of) : NULL;
		if (!lot || gives_way(s->joint[of], crew, line, portions)) {
			step_aside(s, line, w);
			portions = 0;
			continue;
		}
		send_helpers(s, s->joint[of], crew);
		do_portion(s, of, lot);
		portions++;
	}
}

static enum line line_for(const struct shared *s, const struct shared_request *r)
{
	double most = SMALL_SECONDS * (double)s->threads;

	if (r->bulk)
		return BULK;
	return r->n == 1 || joint_seconds(s->x, r->queries, r->n) <= most ? SMALL : MIDDLE;
}

static enum code search_part(struct shared *s, const struct shared_request *r, struct error *e)
{
	struct waiting w = {.request = r};

	pthread_mutex_lock(&s->lock);
	if (r->crew && r->crew->threads > s->threads)
		s->threads = r->crew->threads;
	enum line line = line_for(s, r);
	stand(s, line, &w);
	take_part(s, line, &w);
	pthread_mutex_unlock(&s->lock);
	if (w.error.code)
		*e = w.error;
	return w.error.code;
}

/* How many of a large request's go at once, so that another does not wait long for its turn. */
static size_t part_of(const struct shared *s, const struct shared_request *r)
{
	size_t threads = r->crew ? r->crew->threads : 1, most = s->part;

	if (!r->bulk)
		return r->n;
	if (!most)
		most = LEAST_PART + (size_t)(PART_SECONDS * (double)threads /
					     joint_seconds(s->x, r->queries, 1));
	return r->n < most ? r->n : most;
}

enum code shared_search(struct shared *s, const struct shared_request *r, struct error *e)
{
	struct shared_request part = *r;

	for (size_t left = r->n; left > 0; left -= part.n, part.queries += part.n) {
		part.n = left;
		part.n = part_of(s, &part);
		if (search_part(s, &part, e))
			return e->code;
	}
	return OK;
}
