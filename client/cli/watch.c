/* Jobs as the command line follows them. */
#include <string.h>
#include <time.h>

#include "client/cli/progress.h"
#include "client/cli/session.h"

enum { POLL_MS = 200, POLL_MEMORY = 1 << 20 };

static const char *state_name(const Pb__Job *job)
{
	static const char *const names[] = {
		"queued", "running", "succeeded", "failed", "cancelled"};

	return job->state <= PB__JOB_STATE__JOB_STATE_CANCELLED ? names[job->state] : "unknown";
}

static bool ended(const Pb__Job *job)
{
	return job->state != PB__JOB_STATE__JOB_STATE_QUEUED &&
	       job->state != PB__JOB_STATE__JOB_STATE_RUNNING;
}

static struct progress_state state_of(const Pb__Job *job)
{
	bool done = job->state == PB__JOB_STATE__JOB_STATE_SUCCEEDED;

	return (struct progress_state){
		.items = job->done,
		.share = done	      ? 1
			 : job->total ? (double)job->done / (double)job->total
				      : -1,
		.rate = job->has_rate_per_s ? job->rate_per_s : -1,
		.eta = job->has_eta_s ? job->eta_s : -1,
		.phase = job->phase && !done ? job->phase : NULL,
	};
}

/* The job's own error as if the call had failed with it. */
static enum code failure_of(const Pb__Job *job, struct error *e)
{
	const Pb__Error *why = job->error;

	if (job->state == PB__JOB_STATE__JOB_STATE_CANCELLED)
		return error_set(e, CANCELLED, "JOB_CANCELLED", "Job %s was cancelled.", job->id);
	if (!why)
		return error_set(e, UNKNOWN, "JOB_FAILED", "Job %s failed.", job->id);
	enum code code = UNKNOWN;
	for (int c = CANCELLED; c <= UNAUTHENTICATED; c++)
		if (why->status && !strcmp(code_name((enum code)c), why->status))
			code = (enum code)c;
	error_set(e, code, why->reason ? why->reason : "JOB_FAILED", "Job %s: %s", job->id,
		why->message ? why->message : "it failed.");
	return why->field ? error_field(e, "%s", why->field) : e->code;
}

/* Asks once; the answer lives in `arena`. */
static enum code poll_job(
	struct session *s, const char *id, struct arena *arena, Pb__Job **out, struct error *e)
{
	Pb__GetJobRequest request = PB__GET_JOB_REQUEST__INIT;
	ProtobufCMessage *answer;

	request.id = id;
	if (hm_call(s->client, "GetJob", &request.base, &pb__job__descriptor, arena, &answer, e))
		return e->code;
	*out = (Pb__Job *)(void *)answer;
	return OK;
}

static enum code follow(struct session *s, const char *id, struct progress *p, struct error *e)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	bool over = false;

	while (!over) {
		struct arena arena;
		Pb__Job *job;

		arena_init(&arena, POLL_MEMORY);
		enum code code = poll_job(s, id, &arena, &job, e);
		if (!code) {
			struct progress_state state = state_of(job);
			over = ended(job);
			if (over)
				progress_end(p, &state);
			else
				progress_show(p, &state);
		}
		arena_free(&arena);
		if (code)
			return code;
		if (!over)
			nanosleep(&pause, NULL);
	}
	return OK;
}

enum code session_watch(struct session *s, const Pb__Job *job, Pb__Job **out, struct error *e)
{
	struct progress p;
	Pb__Job *last;

	progress_begin(&p, job->kind ? job->kind : "job", s->quiet);
	if (follow(s, job->id, &p, e)) {
		progress_clear(&p);
		return e->code;
	}
	if (poll_job(s, job->id, &s->arena, &last, e))
		return e->code;
	if (last->state != PB__JOB_STATE__JOB_STATE_SUCCEEDED)
		return failure_of(last, e);
	*out = last;
	return OK;
}

enum code session_print_job(const struct session *s, const Pb__Job *job, struct error *e)
{
	double took = (double)(job->finished_at_ms - job->started_at_ms) / 1000;

	if (s->output != AS_TABLE)
		return session_print(s, &job->base, stdout, e);
	printf("%s %s %s", job->kind ? job->kind : "job", job->id, state_name(job));
	if (job->result)
		printf(", result %s", job->result);
	if (job->finished_at_ms && job->started_at_ms)
		printf(", %.1f s", took);
	if (!ended(job) && job->total)
		printf(", %s %.0f%%", job->phase ? job->phase : "",
			100 * (double)job->done / (double)job->total);
	if (job->error && job->error->message)
		printf(": %s", job->error->message);
	putchar('\n');
	return OK;
}
