/* How many questions about a world differ: in their vector or in anything else that is asked. */
#ifndef TESTS_STORAGE_EXACT_ASKED_H
#define TESTS_STORAGE_EXACT_ASKED_H

#include "tests/storage/exact/ask.h"

enum { ASKED_SLOTS = 1 << 13 /* more than a world is ever asked */ };

/* All zero at first. */
struct asked {
	uint64_t mark[ASKED_SLOTS]; /* of each question; 0: a free slot */
};

/* Remembers these questions and returns how many were not there before. */
size_t asked_anew(struct asked *asked, const struct ask *a);

#endif
