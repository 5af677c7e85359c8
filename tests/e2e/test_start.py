"""A start reads what is derived from vectors, and makes only what is not there or damaged, which the
log says."""
import os
import tempfile
import time
import unittest

import tap
from daemon import Daemon

N, DIMENSION = 300, 16
CODES_WITHIN = 100  # seconds after publishing, on however busy a machine
VECTORS = [[(i * j) % 97 - 48.5 for j in range(3, DIMENSION + 3)] for i in range(1, N + 1)]


class Start(unittest.TestCase):
    def setUp(self):
        self.log = tempfile.TemporaryFile("a+")
        self.directory = tempfile.TemporaryDirectory()
        self.daemon = Daemon("--log-level", "info", data=self.directory.name, log=self.log)
        self.daemon.fill("c", [{"id": f"d{i}", "text": f"text {i}"} for i in range(N)])

    def tearDown(self):
        self.directory.cleanup()
        self.log.close()

    def publish(self):
        return self.daemon.publish("c", VECTORS, [f"d{i}" for i in range(N)])

    def search(self):
        return self.daemon.post("/collections/c:search", {
            "k": 20, "queries": [{"id": "q", "vector": VECTORS[7]}]})["results"]

    def codes(self):
        """What is there of codes, also half-written."""
        return [os.path.join(where, name) for where, _, names in os.walk(self.directory.name)
                for name in names if ".index" in name]

    def wait_for_codes(self):
        """Polls; each poll is a request of its own, so there is nothing to sleep for."""
        until = time.monotonic() + CODES_WITHIN
        while not any(name.endswith(".index") for name in self.codes()):
            if time.monotonic() > until:
                self.fail(f"no codes were written within {CODES_WITHIN} s, but for {self.codes()}; "
                          f"the daemon said: {self.said('not_kept')}")
            self.daemon.get("/collections/c")

    def said(self, event):
        """The lines of the log about it."""
        self.log.seek(0)
        return [line for line in self.log if f" event={event} " in line]

    def check_made_nothing(self):
        self.assertEqual(self.said("made") + self.said("made_anew"), [])

    def restart_killed(self):
        self.daemon.kill()
        self.daemon.start()

    def test_codes_survive_a_kill_and_a_damaged_byte_is_told(self):
        self.publish()
        expected = self.search()
        self.wait_for_codes()
        self.restart_killed()
        self.assertEqual(self.search(), expected)
        self.check_made_nothing()

        [path] = self.codes()
        with open(path, "r+b") as f:
            f.seek(-1, os.SEEK_END)
            last = f.read(1)
            f.seek(-1, os.SEEK_END)
            f.write(bytes([last[0] ^ 1]))
        self.restart_killed()
        self.assertEqual(self.search(), expected)
        [line] = self.said("made_anew")
        self.assertIn("level=warn", line)
        self.assertIn("collection=c generation=1", line)
        self.assertIn("damaged", line)
        self.restart_killed()
        self.assertEqual(len(self.said("made_anew")), 1)
        self.assertEqual(self.said("made"), [])
        self.daemon.stop()

    def test_what_was_not_written_yet_is_made_without_alarm(self):
        self.publish()
        expected = self.search()
        self.daemon.stop()
        [path] = self.codes()
        os.unlink(path)  # as if it had been killed before
        self.daemon.start()
        self.assertEqual(self.search(), expected)
        [line] = self.said("made")
        self.assertIn("level=info", line)
        self.assertIn("collection=c generation=1", line)
        self.assertEqual(self.codes(), [path])
        self.restart_killed()
        self.assertEqual(len(self.said("made")), 1)
        self.assertEqual(self.said("made_anew"), [])
        self.daemon.stop()

    def test_a_stop_finishes_what_is_being_written(self):
        for made in range(1, 6):
            self.assertEqual(self.publish(), made)
            self.daemon.stop()
            self.assertTrue(any(f"generation-{made}.index" in name for name in self.codes()))
            self.assertFalse(any(name.endswith(".tmp") for name in self.codes()))
            self.daemon.start()
        self.check_made_nothing()
        self.daemon.stop()


if __name__ == "__main__":
    tap.main()
