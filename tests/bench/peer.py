"""Partners from PyPI: answers one command a line with seconds.

  torch K      all queries by mm and topk, in the best of some ways, which is found first
  faiss K      all queries by faiss-cpu's IndexFlatIP on all cores

Its first line: 0, and torch's name with its version.
"""
import os
import sys
import time

import numpy as np
import torch

DOCUMENTS, ROWS, DIMENSION, QUERIES, N = sys.argv[1:]
documents = np.fromfile(DOCUMENTS, np.float32, int(ROWS) * int(DIMENSION))
documents = documents.reshape(int(ROWS), int(DIMENSION))
queries = np.fromfile(QUERIES, np.float32).reshape(int(N), int(DIMENSION))
x, q = torch.from_numpy(documents), torch.from_numpy(queries)
best = {}
index = None


def by_torch(threads, step, k, n):
    torch.set_num_threads(threads)
    began = time.perf_counter()
    for at in range(0, n, step):
        torch.topk(torch.mm(q[at : min(at + step, n)], x.T), k)
    return time.perf_counter() - began


def way(k):
    """Threads and queries at a time; tried with some of the queries."""
    if k not in best:
        cores = os.cpu_count()
        ways = [(t, s) for t in sorted({1, cores}) for s in (32, 128)]
        best[k] = min(ways, key=lambda w: by_torch(*w, k, 128))
        print("# torch: best with %d threads, %d queries at a time" % best[k], file=sys.stderr)
    return best[k]


def by_faiss(k):
    global index
    import faiss

    if index is None:
        faiss.omp_set_num_threads(os.cpu_count())
        index = faiss.IndexFlatIP(int(DIMENSION))
        index.add(documents)
    began = time.perf_counter()
    index.search(queries, k)
    return time.perf_counter() - began


print("0 torch-" + torch.__version__.split("+")[0], flush=True)
for line in sys.stdin:
    what, k = line.split()
    seconds = by_torch(*way(int(k)), int(k), int(N)) if what == "torch" else by_faiss(int(k))
    print("%.9f" % seconds, flush=True)
