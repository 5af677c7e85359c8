#!/usr/bin/env python3
"""Adds up what meson's JUnit logs say and prints the closing line: count.py FAILED_BUILDS DIR..."""
import os
import sys
import xml.etree.ElementTree as xml

passed = skipped = 0
failed = int(sys.argv[1])
for directory in sys.argv[2:]:
    log = os.path.join(directory, "meson-logs", "testlog.junit.xml")
    if not os.path.exists(log):
        print("no test log in", directory)
        failed += 1
        continue
    for suite in xml.parse(log).getroot().iter("testsuite"):
        cases = list(suite.iter("testcase"))
        wrong = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
        skips = [c for c in cases if c.find("skipped") is not None]
        # A program that died or timed out before its first result has no case to say so.
        reported = int(suite.get("errors", 0)) + int(suite.get("failures", 0))
        failed += max(len(wrong), reported)
        skipped += len(skips)
        passed += len(cases) - len(wrong) - len(skips)
        for case in wrong:
            print("failed:", suite.get("name"), case.get("name"))
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
