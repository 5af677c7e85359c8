/*
 * Into the loop from any thread: a list without locks and one wakeup for all that is on it. Mail is
 * embedded in what it is about; whoever posts it hands it over until `deliver` runs, on the loop.
 */
#ifndef WORKERS_MAILBOX_H
#define WORKERS_MAILBOX_H

#include <uv.h>

struct mailbox;

struct mail {
	void (*deliver)(struct mail *mail);
	struct mail *next;
};

struct mailbox *mailbox_open(uv_loop_t *loop); /* NULL when it cannot be had */
/* Delivers what is there, then closes; the loop must run once more. Nobody may post any more. */
void mailbox_close(struct mailbox *m);
void mailbox_post(struct mailbox *m, struct mail *mail);

#endif
