/* BM25's top 100 on one core, against bm25s. */
#ifndef TESTS_BENCH_BM25_H
#define TESTS_BENCH_BM25_H

/* Prints the lines bm25_bm25s and bm25_bm25s_rare. `dir` takes the partner's input, some 210 MB.
 * `python` is an interpreter that has bm25s (and numba, or the partner is slower), `script` the path
 * of bm25s_partner.py; with NULL for either the partner is "none" and the ratio 0. */
void bench_bm25(const char *dir, const char *python, const char *script);

#endif
