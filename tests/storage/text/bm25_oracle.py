#!/usr/bin/env python3
"""Writes bm25_oracle.txt: random corpora, queries and what BM25 says of them, computed by brute
force straight from the formula of Lucene's BM25Similarity:

    idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5))
    score  = sum over the query's tokens of idf(t) * tf / (tf + k1 * (1 - b + b * len / avglen))

N and avglen are over the documents that have a token. Lines, tab separated:

    corpus <k1> <b>
    document <text>              numbered from 0
    query <text> <n>
    hit <document> <score>       n of them, best first, equal scores by rising document
"""
import math
import random
import re
import sys


def tokens(text):
    return re.findall(r"[a-z0-9]+", text.lower())


def score(query, document, documents, k1, b):
    filled = [d for d in documents if d]
    average = sum(map(len, filled)) / len(filled)
    total = 0.0
    for term in query:
        df = sum(term in d for d in documents)
        tf = document.count(term)
        if tf:
            idf = math.log(1 + (len(filled) - df + 0.5) / (df + 0.5))
            total += idf * tf / (tf + k1 * (1 - b + b * len(document) / average))
    return total


def corpus(rng, out, k1, b, n, words):
    vocabulary = ["w%d" % i for i in range(words)]
    weights = [1 / (i + 1) for i in range(words)]
    texts = [" ".join(rng.choices(vocabulary, weights, k=rng.choice([0, 1, 5, 12, 30])))
             for _ in range(n)]
    texts[n // 2] = texts[n // 3] = "w1 w2, w3; W2"  # equal scores
    documents = [tokens(t) for t in texts]
    print("corpus", k1, b, sep="\t", file=out)
    for text in texts:
        print("document", text, sep="\t", file=out)
    for _ in range(12):
        text = " ".join(rng.choices(vocabulary + ["unseen"], k=rng.choice([1, 2, 4, 8])))
        scores = [(-score(tokens(text), d, documents, k1, b), i) for i, d in enumerate(documents)]
        hits = sorted((round(s, 10), i, s) for s, i in scores if s < 0)
        print("query", text, len(hits), sep="\t", file=out)
        for _, i, s in hits:
            print("hit", i, repr(-s), sep="\t", file=out)


with open(sys.argv[1], "w") as out:
    rng = random.Random(20)
    corpus(rng, out, 0.9, 0.4, 30, 40)
    corpus(rng, out, 1.2, 0.75, 40, 12)
    corpus(rng, out, 2.0, 0.0, 25, 200)
