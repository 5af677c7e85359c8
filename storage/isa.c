#include "storage/isa.h"

#include <stdatomic.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

static atomic_int allowed = ISA_AVX512;

#if defined(__x86_64__)
/* __builtin_cpu_supports("f16c"), which clang 14 does not know. */
static int has_f16c(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}
#endif

static enum isa find_best(void)
{
#if defined(__x86_64__)
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c())
		return ISA_PORTABLE;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("avx512vnni"))
		return ISA_AVX512;
	return ISA_AVX2;
#else
	return ISA_PORTABLE;
#endif
}

/* Found out once: where a hypervisor answers it, asking the processor costs microseconds. */
enum isa isa_best(void)
{
	static atomic_int known = -1;
	int best = atomic_load_explicit(&known, memory_order_relaxed);

	if (best < 0) {
		best = find_best();
		atomic_store_explicit(&known, best, memory_order_relaxed);
	}
	return (enum isa)best;
}

enum isa isa_now(void)
{
	enum isa best = isa_best();
	int most = atomic_load_explicit(&allowed, memory_order_relaxed);

	return (int)best < most ? best : (enum isa)most;
}

void isa_force(enum isa most)
{
	atomic_store_explicit(&allowed, most, memory_order_relaxed);
}
