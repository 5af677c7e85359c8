/*
 * The share of what the cores can multiply: bytes of codes times bytes of queries a second in the
 * whole batch, certificate and scores included, over a loop on registers alone of what the tile's
 * instruction set has for it: tdpbsud, vpdpbusd, or vpmaddubsw with the vpaddw that every product needs.
 */
#include <stdio.h>

#include "tests/bench/batch.h"

#include "storage/isa.h"

#ifdef __x86_64__
#include <immintrin.h>

enum { TURNS = 1 << 25 };

/* As many chains as hide an instruction's latency, all in registers whatever the compiler thinks. */
__attribute__((target("avx512f,avx512vnni"))) static void multiply_avx512(void *arg, size_t i)
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

/* Of tiles all full: bytes are the same wherever they stand, here none. */
__attribute__((target("amx-tile,amx-int8"))) static void multiply_amx(void *arg, size_t i)
{
	struct {
		uint8_t palette, start_line, zero[14];
		uint16_t bytes[16];
		uint8_t lines[16];
	} shapes = {.palette = 1};

	(void)arg;
	(void)i;
	for (int tile = 0; tile < 8; tile++) {
		shapes.bytes[tile] = 64;
		shapes.lines[tile] = 16;
	}
	__asm__ volatile("ldtilecfg %0" : : "m"(shapes));
	for (int turn = 0; turn < TURNS / 4; turn++) {
		_tile_dpbsud(0, 6, 7);
		_tile_dpbsud(1, 6, 7);
		_tile_dpbsud(2, 6, 7);
		_tile_dpbsud(3, 6, 7);
	}
	_tile_release();
}

/* Six products, each with the sum it goes to. */
__attribute__((target("avx2"))) static void multiply_avx2(void *arg, size_t i)
{
	__m256i a = _mm256_set1_epi8(1), c = _mm256_set1_epi8((char)(i + 1));
	__m256i s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, p0, p1, p2, p3, p4, p5;

	(void)arg;
	for (int turn = 0; turn < TURNS; turn++)
		__asm__ volatile("vpmaddubsw %13, %12, %6\n\tvpaddw %6, %0, %0\n\t"
				 "vpmaddubsw %13, %12, %7\n\tvpaddw %7, %1, %1\n\t"
				 "vpmaddubsw %13, %12, %8\n\tvpaddw %8, %2, %2\n\t"
				 "vpmaddubsw %13, %12, %9\n\tvpaddw %9, %3, %3\n\t"
				 "vpmaddubsw %13, %12, %10\n\tvpaddw %10, %4, %4\n\t"
				 "vpmaddubsw %13, %12, %11\n\tvpaddw %11, %5, %5"
				 : "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5),
				 "=&x"(p0), "=&x"(p1), "=&x"(p2), "=&x"(p3), "=&x"(p4), "=&x"(p5)
				 : "x"(a), "x"(c));
}

static const struct peak {
	const char *name;
	void (*multiply)(void *arg, size_t i);
	double bytes; /* a turn multiplies */
} peaks[] = {
	[ISA_AVX2] = {"vpmaddubsw+vpaddw-on-registers", multiply_avx2, 6 * 32},
	[ISA_AVX512] = {"vpdpbusd-on-registers", multiply_avx512, 12 * 64},
	[ISA_AMX] = {"tdpbsud-on-registers", multiply_amx, 16 * 16 * 64},
};

static double measure(const struct peak *peak, size_t threads)
{
	return (double)threads * TURNS * peak->bytes / on_threads(threads, peak->multiply, NULL);
}

/* What AMX does over what the set before it can. */
static void tell_share_of_avx512(const struct measurement *m, double ours)
{
	const struct peak *peak = &peaks[ISA_AVX512];

	fprintf(stderr, "# %s: %.3g of %s\n", m->name, ours / measure(peak, (size_t)m->n),
		peak->name);
}

void line_int8_peak(struct bench *b, const struct measurement *m)
{
	const struct peak *peak = &peaks[isa_best()];
	double ours[ROUNDS], theirs[ROUNDS];

	if (!peak->multiply) {
		left_out(m->name, "the machine has neither AVX-512 VNNI nor AVX2");
		return;
	}
	struct batch *a = batch_new(b, exact_of(b), 100);
	batch_run(a, 0, Q, (size_t)m->n);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = (double)Q * b->rows * D / batch_run(a, 0, Q, (size_t)m->n);
		theirs[r] = measure(peak, (size_t)m->n);
	}
	double value = median(ours, ROUNDS), share = value / median(theirs, ROUNDS);
	fprintf(stderr, "# %s: %.3g without what tails would have been\n", m->name,
		share * (D - a->x->codes->tail) / D);
	if (isa_best() == ISA_AMX)
		tell_share_of_avx512(m, value);
	batch_free(a);
	line(m->name, value / 1e9, "GMAC/s", peak->name, share);
}
#else
void line_int8_peak(struct bench *b, const struct measurement *m)
{
	(void)b;
	left_out(m->name, "neither AVX-512 VNNI nor AVX2");
}
#endif
