/*
 * FAISS IndexFlatIP as a program of its own, so that it has the BLAS kernel that its environment
 * names and memory that can be counted; or, given centroids, IVF<n>,Flat. Answers one command a line
 * with seconds:
 *
 *   batch THREADS K          all queries, each thread a part of them, OpenMP and BLAS at one
 *   single I K               query I
 *   lists THREADS K NPROBE   all queries, so many lists looked into
 *   save PATH                writes the rows that were found last, all queries x K int64
 *
 * Its first line: the bytes of memory that the index took, and FAISS's and the kernel's names.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/vectors/faiss.h"
#include "tests/bench/bench.h"

char *openblas_get_corename(void); /* of OpenBLAS */

struct search {
	struct faiss_index *index;
	const float *queries;
	size_t n, threads, k, d;
	struct faiss_parameters how;
	float *scores;
	int64_t *rows;
};

static const float *mapped(const char *path, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
	return p;
}

static void search_part(void *arg, size_t i)
{
	struct search *s = arg;
	struct error e;
	size_t from = s->n * i / s->threads, to = s->n * (i + 1) / s->threads;

	must(faiss_search(s->index, to - from, s->queries + from * s->d, s->k, &s->how,
		     s->scores + from * s->k, s->rows + from * s->k, NULL, &e),
		&e, "search with FAISS");
}

static double batch(struct search s, size_t threads, size_t k)
{
	s.threads = threads;
	s.k = k;
	return on_threads(threads, search_part, &s);
}

static double single(struct search s, size_t i, size_t k)
{
	s.queries += i % s.n * s.d;
	s.n = 1;
	return batch(s, 1, k);
}

static double save(const struct search *s, const char *path)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(s->rows, sizeof *s->rows * s->k, s->n, f) != s->n || fclose(f)) {
		perror(path);
		exit(1);
	}
	return 0;
}

static double lists(struct search *s, size_t threads, size_t k, uint32_t nprobe)
{
	s->k = k;
	s->how.nprobe = nprobe;
	return batch(*s, threads, k);
}

static void serve(struct search *s, size_t most_k)
{
	char text[4200], path[4096];
	size_t a, k;
	unsigned nprobe;

	while (fgets(text, sizeof text, stdin)) {
		if (sscanf(text, "batch %zu %zu", &a, &k) == 2 && a && k && k <= most_k)
			printf("%.9f\n", batch(*s, a, k));
		else if (sscanf(text, "single %zu %zu", &a, &k) == 2 && k && k <= most_k)
			printf("%.9f\n", single(*s, a, k));
		else if (sscanf(text, "lists %zu %zu %u", &a, &k, &nprobe) == 3 && a && k &&
			 k <= most_k && nprobe)
			printf("%.9f\n", lists(s, a, k, nprobe));
		else if (sscanf(text, "save %4095s", path) == 1)
			printf("%.9f\n", save(s, path));
		else
			printf("error\n");
		fflush(stdout);
	}
}

/* As many training rows as lists become the centroids as they are. */
static const char *make_index(struct search *s, int argc, char **argv)
{
	static char name[32] = "Flat";
	size_t lists = argc > 7 ? strtoul(argv[7], NULL, 10) : 0;
	struct error e;

	if (lists)
		snprintf(name, sizeof name, "IVF%zu,Flat", lists);
	must(faiss_new(name, (uint32_t)s->d, FAISS_INNER_PRODUCT, &s->index, &e), &e,
		"make an index");
	if (lists)
		must(faiss_train(s->index, lists, mapped(argv[6], lists * s->d * sizeof(float)),
			     NULL, NULL, &e),
			&e, "give it centroids");
	return lists ? name : "IndexFlatIP";
}

int main(int argc, char **argv)
{
	enum { MOST_K = 1000 };
	struct error e;
	struct search s = {0};

	if (argc != 6 && argc != 8) {
		fprintf(stderr, "usage: faiss_partner DOCUMENTS ROWS DIMENSION QUERIES N "
				"[CENTROIDS LISTS]\n");
		return 2;
	}
	size_t rows = strtoul(argv[2], NULL, 10);
	s.d = strtoul(argv[3], NULL, 10);
	s.n = strtoul(argv[5], NULL, 10);
	s.queries = mapped(argv[4], s.n * s.d * sizeof(float));
	s.scores = must_allocate(s.n * MOST_K, sizeof *s.scores);
	s.rows = must_allocate(s.n * MOST_K, sizeof *s.rows);
	size_t before = private_bytes(getpid());
	const char *name = make_index(&s, argc, argv);
	must(faiss_add(s.index, rows, mapped(argv[1], rows * s.d * sizeof(float)), NULL, &e), &e,
		"fill it");
	printf("%zu FAISS-%s/%s\n", private_bytes(getpid()) - before, name,
		openblas_get_corename());
	fflush(stdout);
	serve(&s, MOST_K);
	faiss_free(s.index);
	return 0;
}
