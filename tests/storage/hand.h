/* A crew without threads: what it is sent is done when the test says so. */
#ifndef TESTS_STORAGE_HAND_H
#define TESTS_STORAGE_HAND_H

#include <check.h>

#include "storage/crew.h"

struct hand {
	struct crew crew;
	struct job *job;
	unsigned left, back;
};

static inline void hand_take(void *arg, struct job *job)
{
	struct hand *h = arg;

	ck_assert_ptr_null(h->job);
	h->job = job;
}

static inline void hand_leave(void *arg)
{
	((struct hand *)arg)->left++;
}

static inline void hand_back(void *arg, enum haste haste)
{
	ck_assert_int_eq(haste, AT_ONCE);
	((struct hand *)arg)->back++;
}

static inline void hand_open(struct hand *h)
{
	*h = (struct hand){.crew = {.threads = 1,
				   .send = hand_take,
				   .leave = hand_leave,
				   .back = hand_back,
				   .arg = h}};
}

static inline void do_it(struct hand *h)
{
	struct job *job = h->job;

	h->job = NULL;
	job->run(job);
}

#endif
