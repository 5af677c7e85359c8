"""A start reads the index of a collection's texts: what it finds is what was found before, none of them is
indexed again but those that came or changed since, and the log says when all of them were."""
import os
import tempfile
import unittest

import tap
from daemon import Daemon

N = 400
WORDS = ["red", "fox", "hen", "hill", "moon", "river"]


def text(i):
    return " ".join(WORDS[(i * k) % 7 % len(WORDS)] for k in range(1, 3 + i % 9))


class StartTexts(unittest.TestCase):
    def setUp(self):
        self.log = tempfile.TemporaryFile("a+")
        self.directory = tempfile.TemporaryDirectory()
        self.daemon = Daemon("--log-level", "info", data=self.directory.name, log=self.log)
        self.daemon.fill("c", [{"id": f"d{i}", "text": text(i)} for i in range(N)])

    def tearDown(self):
        self.directory.cleanup()
        self.log.close()

    def search(self, *texts, k=N):
        """Ids and scores, as they stand in the answer."""
        return self.daemon.post("/collections/c:search", {
            "k": k, "source": "bm25", "queries": [{"text": t} for t in texts]})["results"]

    def ids(self, of):
        return [hit["document_id"] for hit in self.search(of)[0]["hits"]]

    def files(self, ending):
        return [os.path.join(where, name) for where, _, names in os.walk(self.directory.name)
                for name in names if name.endswith(ending)]

    def wait_for_file(self):
        """Polls; each poll is a request of its own, so there is nothing to sleep for."""
        while not self.files("text.bm25"):
            self.daemon.get("/collections/c")

    def told(self):
        self.log.seek(0)
        return [line for line in self.log if "event=indexed" in line]

    def restart_killed(self):
        self.daemon.kill()
        self.daemon.start()

    def upsert(self, documents):
        self.daemon.post("/collections/c/documents", {"documents": documents})

    def test_an_index_survives_a_kill_and_a_damaged_byte_is_told(self):
        queries = ("red fox", "moon", "hill river river", "nobody")
        expected = self.search(*queries)
        self.wait_for_file()
        self.restart_killed()
        self.assertEqual(self.search(*queries), expected)
        self.assertEqual(self.told(), [])

        [path] = self.files("text.bm25")
        with open(path, "r+b") as f:
            f.seek(-1, os.SEEK_END)
            last = f.read(1)
            f.seek(-1, os.SEEK_END)
            f.write(bytes([last[0] ^ 1]))
        self.restart_killed()
        self.assertEqual(self.search(*queries), expected)
        [line] = self.told()
        self.assertIn("collection=c", line)
        self.assertIn("damaged", line)
        self.assertIn("level=warn", line)
        self.assertIn("event=indexed_anew ", line)
        self.assertNotIn("generation", line)
        self.daemon.stop()

    def test_what_came_since_is_found_and_what_changed_is_not_found_as_it_was(self):
        self.search("red")
        self.wait_for_file()
        self.assertIn("d7", self.ids(text(7)))
        self.upsert([{"id": "d7", "text": "quartz"}, {"id": "late", "text": "quartz and red"}])
        self.restart_killed()
        self.assertEqual(sorted(self.ids("quartz")), ["d7", "late"])
        self.assertIn("late", self.ids("red"))
        self.assertNotIn("d7", self.ids(text(7)))
        self.assertEqual(self.told(), [])
        found = self.search("quartz", "red fox moon")
        # the same as of all texts
        [path] = self.files("text.bm25")
        self.daemon.kill()
        os.unlink(path)
        self.daemon.start()
        self.assertEqual(self.search("quartz", "red fox moon"), found)
        [line] = self.told()
        self.assertIn("level=info", line)
        self.assertIn("event=indexed ", line)
        self.daemon.stop()

    def test_a_stop_finishes_what_is_being_written(self):
        self.search("red")
        self.daemon.stop()
        self.assertEqual(len(self.files("text.bm25")), 1)
        self.assertEqual(self.files(".tmp"), [])
        self.daemon.start()
        self.search("red")
        self.assertEqual(self.told(), [])
        self.daemon.stop()

    def test_a_collection_made_anew_has_nothing_of_the_old(self):
        self.search("red")
        self.wait_for_file()
        self.daemon.rest("DELETE", "/v1/collections/c")
        self.assertEqual(self.files("text.bm25"), [])
        self.daemon.fill("c", [{"id": "only", "text": "quartz"}])
        self.assertEqual(self.ids("red"), [])
        self.wait_for_file()
        self.restart_killed()
        self.assertEqual(self.ids("red"), [])
        self.assertEqual(self.ids("quartz"), ["only"])
        self.assertEqual(self.told(), [])
        self.daemon.stop()


if __name__ == "__main__":
    tap.main()
