"""A real hardminerd for a test: started on free ports, spoken to over both transports, stopped or
killed."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile

import grpc

import dialect


LIVE = set()


def kill_all():
    """A failed test leaves its daemon; whoever waits for our output would wait for it as well."""
    for process in LIVE:
        process.kill()
        process.wait()


class Failure(Exception):
    """What a call was refused with: the error body of REST, or the same rebuilt from gRPC."""

    def __init__(self, status, error):
        super().__init__(f"{status} {error}")
        self.status, self.error = status, error


class Daemon:
    def __init__(self, *flags, data=None, env=None, log=None):
        """`log`: a file for its stderr, which is otherwise ours."""
        self.log = log
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="hardminer-e2e-")
        self.flags, self.env = flags, env
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [os.environ["HARDMINERD"], "--data-dir", self.data, "--http-listen", "127.0.0.1:0",
             "--grpc-listen", "127.0.0.1:0", "--log-level", "warn", *self.flags],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env={**os.environ, **(self.env or {})})
        LIVE.add(self.process)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            raise RuntimeError(f"hardminerd did not get ready: {line!r}, "
                               f"exit code {self.process.wait()}")
        self.address = dict(word.split("=", 1) for word in line.split()[1:])
        self.channel = None

    def kill(self):
        self.close_channel()
        self.process.kill()
        self.process.wait()
        self.ended()

    def ended(self):
        LIVE.discard(self.process)
        self.process.stdout.close()

    def stop(self):
        """SIGTERM, and the exit code, which must be 0: a sanitizer's report makes it another."""
        self.close_channel()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.ended()
        if self.own_data:
            shutil.rmtree(self.data)
        assert code == 0, f"hardminerd ended with {code}"

    def close_channel(self):
        if self.channel:
            self.channel.close()
            self.channel = None

    # REST

    def connect(self):
        host, port = self.address["http"].rsplit(":", 1)
        return http.client.HTTPConnection(host, int(port), timeout=120)

    def raw(self, verb, path, body=None, headers=None):
        """One request: status, headers, bytes."""
        connection = self.connect()
        try:
            connection.request(verb, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def rest(self, verb, path, body=None, headers=None):
        """JSON in, JSON out; raises Failure."""
        data = None if body is None else json.dumps(body).encode()
        status, _, answer = self.raw(
            verb, path, data, {"Content-Type": "application/json", **(headers or {})})
        parsed = json.loads(answer)
        if status >= 400:
            raise Failure(status, parsed["error"])
        return parsed

    def post(self, path, body=None):
        return self.rest("POST", "/v1" + path, {} if body is None else body)

    def get(self, path):
        return self.rest("GET", "/v1" + path)

    # gRPC

    def stub(self, name):
        method = dialect.SERVICE.methods_by_name[name]
        if not self.channel:
            self.channel = grpc.insecure_channel(self.address["grpc"], options=[
                ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
        # The method's descriptor does not say whether it streams; the file's does.
        proto = next(m for f in dialect.FILES.file for s in f.service for m in s.method
                     if m.name == name)
        kind = {(False, False): self.channel.unary_unary, (True, False): self.channel.stream_unary,
                (False, True): self.channel.unary_stream}[
                    proto.client_streaming, proto.server_streaming]
        return kind(f"/hardminer.v1.Miner/{name}",
                    request_serializer=lambda m: m.SerializeToString(),
                    response_deserializer=dialect.message_class(method.output_type).FromString)

    def grpc(self, name, body, timeout=120):
        """The same JSON in and out, over gRPC; raises Failure with the gRPC status's name."""
        method = dialect.SERVICE.methods_by_name[name]
        request = dialect.from_json(method.input_type, body)
        try:
            return dialect.to_json(self.stub(name)(request, timeout=timeout))
        except grpc.RpcError as e:
            raise Failure(e.code().name, {"message": e.details()}) from None

    # What most tests need

    def wait_job(self, job):
        """Polls; each poll is a request of its own, so there is nothing to sleep for."""
        while job["state"] in ("queued", "running"):
            job = self.get("/jobs/" + job["id"])
        return job

    def fill(self, name, documents, queries=(), positives=()):
        self.post("/collections", {"collection": name})
        for field, items in (("documents", documents), ("queries", queries),
                             ("positives", positives)):
            if items:
                self.post(f"/collections/{name}/{field}", {field: list(items)})

    def publish(self, name, vectors, ids, similarity="cosine", queries=None, **more):
        """Uploads rows and publishes: the generation's number."""
        made = self.post(f"/collections/{name}/generations",
                         {"encoder": "test", "dimension": len(vectors[0]),
                          "similarity": similarity, **more})["generation"]
        base = f"/collections/{name}/generations/{made}"
        self.post(base + "/vectors", {"of": "document", "ids": list(ids),
                                      "vectors": [[float(x) for x in v] for v in vectors]})
        if queries:
            self.post(base + "/vectors", {"of": "query", "ids": [i for i, _ in queries],
                                          "vectors": [[float(x) for x in v] for _, v in queries]})
        self.post(base + ":publish")
        return made
