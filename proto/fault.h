/*
 * A test may make any step fail that asks FAULT() first: the n-th one from now, once. Tests loop
 * n = 0, 1, 2 ... until an operation no longer reaches the fault. Nothing of it is in a release
 * build.
 */
#ifndef PROTO_FAULT_H
#define PROTO_FAULT_H

#ifdef HARDMINER_FAULTS
#include <stdbool.h>

void fault_arm(long n); /* the n-th FAULT() from now, from 0, on any thread; negative disarms */
bool fault_fired(void); /* since it was armed */
/* Has the calling thread call seen(arg) at each of its own steps from now on; NULL ends it. */
void fault_watch(void (*seen)(void *arg), void *arg);
bool fault_due(void);
#define FAULT() fault_due()
#else
#define FAULT() 0
#endif

#endif
