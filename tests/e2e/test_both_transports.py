"""The table, the service, the routes and OpenAPI are the same set; and one table of cases is
answered alike over REST and gRPC."""
import json
import os
import re
import unittest

import dialect
import tap
from daemon import Daemon, Failure

# gRPC's code for each HTTP status that a case may meet.
STATUS = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 409: ("ALREADY_EXISTS", "FAILED_PRECONDITION")}
VOLATILE = {"created_at_ms", "published_at_ms", "started_at_ms", "finished_at_ms"}


def table():
    """The rows of proto/operations.h, read as text."""
    with open(os.environ["HARDMINER_OPERATIONS"]) as f:
        text = f.read()
    rows = re.findall(r'X\((\w+), \w+, (\w+), (\w+), (GET|POST|DELETE), ([^,]+), \w+, \w+, (\w+)\)',
                      text)
    return {name: (request, response, verb,
                   None if path == "NULL" else
                   path.replace('COLLECTION "', '"/v1/collections/{collection}').replace(
                       "COLLECTION", '"/v1/collections/{collection}"').strip('"'), kind)
            for name, request, response, verb, path, kind in rows}


def steady(answer):
    """An answer without the times in it."""
    if isinstance(answer, dict):
        return {k: steady(v) for k, v in answer.items() if k not in VOLATILE}
    return [steady(v) for v in answer] if isinstance(answer, list) else answer


class SameSet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def test_the_table_is_the_service(self):
        proto = {m.name: (m.input_type.rsplit(".", 1)[1], m.output_type.rsplit(".", 1)[1],
                          "CLIENT_STREAM" if m.client_streaming else
                          "SERVER_STREAM" if m.server_streaming else "UNARY")
                 for f in dialect.FILES.file for s in f.service for m in s.method
                 if f.package == "hardminer.v1"}
        self.assertEqual(proto, {n: (r[0], r[1], r[4]) for n, r in table().items()})
        self.assertGreater(len(proto), 20)

    def test_path_variables_are_fields_of_the_request(self):
        for name, (request, _, _, path, _) in table().items():
            fields = dialect.POOL.FindMessageTypeByName("hardminer.v1." + request).fields_by_name
            for variable in re.findall(r"{(\w+)}", path or ""):
                self.assertIn(variable, fields, name)

    def test_openapi_has_exactly_the_routes(self):
        spec = json.loads(self.daemon.raw("GET", "/openapi.json")[2])
        documented = {(verb.upper(), path) for path, verbs in spec["paths"].items()
                      for verb in verbs if verb in ("get", "post", "delete")}
        routes = {(r[2], r[3]) for r in table().values() if r[3]}
        self.assertEqual({d for d in documented if d[1].startswith("/v1")}, routes)

    def test_every_route_is_served(self):
        for name, (_, _, verb, path, _) in table().items():
            if not path:
                continue
            status, _, body = self.daemon.raw(
                verb, re.sub(r"{generation}", "1", re.sub(r"{(?!generation)\w+}", "none", path)),
                b"{}" if verb == "POST" else None, {"Content-Type": "application/json"})
            reason = json.loads(body).get("error", {}).get("reason") if status >= 400 else None
            self.assertNotIn(reason, ("NO_SUCH_ROUTE", "METHOD_NOT_ALLOWED"), name)

    def test_an_unknown_route_is_404_and_a_wrong_verb_405(self):
        status, _, body = self.daemon.raw("GET", "/v1/nothing")
        self.assertEqual((status, json.loads(body)["error"]["reason"]), (404, "NO_SUCH_ROUTE"))
        status, headers, body = self.daemon.raw("DELETE", "/v1/info")
        self.assertEqual((status, json.loads(body)["error"]["reason"]), (405, "METHOD_NOT_ALLOWED"))
        self.assertIn("GET", headers["Allow"])


DOCUMENTS = [{"id": f"d{i}", "text": t, "group": f"g{i // 2}"} for i, t in enumerate(
    ["boundary layer flow over a flat plate", "heat transfer in a boundary layer",
     "shock waves in supersonic flow", "buckling of thin shells", "flat plate in supersonic flow",
     "creep buckling of columns"])]

# (operation, request); each is sent to a collection of its transport's own, "rest" or "grpc".
CASES = [
    ("CreateCollection", {"collection": "@"}),
    ("CreateCollection", {"collection": "@"}),
    ("CreateCollection", {"collection": "Not a name"}),
    ("CreateCollection", {}),
    ("GetCollection", {"collection": "@"}),
    ("GetCollection", {"collection": "nowhere"}),
    ("UpsertDocuments", {"collection": "@", "documents": DOCUMENTS}),
    ("UpsertDocuments", {"collection": "@", "documents": DOCUMENTS[:2]}),
    ("UpsertDocuments", {"collection": "@", "documents": [{"id": "x"}, {"text": "no id"}]}),
    ("UpsertDocuments", {"collection": "@", "documents": [{"id": "x"}, {"id": "x"}]}),
    ("UpsertDocuments", {"collection": "@", "documents": []}),
    ("UpsertDocuments", {"collection": "nowhere", "documents": DOCUMENTS}),
    ("GetDocument", {"collection": "@", "id": "d3"}),
    ("GetDocument", {"collection": "@", "id": "x"}),
    ("UpsertQueries", {"collection": "@", "queries": [
        {"id": "q0", "text": "flow over plates"}, {"id": "q1", "text": "buckling"}]}),
    ("UpsertPositives", {"collection": "@", "positives": [
        {"query_id": "q0", "document_id": "d0"}, {"query_id": "q1", "document_id": "d3", "grade": 2}]}),
    ("UpsertPositives", {"collection": "@", "positives": [
        {"query_id": "q0", "document_id": "d1"}, {"query_id": "q0", "document_id": "d99"}]}),
    ("UpsertPositives", {"collection": "@", "positives": [
        {"query_id": "q0", "document_id": "d1", "grade": 0}]}),
    ("MineNegatives", {"collection": "@", "strategy": "margin", "queries": [{"id": "q0"}]}),
    ("BeginGeneration", {"collection": "@", "encoder": "e", "dimension": 3, "similarity": "cosine"}),
    ("BeginGeneration", {"collection": "@", "encoder": "e", "dimension": 0}),
    ("BeginGeneration", {"collection": "@", "encoder": "e", "dimension": 3, "index": "Nonsense7"}),
    ("UpsertVectors", {"collection": "@", "generation": 1, "of": "document",
                       "ids": [d["id"] for d in DOCUMENTS],
                       "vectors": [[1, 0, 0], [.9, .1, 0], [.5, .5, 0], [0, 0, 1], [.8, .3, .1],
                                   [0, .1, .9]]}),
    ("UpsertVectors", {"collection": "@", "generation": 1, "of": "query", "ids": ["q0", "q1"],
                       "vectors": [[1, .1, 0], [0, 0, 1]]}),
    ("UpsertVectors", {"collection": "@", "generation": 1, "ids": ["d0"], "vectors": [[1, 0]]}),
    ("UpsertVectors", {"collection": "@", "generation": 1, "ids": ["d0"], "vectors": [[0, 0, 0]]}),
    ("UpsertVectors", {"collection": "@", "generation": 1, "ids": ["d99"], "vectors": [[1, 0, 0]]}),
    ("UpsertVectors", {"collection": "@", "generation": 7, "ids": ["d0"], "vectors": [[1, 0, 0]]}),
    ("PublishGeneration", {"collection": "@", "generation": 1}),
    ("PublishGeneration", {"collection": "@", "generation": 1}),
    ("ListGenerations", {"collection": "@"}),
    ("Search", {"collection": "@", "k": 4, "queries": [{"id": "q0"}, {"id": "q1"}]}),
    ("Search", {"collection": "@", "k": 4, "source": "bm25", "queries": [{"text": "flow"}]}),
    ("Search", {"collection": "@", "k": 0, "queries": [{"id": "q0"}]}),
    ("MineNegatives", {"collection": "@", "strategy": "margin", "explain": True,
                       "queries": [{"id": "q0"}, {"id": "q1"}]}),
    ("MineNegatives", {"collection": "@", "strategy": "margin+bm25", "exclude_groups": True,
                       "include_text": True, "queries": [{"id": "q0"}, {"id": "q1"}]}),
    ("MineNegatives", {"collection": "@", "strategy": "in_batch",
                       "queries": [{"id": "q0"}, {"id": "q1"}]}),
    ("MineNegatives", {"collection": "@", "strategy": "best"}),
    ("MineNegatives", {"collection": "@", "strategy": "margin", "queries": [{"id": "q9"}]}),
    ("MineNegatives", {"collection": "@", "queries": [{"id": "q0"}], "generation": 9}),
    ("MineNegatives", {"collection": "@", "queries": [{"id": "q0"}], "num_negatives": 0}),
    ("MineNegatives", {"collection": "@", "queries": [{"id": "q0"}],
                       "range_min": 5, "range_max": 5}),
    ("MineNegatives", {"collection": "@", "queries": [{"id": "n", "vector": [1, 0],
                                                       "positives": ["d0"]}]}),
    ("MineNegatives", {"collection": "@", "queries": [{"id": "n", "vector": [1, 0, 0],
                                                       "positives": ["d99"]}]}),
    ("GetJob", {"id": "none"}),
    ("CancelJob", {"id": "none"}),
    ("ListMinedSets", {"collection": "@"}),
    ("GetMinedSet", {"collection": "@", "name": "none"}),
    ("DeleteCollection", {"collection": "nowhere"}),
    ("DeleteCollection", {"collection": "@"}),
    ("GetCollection", {"collection": "@"}),
    ("GetInfo", {}),
]


class SameAnswers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def over_rest(self, operation, request):
        _, _, verb, path, _ = table()[operation]
        body = dict(request)
        for variable in re.findall(r"{(\w+)}", path):
            path = path.replace("{%s}" % variable, str(body.pop(variable, "-")))
        return self.daemon.rest(verb, path, body if verb == "POST" else None)

    def test_every_case_is_answered_alike(self):
        for operation, request in CASES:
            text = json.dumps(request)
            mine = {name: json.loads(text.replace('"@"', f'"{name}"')) for name in ("rest", "grpc")}
            got = {}
            for name, ask in (("rest", self.over_rest), ("grpc", self.daemon.grpc)):
                try:
                    got[name] = ask(operation, mine[name])
                except Failure as e:
                    got[name] = e
            with self.subTest(operation=operation, request=text):
                self.compare(got["rest"], got["grpc"], operation + " " + text)

    def test_a_stream_of_results_is_the_same_on_both(self):
        self.daemon.fill("streamed", DOCUMENTS, [{"id": f"q{i}", "text": d["text"]}
                                                 for i, d in enumerate(DOCUMENTS)],
                         [{"query_id": f"q{i}", "document_id": f"d{i}"} for i in range(6)])
        body = {"strategy": "bm25", "num_negatives": 2, "queries": [{"id": f"q{i}"}
                                                                    for i in range(6)]}
        status, headers, lines = self.daemon.raw(
            "POST", "/v1/collections/streamed:mine", json.dumps(body),
            {"Content-Type": "application/json", "Accept": "application/x-ndjson"})
        self.assertEqual((status, headers["Content-Type"]), (200, "application/x-ndjson"))
        rest = [json.loads(line) for line in lines.splitlines()]
        request = dialect.from_json(
            dialect.POOL.FindMessageTypeByName("hardminer.v1.MineNegativesRequest"),
            {**body, "collection": "streamed"})
        over_grpc = [dialect.to_json(m)
                     for m in self.daemon.stub("MineNegativesStream")(request, timeout=60)]
        unary = self.daemon.post("/collections/streamed:mine", body)
        self.assertEqual(rest, over_grpc)
        self.assertEqual([r for r in rest if "query_id" in r], unary["results"])
        self.assertEqual(rest[-1]["summary"], unary["summary"])
        self.assertEqual(len(rest), 7)

    def compare(self, rest, grpc, what):
        if isinstance(rest, Failure) or isinstance(grpc, Failure):
            self.assertIsInstance(rest, Failure, f"{what}: gRPC refused, {grpc}; REST said {rest}")
            self.assertIsInstance(grpc, Failure, f"{what}: REST refused, {rest}")
            self.assertIn(grpc.status, STATUS[rest.status], what)
            self.assertEqual(rest.error["message"].replace('"rest"', '"@"'),
                             grpc.error["message"].replace('"grpc"', '"@"'), what)
            self.assertTrue(rest.error["reason"], what)
            return
        plain = [json.loads(json.dumps(steady(a)).replace(f'"{n}"', '"@"'))
                 for n, a in (("rest", rest), ("grpc", grpc))]
        self.assertEqual(plain[0], self.rounded(plain[1], plain[0]), what)

    def rounded(self, grpc, rest):
        """float32 fields print as their shortest decimals in JSON; gRPC hands them over widened."""
        if isinstance(grpc, dict):
            return {k: self.rounded(v, rest.get(k) if isinstance(rest, dict) else None)
                    for k, v in grpc.items()}
        if isinstance(grpc, list):
            same = isinstance(rest, list) and len(rest) == len(grpc)
            return [self.rounded(v, rest[i] if same else None) for i, v in enumerate(grpc)]
        if isinstance(grpc, float) and isinstance(rest, (int, float)) and \
                abs(grpc - rest) <= 1e-12 * max(1, abs(grpc)):
            return rest
        return grpc


if __name__ == "__main__":
    tap.main()
