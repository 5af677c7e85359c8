/* Who gives work up (storage/stop.h) the time after it was asked `most` times: with 0, at once. */
#ifndef TESTS_STORAGE_PATIENCE_H
#define TESTS_STORAGE_PATIENCE_H

#include "storage/stop.h"

struct patience {
	size_t asked, most;
};

static inline bool patience_is_over(void *arg)
{
	struct patience *p = arg;

	return p->asked++ >= p->most;
}

#endif
