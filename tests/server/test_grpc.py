#!/usr/bin/env python3
"""The daemon over gRPC, asked by a client that learned everything from reflection.
test_grpc.py HARDMINERD; prints TAP."""
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import traceback

import grpc
import reflected
from reflected import Miner, channel_to, decode, encode, field

CODE = grpc.StatusCode
WAIT = 60  # seconds; a call that would hang fails instead


class Daemon:
    def __init__(self, program):
        self.data = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [program, "--data-dir", self.data.name, "--http-listen", "127.0.0.1:0",
             "--grpc-listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        ready = dict(word.split("=", 1) for word in self.process.stdout.readline().split()[1:])
        self.address = ready["grpc"]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WAIT)
        self.process.stdout.close()
        self.data.cleanup()
        return code


def refused(code, call, *args, **kwargs):
    """The error of a call that must fail with `code`."""
    try:
        answer = call(*args, timeout=WAIT, **kwargs)
        if hasattr(answer, "__next__"):
            answer = list(answer)
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        return error
    raise AssertionError(f"not refused: {answer}")


def details(error):
    """The google.rpc.Status of an error: {type: fields of its detail}."""
    data = dict(error.trailing_metadata())["grpc-status-details-bin"]
    status = dict(decode(data))
    assert status[1] == error.code().value[0]
    assert status[2].decode() == error.details()
    found = {}
    for any_ in field(data, 3):
        url, value = field(any_, 1)[0].decode(), dict(decode(any_)).get(2, b"")
        assert url.startswith("type.googleapis.com/google.rpc."), url
        found[url.rsplit(".", 1)[1]] = value
    info = dict(decode(found["ErrorInfo"]))
    assert info[2] == b"hardminer"
    found["reason"] = info[1].decode()
    return found


def make_collection(miner, name, documents=0):
    miner.stub("CreateCollection")(miner.request("CreateCollection", collection=name), timeout=WAIT)
    if documents:
        miner.stub("UpsertDocuments")(miner.request(
            "UpsertDocuments", collection=name,
            documents=[{"id": f"d{i}", "text": f"text {i}"} for i in range(documents)]), timeout=WAIT)


def a_unary_call_is_answered(miner):
    info = miner.stub("GetInfo")(miner.request("GetInfo"), timeout=WAIT)
    assert info.version
    limits = {limit.name: limit.value for limit in info.limits}
    assert 64 << 20 in limits.values(), limits


def an_upload_is_answered_once(miner):
    make_collection(miner, "upload")
    parts = [miner.request("UploadDocuments", collection="upload",
                           documents=[{"id": f"{part}-{i}", "text": "t"} for i in range(10)])
             for part in range(20)]
    answer = miner.stub("UploadDocuments")(iter(parts), timeout=WAIT)
    assert answer.created == 200, answer


def an_upload_ends_at_the_part_that_is_refused(miner):
    make_collection(miner, "torn")
    parts = [miner.request("UploadDocuments", collection="torn", documents=[{"id": "kept"}]),
             miner.request("UploadDocuments", collection="torn", documents=[{"id": "x" * 10000}])]
    error = refused(CODE.INVALID_ARGUMENT, miner.stub("UploadDocuments"), iter(parts))
    assert b"documents[0].id" in details(error)["BadRequest"]
    collection = miner.stub("GetCollection")(
        miner.request("GetCollection", collection="torn"), timeout=WAIT)
    assert collection.documents == 1, collection


def mining(miner, name, queries):
    return miner.request(
        "MineNegativesStream", collection=name, strategy="random", num_negatives=3,
        queries=[{"id": f"q{i}", "text": "q", "positives": [f"d{i % 50}"]} for i in range(queries)])


def a_streamed_answer_comes_one_result_a_query(miner):
    make_collection(miner, "stream", 50)
    results = list(miner.stub("MineNegativesStream")(mining(miner, "stream", 100), timeout=WAIT))
    ids = [result.query_id for result in results if result.query_id]
    assert ids == [f"q{i}" for i in range(100)], ids


def a_reader_who_leaves_disturbs_nobody(miner):
    make_collection(miner, "leaver", 50)
    call = miner.stub("MineNegativesStream")(mining(miner, "leaver", 5000), timeout=WAIT)
    next(call)
    call.cancel()
    a_unary_call_is_answered(miner)


def bytes_that_are_no_message_are_refused(miner):
    error = refused(CODE.INVALID_ARGUMENT, miner.stub("GetCollection", raw=True), b"\xff\xff\xff")
    assert details(error)["reason"] == "MALFORMED_PROTOBUF"


def text_that_is_not_utf8_is_refused_by_its_path(miner):
    bad = encode(1, b"c") + encode(2, encode(1, b"d")) + encode(2, encode(1, b"\xff"))
    error = refused(CODE.INVALID_ARGUMENT, miner.stub("UpsertDocuments", raw=True), bad)
    violation = field(details(error)["BadRequest"], 1)[0]
    assert field(violation, 1) == [b"documents[1].id"], violation


def an_error_names_its_reason(miner):
    error = refused(CODE.NOT_FOUND, miner.stub("GetCollection"),
                    miner.request("GetCollection", collection="nowhere"))
    assert details(error)["reason"] == "NO_SUCH_COLLECTION", details(error)


def a_request_id_comes_back(miner):
    stub = miner.stub("GetInfo")
    _, call = stub.with_call(miner.request("GetInfo"), timeout=WAIT,
                             metadata=[("x-request-id", "mine-1")])
    assert dict(call.initial_metadata())["x-request-id"] == "mine-1"
    _, call = stub.with_call(miner.request("GetInfo"), timeout=WAIT)
    assert dict(call.initial_metadata())["x-request-id"]
    error = refused(CODE.NOT_FOUND, miner.stub("GetCollection"),
                    miner.request("GetCollection", collection="nowhere"),
                    metadata=[("x-request-id", "mine-2")])
    assert b"mine-2" in details(error)["ErrorInfo"]


def a_method_nobody_has_is_unimplemented(miner):
    for path in "/hardminer.v1.Miner/Dance", "/nobody.Here/Call", "/x":
        error = refused(CODE.UNIMPLEMENTED, miner.channel.unary_unary(path), b"")
        assert details(error)["reason"] == "NO_SUCH_METHOD"


def compression_is_refused(miner):
    bomb = b"\0" * (1 << 20)
    refused(CODE.UNIMPLEMENTED, miner.stub("GetInfo", raw=True), bomb,
            compression=grpc.Compression.Gzip)


def a_message_over_the_limit_is_refused(miner):
    refused(CODE.RESOURCE_EXHAUSTED, miner.stub("UpsertDocuments", raw=True),
            bytes((64 << 20) + 1))
    parts = iter([bytes((64 << 20) + 1)])
    refused(CODE.RESOURCE_EXHAUSTED, miner.stub("UploadDocuments", raw=True), parts)


def too_much_metadata_is_refused(miner):
    """It may cost the connection, so it has one of its own."""
    with channel_to(DAEMON.address) as channel:
        refused(CODE.RESOURCE_EXHAUSTED, channel.unary_unary("/hardminer.v1.Miner/GetInfo"), b"",
                metadata=[("x-padding", "x" * (20 << 10))])


def read_until(connection, *marks):
    """Bytes of an HTTP/2 connection up to one of the marks."""
    data = b""
    while not any(mark in data for mark in marks):
        more = connection.recv(65536)
        assert more, data
        data += more
    return data


def a_deadline_that_is_past_on_arrival_is_exceeded(miner):
    """Client libraries do not send such a call, so its frames are written here by hand."""
    def literal(name, value):
        return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value

    def frame(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
            ">I", stream) + payload
    headers = b"".join(literal(*pair) for pair in [
        (b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"x"),
        (b":path", b"/hardminer.v1.Miner/GetInfo"), (b"te", b"trailers"),
        (b"content-type", b"application/grpc"), (b"grpc-timeout", b"1n")])
    host, port = DAEMON.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) +
                           frame(1, 4, 1, headers) + frame(0, 1, 1, b"\0\0\0\0\0"))
        read_until(connection, b"\x0bgrpc-status\x014")


def reflection_has_two_versions_and_lists_all_services(miner):
    expected = ["hardminer.v1.Miner", "grpc.health.v1.Health",
                "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]
    for version in "v1", "v1alpha":
        assert reflected.services(miner.channel, version) == expected
        other = Miner(miner.channel, version)
        assert other.stub("GetInfo")(other.request("GetInfo"), timeout=WAIT).version


def reflection_answers_what_it_does_not_know(miner):
    for kind, name in [(reflected.BY_FILENAME, "no.proto"),
                       (reflected.CONTAINING_SYMBOL, "hardminer.v1.Nothing"),
                       (reflected.EXTENSION_NUMBERS, "hardminer.v1.Info")]:
        assert reflected.files(miner.channel, kind, name) is None
    extension = encode(reflected.CONTAINING_EXTENSION, encode(1, b"hardminer.v1.Info") + b"\x10\x64")
    listing = encode(reflected.LIST_SERVICES, b"")
    answers = reflected.ask(miner.channel, "v1", extension, listing)
    assert field(answers[0], 7) and field(answers[1], 6)
    assert field(answers[0], 2) == [extension]


def reflection_has_the_files_of_every_service(miner):
    for service in reflected.services(miner.channel):
        found = reflected.files(miner.channel, reflected.CONTAINING_SYMBOL, service)
        names = {f.name for f in found}
        assert all(d in names for f in found for d in f.dependency)
        package, _, name = service.rpartition(".")
        assert found[0].package == package and name in [s.name for s in found[0].service]


def health_is_checked_by_service(miner):
    check = miner.channel.unary_unary("/grpc.health.v1.Health/Check")
    for service in b"", b"hardminer.v1.Miner":
        assert dict(decode(check(encode(1, service), timeout=WAIT))) == {1: 1}
    error = refused(CODE.NOT_FOUND, check, encode(1, b"nobody"))
    assert details(error)["reason"] == "NO_SUCH_SERVICE"
    refused(CODE.INVALID_ARGUMENT, check, b"\xff")


def health_is_watched_until_the_daemon_drains(miner):
    """Last: it stops the daemon."""
    watch = miner.channel.unary_stream("/grpc.health.v1.Health/Watch")
    ours, unknown = watch(encode(1, b"hardminer.v1.Miner")), watch(encode(1, b"nobody"))
    assert dict(decode(next(ours))) == {1: 1}
    assert dict(decode(next(unknown))) == {1: 3}
    gone = watch(b"")
    next(gone)
    gone.cancel()
    DAEMON.process.send_signal(signal.SIGTERM)
    assert dict(decode(next(ours))) == {1: 2}
    refused(CODE.UNAVAILABLE, lambda timeout: ours)
    assert DAEMON.stop() == 0


TESTS = [
    a_unary_call_is_answered,
    an_upload_is_answered_once,
    an_upload_ends_at_the_part_that_is_refused,
    a_streamed_answer_comes_one_result_a_query,
    a_reader_who_leaves_disturbs_nobody,
    bytes_that_are_no_message_are_refused,
    text_that_is_not_utf8_is_refused_by_its_path,
    an_error_names_its_reason,
    a_request_id_comes_back,
    a_method_nobody_has_is_unimplemented,
    compression_is_refused,
    a_message_over_the_limit_is_refused,
    too_much_metadata_is_refused,
    a_deadline_that_is_past_on_arrival_is_exceeded,
    reflection_has_two_versions_and_lists_all_services,
    reflection_answers_what_it_does_not_know,
    reflection_has_the_files_of_every_service,
    health_is_checked_by_service,
    health_is_watched_until_the_daemon_drains,
]

DAEMON = Daemon(sys.argv[1])


def main():
    failed = 0
    with channel_to(DAEMON.address) as channel:
        miner = Miner(channel)
        for n, test in enumerate(TESTS, 1):
            try:
                test(miner)
                print(f"ok {n} - {test.__name__}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {n} - {test.__name__}", flush=True)
                print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()))
    print(f"1..{len(TESTS)}")
    return failed > 0 or DAEMON.stop() != 0


try:
    STATUS = main()
finally:
    if DAEMON.process.poll() is None:
        DAEMON.process.kill()
os._exit(STATUS)  # channels of failed tests must not keep us
