#include "tests/storage/exact/caller.h"

#include <stdlib.h>
#include <string.h>

#include "storage/isa.h"
#include "tests/runner.h"

const struct shape large_shape = {.similarity = PB__SIMILARITY__SIMILARITY_DOT,
	.dtype = PB__DTYPE__DTYPE_F32,
	.kind = KIND_UNIFORM,
	.n = 40000,
	.dimension = 40};

void engine_begin(struct engine *e, const struct shape *shape, uint64_t *seed)
{
	isa_force(ISA_PORTABLE);
	world_make(&e->world, shape, seed);
	e->shared = shared_new(&e->world.exact);
	ck_assert_ptr_nonnull(e->shared);
}

void engine_end(struct engine *e)
{
	shared_free(e->shared);
	world_free(&e->world);
}

static void keep(void *arg, struct job *job)
{
	struct watcher *w = arg;

	job->next = w->kept;
	w->kept = job;
	w->sent++;
	if (w->when_sent)
		*w->when_sent = true;
}

static void count_left(void *arg)
{
	struct watcher *w = arg;

	w->left++;
	if (w->when_left)
		*w->when_left = true;
	if (w->gone)
		sem_post(w->gone);
}

static void be_back(void *arg, enum haste haste)
{
	struct watcher *w = arg;

	(void)haste;
	if (w->hold && !w->ways)
		sem_wait(w->hold);
}

static bool is_wanted(void *arg)
{
	struct watcher *w = arg;

	if (!w->ways)
		return false;
	if (--w->ways == 0 && w->when_way)
		*w->when_way = true;
	return true;
}

static size_t nobody_is_awaited(void *arg)
{
	(void)arg;
	return 0;
}

void watcher_init(struct watcher *w, size_t threads)
{
	*w = (struct watcher){
		.crew = {threads, keep, count_left, be_back, is_wanted, nobody_is_awaited, w}};
}

void watcher_run(struct watcher *w)
{
	while (w->kept) {
		struct job *job = w->kept;
		w->kept = job->next;
		job->run(job);
	}
}

static void ask_alone(struct caller *c)
{
	struct error e;

	memcpy(c->alone, c->ask.queries, c->ask.n * sizeof *c->alone);
	for (size_t i = 0; i < c->ask.n; i++)
		c->alone[i].out = malloc(c->alone[i].k * sizeof *c->alone[i].out);
	ck_ok(exact_search(&c->ask.w->exact, c->request.order, c->alone, c->ask.n, NULL, &e), &e);
}

void caller_init_order(
	struct caller *c, const struct engine *e, const uint32_t *order, size_t n, uint64_t *seed)
{
	*c = (struct caller){.shared = e->shared};
	ask_init(&c->ask, &e->world, seed);
	ask_questions(&c->ask, n, seed);
	c->request = (struct shared_request){
		.queries = c->ask.queries, .n = n, .order = order, .cancelled = &c->cancelled};
	ask_alone(c);
}

void caller_init(struct caller *c, const struct engine *e, size_t n, uint64_t *seed)
{
	caller_init_order(c, e, e->world.order, n, seed);
}

void caller_free(struct caller *c)
{
	for (size_t i = 0; i < c->ask.n; i++)
		free(c->alone[i].out);
	ask_free(&c->ask);
}

static void ask_now(struct caller *c)
{
	c->rc = shared_search(c->shared, &c->request, &c->error);
	c->ended = true;
}

static void get_ready(struct caller *c)
{
	ask_again(&c->ask);
	c->ended = false;
}

void caller_ask(struct caller *c)
{
	get_ready(c);
	ask_now(c);
}

static void *run(void *arg)
{
	ask_now(arg);
	return NULL;
}

void caller_start(struct caller *c)
{
	get_ready(c);
	ck_assert_int_eq(pthread_create(&c->thread, NULL, run, c), 0);
}

void caller_join(struct caller *c)
{
	pthread_join(c->thread, NULL);
}

static bool same_hits(const struct exact_query *a, const struct exact_query *b)
{
	if (a->found != b->found)
		return false;
	for (size_t i = 0; i < a->found; i++)
		if (a->out[i].document != b->out[i].document ||
			memcmp(&a->out[i].score, &b->out[i].score, sizeof a->out[i].score) != 0)
			return false;
	return true;
}

void caller_check(const struct caller *c)
{
	ck_ok(c->rc, &c->error);
	for (size_t i = 0; i < c->ask.n; i++)
		ck_assert_msg(same_hits(&c->ask.queries[i], &c->alone[i]), "question %zu of %zu", i,
			c->ask.n);
}

void caller_check_cancelled(const struct caller *c)
{
	size_t answered = 0;

	ck_refused(c->rc, &c->error, CANCELLED, "CANCELLED");
	while (c->part && answered < c->ask.n && c->ask.queries[answered].found != SIZE_MAX)
		answered += c->part;
	for (size_t i = answered; i < c->ask.n; i++)
		ck_assert_uint_eq(c->ask.queries[i].found, SIZE_MAX);
}
