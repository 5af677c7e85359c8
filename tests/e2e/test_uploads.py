"""Every way in for documents and vectors, and that each gives the same collection."""
import base64
import json
import unittest

import numpy as np

import dialect
import tap
from daemon import Daemon

N, DIMENSION = 40, 6
IDS = [f"d{i}" for i in range(N)]
VECTORS = np.random.default_rng(5).standard_normal((N, DIMENSION)).astype(np.float32)


def npy(array):
    import io
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


class Uploads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--keep-generations", "16")
        cls.daemon.fill("c", [{"id": d, "text": d} for d in IDS])
        cls.expected = cls.search(cls.published(
            lambda path: cls.daemon.post(path, {"ids": IDS, "vectors": VECTORS.tolist()})))

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    @classmethod
    def published(cls, upload, **more):
        made = cls.daemon.post("/collections/c/generations", {
            "encoder": "e", "dimension": DIMENSION, **more})["generation"]
        path = f"/collections/c/generations/{made}"
        upload(path + "/vectors")
        cls.daemon.post(path + ":publish")
        return made

    @classmethod
    def search(cls, generation):
        return cls.daemon.post("/collections/c:search", {
            "generation": generation, "k": 10,
            "queries": [{"id": "q", "vector": [1, 0, 0, 1, 0, 0]}]})["results"]

    def raw(self, header, payload):
        def upload(path):
            status, _, body = self.daemon.raw(
                "POST", "/v1" + path, json.dumps(header).encode() + b"\n" + payload,
                {"Content-Type": "application/octet-stream"})
            self.assertEqual(status, 200, body)
        return upload

    def test_base64(self):
        data = base64.b64encode(VECTORS.tobytes()).decode()
        made = self.published(lambda path: self.daemon.post(path, {"ids": IDS, "data": data}))
        self.assertEqual(self.search(made), self.expected)

    def test_raw_f32(self):
        made = self.published(self.raw({"ids": IDS}, VECTORS.tobytes()))
        self.assertEqual(self.search(made), self.expected)

    def test_npy_f32(self):
        made = self.published(self.raw({"ids": IDS, "dtype": "npy"}, npy(VECTORS)))
        self.assertEqual(self.search(made), self.expected)

    def test_raw_f16_and_npy_f16_keep_what_f16_holds(self):
        half = VECTORS.astype(np.float16)
        one = self.published(self.raw({"ids": IDS, "dtype": "f16"}, half.tobytes()), dtype="f16")
        two = self.published(self.raw({"ids": IDS, "dtype": "npy"}, npy(half)), dtype="f16")
        wide = self.published(self.raw({"ids": IDS}, half.astype(np.float32).tobytes()))
        self.assertEqual(self.search(one), self.search(wide))
        self.assertEqual(self.search(two), self.search(wide))

    def test_in_parts_in_any_order_and_again(self):
        def upload(path):
            for part in (slice(20, N), slice(0, 12), slice(10, 25)):
                self.daemon.post(path, {"ids": IDS[part], "vectors": VECTORS[part].tolist()})
        self.assertEqual(self.search(self.published(upload)), self.expected)

    def test_the_later_of_two_rows_counts(self):
        def upload(path):
            self.daemon.post(path, {"ids": IDS, "vectors": (VECTORS * 0 + 1).tolist()})
            self.daemon.post(path, {"ids": IDS, "vectors": VECTORS.tolist()})
        self.assertEqual(self.search(self.published(upload)), self.expected)

    def test_a_grpc_stream(self):
        request = dialect.message_class(dialect.POOL.FindMessageTypeByName(
            "hardminer.v1.UpsertVectorsRequest"))

        def upload(path):
            generation = int(path.split("/")[-2])
            answer = self.daemon.stub("UploadVectors")(iter([
                request(collection="c", generation=generation, ids=IDS[i:i + 7],
                        data=VECTORS[i:i + 7].tobytes()) for i in range(0, N, 7)]), timeout=60)
            self.assertEqual(answer.upserted, N)
        self.assertEqual(self.search(self.published(upload)), self.expected)

    def test_npy_of_another_shape_is_refused(self):
        made = self.daemon.post("/collections/c/generations",
                                {"encoder": "e", "dimension": DIMENSION})["generation"]
        for array in (VECTORS[:, :5], VECTORS[:3], np.asfortranarray(VECTORS),
                      VECTORS.astype(np.float64)):
            status, _, body = self.daemon.raw(
                "POST", f"/v1/collections/c/generations/{made}/vectors",
                json.dumps({"ids": IDS, "dtype": "npy"}).encode() + b"\n" + npy(array),
                {"Content-Type": "application/octet-stream"})
            self.assertEqual(status, 400, body)

    def test_documents_as_lines(self):
        self.daemon.post("/collections", {"collection": "lines"})
        lines = "".join(json.dumps({"id": f"x{i}", "text": f"text {i}"}) + "\n" for i in range(50))
        status, _, body = self.daemon.raw("POST", "/v1/collections/lines/documents", lines,
                                          {"Content-Type": "application/x-ndjson"})
        self.assertEqual((status, json.loads(body)["created"]), (200, 50))
        status, _, body = self.daemon.raw("POST", "/v1/collections/lines/documents",
                                          '{"id":"y"}\n{"id":7}\n',
                                          {"Content-Type": "application/x-ndjson"})
        self.assertEqual((status, json.loads(body)["error"]["field"]), (400, "documents[1].id"))
        self.assertEqual(self.daemon.get("/collections/lines")["documents"], 50)

    def test_pages_of_collections(self):
        for name in ("p1", "p2", "p3"):
            self.daemon.post("/collections", {"collection": name})
        names, token = [], ""
        while token is not None:
            page = self.daemon.get("/collections?page_size=2" + (token and "&page_token=" + token))
            self.assertLessEqual(len(page["collections"]), 2)
            names += [c["collection"] for c in page["collections"]]
            token = page.get("next_page_token")
        self.assertEqual(names, sorted(names))
        self.assertLessEqual({"p1", "p2", "p3"}, set(names))
        for no_wish in ("", "?page_size=0", "?page_size=4000000000"):
            listed = self.daemon.get("/collections" + no_wish)["collections"]
            self.assertEqual([c["collection"] for c in listed], names)


if __name__ == "__main__":
    tap.main()
