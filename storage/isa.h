/*
 * Which vector instructions the engines' kernels use. Every kernel has a portable form that defines
 * its results, and forms for these sets that give the same results faster.
 */
#ifndef STORAGE_ISA_H
#define STORAGE_ISA_H

/* Each is able to do what those before are. */
enum isa { ISA_PORTABLE, ISA_AVX2, ISA_AVX512, ISA_AMX };

/* What kernels may use now: the best that this processor has, and at most what a test allows.
 * ISA_AVX2 is AVX2, FMA and F16C; ISA_AVX512 adds F, BW, DQ, VL and VNNI; ISA_AMX tiles of bytes. Any
 * thread. */
enum isa isa_now(void);
/* The best that this processor and its system support. Asks the system for the use of tiles, which it
 * grants a process once for all of its threads. Any thread. */
enum isa isa_best(void);
/* For tests: no kernel that starts from now on uses more than `most`. ISA_AMX lifts it. */
void isa_force(enum isa most);

#endif
