#include "tests/storage/text/bm25_written.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char written[PATH_MAX];

void written_setup(void)
{
	snprintf(written, sizeof written, "%s/text.bm25", temporary_make());
}

struct hash128 *written_said(uint32_t n)
{
	struct hash128 *said = calloc(n + 1, sizeof *said);

	for (uint32_t d = 0; d < n; d++)
		said[d] = (struct hash128){d * 7919u, ~(uint64_t)d};
	return said;
}

enum code written_save(struct bm25 *index, const char *to, struct stop *stop, struct error *e)
{
	struct bm25_kept k = {index, written_said(index->n), index->n};
	enum code rc = bm25_save(&k, to, stop, e);

	free(k.said);
	return rc;
}

bool written_load(double k1, double b, const char *stemmer, struct bm25_kept *out)
{
	struct bm25_options options = {k1, b, stemmer};

	return bm25_load(written, &options, NULL, out);
}

unsigned char *written_bytes(const char *from, size_t *n)
{
	struct stat st;
	int fd = open(from, O_RDONLY);

	ck_assert_int_eq(fstat(fd, &st), 0);
	*n = (size_t)st.st_size;
	unsigned char *bytes = malloc(*n + 1);
	ck_assert_int_eq(read(fd, bytes, *n), st.st_size);
	close(fd);
	return bytes;
}

void written_put(const unsigned char *bytes, size_t n)
{
	int fd = open(written, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_eq(write(fd, bytes, n), n);
	close(fd);
}

struct text written_sample(uint64_t seed, uint32_t n)
{
	struct text t = text_new(n, 30);

	text_seed(seed);
	text_fill(&t, 8); /* some say one word 400 times */
	text_build(&t);
	return t;
}

struct text written_worn(struct history *h)
{
	struct text now = {0};

	text_seed(12);
	h->anew = 3;
	for (int i = 0; i < 4; i++) {
		history_upload(h, i ? 3 : 30, i ? 2 : 0, 5);
		history_go_on(h, &now);
	}
	ck_assert_uint_ge(now.index->n_parts, 2);
	ck_assert_uint_ge(now.index->parts[0].n_lost, 1);
	return now;
}

bool written_believed(void)
{
	struct bm25_kept k;
	bool there = written_load(0.9, 0.4, NULL, &k);

	if (there)
		bm25_kept_free(&k);
	return there;
}
