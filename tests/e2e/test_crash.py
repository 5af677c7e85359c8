"""kill -9 at any moment: whatever was acknowledged is there afterwards, nothing half-written is,
and mining gives the same bytes as before. The history is checked after every restart."""
import json
import os
import random
import threading
import unittest

import tap
from daemon import Daemon, Failure

KILLS = int(os.environ.get("HARDMINER_KILLS", "50"))
SEED = int(os.environ.get("HARDMINER_SEED", "20"))
DIMENSION = 8
MINE = {"strategy": "topk", "num_negatives": 5,
        "queries": [{"id": "probe", "vector": [1] * DIMENSION, "positives": ["base0"]}]}


def vector(i):
    rng = random.Random(i)
    return [rng.uniform(-1, 1) for _ in range(DIMENSION)]


class History:
    """What was sent and what was acknowledged. Items of one request live or die together."""

    def __init__(self):
        self.acked = {}    # document id -> text
        self.pending = []  # requests whose answer never came: dicts id -> text
        self.published = set()
        self.mined = {}    # generation -> bytes of the probe
        self.refused = []  # what went wrong before the kill: nothing should

    def writer(self, daemon, n, stop, acks):
        """One client: batches of documents, one after another, until the daemon is gone."""
        k = 0
        while not stop.is_set():
            batch = {f"w{n}-{k}-{i}": f"text {n} {k} {i}" for i in range(5)}
            k += 1
            try:
                daemon.post("/collections/c/documents",
                            {"documents": [{"id": d, "text": t} for d, t in batch.items()]})
            except Exception as e:  # whichever way a dying daemon shows
                self.pending.append(batch)
                self.note(e, stop)
                acks.release()
                return
            self.acked.update(batch)
            acks.release()

    def publisher(self, daemon, stop, published):
        """Another client: generations over the base documents, published one after another."""
        while not stop.is_set():
            try:
                made = daemon.post("/collections/c/generations",
                                   {"encoder": "e", "dimension": DIMENSION})["generation"]
                path = f"/collections/c/generations/{made}"
                daemon.post(path + "/vectors", {"ids": [f"base{i}" for i in range(30)],
                                                "vectors": [vector(100 * made + i)
                                                            for i in range(30)]})
                daemon.post(path + ":publish")
                self.published.add(made)
                published.release()
                self.mined[made] = self.probe(daemon, made)
            except Exception as e:
                self.note(e, stop)
                published.release()
                return

    def note(self, e, stop):
        if not stop.is_set():
            self.refused.append(repr(e))

    @staticmethod
    def probe(daemon, generation):
        status, _, body = daemon.raw("POST", "/v1/collections/c:mine",
                                     json.dumps({**MINE, "generation": generation}))
        assert status == 200, body
        answer = json.loads(body)
        return json.dumps(answer["results"])  # the summary names the revision, which moves on


class Crash(unittest.TestCase):
    def test_every_acknowledged_write_survives(self):
        rng = random.Random(SEED)
        history = History()
        daemon = Daemon("--keep-generations", "2")
        daemon.fill("c", [{"id": f"base{i}", "text": f"base {i}"} for i in range(30)])
        for kill in range(KILLS):
            self.crash(daemon, history, rng, kill)
            daemon.start()
            self.check(daemon, history, f"seed {SEED}, kill {kill}")
        print(f"# {KILLS} kills, {len(history.acked)} documents and "
              f"{len(history.published)} generations acknowledged")
        self.assertGreater(len(history.acked), 5 * KILLS)
        self.assertGreaterEqual(len(history.published), KILLS // 5)
        daemon.stop()

    def crash(self, daemon, history, rng, kill):
        stop, acks, published = threading.Event(), threading.Semaphore(0), threading.Semaphore(0)
        threads = [threading.Thread(target=history.writer,
                                    args=(daemon, f"{rng.random()}-{i}", stop, acks))
                   for i in range(3)]
        threads.append(threading.Thread(target=history.publisher, args=(daemon, stop, published)))
        for t in threads:
            t.start()
        for _ in range(rng.randint(3, 25)):  # a crash without load would prove nothing
            self.assertTrue(acks.acquire(timeout=120), "no acknowledgement in two minutes")
        if kill % 5 == 0:  # and now and then one right behind a publication
            self.assertTrue(published.acquire(timeout=120), "no publication in two minutes")
        stop.set()
        daemon.kill()
        for t in threads:
            t.join()
        self.assertEqual(history.refused, [], "before the kill")

    def check(self, daemon, history, where):
        stored = {}
        for document, text in history.acked.items():
            if random.random() < 0.1 or len(history.acked) < 500:
                stored[document] = daemon.get(f"/collections/c/documents/{document}")["text"]
                self.assertEqual(stored[document], text, where)
        for batch in history.pending:
            there = sum(self.exists(daemon, d) for d in batch)
            self.assertIn(there, (0, len(batch)), f"{where}: half of a request is there")
            if there:
                history.acked.update(batch)
        history.pending.clear()
        row = daemon.get("/collections/c")
        self.assertEqual(row["documents"], 30 + len(history.acked), where)
        self.check_generations(daemon, history, row, where)

    def check_generations(self, daemon, history, row, where):
        listed = {g["generation"]: g for g in daemon.get("/collections/c/generations")["generations"]}
        for made in history.published:
            self.assertNotEqual(listed[made]["state"], "open", where)
        if history.published:
            self.assertGreaterEqual(row["generation"], max(history.published), where)
        for made, answer in history.mined.items():
            if listed[made]["state"] == "published":
                self.assertEqual(history.probe(daemon, made), answer, where)

    @staticmethod
    def exists(daemon, document):
        try:
            daemon.get(f"/collections/c/documents/{document}")
            return True
        except Failure as e:
            assert e.error["reason"] == "NO_SUCH_DOCUMENT", e
            return False


if __name__ == "__main__":
    tap.main()
