/*
 * The share of what the cores can multiply: bytes of codes times bytes of queries a second in the
 * whole batch, certificate and scores included, over a loop of vpdpbusd on registers alone.
 */
#include "tests/bench/batch.h"

#ifdef __x86_64__
#include <immintrin.h>

enum { CHAINS = 12, TURNS = 1 << 24 };

/* As many chains as hide an instruction's latency. */
__attribute__((target("avx512f,avx512vnni"))) static void multiply(void *arg, size_t i)
{
	__m512i sum[CHAINS], a = _mm512_set1_epi8(1), c = _mm512_set1_epi8((char)(i + 1));
	int *out = arg;

	for (int j = 0; j < CHAINS; j++)
		sum[j] = _mm512_setzero_si512();
	for (int turn = 0; turn < TURNS; turn++) {
#pragma GCC unroll 12
		for (int j = 0; j < CHAINS; j++) {
			sum[j] = _mm512_dpbusd_epi32(sum[j], a, c);
			__asm__ volatile(""
					 : "+v"(sum[j])); /* one instruction each, in a register */
		}
	}
	for (int j = 1; j < CHAINS; j++)
		sum[0] = _mm512_add_epi32(sum[0], sum[j]);
	out[i] = _mm512_reduce_add_epi32(sum[0]);
}

static double peak(size_t threads)
{
	int out[64];

	return (double)threads * TURNS * CHAINS * 64 / on_threads(threads, multiply, out);
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
