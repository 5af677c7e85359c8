#include "storage/exact/region.h"

#include <sys/mman.h>
#include <unistd.h>

#include "proto/fault.h"

enum { LEAST_MAPPED = 1 << 21 };

bool region_reserve(struct region *r, size_t bytes)
{
	size_t size = r->mapped;
	void *at;

	if (bytes <= r->mapped)
		return true;
	while (size < bytes)
		size = size ? 2 * size : LEAST_MAPPED;
	if (FAULT())
		return false;
	if (r->at)
		at = mremap(r->at, r->mapped, size, MREMAP_MAYMOVE);
	else
		at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return false;
	madvise(at, size, MADV_HUGEPAGE); /* or not: only speed depends on it */
	*r = (struct region){at, size};
	return true;
}

void region_trim(struct region *r, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (bytes + page - 1) / page * page;

	if (used && used < r->mapped && mremap(r->at, r->mapped, used, 0) != MAP_FAILED)
		r->mapped = used;
}

void region_free(struct region *r)
{
	if (r->at)
		munmap(r->at, r->mapped);
}
