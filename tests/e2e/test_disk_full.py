"""A full disk: writes are refused and say so, reads and mining go on, and with room again writes
do too. On a tmpfs of a few megabytes, which only root can mount."""
import os
import subprocess
import tempfile
import unittest

import tap
from daemon import Daemon, Failure, kill_all

MEGABYTES = 6


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.mount = tempfile.mkdtemp(prefix="hardminer-full-")
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs",
                               self.mount], capture_output=True)
        if made.returncode:
            os.rmdir(self.mount)
            self.skipTest("a small disk cannot be mounted here")

    def tearDown(self):
        kill_all()
        subprocess.run(["umount", self.mount], check=True)
        os.rmdir(self.mount)

    def test_writes_are_refused_and_reads_go_on(self):
        daemon = Daemon(data=os.path.join(self.mount, "data"))
        daemon.fill("c", [{"id": f"d{i}", "text": f"document {i}"} for i in range(20)],
                    [{"id": "q", "text": "document"}], [{"query_id": "q", "document_id": "d0"}])
        made = daemon.publish("c", [[1, i] for i in range(20)], [f"d{i}" for i in range(20)],
                              queries=[("q", [1, 1])])
        ask = {"strategy": "topk", "generation": made, "queries": [{"id": "q"}]}
        before = self.mine(daemon, ask)
        ballast = os.path.join(self.mount, "ballast")
        with open(ballast, "wb") as f:
            f.write(b"x" * (MEGABYTES << 20 >> 2))
        acked = self.fill_up(daemon)
        with self.assertRaises(Failure) as refused:
            daemon.post("/collections/c/documents", {"documents": [
                {"id": f"large{k}", "text": f"{k} " + "y" * 100000} for k in range(20)]})
        self.assertEqual((refused.exception.status, refused.exception.error["reason"]),
                         (507, "DISK_FULL"))
        self.assertEqual(self.mine(daemon, ask), before)
        self.assertEqual(daemon.get("/collections/c")["documents"], 20 + acked)
        os.unlink(ballast)
        daemon.post("/collections/c/documents", {"documents": [{"id": "after", "text": "room"}]})
        daemon.kill()
        daemon.start()
        self.assertEqual(daemon.get("/collections/c")["documents"], 20 + acked + 1)
        self.assertEqual(self.mine(daemon, ask), before)
        daemon.stop()

    @staticmethod
    def mine(daemon, ask):
        return daemon.post("/collections/c:mine", ask)["results"][0]["negatives"]

    def fill_up(self, daemon):
        """Writes until the disk is full: how many documents were acknowledged."""
        for i in range(2000):
            try:
                daemon.post("/collections/c/documents", {"documents": [
                    {"id": f"x{i}-{k}", "text": f"{i} {k} " + "y" * 4000} for k in range(4)]})
            except Failure as e:
                self.assertEqual((e.status, e.error["reason"]), (507, "DISK_FULL"), e.error)
                return 4 * i
        self.fail("the disk never filled up")


if __name__ == "__main__":
    tap.main()
