#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/nfcorpus.h"
#include "tests/bench/partner.h"

static const struct measurement measurements[] = {
	{"exact_batch_1t", line_exact_batch, 1},
	{"exact_batch_2t", line_exact_batch, 2},
	{"exact_batch_avx512", line_exact_avx512, 2},
	{"exact_batch_torch", line_exact_torch, 2},
	{"exact_batch_faiss_cpu", line_exact_faiss_cpu, 2},
	{"exact_k1000", line_exact_k1000, 2},
	{"exact_wide", line_exact_wide, 2},
	{"exact_single_2t", line_exact_single, 2},
	{"exact_int8_peak", line_int8_peak, 2},
	{"ceiling", line_ceiling, 2},
	{"resident_vector", line_resident, 0},
	{"growth_n", line_growth, 2},
	{"ivf_faiss", line_ivf, 2},
	{"coalesced_32", line_coalesced, 32},
	{"upload", line_upload, 0},
	{"publish_memcpy", line_publish, 0},
	{"mine_grpc", line_mine, 2},
	{"mine_st", line_mine_st, 2},
	{"grpc_overhead", line_grpc_overhead, 2},
	{"mine_deep", line_mine_deep, 2},
	{"gives_way", line_gives_way, 2},
	{"bm25_bm25s", line_bm25, 0},
	{"bm25_bm25s_rare", line_bm25, 1},
	{"bm25_ceiling", line_bm25_ceiling, 0},
	{"bm25_ceiling_rare", line_bm25_ceiling, 1},
	{"bm25_parts", line_bm25_parts, 0},
	{"bm25_parts_rare", line_bm25_parts, 1},
	{"bm25_update", line_bm25_update, 1000},
	{"bm25_updates", line_bm25_updates, 0},
	{"bm25_start", line_bm25_start, 0},
	{"nfcorpus_bm25", line_nfcorpus_bm25, 0},
	{"unary_1", line_calls, 1},
	{"unary_64", line_calls, 64},
	{"durable_upserts_1", line_upserts, 1},
	{"durable_upserts_16", line_upserts, 16},
	{"durable_upserts_64", line_upserts, 64},
};

enum { MEASUREMENTS = sizeof measurements / sizeof *measurements };

static bool wanted(const char *name, int n, char **names)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return n == 0;
}

static bool known(const char *name)
{
	for (size_t i = 0; i < MEASUREMENTS; i++)
		if (strcmp(measurements[i].name, name) == 0)
			return true;
	fprintf(stderr, "bench: there is no line %s; there are:", name);
	for (size_t i = 0; i < MEASUREMENTS; i++)
		fprintf(stderr, " %s", measurements[i].name);
	fprintf(stderr, "\n");
	return false;
}

static void measure(struct bench *b, const struct measurement *m)
{
	struct busy before = busy_now();
	double began = now_s();

	m->run(b, m);
	double foreign = foreign_cores(&before);
	fprintf(stderr, "# %s: %.0f s, others took %.2f of %zu cores%s\n", m->name, now_s() - began,
		foreign, b->cores, foreign > .1 ? ": DISTURBED, measure again" : "");
}

static uint32_t rows_wanted(void)
{
	const char *text = getenv("BENCH_ROWS");
	char *end;
	unsigned long rows = text ? strtoul(text, &end, 10) : 1000000;

	if (text && (*end || rows < 20000 || rows > 10000000)) {
		fprintf(stderr, "bench: BENCH_ROWS is a number from 20000 to 10000000, not %s\n",
			text);
		exit(2);
	}
	return (uint32_t)rows;
}

int main(int argc, char **argv)
{
	if (argc < 8) {
		fprintf(stderr,
			"usage: bench HARDMINERD FAISS-PARTNER PYTHON PEER.PY PEER_BM25S.PY "
			"PEER_ST.PY EMPTY-DIRECTORY [LINE...]\n");
		return 2;
	}
	struct bench b = {.daemon_path = argv[1],
		.partner_path = argv[2],
		.python = argv[3],
		.peer_path = argv[4],
		.bm25s_path = argv[5],
		.st_path = argv[6],
		.dir = argv[7],
		.rows = rows_wanted(),
		.cores = (size_t)sysconf(_SC_NPROCESSORS_ONLN)};
	for (int i = 8; i < argc; i++)
		if (!known(argv[i]))
			return 2;
	b.twice = wanted("growth_n", argc - 8, argv + 8);
	for (size_t i = 0; i < MEASUREMENTS; i++)
		if (wanted(measurements[i].name, argc - 8, argv + 8))
			measure(&b, &measurements[i]);
	daemon_stop(&b);
	partners_stop(&b);
	ranked_free(&b);
	nfcorpus_free(&b);
	return 0;
}
