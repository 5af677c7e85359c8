"""sentence-transformers beside tests/bench/mine_st.c: reads queries and documents, which are vectors, and
pairs of a query and its positive from a folder, then answers "mine N" with the seconds of its
mine_hard_negatives for N negatives a query, with FAISS or without, whichever is faster, which is found
first; and "save PATH" with a file of what was mined last: of each query in its turn N document numbers,
int32, or -1.

Texts are the numbers of queries and documents, and the model looks their vectors up.

Its first line: 0, and the library's name with its version.
"""
import os
import sys
import time

os.environ["TQDM_DISABLE"] = "1"

import datasets
import numpy
import sentence_transformers
import torch
from sentence_transformers.util import cos_sim, mine_hard_negatives, pairwise_cos_sim

DIMENSION = int(sys.argv[2])


def read(name, kind, width):
    return numpy.fromfile(f"{sys.argv[1]}/{name}", dtype=kind).reshape(-1, width)


class Model:
    """What mine_hard_negatives asks a SentenceTransformer."""

    device = torch.device("cpu")
    similarity = staticmethod(cos_sim)
    similarity_pairwise = staticmethod(pairwise_cos_sim)

    def __init__(self):
        self.queries = read("queries", numpy.float32, DIMENSION)
        self.documents = read("documents", numpy.float32, DIMENSION)

    def encode_query(self, texts, **_):
        return self.queries[[int(text[1:]) for text in texts]]

    def encode_document(self, texts, **_):
        return self.documents[[int(text[1:]) for text in texts]]

    def get_embedding_dimension(self):
        return DIMENSION


model = Model()
judged = read("judged", numpy.uint32, 2)
corpus = [f"d{i}" for i in range(len(model.documents))]
pairs = datasets.Dataset.from_dict(
    {"query": [f"q{q}" for q, _ in judged], "positive": [f"d{d}" for _, d in judged]}
)
best = {}
mined, wanted = None, 0


def mine(n, use_faiss):
    """The form that names a query's positives and negatives once is the one that is made fastest."""
    global mined, wanted
    wanted = n
    began = time.perf_counter()
    mined = mine_hard_negatives(
        pairs,
        model,
        corpus=corpus,
        num_negatives=n,
        use_faiss=use_faiss,
        output_format="labeled-pair",
        verbose=False,
    )
    return time.perf_counter() - began


def mine_well(n):
    if n not in best:
        best[n] = min((False, True), key=lambda use_faiss: mine(n, use_faiss))
        print("# sentence-transformers: with%s FAISS" % ("" if best[n] else "out"), file=sys.stderr)
    return mine(n, best[n])


def save(path):
    found = [[] for _ in model.queries]
    for query, document, label in zip(mined["query"], mined["positive"], mined["label"]):
        if not label:
            found[int(query[1:])].append(int(document[1:]))
    numpy.array([f + [-1] * (wanted - len(f)) for f in found], numpy.int32).tofile(path)
    return 0


print("0 sentence-transformers-" + sentence_transformers.__version__, flush=True)
for line in sys.stdin:
    command, of = line.split(maxsplit=1)
    print("%.9f" % (mine_well(int(of)) if command == "mine" else save(of.strip())), flush=True)
