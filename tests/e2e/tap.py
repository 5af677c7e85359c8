"""Runs this file's unittest cases and prints TAP, which meson counts case by case."""
import os
import sys
import unittest

import daemon


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0

    def line(self, ok, test, directive=""):
        self.count += 1
        name = test.id().split(".", 1)[1].replace("_", " ")
        print(("ok" if ok else "not ok"), self.count, "-", name + directive, flush=True)

    def addSuccess(self, test):
        self.line(True, test)

    def addSkip(self, test, reason):
        self.line(True, test, " # SKIP " + reason)

    def addFailure(self, test, err):
        self.line(False, test)
        print("# " + self._exc_info_to_string(err, test).replace("\n", "\n# "), flush=True)
        self.failures.append((test, ""))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err:
            self.addFailure(subtest, err)


def main():
    result = Result()
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    suite.run(result)
    print(f"1..{result.count}", flush=True)
    daemon.kill_all()
    os._exit(1 if result.failures else 0)  # gRPC's threads may outlive a failed test
