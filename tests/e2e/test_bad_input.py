"""Bad input gets a clear error with the field's path, and nothing of the failed request is kept."""
import base64
import json
import socket
import unittest

import tap
from daemon import Daemon, Failure

DIMENSION = 4


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.daemon.fill("c", [{"id": f"d{i}", "text": f"document number {i}"} for i in range(20)],
                        [{"id": "q", "text": "number"}, {"id": "lonely", "text": "nothing"}],
                        [{"query_id": "q", "document_id": "d0"}])
        cls.daemon.publish("c", [[1, i / 20, 0, 0] for i in range(20)],
                           [f"d{i}" for i in range(20)],
                           queries=[("q", [1, 0, 0, 0]), ("lonely", [0, 1, 0, 0])])
        cls.open = cls.daemon.post("/collections/c/generations",
                                   {"encoder": "e", "dimension": DIMENSION})["generation"]
        cls.before = cls.daemon.get("/collections/c")

    @classmethod
    def tearDownClass(cls):
        after = cls.daemon.get("/collections/c")
        cls.daemon.stop()
        assert after == cls.before, f"a refused request left something: {after}"

    def refused(self, verb, path, body, status, reason, field=None, headers=None):
        data = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
        got, _, answer = self.daemon.raw(verb, "/v1" + path, data,
                                         {"Content-Type": "application/json", **(headers or {})})
        error = json.loads(answer)["error"]
        self.assertEqual((got, error["code"], error["reason"], error.get("field")),
                         (status, status, reason, field), error)
        self.assertTrue(error["message"].endswith((".", "...")), error)
        self.assertTrue(error["status"].isupper())
        return error

    def mine(self, status, reason, field=None, **body):
        return self.refused("POST", "/collections/c:mine",
                            {"queries": [{"id": "q"}], **body}, status, reason, field)

    def documents(self, body, status, reason, field=None):
        return self.refused("POST", "/collections/c/documents", body, status, reason, field)

    def vectors(self, status, reason, field, **body):
        return self.refused("POST", f"/collections/c/generations/{self.open}/vectors",
                            body, status, reason, field)

    def test_malformed_json(self):
        for text in ("{", "[]", "nul", '{"documents":[}', "{'documents': []}", '{"a":1}x'):
            error = json.loads(self.daemon.raw("POST", "/v1/collections/c/documents", text)[2])
            self.assertEqual(error["error"]["code"], 400, text)

    def test_deep_json(self):
        self.documents("[" * 100000, 400, "TOO_DEEP")
        self.documents('{"documents":' * 40 + "1" + "}" * 40, 400, "TOO_DEEP", "documents")

    def test_unknown_field(self):
        self.documents({"documents": [{"id": "x"}, {"id": "y", "colour": 1}]}, 400,
                       "UNKNOWN_FIELD", "documents[1].colour")

    def test_wrong_types(self):
        self.documents({"documents": {}}, 400, "WRONG_TYPE", "documents")
        self.documents({"documents": [{"id": 7}]}, 400, "WRONG_TYPE", "documents[0].id")
        self.mine(400, "WRONG_TYPE", "queries[0].vector[1]",
                  queries=[{"id": "q", "vector": [1, "x"]}])

    def test_overflow(self):
        self.mine(400, "OUT_OF_RANGE", "num_negatives", num_negatives=1 << 40)
        self.mine(400, "OUT_OF_RANGE", "num_negatives", num_negatives=-1)
        self.mine(400, "OUT_OF_RANGE", "queries[0].vector[0]",
                  queries=[{"id": "q", "vector": [1e39, 0, 0, 0]}])

    def test_numbers_that_are_none(self):
        for token in ("NaN", "Infinity", "-Infinity", "1e999"):
            body = '{"queries":[{"id":"q","vector":[%s,0,0,0]}]}' % token
            status, _, answer = self.daemon.raw("POST", "/v1/collections/c:mine", body)
            self.assertEqual(status, 400, answer)
        nan = base64.b64encode(b"\x00\x00\xc0\x7f" * DIMENSION).decode()
        inf = base64.b64encode(b"\x00\x00\x80\x3f" * 3 + b"\x00\x00\x80\x7f").decode()
        self.vectors(400, "NOT_FINITE", "data[0][0]", ids=["d1"], data=nan)
        self.vectors(400, "NOT_FINITE", "data[0][3]", ids=["d1"], data=inf)

    def test_zero_vectors(self):
        self.vectors(400, "ZERO_VECTOR", "vectors[1]", ids=["d1", "d2"],
                     vectors=[[1, 0, 0, 0], [0, 0, 0, 0]])
        answer = self.daemon.post("/collections/c:search",
                                  {"queries": [{"id": "q"}], "k": 1})
        self.assertEqual(len(answer["results"]), 1)
        self.mine(400, "ZERO_VECTOR", "queries[0].vector",
                  queries=[{"id": "n", "vector": [0, 0, 0, 0], "positives": ["d0"]}])

    def test_wrong_dimension(self):
        self.vectors(400, "WRONG_DIMENSION", "vectors[1]", ids=["d1", "d2"],
                     vectors=[[1, 0, 0, 0], [1, 0, 0]])
        self.mine(400, "WRONG_DIMENSION", "queries[0].vector",
                  queries=[{"id": "n", "vector": [1], "positives": ["d0"]}])

    def test_duplicate_ids(self):
        self.documents({"documents": [{"id": "x"}, {"id": "y"}, {"id": "x"}]}, 400,
                       "DUPLICATE_ID", "documents[2].id")
        self.mine(400, "DUPLICATE_ID", "queries[1].id", queries=[{"id": "q"}, {"id": "q"}])

    def test_what_is_not_there(self):
        self.refused("GET", "/collections/none", None, 404, "NO_SUCH_COLLECTION", "collection")
        self.refused("POST", "/collections/none:mine", {"queries": [{"id": "q"}]}, 404,
                     "NO_SUCH_COLLECTION", "collection")
        self.refused("GET", "/collections/c/documents/none", None, 404, "NO_SUCH_DOCUMENT", "id")
        self.mine(404, "NO_SUCH_QUERY", "queries[1].id", queries=[{"id": "q"}, {"id": "none"}])
        self.mine(404, "NO_SUCH_GENERATION", "generation", generation=77)
        self.refused("GET", "/jobs/none", None, 404, "NO_SUCH_JOB", "id")

    def test_what_is_there_already(self):
        self.refused("POST", "/collections", {"collection": "c"}, 409, "COLLECTION_EXISTS",
                     "collection")

    def test_nothing_published_yet_says_what_to_do(self):
        self.daemon.fill("fresh", [{"id": "d", "text": "t"}], [{"id": "q", "text": "t"}],
                         [{"query_id": "q", "document_id": "d"}])
        error = self.refused("POST", "/collections/fresh:mine", {"queries": [{"id": "q"}]}, 409,
                             "NO_GENERATION")
        self.assertRegex(error["message"], "encode|publish")
        self.daemon.rest("DELETE", "/v1/collections/fresh")

    def test_settings_that_contradict(self):
        self.mine(400, "CONTRADICTION", "range_min", range_min=5, range_max=5)
        self.mine(400, "CONTRADICTION", "num_negatives", range_min=5, range_max=7,
                  num_negatives=3)
        self.mine(400, "LIMIT_EXCEEDED", "num_negatives", num_negatives=0)
        self.mine(400, "LIMIT_EXCEEDED", "num_negatives", num_negatives=100000)
        self.mine(400, "UNKNOWN_STRATEGY", "strategy", strategy="cleverest")

    def test_too_large_a_body_is_refused_by_its_head(self):
        connection = self.daemon.connect()
        connection.putrequest("POST", "/v1/collections/c/documents")
        connection.putheader("Content-Length", str((64 << 20) + 1))
        connection.endheaders()  # and not a byte of the body
        response = connection.getresponse()
        error = json.loads(response.read())["error"]
        connection.close()
        self.assertEqual((response.status, error["reason"]), (413, "BODY_TOO_LARGE"))
        self.assertIn(str(64 << 20), error["message"])

    def test_invalid_utf8_and_nul(self):
        self.documents(b'{"documents":[{"id":"x\xff"}]}', 400, "INVALID_UTF8", "documents[0].id")
        status = self.daemon.raw("POST", "/v1/collections/c/documents",
                                 b'{"documents":[{"id":"x\\u0000"}]}')[0]
        self.assertEqual(status, 400)

    def test_long_ids(self):
        self.documents({"documents": [{"id": "x" * 10000}]}, 400, "TOO_LONG", "documents[0].id")
        status = self.daemon.raw("GET", "/v1/collections/c/documents/" + "x" * 10000)[0]
        self.assertIn(status, (400, 404))

    def test_a_deadline_already_past(self):
        with self.assertRaises(Failure) as refused:
            self.daemon.grpc("MineNegatives", {"collection": "c", "queries": [{"id": "q"}]},
                             timeout=-1)
        self.assertEqual(refused.exception.status, "DEADLINE_EXCEEDED")

    def test_one_query_fails_alone_in_a_good_batch(self):
        answer = self.daemon.post("/collections/c:mine", {
            "strategy": "margin", "queries": [{"id": "q"}, {"id": "lonely"}]})
        good, bad = answer["results"]
        self.assertNotIn("error", good)
        self.assertTrue(good["negatives"])
        self.assertEqual((bad["query_id"], bad["error"]["reason"], bad["negatives"]),
                         ("lonely", "NO_POSITIVE", []))
        self.assertEqual(answer["summary"]["queries_failed"], 1)

    def test_a_positive_of_an_unknown_document_keeps_nothing(self):
        self.refused("POST", "/collections/c/positives", {"positives": [
            {"query_id": "q", "document_id": "d1"}, {"query_id": "q", "document_id": "nope"}]},
            404, "NO_SUCH_DOCUMENT", "positives[1].document_id")


class RawHttp(unittest.TestCase):
    """What no client library would send."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def exchange(self, request):
        host, port = self.daemon.address["http"].rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=20) as s:
            s.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                part = s.recv(65536)
                if not part:
                    break
                answer += part
        return answer.split(b"\r\n", 1)[0]

    def assert_400(self, request):
        self.assertIn(b" 400 ", self.exchange(request) + b" ", request)

    def test_missing_host(self):
        self.assert_400(b"GET /v1/info HTTP/1.1\r\n\r\n")

    def test_two_content_lengths(self):
        self.assert_400(b"POST /v1/collections HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                        b"Content-Length: 20\r\n\r\n{}")

    def test_content_length_beside_transfer_encoding(self):
        self.assert_400(b"POST /v1/collections HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")

    def test_nul_in_the_path(self):
        self.assert_400(b"GET /v1/jobs/a%00b HTTP/1.1\r\nHost: a\r\n\r\n")

    def test_chunked_body_past_the_limit(self):
        host, port = self.daemon.address["http"].rsplit(":", 1)
        chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        with socket.create_connection((host, int(port)), timeout=20) as s:
            s.sendall(b"POST /v1/collections HTTP/1.1\r\nHost: a\r\n"
                      b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                for _ in range(70):
                    s.sendall(chunk)
                s.sendall(b"0\r\n\r\n")
            except OSError:
                pass  # it need not read on
            try:
                answer = s.recv(65536)
            except OSError:
                answer = b""  # refused by closing
        self.assertTrue(answer == b"" or b" 413 " in answer.split(b"\r\n")[0], answer[:200])
        self.assertEqual(self.daemon.raw("GET", "/livez")[0], 200)


if __name__ == "__main__":
    tap.main()
