#!/usr/bin/env python3
"""Debian's package descriptions as a BEIR folder: debian_descriptions.py LISTS OUT [QUERIES]

LISTS is a directory that `apt-get update` filled (Dir::State::Lists). Below OUT it writes

  corpus.jsonl   _id = package, title = package, text = long description, group = source package
  queries.jsonl  _id = q:<package>, text = short description
  qrels.tsv      a query's one positive is its own package

Siblings of one source package often share most of their text: they are the false negatives that
`exclude_groups` is for. Queries are those packages whose name hashes lowest, so that the same lists
always give the same queries.
"""
import glob
import hashlib
import json
import os
import subprocess
import sys


def lines(path):
    """A list's lines, however apt compressed it."""
    with subprocess.Popen(["/usr/lib/apt/apt-helper", "cat-file", path],
                          stdout=subprocess.PIPE, encoding="utf-8", errors="replace") as cat:
        yield from cat.stdout
    if cat.returncode:
        sys.exit(f"debian_descriptions.py: apt-helper could not read {path}")


def paragraphs(path):
    """Each paragraph of a control file as {field: value}; continuation lines keep their newline."""
    fields, name = {}, None
    for line in lines(path):
        line = line.rstrip("\n")
        if not line:
            if fields:
                yield fields
            fields, name = {}, None
        elif line[0] in " \t":
            fields[name] += "\n" + line[1:]
        else:
            name, value = line.split(":", 1)
            fields[name] = value.strip()
    if fields:
        yield fields


def from_debian(lists, kind):
    """Lists of one kind whose release file says Debian: other vendors' stay out."""
    for release in sorted(glob.glob(os.path.join(lists, "*_InRelease"))):
        with open(release, encoding="utf-8", errors="replace") as f:
            if "Origin: Debian\n" in f.read(4096):
                prefix = release[:-len("InRelease")]
                yield from sorted(glob.glob(glob.escape(prefix) + kind))


def long_texts(lists):
    """Description-md5 -> long description, its markup (lines of one dot) turned into blank lines."""
    texts = {}
    for path in from_debian(lists, "*_i18n_Translation-en*"):
        for p in paragraphs(path):
            body = p.get("Description-en", "").split("\n")[1:]
            texts[p.get("Description-md5")] = "\n".join("" if b == "." else b for b in body)
    return texts


def packages(lists):
    """Each package once, the first list that has it deciding, by name."""
    found = {}
    for path in from_debian(lists, "*_binary-*_Packages*"):
        for p in paragraphs(path):
            found.setdefault(p["Package"], p)
    return [found[name] for name in sorted(found)]


def record(**fields):
    return json.dumps(fields, ensure_ascii=False) + "\n"


def main():
    lists, out = sys.argv[1:3]
    n_queries = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    texts, everything = long_texts(lists), packages(lists)
    described = [p for p in everything if texts.get(p.get("Description-md5"))]
    if not described:
        sys.exit(f"debian_descriptions.py: no Debian package lists with descriptions in {lists}")
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "corpus.jsonl"), "w", encoding="utf-8") as f:
        for p in described:
            f.write(record(_id=p["Package"], title=p["Package"], text=texts[p["Description-md5"]],
                           group=p.get("Source", p["Package"]).split(" ")[0]))
    described.sort(key=lambda p: hashlib.sha256(p["Package"].encode()).digest())
    with open(os.path.join(out, "queries.jsonl"), "w", encoding="utf-8") as queries, \
            open(os.path.join(out, "qrels.tsv"), "w", encoding="utf-8") as qrels:
        qrels.write("query-id\tcorpus-id\tscore\n")
        for p in described[:n_queries]:
            queries.write(record(_id="q:" + p["Package"], text=p["Description"]))
            qrels.write(f"q:{p['Package']}\t{p['Package']}\t1\n")
    print(f"{len(described)} documents, {min(n_queries, len(described))} queries")


main()
