#include "proto/fault.h"

#ifdef HARDMINER_FAULTS
#include <stdatomic.h>

static atomic_long countdown = -1;
static atomic_bool fired;

void fault_arm(long n)
{
	atomic_store(&fired, false);
	atomic_store(&countdown, n);
}

bool fault_fired(void)
{
	return atomic_load(&fired);
}

bool fault_due(void)
{
	if (atomic_load(&countdown) < 0 || atomic_fetch_sub(&countdown, 1) != 0)
		return false;
	atomic_store(&fired, true);
	return true;
}
#else
typedef int fault_is_compiled_out; /* ISO C wants a declaration */
#endif
