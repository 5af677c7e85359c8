"""The engines behind one search: exact against numpy, a FAISS index built as a job, measured, and
steered by the request; both the same over both transports and after a restart."""
import json
import unittest

import numpy as np

import tap
from daemon import Daemon, Failure

N, DIMENSION, QUERIES, LISTS = 2500, 24, 220, 20
rng = np.random.default_rng(11)
CENTRES = rng.standard_normal((40, DIMENSION))
VECTORS = (CENTRES[rng.integers(40, size=N)] +
           .7 * rng.standard_normal((N, DIMENSION))).astype(np.float32)
ASKED = (CENTRES[rng.integers(40, size=QUERIES)] +
         .7 * rng.standard_normal((QUERIES, DIMENSION))).astype(np.float32)
IDS = [f"d{i:05}" for i in range(N)]


def truth(similarity, k):
    """Indices of the k best of each query, in double; no two scores of these are equal."""
    q, x = ASKED.astype(float), VECTORS.astype(float)
    if similarity == "l2":
        scores = -((q[:, None, :] - x[None, :, :]) ** 2).sum(-1)
    else:
        scores = q @ x.T
        if similarity == "cosine":
            scores /= np.linalg.norm(x, axis=1)
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


class Engines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--keep-generations", "16")
        cls.daemon.fill("c", [{"id": d, "text": d} for d in IDS],
                        [{"id": f"q{i}", "text": "?"} for i in range(QUERIES)])
        cls.generations = {s: cls.daemon.publish("c", VECTORS, IDS, similarity=s)
                           for s in ("cosine", "dot", "l2")}

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def search(self, generation, k, call=None, **more):
        body = {"generation": generation, "k": k, **more,
                "queries": [{"id": f"a{i}", "vector": [float(v) for v in q]}
                            for i, q in enumerate(ASKED)]}
        if call:
            return call("Search", {"collection": "c", **body})
        return self.daemon.post("/collections/c:search", body)

    @staticmethod
    def found(answer):
        return [[hit["document_id"] for hit in r["hits"]] for r in answer["results"]]

    def test_exact_is_the_truth(self):
        for similarity, generation in self.generations.items():
            for k in (1, 100):
                want = [[IDS[i] for i in row] for row in truth(similarity, k)]
                self.assertEqual(self.found(self.search(generation, k)), want, similarity)

    def test_exact_takes_no_parameters(self):
        for field in ("nprobe", "ef_search"):
            with self.assertRaises(Failure) as refused:
                self.search(self.generations["cosine"], 5, **{field: 3})
            self.assertEqual(refused.exception.error["field"], field)

    def build(self, index):
        made = self.daemon.post("/collections/c/generations", {
            "encoder": "e", "dimension": DIMENSION, "index": index})["generation"]
        base = f"/collections/c/generations/{made}"
        self.daemon.post(base + "/vectors", {"ids": IDS, "vectors": VECTORS.tolist()})
        self.daemon.post(base + "/vectors", {"of": "query",
                                             "ids": [f"q{i}" for i in range(QUERIES)],
                                             "vectors": ASKED.tolist()})
        job = self.daemon.wait_job(self.daemon.post(base + ":publish", {"background": True})["job"])
        self.assertEqual(job["state"], "succeeded", job)
        return made

    def check_built(self, made):
        """Measured as numpy would, and steered by the request."""
        listed = self.daemon.get("/collections/c/generations")["generations"]
        recall = next(g["recall"] for g in listed if g["generation"] == made)
        want = truth("cosine", 100)
        default = self.search(made, 100)
        right = np.mean([len(set(got) & {IDS[i] for i in row}) / 100
                         for got, row in zip(self.found(default), want)])
        self.assertEqual((recall["k"], recall["queries"], recall["sampled"]), (100, 220, "query"))
        self.assertAlmostEqual(recall["recall"], right, places=9)
        self.assertEqual(default["recall"], recall)

        everything = self.search(made, 100, nprobe=LISTS)
        self.assertEqual(self.found(everything), [[IDS[i] for i in row] for row in want])
        self.assertNotIn("recall", everything)
        for nprobe in (0, LISTS + 1):
            with self.assertRaises(Failure) as refused:
                self.search(made, 5, nprobe=nprobe)
            self.assertEqual(refused.exception.error["field"], "nprobe")
        return recall

    def test_an_index_is_built_as_a_job_measured_and_steered(self):
        self.check_built(self.build(f"IVF{LISTS},Flat"))

    def test_lists_are_settled_and_kept(self):
        made = self.build(f"lists{LISTS}")
        recall = self.check_built(made)
        self.assertGreaterEqual(recall["recall"], .99)
        self.assertLess(recall["nprobe"], LISTS)
        before = self.search(made, 100)
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(json.dumps(before), json.dumps(self.search(made, 100)))
        everything, exact = self.search(made, 50, nprobe=LISTS), self.search(
            self.generations["cosine"], 50)
        self.assertEqual(everything["results"], exact["results"])

    def test_lists_that_cannot_be_are_refused(self):
        for index in ("lists", "lists0", "lists65537", "lists12,Flat"):
            with self.assertRaises(Failure) as refused:
                self.daemon.post("/collections/c/generations", {
                    "encoder": "e", "dimension": DIMENSION, "index": index})
            self.assertEqual(refused.exception.error["field"], "index")

    def test_transports_and_restarts_change_nothing(self):
        before = [self.search(g, 50) for g in self.generations.values()]
        over_grpc = [self.search(g, 50, call=self.daemon.grpc) for g in self.generations.values()]
        self.assertEqual(list(map(self.found, before)), list(map(self.found, over_grpc)))
        self.daemon.kill()
        self.daemon.start()
        after = [self.search(g, 50) for g in self.generations.values()]
        self.assertEqual(json.dumps(before), json.dumps(after))


if __name__ == "__main__":
    tap.main()
