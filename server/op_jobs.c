/* Jobs: look, list, cancel. */
#include "server/call.h"
#include "server/page.h"

enum code op_get_job(struct call *c, const Pb__GetJobRequest *req, Pb__Job *res)
{
	return runner_get(c->daemon->runner, req->id, &c->arena, res, &c->error);
}

enum code op_list_jobs(struct call *c, const Pb__ListJobsRequest *req, Pb__ListJobsResponse *res)
{
	size_t n, size = page_size(req->page_size);

	if (runner_list(c->daemon->runner, req->collection, req->page_token, size + 1, &c->arena,
		    &res->jobs, &n, &c->error))
		return c->error.code;
	res->n_jobs = n > size ? size : n;
	if (n > size)
		res->next_page_token = res->jobs[size - 1]->id;
	return OK;
}

enum code op_cancel_job(struct call *c, const Pb__CancelJobRequest *req, Pb__Job *res)
{
	return runner_cancel(c->daemon->runner, req->id, &c->arena, res, &c->error);
}
