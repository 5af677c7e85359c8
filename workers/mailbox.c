#include "workers/mailbox.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "proto/fault.h"

struct mailbox {
	uv_async_t wakeup;
	_Atomic(struct mail *) newest; /* a stack; who takes it, takes all */
};

/* Oldest first: each sender's mail arrives in the order it was posted. */
static struct mail *take_all(struct mailbox *m)
{
	struct mail *newest = atomic_exchange_explicit(&m->newest, NULL, memory_order_acquire);
	struct mail *oldest = NULL;

	while (newest) {
		struct mail *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

static void deliver_all(uv_async_t *wakeup)
{
	struct mail *mail = take_all(wakeup->data);

	while (mail) {
		struct mail *next = mail->next; /* `deliver` may free or post the mail again */
		mail->deliver(mail);
		mail = next;
	}
}

struct mailbox *mailbox_open(uv_loop_t *loop)
{
	struct mailbox *m = FAULT() ? NULL : calloc(1, sizeof *m);

	if (!m)
		return NULL;
	if (uv_async_init(loop, &m->wakeup, deliver_all)) {
		free(m);
		return NULL;
	}
	m->wakeup.data = m;
	return m;
}

static void closed(uv_handle_t *wakeup)
{
	free(wakeup->data);
}

void mailbox_close(struct mailbox *m)
{
	deliver_all(&m->wakeup);
	uv_close((uv_handle_t *)&m->wakeup, closed);
}

void mailbox_post(struct mailbox *m, struct mail *mail)
{
	struct mail *before = atomic_load_explicit(&m->newest, memory_order_relaxed);

	do
		mail->next = before;
	while (!atomic_compare_exchange_weak_explicit(
		&m->newest, &before, mail, memory_order_release, memory_order_relaxed));
	if (!before)
		uv_async_send(&m->wakeup); /* otherwise one is on its way for all of the stack */
}
