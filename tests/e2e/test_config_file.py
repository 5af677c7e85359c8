"""deploy/hardminer.conf against the daemon: the same keys, with the defaults they have."""
import os
import re
import subprocess
import tempfile
import unittest

import tap

DEPLOY = os.environ["HARDMINER_DEPLOY"]
SETTING = re.compile(r"#([a-z_]+) = (.*)")


def settings():
    with open(os.path.join(DEPLOY, "hardminer.conf"), encoding="utf-8") as f:
        found = [SETTING.fullmatch(line.rstrip("\n")) for line in f]
    return dict(m.groups() for m in found if m)


def daemon(*flags):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HARDMINER_")}
    return subprocess.run([os.environ["HARDMINERD"], *flags], env=environment, text=True,
                          capture_output=True, timeout=60)


def printed(*flags):
    done = daemon("--print-config", *flags)
    lines = [re.fullmatch(r"(\w+) = (.*) # (\w+)", line) for line in done.stdout.splitlines()]
    return {m[1]: (m[2], m[3]) for m in lines if m}


class ConfigFile(unittest.TestCase):
    def test_every_key_is_there_with_its_default(self):
        defaults = {k: v for k, (v, _) in printed("--data-dir", "/var/lib/hardminer").items()}
        written = settings()
        self.assertEqual(set(written), set(defaults))
        # The machine's cores stand for 0, and the directory has no default.
        for key in set(defaults) - {"workers", "data_dir"}:
            self.assertEqual(written[key], defaults[key], key)
        self.assertEqual(written["workers"], "0")

    def test_it_is_good_with_every_key_set(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write("".join(f"{k} = {v}\n" for k, v in settings().items()))
            f.flush()
            done = daemon("--check-config", "--config", f.name)
            self.assertEqual(done.returncode, 0, done.stderr)
            origins = {origin for _, origin in printed("--config", f.name).values()}
            self.assertEqual(origins, {"file"})

    def test_the_pods_configuration_is_good(self):
        done = daemon("--check-config", "--data-dir", "/var/lib/hardminer", "--config",
                      os.path.join(DEPLOY, "kubernetes", "hardminer.conf"))
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    tap.main()
