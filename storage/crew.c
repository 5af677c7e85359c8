/*
 * The slices that are left belong to a gang, which whoever is at them shares and the last to go frees:
 * a helper that was sent may come when all is over, and nobody waits for it.
 */
#include "storage/crew.h"

#include <pthread.h>
#include <stdlib.h>

#include "proto/fault.h"

enum { MOST_HELPERS = 63 };

struct helper {
	struct job job;
	struct gang *gang;
	bool sent;
};

struct gang {
	pthread_mutex_t lock;	/* of all that follows */
	pthread_cond_t changed; /* nobody is at work any more */
	struct slices slices;
	struct crew crew;
	size_t taken, at_work;
	struct error error;
	unsigned references;
	struct helper helpers[MOST_HELPERS];
};

static bool is_left(const struct gang *g)
{
	return g->taken < g->slices.n && !g->error.code;
}

/* The lock is held, but not while working. */
static void do_slice(struct gang *g)
{
	struct error e = {0};
	size_t i = g->taken++;

	g->at_work++;
	pthread_mutex_unlock(&g->lock);
	enum code rc = g->slices.each(g->slices.arg, i, &e);
	pthread_mutex_lock(&g->lock);
	if (rc) {
		g->error = e;
		g->error.code = rc;
	}
	if (--g->at_work == 0)
		pthread_cond_broadcast(&g->changed);
}

static bool somebody_waits(const struct crew *crew)
{
	return crew->wanted(crew->arg) || crew->awaited(crew->arg);
}

/* The lock is held, and let go of. */
static void release(struct gang *g)
{
	bool last = --g->references == 0;

	pthread_mutex_unlock(&g->lock);
	if (!last)
		return;
	pthread_cond_destroy(&g->changed);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

static void help(struct job *job)
{
	struct helper *h = (struct helper *)job;
	struct gang *g = h->gang;

	pthread_mutex_lock(&g->lock);
	while (is_left(g) && !somebody_waits(&g->crew))
		do_slice(g);
	h->sent = false;
	release(g);
}

/* One a slice that is left, but for the caller's. */
static void send_helpers(struct gang *g)
{
	size_t left = g->slices.n - g->taken;

	for (size_t i = 0; i < MOST_HELPERS && i + 1 < g->crew.threads && i + 1 < left; i++) {
		struct helper *h = &g->helpers[i];
		if (h->sent)
			continue;
		*h = (struct helper){.job.run = help, .gang = g, .sent = true};
		g->references++;
		g->crew.send(g->crew.arg, &h->job);
	}
}

/* The lock is let go of meanwhile. */
static void give_way(struct gang *g)
{
	pthread_mutex_unlock(&g->lock);
	g->crew.leave(g->crew.arg);
	g->crew.back(g->crew.arg, IN_TURN);
	pthread_mutex_lock(&g->lock);
}

static void tell(const struct slices *s, size_t taken)
{
	if (s->told)
		s->told(s->arg, taken);
}

static void work(struct gang *g)
{
	while (is_left(g)) {
		size_t taken = g->taken;
		if (!somebody_waits(&g->crew))
			send_helpers(g);
		pthread_mutex_unlock(&g->lock);
		tell(&g->slices, taken);
		pthread_mutex_lock(&g->lock);
		if (is_left(g))
			do_slice(g);
		if (is_left(g) && somebody_waits(&g->crew))
			give_way(g);
	}
	while (g->at_work)
		pthread_cond_wait(&g->changed, &g->lock);
}

static enum code alone(const struct slices *s, struct error *e)
{
	for (size_t i = 0; i < s->n; i++) {
		tell(s, i);
		enum code rc = s->each(s->arg, i, e);
		if (rc)
			return rc;
	}
	return OK;
}

enum code crew_slices(const struct crew *crew, const struct slices *s, struct error *e)
{
	if (!crew || s->n < 2)
		return alone(s, e);
	struct gang *g = FAULT() ? NULL : calloc(1, sizeof *g);
	if (!g)
		return error_memory(e);
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->changed, NULL);
	g->slices = *s;
	g->crew = *crew;
	g->references = 1;
	pthread_mutex_lock(&g->lock);
	work(g);
	enum code rc = g->error.code;
	if (rc)
		*e = g->error;
	release(g);
	return rc;
}
