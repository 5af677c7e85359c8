"""Jobs: encode, mine a whole query set, progress, cancel, and on after a kill."""
import json
import unittest

import numpy as np

import tap
from daemon import Daemon, Failure

WORDS = [f"word{i}" for i in range(300)]


def corpus(n, queries):
    rng = np.random.default_rng(11)
    documents = [{"id": f"d{i:05d}", "text": " ".join(rng.choice(WORDS, 30))} for i in range(n)]
    asked = [{"id": f"q{i:05d}", "text": " ".join(rng.choice(WORDS, 5))} for i in range(queries)]
    positives = [{"query_id": f"q{i:05d}", "document_id": f"d{i * 7 % n:05d}"}
                 for i in range(0, queries, 2)]  # every other query has one
    return documents, asked, positives


class Jobs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.daemon.fill("c", *corpus(2000, 1200))

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def lines(self, path):
        status, headers, body = self.daemon.raw("GET", "/v1" + path)
        self.assertEqual((status, headers["Content-Type"].split(";")[0]),
                         (200, "application/x-ndjson"))
        return [json.loads(line) for line in body.splitlines()]

    def test_1_encode_makes_a_generation(self):
        job = self.daemon.wait_job(self.daemon.post("/collections/c:encode", {"dimension": 32}))
        self.assertEqual((job["state"], job["kind"], job["result"]), ("succeeded", "encode", "1"))
        self.assertEqual((job["done"], job["phase"]), (job["total"], "encode queries"))
        generation = self.daemon.get("/collections/c/generations")["generations"][0]
        self.assertEqual((generation["encoder"], generation["document_vectors"],
                          generation["query_vectors"], generation["serving"]),
                         ("lsa", 2000, 1200, True))

    def test_2_the_same_seed_encodes_to_the_same_answers(self):
        ask = {"k": 20, "queries": [{"id": f"q{i:05d}"} for i in range(30)]}
        before = self.daemon.post("/collections/c:search", ask)["results"]
        job = self.daemon.wait_job(self.daemon.post("/collections/c:encode", {"dimension": 32}))
        self.assertEqual(job["state"], "succeeded")
        self.assertEqual(self.daemon.post("/collections/c:search", ask)["results"], before)

    def test_3_a_mined_set_holds_what_mining_answers(self):
        job = self.daemon.post("/collections/c/mined-sets", {
            "name": "set", "mine": {"strategy": "topk", "num_negatives": 4, "seed": 3}})
        job = self.daemon.wait_job(job)
        self.assertEqual((job["state"], job["result"]), ("succeeded", "set"))
        *stored, last = self.lines("/collections/c/mined-sets/set/results")
        self.assertEqual(len(stored), 600)
        self.assertEqual(last["summary"]["queries"], 600)
        asked = self.daemon.post("/collections/c:mine", {
            "strategy": "topk", "num_negatives": 4, "seed": 3,
            "queries": [{"id": r["query_id"]} for r in stored]})
        self.assertEqual(asked["results"], stored)
        for field in ("negatives", "candidates", "rejected", "scores", "risk"):
            self.assertEqual(last["summary"][field], asked["summary"][field], field)

    def test_4_a_kill_in_the_middle_changes_nothing(self):
        recipe = {"strategy": "topk", "sampling_strategy": "random", "range_max": 200,
                  "num_negatives": 100, "seed": 5}
        self.daemon.wait_job(self.daemon.post("/collections/c/mined-sets",
                                              {"name": "whole", "mine": recipe}))
        job = self.daemon.post("/collections/c/mined-sets", {"name": "cut", "mine": recipe})
        kills = 0
        while job["state"] in ("queued", "running"):
            # The list tells of a running job what asking for it tells.
            listed = self.daemon.get("/jobs")["jobs"][0]
            if listed.get("rate_per_s", 0) > 0 and kills < 3:
                self.daemon.kill()
                self.daemon.start()
                kills += 1
            job = self.daemon.get("/jobs/" + job["id"])
        self.assertEqual(job["state"], "succeeded", job)
        self.assertGreater(kills, 0)
        one, two = (self.lines(f"/collections/c/mined-sets/{name}/results")
                    for name in ("whole", "cut"))
        self.assertEqual(one, two)

    def test_5_cancel(self):
        first = self.daemon.post("/collections/c:encode", {"dimension": 64})
        second = self.daemon.post("/collections/c/mined-sets",
                                  {"name": "never", "mine": {"strategy": "topk"}})
        cancelled = self.daemon.post(f"/jobs/{second['id']}:cancel")
        self.assertEqual(self.daemon.wait_job(cancelled)["state"], "cancelled")
        self.daemon.post(f"/jobs/{first['id']}:cancel")
        self.assertIn(self.daemon.wait_job(first)["state"], ("cancelled", "succeeded"))
        with self.assertRaises(Failure) as refused:
            self.lines_or_failure("/collections/c/mined-sets/never/results")
        self.assertEqual(refused.exception.error["reason"], "MINED_SET_INCOMPLETE")

    def lines_or_failure(self, path):
        return self.daemon.rest("GET", "/v1" + path)

    def test_6_jobs_are_listed_newest_first(self):
        ids = [j["id"] for j in self.daemon.get("/jobs")["jobs"]]
        self.assertEqual(ids, sorted(ids, reverse=True))
        self.assertGreaterEqual(len(ids), 6)

    def test_7_texts_and_deletion(self):
        with_text = self.lines("/collections/c/mined-sets/set/results?include_text=true")
        document = with_text[0]["negatives"][0]
        self.assertEqual(
            document["text"],
            self.daemon.get("/collections/c/documents/" + document["document_id"])["text"])
        self.assertTrue(with_text[0]["text"].startswith("word"))
        self.daemon.rest("DELETE", "/v1/collections/c/mined-sets/set")
        self.assertNotIn("set", [s["name"] for s in self.daemon.get(
            "/collections/c/mined-sets")["mined_sets"]])

    def refused(self, path, body):
        with self.assertRaises(Failure) as refused:
            self.daemon.post("/collections/" + path, body)
        error = refused.exception.error
        return error["reason"], error.get("field")

    def test_8_what_cannot_come_out_well_is_not_begun(self):
        """Said to whoever asks for the job, not to whoever looks at it later."""
        self.daemon.post("/collections", {"collection": "bare"})
        topk = {"strategy": "topk"}
        self.assertEqual(self.refused("bare:encode", {}), ("NO_DOCUMENTS", None))
        self.assertEqual(self.refused("bare/mined-sets", {"name": "s", "mine": topk}),
                         ("NO_GENERATION", "mine"))
        self.assertEqual(self.refused("bare/mined-sets", {"name": "s", "mine": {
            "strategy": "bm25"}}), ("NO_POSITIVES", None))
        self.assertEqual(self.refused("c/mined-sets", {"name": "s", "mine": {
            **topk, "generation": 77}}), ("NO_SUCH_GENERATION", "mine.generation"))
        self.assertEqual(self.refused("c/mined-sets", {"name": "s", "mine": {
            **topk, "collection": "bare"}}), ("CONTRADICTION", "mine.collection"))
        self.assertEqual(self.refused("c/generations/77:publish", {"background": True}),
                         ("NO_SUCH_GENERATION", "generation"))
        self.assertEqual(self.refused("c/generations/1:publish", {"background": True}),
                         ("GENERATION_NOT_OPEN", "generation"))
        self.assertEqual(self.daemon.get("/jobs?collection=bare")["jobs"], [])
        self.assertNotIn("s", [s["name"] for s in self.daemon.get(
            "/collections/c/mined-sets")["mined_sets"]])


if __name__ == "__main__":
    tap.main()
