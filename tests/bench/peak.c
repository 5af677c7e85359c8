/*
 * The share of what the cores can multiply: bytes of codes times bytes of queries a second in the
 * whole batch, certificate and scores included, over a loop of vpdpbusd on registers alone.
 */
#include "tests/bench/batch.h"

#ifdef __x86_64__
#include <immintrin.h>

enum { CHAINS = 12, TURNS = 1 << 25 };

/* As many chains as hide an instruction's latency, all in registers whatever the compiler thinks. */
__attribute__((target("avx512f,avx512vnni"))) static void multiply(void *arg, size_t i)
{
	__m512i a = _mm512_set1_epi8(1), c = _mm512_set1_epi8((char)(i + 1));
	__m512i s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a;
	__m512i s6 = a, s7 = a, s8 = a, s9 = a, s10 = a, s11 = a;

	(void)arg;
	for (int turn = 0; turn < TURNS; turn++)
		__asm__ volatile("vpdpbusd %13, %12, %0\n\tvpdpbusd %13, %12, %1\n\t"
				 "vpdpbusd %13, %12, %2\n\tvpdpbusd %13, %12, %3\n\t"
				 "vpdpbusd %13, %12, %4\n\tvpdpbusd %13, %12, %5\n\t"
				 "vpdpbusd %13, %12, %6\n\tvpdpbusd %13, %12, %7\n\t"
				 "vpdpbusd %13, %12, %8\n\tvpdpbusd %13, %12, %9\n\t"
				 "vpdpbusd %13, %12, %10\n\tvpdpbusd %13, %12, %11"
				 : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5),
				 "+v"(s6), "+v"(s7), "+v"(s8), "+v"(s9), "+v"(s10), "+v"(s11)
				 : "v"(a), "v"(c));
}

static double peak(size_t threads)
{
	return (double)threads * TURNS * CHAINS * 64 / on_threads(threads, multiply, NULL);
}

void line_int8_peak(struct bench *b, const struct measurement *m)
{
	double ours[ROUNDS], theirs[ROUNDS];

	if (!__builtin_cpu_supports("avx512vnni")) {
		left_out(m->name, "the machine has no AVX-512 VNNI");
		return;
	}
	struct batch *a = batch_new(b, exact_of(b), 100);
	batch_run(a, 0, Q, (size_t)m->n);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = (double)Q * b->rows * D / batch_run(a, 0, Q, (size_t)m->n);
		theirs[r] = peak((size_t)m->n);
	}
	batch_free(a);
	double value = median(ours, ROUNDS);
	line(m->name, value / 1e9, "GMAC/s", "vpdpbusd-on-registers",
		value / median(theirs, ROUNDS));
}
#else
void line_int8_peak(struct bench *b, const struct measurement *m)
{
	(void)b;
	left_out(m->name, "no AVX-512 VNNI");
}
#endif
