/* The verb `jobs`. */
#include <string.h>

#include "client/cli/progress.h"
#include "client/cli/session.h"
#include "client/cli/table.h"

static const struct option jobs_options[] = {
	{"collection", "NAME", NULL, "list this collection's alone", OPTION_FIELD},
	{NULL},
};

static void add_row(struct table *t, const Pb__Job *job)
{
	static const char *const states[] = {
		"queued", "running", "succeeded", "failed", "cancelled"};
	char share[32] = "", eta[32] = "";

	if (job->total)
		snprintf(share, sizeof share, "%.0f%%",
			100 * (double)job->done / (double)job->total);
	if (job->has_eta_s && job->state == PB__JOB_STATE__JOB_STATE_RUNNING)
		snprintf(eta, sizeof eta, "%.0f s", job->eta_s);
	const char *state = (size_t)job->state < 5 ? states[job->state] : "unknown";
	const char *note = job->error ? job->error->message : job->result;
	table_row(t, (const char *[]){job->id, job->kind, job->collection, state, job->phase, share,
			     eta, note});
}

static enum code print_page(
	const struct session *s, struct table *t, const Pb__ListJobsResponse *page, struct error *e)
{
	for (size_t i = 0; i < page->n_jobs; i++) {
		if (s->output == AS_TABLE)
			add_row(t, page->jobs[i]);
		else if (s->output == AS_NDJSON &&
			 session_print(s, &page->jobs[i]->base, stdout, e))
			return e->code;
	}
	return s->output == AS_JSON ? session_print(s, &page->base, stdout, e) : OK;
}

/* Pages through all; --output json prints a message a page, as the operation answers. */
static enum code list(struct session *s, const struct options *o, struct error *e)
{
	static const struct column columns[] = {{"job", 0, false}, {"kind", 0, false},
		{"collection", 24, false}, {"state", 0, false}, {"phase", 24, false},
		{"done", 0, true}, {"left", 0, true}, {"result", 60, false}, {0}};
	Pb__ListJobsRequest request = PB__LIST_JOBS_REQUEST__INIT;
	Pb__ListJobsResponse *page = NULL;
	struct table t;
	enum code code = session_fields(s, o, &request.base, e);

	table_begin(&t, columns);
	while (!code) {
		code = session_ask(s, "ListJobs", &request.base, &page, e);
		if (!code)
			code = print_page(s, &t, page, e);
		if (code || !page->next_page_token)
			break;
		request.page_token = page->next_page_token;
	}
	if (s->output == AS_TABLE)
		table_end(&t, stdout);
	return code;
}

static enum code one(struct session *s, const char *verb, const char *id, struct error *e)
{
	Pb__GetJobRequest get = PB__GET_JOB_REQUEST__INIT;
	Pb__CancelJobRequest cancel = PB__CANCEL_JOB_REQUEST__INIT;
	bool cancels = !strcmp(verb, "cancel");
	Pb__Job *job;

	get.id = cancel.id = id;
	if (session_ask(s, cancels ? "CancelJob" : "GetJob", cancels ? &cancel.base : &get.base,
		    &job, e))
		return e->code;
	if (!strcmp(verb, "watch") && session_watch(s, job, &job, e))
		return e->code;
	return session_print_job(s, job, e);
}

static enum code run(struct session *s, const struct options *o, struct error *e)
{
	const char *verb = o->n_words ? o->words[0] : "list";

	if (!strcmp(verb, "list") && o->n_words < 2)
		return list(s, o, e);
	if (o->n_words == 2 &&
		(!strcmp(verb, "get") || !strcmp(verb, "cancel") || !strcmp(verb, "watch")))
		return one(s, verb, o->words[1], e);
	return error_set(e, INVALID_ARGUMENT, "USAGE",
		"It is `jobs`, `jobs get ID`, `jobs cancel ID` or `jobs watch ID`.");
}

const struct command command_jobs = {
	.name = "jobs",
	.words = "[list | get ID | cancel ID | watch ID]",
	.least = 0,
	.most = 2,
	.summary = "shows, cancels or waits for the daemon's jobs",
	.details = "watch ends when the job does, and fails when the job failed.",
	.options = jobs_options,
	.run = run,
};
