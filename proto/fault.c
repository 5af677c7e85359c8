#include "proto/fault.h"

#ifdef HARDMINER_FAULTS
#include <stdatomic.h>
#include <stddef.h>

static atomic_long countdown = -1;
static atomic_bool fired;
static _Thread_local void (*watcher)(void *arg);
static _Thread_local void *watcher_arg;

void fault_arm(long n)
{
	atomic_store(&fired, false);
	atomic_store(&countdown, n);
}

bool fault_fired(void)
{
	return atomic_load(&fired);
}

void fault_watch(void (*seen)(void *arg), void *arg)
{
	watcher = seen;
	watcher_arg = arg;
}

bool fault_due(void)
{
	if (watcher)
		watcher(watcher_arg);
	if (atomic_load(&countdown) < 0 || atomic_fetch_sub(&countdown, 1) != 0)
		return false;
	atomic_store(&fired, true);
	return true;
}
#else
typedef int fault_is_compiled_out; /* ISO C wants a declaration */
#endif
