"""Mining against brute force in numpy: id for id, on random vectors and, where the shared
collections are at hand, on Cranfield with its MiniLM vectors."""
import json
import os
import unittest

import numpy as np

import tap
from daemon import Daemon

SHARED = os.path.join(os.environ.get("HARDMINER_SHARED", ""), "data", "cranfield")


def brute(scores, ids, positives, keep=lambda s, p: True, n=7, depth=None):
    """Negatives of one query by the plainest means: sort, drop, filter, cut. p = lowest positive."""
    order = sorted(range(len(ids)), key=lambda i: (-scores[i], ids[i]))
    if depth is not None:
        order = order[:depth]
    p = min(scores[ids.index(d)] for d in positives)
    return [ids[i] for i in order if ids[i] not in positives and keep(scores[i], p)][:n]


class Truth:
    """One collection with vectors for documents and queries; the same checks for each."""

    SETTINGS = {
        "topk": ({"strategy": "topk"}, {}),
        "margin, relative": ({"strategy": "margin", "relative_margin": 0.05},
                             {"keep": lambda s, p: s <= p - abs(p) * 0.05}),
        "margin, absolute": ({"strategy": "margin", "absolute_margin": 0.1, "relative_margin": 0},
                             {"keep": lambda s, p: s <= p - 0.1}),
    }

    def check(self, name):
        body, how = self.SETTINGS[name]
        answer = self.daemon.post(f"/collections/{self.collection}:mine", {
            **body, "num_negatives": 7, "seed": 1, "exclude_duplicates": False,
            "queries": self.requests})
        self.compare(answer, lambda q: brute(self.scores(q), self.ids, q["positives"], **how))

    def compare(self, answer, expected):
        self.assertEqual(len(answer["results"]), len(self.queries))
        for q, result in zip(self.queries, answer["results"]):
            self.assertNotIn("error", result)
            self.assertEqual(result["query_id"], q["id"])
            self.assertEqual([n["document_id"] for n in result["negatives"]], expected(q), q["id"])
            scores = dict(zip(self.ids, self.scores(q)))
            for n in result["negatives"]:
                self.assertAlmostEqual(n["score"], scores[n["document_id"]], delta=1e-9)
            counts = result["rejected"]
            self.assertEqual(result["candidates"],
                             len(result["negatives"]) + sum(counts.values()), counts)

    def scores(self, q):
        v = np.asarray(q["vector"], np.float32).astype(np.float64)
        return self.unit @ (v / np.linalg.norm(v))

    @classmethod
    def load(cls, ids, vectors, queries):
        cls.ids, cls.queries = list(ids), queries
        vectors = np.asarray(vectors, np.float32)
        wide = vectors.astype(np.float64)
        cls.unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
        cls.requests = [{"id": q["id"], "vector": [float(x) for x in q["vector"]],
                         "positives": q["positives"]} for q in queries]
        cls.daemon.fill(cls.collection, [{"id": i, "text": f"text of {i}"} for i in ids])
        cls.daemon.publish(cls.collection, vectors, ids)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def test_topk(self):
        self.check("topk")

    def test_margin_relative(self):
        self.check("margin, relative")

    def test_margin_absolute(self):
        self.check("margin, absolute")

    def test_sentence_transformers_preset(self):
        """`st` with a relative margin: depth is range_max + positives, range_max automatic."""
        answer = self.daemon.post(f"/collections/{self.collection}:mine", {
            "strategy": "st", "relative_margin": 0.05, "num_negatives": 7,
            "exclude_duplicates": False, "queries": self.requests})
        def expected(q):
            positives = len(q["positives"])
            range_max = 10 * 7 + positives
            return brute(self.scores(q), self.ids, q["positives"],
                         lambda s, p: s <= p - abs(p) * 0.05, 7, range_max + positives)
        self.compare(answer, expected)


class RandomVectors(Truth, unittest.TestCase):
    collection = "random"

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        rng = np.random.default_rng(7)
        centres = rng.standard_normal((20, 48))
        vectors = centres[rng.integers(0, 20, 1500)] + 0.4 * rng.standard_normal((1500, 48))
        vectors[700:720] = vectors[100:120]  # equal scores: ties by id
        ids = [f"d{i * 7919 % 1500:04d}" for i in range(1500)]
        queries = []
        for k in range(60):
            rows = rng.choice(1500, 1 + k % 3, replace=False)
            queries.append({"id": f"q{k}", "positives": [ids[r] for r in rows],
                            "vector": (vectors[rows[0]] +
                                       0.3 * rng.standard_normal(48)).astype(np.float32)})
        cls.load(ids, vectors, queries)


@unittest.skipUnless(os.path.isdir(SHARED), "the Cranfield collection is not at hand")
class Cranfield(Truth, unittest.TestCase):
    collection = "cranfield"

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        vectors = np.load(os.path.join(SHARED, "emb", "doc.minilm.npy"))
        with open(os.path.join(SHARED, "emb", "doc.minilm.ids.txt")) as f:
            ids = f.read().split()
        rows = {d: i for i, d in enumerate(ids)}
        positives = {}
        with open(os.path.join(SHARED, "beir", "qrels.tsv")) as f:
            for line in list(f)[1:]:
                query, document, grade = line.split()
                if int(grade) > 0 and document in rows:
                    positives.setdefault(query, []).append(document)
        queries = [{"id": q, "positives": p, "vector": vectors[rows[p[0]]]}
                   for q, p in sorted(positives.items())]
        cls.load(ids, vectors, queries)


class GoldenCase(unittest.TestCase):
    """The ten-candidate case that the miners of the field answer differently, by hand."""

    CANDIDATES = {"p1": .90, "d1": .88, "d2": .86, "p2": .80, "d3": .79, "d4": .76, "d5": .75,
                  "d6": .72, "d7": .60, "d8": .50}

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.daemon.fill("golden", [{"id": d, "text": d} for d in cls.CANDIDATES])

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def mine(self, **settings):
        answer = self.daemon.post("/collections/golden:mine", {
            "num_negatives": 3, "sources": [{"kind": "given"}], "scorer": "given",
            "queries": [{
                "id": "q", "positives": ["p1", "p2"], "positive_scores": [.90, .80],
                "candidates": [{"document_id": d, "score": s}
                               for d, s in self.CANDIDATES.items()]}], **settings})
        return [[n["document_id"] for n in r["negatives"]] for r in answer["results"]]

    def test_st_without_filter(self):
        self.assertEqual(self.mine(strategy="st"), [["d1", "d2", "d3"]])

    def test_st_absolute_margin_keeps_the_tie(self):
        self.assertEqual(self.mine(strategy="st", absolute_margin=.05), [["d5", "d6", "d7"]])

    def test_st_relative_margin(self):
        self.assertEqual(self.mine(strategy="st", relative_margin=.05), [["d4", "d5", "d6"]])

    def test_range_min_counts_survivors(self):
        self.assertEqual(self.mine(strategy="st", relative_margin=.05, range_min=1),
                         [["d5", "d6", "d7"]])

    def test_flag_counts_raw_ranks(self):
        answer = self.mine(strategy="flag", range_min=2, range_max=6)
        self.assertEqual(sorted(answer[0]), ["d2", "d3", "d4"])

    def test_nv_shifted_counts_negatives(self):
        self.assertEqual(self.mine(strategy="nv_shift", range_min=2), [["d3", "d4", "d5"]])

    def test_nv_percentage_a_result_a_pair(self):
        self.assertEqual(self.mine(strategy="nv_perc"),
                         [["d3", "d4", "d5"], ["d5", "d6", "d7"]])

    def test_semi_hard_band(self):
        self.assertEqual(self.mine(strategy="semi_hard", semi_hard_margin=.05), [["d3", "d4"]])


if __name__ == "__main__":
    tap.main()
