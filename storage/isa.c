#include "storage/isa.h"

#include <stdatomic.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

static atomic_int allowed = ISA_AMX;

#if defined(__x86_64__)
/* __builtin_cpu_supports("f16c"), which clang 14 does not know. */
static int has_f16c(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}

/* Of leaf 7; and what <asm/prctl.h> of Linux before 5.16 does not know. */
enum { TILES = 1 << 24, TILES_OF_BYTES = 1 << 25 };
enum { ASK_FOR_STATE = 0x1023 /* ARCH_REQ_XCOMP_PERM */, STATE_OF_TILES = 18 };

/* Linux saves 8 KB of tiles for those processes alone that asked. One that knows no tiles refuses. */
static int has_amx(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && d & TILES && d & TILES_OF_BYTES &&
	       syscall(SYS_arch_prctl, ASK_FOR_STATE, STATE_OF_TILES) == 0;
}
#endif

static enum isa find_best(void)
{
#if defined(__x86_64__)
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c())
		return ISA_PORTABLE;
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
		!__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
		!__builtin_cpu_supports("avx512vnni"))
		return ISA_AVX2;
	return has_amx() ? ISA_AMX : ISA_AVX512;
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
