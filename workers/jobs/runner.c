/*
 * One thread carries out jobs in order. The rows are the truth: a job is on disk before its maker
 * hears of it, its end is on disk before anybody sees it ended, and one that was cut off is still
 * RUNNING there, so the next start takes it up again. What is only in memory is the running job's
 * live progress and the flag that stops it.
 *
 * The lock is held while a job is taken: a cancel that comes at that moment sees it either queued or
 * running, never between.
 */
#include "workers/jobs/runner.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"
#include "storage/clock.h"
#include "storage/rows/generations.h"
#include "storage/rows/mined_sets.h"
#include "workers/jobs/work.h"
#include "workers/mine/recipe.h"

static const struct job_kind *const kinds[] = {&job_encode, &job_publish, &job_mine};

enum { STORE_EVERY_MS = 1000 }; /* progress on disk; each time costs an fsync */

struct runner {
	struct mine mine; /* what jobs work on; its `cancelled` is ours */
	struct crew crew; /* the pool's */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping, queued; /* queued: there may be jobs on disk to take */

	/* the running job; id empty when there is none */
	atomic_bool cancelled;
	bool by_user;
	char id[64], phase[64], unit[32];
	uint64_t done, total, done_before; /* done_before: when this run began */
	int64_t began_ms, stored_ms;
};

static int64_t now_ms(void)
{
	return (int64_t)(clock_ns() / 1000000);
}

/* From the job's own thread. */
static void report(void *arg, const char *phase, uint64_t done, uint64_t total, const char *unit)
{
	struct runner *r = arg;
	struct error
		ignored; /* progress is advice: the job itself meets a failing disk soon enough */

	pthread_mutex_lock(&r->lock);
	if (strcmp(phase, r->phase) != 0) { /* another phase has another rate */
		r->done_before = done;
		r->began_ms = now_ms();
	}
	snprintf(r->phase, sizeof r->phase, "%s", phase);
	snprintf(r->unit, sizeof r->unit, "%s", unit);
	r->done = done;
	r->total = total;
	bool store = now_ms() - r->stored_ms >= STORE_EVERY_MS;
	if (store)
		r->stored_ms = now_ms();
	pthread_mutex_unlock(&r->lock);
	if (store)
		job_progress(r->mine.db, r->id, phase, done, total, unit, NULL, &ignored);
}

static const struct job_kind *kind_named(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

static enum code carry_out(struct runner *r, const struct job_work *job, struct arena *arena,
	const char **result, struct error *e)
{
	const struct job_kind *kind = kind_named(job->job.kind);
	struct progress progress = {report, r, &r->cancelled, r->mine.pool ? &r->crew : NULL};

	if (!kind)
		return error_set(e, UNIMPLEMENTED, "UNKNOWN_JOB_KIND",
			"This version of hardminerd knows no jobs of the kind \"%s\".",
			job->job.kind);
	ProtobufCMessage *request = protobuf_c_message_unpack(
		kind->request, &arena->pb, job->request.len, job->request.data);
	if (!request)
		return error_memory(e);
	struct work work = {r->mine, job, request, &progress, arena};
	return kind->run(&work, result, e);
}

/* How far the job came: what it reported since that was stored last, or to the end. */
static void store_progress(struct runner *r, const char *id, bool to_the_end)
{
	struct error ignored; /* as in report() */
	char phase[sizeof r->phase], unit[sizeof r->unit];

	pthread_mutex_lock(&r->lock);
	memcpy(phase, r->phase, sizeof phase);
	memcpy(unit, r->unit, sizeof unit);
	uint64_t total = r->total, done = to_the_end ? total : r->done;
	pthread_mutex_unlock(&r->lock);
	if (total)
		job_progress(r->mine.db, id, phase, done, total, unit, NULL, &ignored);
}

static void end_job(
	struct runner *r, const char *id, enum code rc, const char *result, const struct error *why)
{
	struct error ignored; /* the row stays RUNNING: the next start runs the job again */
	Pb__JobState state = rc == OK	       ? PB__JOB_STATE__JOB_STATE_SUCCEEDED
			     : rc == CANCELLED ? PB__JOB_STATE__JOB_STATE_CANCELLED
					       : PB__JOB_STATE__JOB_STATE_FAILED;

	pthread_mutex_lock(&r->lock);
	bool cut_off = rc == CANCELLED && !r->by_user, failed = rc != OK && rc != CANCELLED;
	pthread_mutex_unlock(&r->lock);
	store_progress(r, id, rc == OK);
	if (!cut_off)
		job_finish(r->mine.db, id, state, result, failed ? why : NULL, &ignored);
	pthread_mutex_lock(&r->lock);
	r->id[0] = 0;
	pthread_mutex_unlock(&r->lock);
}

/* Waits for a job and takes it; false when it is time to stop. */
static bool next_job(struct runner *r, struct arena *arena, struct job_work *job)
{
	bool found = false;
	struct error e;

	pthread_mutex_lock(&r->lock);
	while (!r->stopping && !found) {
		if (!r->queued) {
			pthread_cond_wait(&r->wake, &r->lock);
			continue;
		}
		if (job_take(r->mine.db, arena, job, &found, &e) || !found) {
			found = false;
			r->queued = false; /* or the disk failed: the next job made tries again */
			continue;
		}
		snprintf(r->id, sizeof r->id, "%s", job->job.id);
		snprintf(r->phase, sizeof r->phase, "starting");
		snprintf(r->unit, sizeof r->unit, "%s", job->job.unit ? job->job.unit : "");
		r->done = r->done_before = job->job.done;
		r->total = job->job.total;
		r->began_ms = r->stored_ms = now_ms();
		r->by_user = false;
		atomic_store(&r->cancelled, false);
	}
	pthread_mutex_unlock(&r->lock);
	return found;
}

static void *run(void *arg)
{
	struct runner *r = arg;
	struct arena arena;
	struct job_work job;

	arena_init(&arena, LIMIT_REQUEST_MEMORY);
	while (next_job(r, &arena, &job)) {
		const char *result = NULL;
		struct error e = {0};
		enum code rc = carry_out(r, &job, &arena, &result, &e);
		end_job(r, job.job.id, rc, result, &e);
		arena_free(&arena);
	}
	arena_free(&arena);
	return NULL;
}

struct runner *runner_start(struct database *db, struct catalog *catalog, struct pool *pool)
{
	struct runner *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->mine = (struct mine){db, catalog, pool, &r->cancelled};
	if (pool)
		r->crew = pool_crew(pool);
	r->queued = true; /* perhaps from before a restart */
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	if (pthread_create(&r->thread, NULL, run, r)) {
		pthread_cond_destroy(&r->wake);
		pthread_mutex_destroy(&r->lock);
		free(r);
		return NULL;
	}
	return r;
}

struct runner *runner_stop(struct runner *r)
{
	if (!r)
		return NULL;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	atomic_store(&r->cancelled, true);
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
	return NULL;
}

static void wake(struct runner *r)
{
	pthread_mutex_lock(&r->lock);
	r->queued = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

static enum code enqueue(struct runner *r, const struct job_kind *kind,
	const struct collection *row, const ProtobufCMessage *request, struct arena *arena,
	Pb__Job *out, struct error *e)
{
	if (job_create(r->mine.db, kind->name, row, request, arena, out, e))
		return e->code;
	wake(r);
	return OK;
}

/* What a job would find out first is said while its maker still listens. */

enum code runner_encode(struct runner *r, const Pb__EncodeCollectionRequest *req,
	struct arena *arena, Pb__Job *out, struct error *e)
{
	struct collection row;

	if (strcmp(req->encoder, "lsa") != 0) {
		error_set(e, INVALID_ARGUMENT, "UNKNOWN_ENCODER",
			"The embedded encoder is \"lsa\"; vectors of any other come in through "
			"BeginGeneration and UpsertVectors.");
		return error_field(e, "encoder");
	}
	if (req->dimension == 0 || req->dimension > LIMIT_DIMENSION) {
		error_set(e, INVALID_ARGUMENT, "OUT_OF_RANGE", "The dimension must be 1 to %d.",
			LIMIT_DIMENSION);
		return error_field(e, "dimension");
	}
	if (collection_get(r->mine.db, req->collection, &row, e))
		return e->code;
	if (row.documents == 0)
		return error_set(e, FAILED_PRECONDITION, "NO_DOCUMENTS",
			"The collection \"%s\" has no documents to encode; upsert some first.",
			row.name);
	return enqueue(r, &job_encode, &row, &req->base, arena, out, e);
}

enum code runner_publish(struct runner *r, const Pb__PublishGenerationRequest *req,
	struct arena *arena, Pb__Job *out, struct error *e)
{
	struct collection row;
	Pb__Generation g;

	if (collection_get(r->mine.db, req->collection, &row, e) ||
		generation_get(r->mine.db, &row, req->generation, arena, &g, e) ||
		generation_check_open(g.generation, g.state, e))
		return e->code;
	return enqueue(r, &job_publish, &row, &req->base, arena, out, e);
}

static enum code check_recipe(const Pb__MineCollectionRequest *req, struct runner *r,
	const Pb__MineNegativesRequest *recipe, struct error *e)
{
	enum image_need need = recipe_needs_vector(recipe) ? IMAGE_NEEDED : IMAGE_IF_ANY;
	const char *inner = recipe->collection;

	if (inner && strcmp(inner, req->collection) != 0) {
		error_set(e, INVALID_ARGUMENT, "CONTRADICTION",
			"The recipe is for the collection \"%s\", the set for \"%s\"; leave "
			"out the recipe's.",
			inner, req->collection);
		return error_field(e, "collection");
	}
	return catalog_check(r->mine.catalog, req->collection,
		recipe->has_generation ? recipe->generation : 0, need, e);
}

enum code runner_mine(struct runner *r, const Pb__MineCollectionRequest *req, struct arena *arena,
	Pb__Job *out, struct error *e)
{
	struct collection row;
	Pb__MineNegativesRequest *recipe;

	if (!req->mine) {
		error_set(e, INVALID_ARGUMENT, "MISSING_FIELD",
			"Say how to mine, at least {\"strategy\": \"margin\"}.");
		return error_field(e, "mine");
	}
	if (req->mine->n_queries) {
		error_set(e, INVALID_ARGUMENT, "UNEXPECTED_FIELD",
			"A mined set covers the collection's own queries; leave out `queries`.");
		return error_field(e, "mine.queries");
	}
	if (recipe_resolve(req->mine, arena, &recipe, e))
		return error_within(e, "mine");
	if (collection_get(r->mine.db, req->collection, &row, e))
		return e->code;
	if (check_recipe(req, r, recipe, e))
		return error_within(e, "mine");
	if (row.positives == 0)
		return error_set(e, FAILED_PRECONDITION, "NO_POSITIVES",
			"No query of the collection \"%s\" has a positive, so there is none "
			"to mine for; upsert positives first.",
			row.name);
	if (mined_set_create(r->mine.db, &row, req->name, &req->base, arena, out, e))
		return e->code;
	wake(r);
	return OK;
}

enum code runner_cancel(
	struct runner *r, const char *id, struct arena *arena, Pb__Job *out, struct error *e)
{
	enum code rc = OK;

	pthread_mutex_lock(&r->lock);
	if (id && !strcmp(r->id, id)) {
		r->by_user = true;
		atomic_store(&r->cancelled, true);
	} else {
		rc = job_get(r->mine.db, id, arena, out, e);
		if (rc == OK && (out->state == PB__JOB_STATE__JOB_STATE_QUEUED ||
					out->state == PB__JOB_STATE__JOB_STATE_RUNNING))
			rc = job_finish(
				r->mine.db, id, PB__JOB_STATE__JOB_STATE_CANCELLED, NULL, NULL, e);
	}
	pthread_mutex_unlock(&r->lock);
	return rc ? rc : runner_get(r, id, arena, out, e);
}

/* Over the stored row lies what the running job said last. */
static enum code overlay(struct runner *r, struct arena *arena, Pb__Job *out, struct error *e)
{
	double seconds = (double)(now_ms() - r->began_ms) / 1000;

	out->phase = arena_strdup(arena, r->phase);
	out->unit = arena_strdup(arena, r->unit);
	if (!out->phase || !out->unit)
		return error_memory(e);
	out->has_done = out->has_total = 1;
	out->done = r->done;
	out->total = r->total;
	if (seconds <= 0 || r->done <= r->done_before)
		return OK;
	out->has_rate_per_s = 1;
	out->rate_per_s = (double)(r->done - r->done_before) / seconds;
	if (r->total > r->done) {
		out->has_eta_s = 1;
		out->eta_s = (double)(r->total - r->done) / out->rate_per_s;
	}
	return OK;
}

static enum code overlay_if_live(
	struct runner *r, struct arena *arena, Pb__Job *job, struct error *e)
{
	enum code rc = OK;

	pthread_mutex_lock(&r->lock);
	if (!strcmp(r->id, job->id) && job->state == PB__JOB_STATE__JOB_STATE_RUNNING)
		rc = overlay(r, arena, job, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

enum code runner_get(
	struct runner *r, const char *id, struct arena *arena, Pb__Job *out, struct error *e)
{
	enum code rc = job_get(r->mine.db, id, arena, out, e);

	if (rc)
		return rc;
	return overlay_if_live(r, arena, out, e);
}

enum code runner_list(struct runner *r, const char *collection, const char *before, size_t limit,
	struct arena *arena, Pb__Job ***out, size_t *n, struct error *e)
{
	enum code rc = job_list(r->mine.db, collection, before, limit, arena, out, n, e);

	for (size_t i = 0; !rc && i < *n; i++)
		rc = overlay_if_live(r, arena, (*out)[i], e);
	return rc;
}
