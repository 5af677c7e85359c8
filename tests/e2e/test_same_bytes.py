"""The same request against the same generation gives the same bytes: twice, among 32 others at
once, with one worker or two, before and after a kill."""
import json
import threading
import unittest

import numpy as np

import tap
from daemon import Daemon

WORDS = "wing flow shock layer heat plate jet lift drag panel buckling cone wave edge".split()


def make(daemon):
    rng = np.random.default_rng(3)
    documents = [{"id": f"d{i:04d}", "text": " ".join(rng.choice(WORDS, 12)),
                  "group": f"g{i // 5}"} for i in range(600)]
    queries = [{"id": f"q{i}", "text": " ".join(rng.choice(WORDS, 4))} for i in range(80)]
    positives = [{"query_id": q["id"], "document_id": f"d{rng.integers(600):04d}"}
                 for q in queries for _ in range(2)]
    positives = [dict(t) for t in sorted({tuple(p.items()) for p in positives})]
    daemon.fill("c", documents, queries, positives)
    daemon.publish("c", rng.standard_normal((600, 32)), [d["id"] for d in documents],
                   queries=[(q["id"], rng.standard_normal(32)) for q in queries])


REQUESTS = [
    {"strategy": "margin", "explain": True},
    {"strategy": "topk", "sampling_strategy": "random", "range_max": 50, "seed": 9},
    {"strategy": "margin+bm25", "exclude_groups": True, "num_negatives": 9},
    {"strategy": "random", "seed": 4, "num_negatives": 20},
    {"strategy": "nv_perc", "include_text": True},
]


def ask(daemon, body, count=80):
    request = {**body, "queries": [{"id": f"q{i}"} for i in range(count)]}
    status, _, answer = daemon.raw("POST", "/v1/collections/c:mine", json.dumps(request),
                                   {"Content-Type": "application/json"})
    assert status == 200, answer
    return answer


class SameBytes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--workers", "2")
        make(cls.daemon)
        cls.expected = [ask(cls.daemon, body) for body in REQUESTS]

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def test_1_twice(self):
        for body, expected in zip(REQUESTS, self.expected):
            self.assertEqual(ask(self.daemon, body), expected)

    def test_2_among_32_others(self):
        answers = {}

        def one(i):
            k = i % len(REQUESTS)
            answers[i] = (k, ask(self.daemon, REQUESTS[k]))
        threads = [threading.Thread(target=one, args=(i,)) for i in range(32)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(answers), 32)
        for k, answer in answers.values():
            self.assertEqual(answer, self.expected[k])

    def test_3_a_query_alone_answers_as_in_company(self):
        for body in REQUESTS:
            whole = json.loads(ask(self.daemon, body))["results"]
            alone = json.loads(ask(self.daemon, body, count=1))["results"]
            self.assertEqual(alone, [r for r in whole if r["query_id"] == "q0"])

    def test_4_with_one_worker_after_a_kill(self):
        self.daemon.kill()
        self.daemon.flags = ("--workers", "1")
        self.daemon.start()
        for body, expected in zip(REQUESTS, self.expected):
            self.assertEqual(ask(self.daemon, body), expected)

    def test_5_the_recipe_replays(self):
        for body, expected in zip(REQUESTS, self.expected):
            recipe = json.loads(expected)["summary"]["recipe"]
            self.assertEqual(json.loads(ask(self.daemon, recipe))["results"],
                             json.loads(expected)["results"])


if __name__ == "__main__":
    tap.main()
