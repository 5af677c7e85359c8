/*
 * A fuzz target is one function over bytes. libFuzzer calls it with -Dfuzzers=true under clang;
 * replay.c calls it with the committed corpus in every build. A finding is fixed with its input
 * added to tests/fuzz/corpus/<target>/.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What must hold for every input; says what did not before it stops. */
#define fuzz_assert(holds) \
	do { \
		if (!(holds)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds); \
			abort(); \
		} \
	} while (0)

#endif
