/* Waiting for what may never be signalled, such as a cancellation: one looks again now and then. */
#ifndef STORAGE_WAIT_H
#define STORAGE_WAIT_H

#include <pthread.h>
#include <time.h>

/* Until a signal, or so many milliseconds by a clock that nobody sets; or for nothing, as waiting may. */
static inline void wait_a_while(pthread_cond_t *changed, pthread_mutex_t *lock, long ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_clockwait(changed, lock, CLOCK_MONOTONIC, &until);
}

#endif
