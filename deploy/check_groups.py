#!/usr/bin/env python3
"""Counts negatives of their positive's own group: check_groups.py CORPUS.jsonl N_TUPLES_OF_IDS.jsonl

Exit status 1 when there is one: mined with exclude_groups there must be none."""
import json
import sys


def main():
    corpus, tuples = sys.argv[1:]
    with open(corpus, encoding="utf-8") as f:
        documents = (json.loads(line) for line in f)
        group = {d["_id"]: d.get("group") for d in documents}
    total = siblings = 0
    with open(tuples, encoding="utf-8") as f:
        for row in map(json.loads, f):
            own = group[row["positive"]]
            negatives = [v for k, v in row.items() if k.startswith("negative_")]
            total += len(negatives)
            siblings += sum(own is not None and group[n] == own for n in negatives)
    print(f"{siblings} of {total:,} negatives are of their positive's own group")
    sys.exit(siblings > 0)


main()
