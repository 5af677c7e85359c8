"""The hardminer command against a real daemon: files in, training data out."""
import json
import os
import subprocess
import tempfile
import unittest

import numpy as np

import tap
from daemon import Daemon

TOPICS = {"wing": "lift drag slipstream flap", "heat": "plate transfer boundary conduction",
          "shell": "buckling cylinder pressure load"}


def write_lines(path, records):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)


def make_folder(folder):
    """Thirty documents of three topics in pairs that are each other's siblings; a query a topic."""
    documents, rng = [], np.random.default_rng(5)
    for topic, words in TOPICS.items():
        for i in range(10):
            some = " ".join(rng.choice(words.split(), 6))
            documents.append({"_id": f"{topic}{i}", "title": topic, "text": f"{some} {i}",
                              "group": f"{topic}-{i // 2}", "url": "ignored"})
    documents.append({"_id": "blank", "title": "", "text": ""})
    os.mkdir(os.path.join(folder, "qrels"))
    write_lines(os.path.join(folder, "corpus.jsonl"), documents)
    write_lines(os.path.join(folder, "queries.jsonl"),
                [{"_id": f"q-{t}", "text": f"{t} {w}"} for t, w in TOPICS.items()])
    write_lines(os.path.join(folder, "qrels", "test.tsv"),
                ["query-id\tcorpus-id\tscore", "q-wing\twing0\t1", "q-wing\twing4\t2",
                 "q-heat\theat0\t1", "q-shell\tshell0\t1", "q-shell\tshell1\t0",
                 "q-shell\tnowhere\t1", "nobody\tshell2\t1", "q-heat\tnowhere\t3"])
    return {d["_id"]: d for d in documents}


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        cls.documents = make_folder(cls.folder)
        cls.imported = cls.answer("import", "c", cls.folder)
        cls.run_ok("encode", "c", "--dimension", "8")
        cls.run_ok("mine", "c", "--name", "set", "--strategy", "topk", "--exclude-groups",
                   "--num-negatives", "2")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()
        cls.daemon.stop()

    @classmethod
    def run_cli(cls, *words, server=None, stdin=None):
        return subprocess.run([os.environ["HARDMINER"], *words], text=True, capture_output=True,
                              timeout=120, input=stdin,
                              env={**os.environ,
                                   "HARDMINER_SERVER": server or cls.daemon.address["grpc"]})

    @classmethod
    def run_ok(cls, *words, **more):
        done = cls.run_cli(*words, **more)
        assert done.returncode == 0, f"{words}: {done.returncode} {done.stderr}"
        return done.stdout

    @classmethod
    def answer(cls, *words, **more):
        return json.loads(cls.run_ok("--output", "json", *words, **more))

    def refused(self, status, *words, **more):
        done = self.run_cli("--output", "json", *words, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stderr)["error"]

    def rows(self, *words):
        return [json.loads(line) for line in
                self.run_ok("export", "c", "set", *words).splitlines()]

    def test_import_counts_what_came_and_what_was_skipped(self):
        self.assertEqual(self.imported["documents"]["created"], 31)
        self.assertEqual(self.imported["queries"]["created"], 3)
        positives = self.imported["positives"]
        self.assertEqual(positives["created"], 4)
        self.assertEqual(positives["skipped_unknown"], 3)
        self.assertEqual(positives["skipped_without_grade"], 1)

    def test_importing_again_changes_nothing(self):
        again = self.answer("import", "c", self.folder)
        self.assertEqual(again["documents"]["unchanged"], 31)
        self.assertEqual(again["documents"]["created"] + again["documents"]["updated"], 0)
        self.assertEqual(again["positives"]["unchanged"], 4)

    def test_a_bad_line_is_named(self):
        path = os.path.join(self.folder, "bad.jsonl")
        write_lines(path, ['{"_id": "fine"}', '{"_id": "cut'])
        error = self.refused(2, "import", "bad", "--documents", path)
        self.assertIn("bad.jsonl:2", error["message"])

    def test_n_tuples_hold_texts_and_nothing_of_a_positives_group(self):
        by_text = {f"{d['title']} {d['text']}".strip(): d for d in self.documents.values()}
        rows = self.rows("--format", "n-tuple", "--scores")
        self.assertEqual(len(rows), 4)  # one a positive
        for row in rows:
            self.assertEqual(list(row), ["anchor", "positive", "negative_1", "negative_2",
                                         "scores"])
            self.assertEqual(len(row["scores"]), 3)
            positive = by_text[row["positive"]]
            for i in (1, 2):
                self.assertNotEqual(by_text[row[f"negative_{i}"]].get("group"),
                                    positive["group"])

    def test_every_format_has_its_columns(self):
        keys = {"triplet": ["anchor", "positive", "negative"],
                "labeled-pair": ["anchor", "positive", "label"],
                "labeled-list": ["anchor", "positive", "labels"]}
        count = {"triplet": 8, "labeled-pair": 4 + 3 * 2, "labeled-list": 4}
        for name, want in keys.items():
            rows = self.rows("--format", name)
            self.assertEqual({tuple(r) for r in rows}, {tuple(want)}, name)
            self.assertEqual(len(rows), count[name], name)

    def test_ids_go_to_a_file_that_is_whole(self):
        path = os.path.join(self.folder, "out.jsonl")
        self.run_ok("export", "c", "set", "--ids", "--to", path)
        with open(path, encoding="utf-8") as f:
            rows = [json.loads(line) for line in f]
        self.assertEqual({r["anchor"] for r in rows}, {"q-wing", "q-heat", "q-shell"})
        self.assertFalse(os.path.exists(path + ".part"))

    def test_one_query_is_mined_by_id_and_by_text(self):
        answer = self.answer("mine", "c", "--id", "q-wing", "--strategy", "topk")
        self.assertEqual([r["query_id"] for r in answer["results"]], ["q-wing"])
        self.assertEqual(len(answer["results"][0]["negatives"]), 3)
        self.assertEqual(answer["summary"]["queries"], 1)
        answer = self.answer("mine", "c", "--query", "wing lift", "--positive", "wing0",
                             "--strategy", "bm25", "--num-negatives", "2")
        negatives = [n["document_id"] for n in answer["results"][0]["negatives"]]
        self.assertEqual(len(negatives), 2)
        self.assertNotIn("wing0", negatives)

    def test_lines_end_with_the_summary(self):
        lines = [json.loads(line) for line in self.run_ok(
            "--output", "ndjson", "mine", "c", "--queries", "-", "--strategy", "topk",
            stdin="q-wing\nq-heat\n").splitlines()]
        self.assertEqual([x.get("query_id") for x in lines], ["q-wing", "q-heat", None])
        self.assertEqual(lines[-1]["summary"]["queries"], 2)

    def test_mining_all_leaves_no_set_behind(self):
        answer = self.answer("mine", "c", "--all", "--strategy", "topk")
        self.assertEqual(len(answer["results"]), 3)
        sets = self.answer("call", "ListMinedSets", '{"collection":"c"}')["mined_sets"]
        self.assertEqual([s["name"] for s in sets], ["set"])

    def test_a_table_names_negatives_and_what_was_rejected(self):
        text = self.run_ok("mine", "c", "--id", "q-wing", "--strategy", "topk",
                           "--exclude-groups")
        self.assertIn("wing0", text)
        self.assertIn("not chosen:", text)
        self.assertIn("1 query, 3 negatives", text)

    def test_vectors_of_a_npy_file_are_searched_exactly(self):
        rows = np.random.default_rng(2).standard_normal((40, 6)).astype("<f4")
        npy, ids = os.path.join(self.folder, "v.npy"), os.path.join(self.folder, "v.txt")
        np.save(npy, rows)
        write_lines(ids, [f"v{i}" for i in range(40)])
        path = os.path.join(self.folder, "v.jsonl")
        write_lines(path, [{"id": f"v{i}"} for i in range(40)])
        done = self.answer("import", "v", "--documents", path, "--vectors", npy, "--ids", ids,
                           "--encoder", "mine", "--similarity", "dot", "--index", "exact",
                           "--publish")
        self.assertEqual(done["vectors"]["created"], 40)
        hits = self.answer("call", "Search", json.dumps(
            {"collection": "v", "k": 5, "queries": [{"vector": rows[7].tolist()}]}))
        best = np.argsort(-(rows @ rows[7]), kind="stable")[:5]
        self.assertEqual([h["document_id"] for h in hits["results"][0]["hits"]],
                         [f"v{i}" for i in best])

    def test_ids_that_do_not_match_the_rows_are_refused(self):
        npy, ids = os.path.join(self.folder, "w.npy"), os.path.join(self.folder, "w.txt")
        np.save(npy, np.ones((3, 2), "<f4"))
        for count, reason in ((2, "TOO_FEW_IDS"), (4, "TOO_MANY_IDS")):
            write_lines(ids, [f"wing{i}" for i in range(count)])
            error = self.refused(2, "import", "c", "--vectors", npy, "--ids", ids, "--encoder",
                                 "x")
            self.assertEqual(error["reason"], reason)

    def test_jobs_are_listed_and_shown(self):
        jobs = self.answer("jobs", "--collection", "c")["jobs"]
        self.assertIn("encode", {j["kind"] for j in jobs})
        job = self.answer("jobs", "watch", jobs[0]["id"])
        self.assertEqual(job["state"], "succeeded")

    def test_a_failed_job_says_why(self):
        write_lines(os.path.join(self.folder, "one.jsonl"), [{"id": "x", "text": "a b"}])
        self.run_ok("import", "one", "--documents", os.path.join(self.folder, "one.jsonl"))
        error = self.refused(2, "encode", "one", "--dimension", "9")
        self.assertEqual(error["field"], "dimension")
        job = self.answer("jobs", "--collection", "one")["jobs"][0]
        self.assertIn("No two documents share a term", job["error"]["message"])
        self.assertIn(job["error"]["message"], self.run_ok("jobs", "get", job["id"]))

    def test_a_stream_of_messages_is_called_from_lines(self):
        lines = "".join(json.dumps({"collection": "c", "queries": [{"id": f"late{i}",
                                                                    "text": "x"}]}) + "\n"
                        for i in range(3))
        self.assertEqual(self.answer("call", "UploadQueries", stdin=lines)["created"], 3)

    def test_failures_have_their_exit_status(self):
        self.assertEqual(self.refused(3, "encode", "absent")["status"], "NOT_FOUND")
        self.refused(3, "import", "c", "/nowhere")
        self.assertEqual(self.refused(2, "mine", "c", "--id", "q-wing", "--range-min", "5",
                                      "--range-max", "5")["field"], "range_min")
        self.refused(2, "mine", "c", "--id", "q-wing", "--max-score", "high")
        for slip, field in (  # what would have been ignored
                (("mine", "c", "--id", "q-wing", "--positive", "wing0"), "--positive"),
                (("mine", "c", "--all", "--detach"), "--detach"),
                (("import", "c", self.folder, "--publish"), "--publish"),
                (("import", "c", "--documents", "x.jsonl", "--split", "train"), "--split")):
            self.assertEqual(self.refused(2, *slip)["field"], field)
        many = [x for i in range(65) for x in ("--positives", f"{i}.tsv")]
        self.assertIn("more than 64", self.refused(2, "import", "c", *many)["message"])
        self.assertEqual(self.run_cli("mine", "c", "--frobnicate").returncode, 2)
        self.assertEqual(self.refused(4, "info", server="127.0.0.1:1")["reason"], "UNREACHABLE")

    def test_people_get_a_sentence_and_the_field(self):
        done = self.run_cli("export", "c", "no-such-set")
        self.assertEqual(done.returncode, 3)
        self.assertTrue(done.stderr.startswith("hardminer: "), done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_few_documents_are_encoded_without_naming_a_dimension(self):
        path = os.path.join(self.folder, "few.jsonl")
        write_lines(path, [{"id": f"f{i}", "text": "thin plate"} for i in range(5)])
        self.answer("import", "few", "--documents", path)
        self.run_ok("encode", "few")
        made = self.answer("call", "ListGenerations", json.dumps({"collection": "few"}))
        self.assertEqual(made["generations"][0]["dimension"], 2)

    def test_info_tells_the_limits(self):
        info = self.answer("info")
        self.assertIn("lsa", info["encoders"])
        self.assertIn("limit", self.run_ok("info"))


if __name__ == "__main__":
    tap.main()
