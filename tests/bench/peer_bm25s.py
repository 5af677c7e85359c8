"""bm25s beside tests/bench/bm25.c: reads the words of a folder (words.h), then answers "FIRST N" with
the processor seconds that the top 100 of queries FIRST .. FIRST + N took on one thread, by numba if that
is installed, "index" with those that the index of all documents takes, from numbers of words on, and
"save FIRST N PATH" with a file of what is found: for each query 100 document numbers, int32, the best
first, and then as many scores, float32, which are 0 from where no document has a word of the query.

Its first line: 0, and its name with its version and backend.
"""
import sys
import time

import bm25s
import numpy

TOP = 100


def read(words, starts):
    words = numpy.fromfile(f"{sys.argv[1]}/{words}", dtype=numpy.uint32)
    return words, numpy.fromfile(f"{sys.argv[1]}/{starts}", dtype=numpy.uint64).astype(numpy.int64)


words, starts = read("words", "starts")
query_words, query_starts = read("query_words", "query_starts")

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
query_words = numpy.searchsorted(known, query_words)
queries = [query_words[a:b].tolist() for a, b in zip(query_starts[:-1], query_starts[1:])]


def tokens_of(first, n):
    return queries[first : first + n], vocabulary


def retrieve(tokens):
    return retriever.retrieve(tokens, k=TOP, n_threads=1, show_progress=False)


def save(first, n, path):
    found, scores = retrieve(tokens_of(int(first), int(n)))
    with open(path, "wb") as f:
        for documents, of in zip(found, scores):
            f.write(documents.astype(numpy.int32).tobytes() + of.astype(numpy.float32).tobytes())


print(f"0 bm25s-{bm25s.__version__}/{retriever.backend}", flush=True)
for line in sys.stdin:
    command = line.split(maxsplit=3)
    if command[0].isdigit():
        tokens = tokens_of(*map(int, command))
    began = time.thread_time()
    if command[0] == "index":
        index()
    elif command[0] == "save":
        save(*command[1:3], command[3].rstrip("\n"))
    else:
        retrieve(tokens)
    print("%.9f" % (time.thread_time() - began), flush=True)
