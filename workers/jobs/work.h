/* How one kind of job is carried out. Private to workers/jobs. */
#ifndef WORKERS_JOBS_WORK_H
#define WORKERS_JOBS_WORK_H

#include "storage/rows/jobs.h"
#include "workers/jobs/runner.h"

/* What a job has at hand while it runs. `cancelled` turns true when somebody cancels it or the
 * daemon stops. */
struct work {
	struct mine mine;
	const struct job_work *job;
	const ProtobufCMessage *request; /* decoded, of the kind's type */
	const struct progress *progress;
	struct arena *arena;
};

struct job_kind {
	const char *name;
	const ProtobufCMessageDescriptor *request;
	/* What it made goes to *result, in the arena. */
	enum code (*run)(const struct work *w, const char **result, struct error *e);
};

extern const struct job_kind job_encode, job_publish, job_mine;

#endif
