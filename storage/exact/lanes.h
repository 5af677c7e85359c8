/* Sixteen floats that the compiler keeps in whatever registers the function's target has. */
#ifndef STORAGE_EXACT_LANES_H
#define STORAGE_EXACT_LANES_H

#include <stdint.h>

enum { GROUP = 16 };

typedef float lanes __attribute__((vector_size(GROUP * sizeof(float))));
typedef int32_t int_lanes __attribute__((vector_size(GROUP * sizeof(int32_t))));

/* What is inlined into one function a target, so that each compiles it with its own instructions.
 * Whatever takes or returns lanes by value must be: between targets they are passed differently,
 * which is what GCC would warn of. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define ON_ANY_TARGET static inline __attribute__((always_inline))

#endif
