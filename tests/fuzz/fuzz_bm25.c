/*
 * Any bytes as a file of a BM25 index. What is accepted can be asked for every word, and followed. The first
 * byte says whether the hashes are mended first: without that nothing would get past them.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utf8proc.h>

#include "tests/fuzz/fuzz.h"
#include "tests/storage/text/bm25_mend.h"

enum {
	MEND = 1,
	FOLDING = 72,
	FOLDING_BYTES = 32 /* of the header: utf8proc's version, any by now */
};

static void mend(unsigned char *bytes, size_t n)
{
	if (n < HEADER)
		return;
	memset(bytes + FOLDING, 0, FOLDING_BYTES);
	memcpy(bytes + FOLDING, utf8proc_version(), strlen(utf8proc_version()));
	bm25_mend(bytes, n);
}

static void try_file(const char *path)
{
	static const struct bm25_options options = {0.9, 0.4, NULL};
	struct bm25_kept k;

	if (!bm25_load(path, &options, NULL, &k))
		return;
	fuzz_assert(bm25_followed(&k));
	bm25_kept_free(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char path[64];

	if (len == 0)
		return 0;
	unsigned char *bytes = malloc(len);
	int fd = memfd_create("text.bm25", MFD_CLOEXEC);
	if (fd < 0 || !bytes)
		abort();
	memcpy(bytes, data + 1, len - 1);
	if (data[0] & MEND)
		mend(bytes, len - 1);
	if (write(fd, bytes, len - 1) != (ssize_t)len - 1)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	try_file(path);
	close(fd);
	free(bytes);
	return 0;
}
