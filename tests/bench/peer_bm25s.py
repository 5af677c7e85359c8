"""bm25s beside tests/bench/bm25.c: reads the same words, then answers the number of a set of queries
with the processor seconds that its top 100 took on one thread, by numba if that is installed, and
"index" with those that the index of all documents takes, from numbers of words on.

Its first line: 0, and its name with its version and backend.
"""
import sys
import time

import bm25s
import numpy

QUERIES, QUERY_WORDS, TOP = 500, 6, 100

folder = sys.argv[1]
words = numpy.fromfile(f"{folder}/words", dtype=numpy.uint32)
starts = numpy.fromfile(f"{folder}/starts", dtype=numpy.uint64).astype(numpy.int64)
queries = numpy.fromfile(f"{folder}/queries", dtype=numpy.uint32).reshape(-1, QUERIES, QUERY_WORDS)

# The index wants numbers without gaps.
known, words = numpy.unique(words, return_inverse=True)
words = words.astype(numpy.int32)
documents = [words[a:b] for a, b in zip(starts[:-1], starts[1:])]
vocabulary = {str(word): number for number, word in enumerate(known)}


def index():
    made = bm25s.BM25(k1=0.9, b=0.4, method="lucene", backend="auto")
    made.index((documents, vocabulary), show_progress=False)
    return made


retriever = index()
sets = [
    ([numpy.searchsorted(known, query).tolist() for query in of_set], vocabulary)
    for of_set in queries
]
print(f"0 bm25s-{bm25s.__version__}/{retriever.backend}", flush=True)
for line in sys.stdin:
    tokens = None if line.strip() == "index" else sets[int(line)]
    began = time.thread_time()
    if tokens is None:
        index()
    else:
        retriever.retrieve(tokens, k=TOP, n_threads=1, show_progress=False)
    print("%.9f" % (time.thread_time() - began), flush=True)
