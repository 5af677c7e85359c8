#!/usr/bin/env python3
"""test_lifecycle.py HARDMINERD: how the daemon starts, refuses to start, and stops. Prints TAP."""
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

DAEMON = os.path.abspath(sys.argv[1])
PATIENCE = 60
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("HARDMINER_")}


class Daemon:
    """A daemon on free ports, with its data in a directory of its own unless told otherwise."""

    def __init__(self, *flags, data_dir=None):
        self.directory = None if data_dir else tempfile.TemporaryDirectory()
        self.data_dir = data_dir or self.directory.name
        self.process = subprocess.Popen(
            [DAEMON, "--data-dir", self.data_dir, "--http-listen", "127.0.0.1:0",
             "--grpc-listen", "127.0.0.1:0", *flags],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT)
        line = self.process.stdout.readline()
        match = re.fullmatch(r"ready http=(127\.0\.0\.1:\d+) grpc=(127\.0\.0\.1:\d+|unix:/\S+)\n", line)
        assert match, f"no ready line but {line!r}"
        self.http, self.grpc = match.groups()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if self.directory:
            self.directory.cleanup()

    def get(self, path):
        connection = http.client.HTTPConnection(self.http, timeout=PATIENCE)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, body

    def dial(self):
        host, port = self.http.split(":")
        return socket.create_connection((host, int(port)), timeout=PATIENCE)

    def signal(self):
        self.process.send_signal(signal.SIGTERM)

    def exit_status(self):
        return self.process.wait(PATIENCE)


def refused(*flags):
    """Runs a daemon that must not start; its exit status and what it complained of."""
    run = subprocess.run([DAEMON, *flags], capture_output=True, text=True, timeout=PATIENCE,
                         env=ENVIRONMENT)
    assert "ready" not in run.stdout, run.stdout
    return run.returncode, run.stderr


def half_a_request(daemon):
    """A connection in the middle of a body."""
    s = daemon.dial()
    s.sendall(b"POST /v1/collections HTTP/1.1\r\nHost: h\r\nContent-Length: 21\r\n\r\n{\"coll")
    return s


def until_not_ready(daemon):
    end = time.monotonic() + PATIENCE
    while daemon.get("/readyz")[0] == 200:
        assert time.monotonic() < end, "still ready"


def it_tells_where_it_listens_and_is_ready():
    with Daemon() as d:
        assert d.get("/livez") == (200, "ok\n")
        assert d.get("/readyz") == (200, "ready\n")
        assert d.get("/metrics")[0] == 200
        d.signal()
        assert d.exit_status() == 0
        assert d.process.stdout.read() == "", "one line on stdout, no more"


def grpc_may_listen_on_a_socket_file():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "grpc")
        with Daemon("--grpc-listen", "unix:" + path) as d:
            assert d.grpc == "unix:" + path, d.grpc
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
            d.signal()
            assert d.exit_status() == 0


def told_to_stop_it_refuses_and_closes_and_exits_with_0():
    with Daemon() as d:
        sending = half_a_request(d)
        idle = d.dial()
        d.signal()
        until_not_ready(d)
        sending.sendall(b'ection":"demo"}')
        answer = b""
        while chunk := sending.recv(4096):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 503 "), answer
        assert b"\r\nConnection: close\r\n" in answer, answer
        assert b'"reason":"DRAINING"' in answer, answer
        assert d.exit_status() == 0
        idle.close()


def a_client_that_never_finishes_holds_it_up_for_the_drain_timeout_only():
    with Daemon("--drain-timeout-ms", "300", "--http-head-ms", "60000") as d:
        sending = half_a_request(d)
        d.signal()
        assert d.exit_status() == 0
        sending.close()


def a_second_signal_does_not_wait():
    with Daemon("--drain-timeout-ms", "3600000", "--http-head-ms", "3600000") as d:
        sending = half_a_request(d)
        d.signal()
        until_not_ready(d)
        d.signal()
        assert d.exit_status() == 0
        sending.close()


def what_was_acknowledged_is_there_after_a_restart():
    with tempfile.TemporaryDirectory() as directory:
        with Daemon(data_dir=directory) as d:
            connection = http.client.HTTPConnection(d.http, timeout=PATIENCE)
            connection.request("POST", "/v1/collections", '{"collection":"demo"}')
            assert connection.getresponse().status == 200
            connection.close()
            d.signal()
            assert d.exit_status() == 0
        with Daemon(data_dir=directory) as d:
            assert d.get("/v1/collections/demo")[0] == 200


def one_daemon_a_data_directory():
    with Daemon() as d:
        status, said = refused("--data-dir", d.data_dir, "--http-listen", "127.0.0.1:0",
                               "--grpc-listen", "127.0.0.1:0")
        assert status == 1, (status, said)
        assert "in use" in said, said
        assert d.get("/readyz")[0] == 200


def one_daemon_a_port():
    with Daemon() as d, tempfile.TemporaryDirectory() as other:
        for flags in (["--http-listen", d.http, "--grpc-listen", "127.0.0.1:0"],
                      ["--http-listen", "127.0.0.1:0", "--grpc-listen", d.grpc]):
            data_dir = os.path.join(other, "made")
            status, said = refused("--data-dir", data_dir, *flags)
            assert status == 1, (status, said)
            assert "annot listen" in said, said
            assert not os.path.exists(data_dir), "it left its data directory behind"


def nonsense_is_told_at_once_and_exits_with_2():
    status, said = refused("--workers", "many", "--no-such-flag")
    assert status == 2, status
    assert "workers must be" in said and "--no-such-flag" in said and "data_dir" in said, said
    status, said = refused("--data-dir", "/nowhere", "--http-listen", "0.0.0.0:0")
    assert status == 2 and "--insecure" in said, (status, said)


def it_can_be_asked_without_being_started():
    def ask(*flags):
        return subprocess.run([DAEMON, *flags], capture_output=True, text=True, timeout=PATIENCE,
                              env=ENVIRONMENT)
    assert ask("--help").stdout.startswith("Usage: hardminerd")
    assert re.fullmatch(r"hardminerd \d+\.\d+\.\d+\n", ask("--version").stdout)
    assert ask("--check-config", "--data-dir", "/x").returncode == 0
    assert ask("--check-config").returncode == 2
    assert "data_dir = /x # flag\n" in ask("--print-config", "--data-dir", "/x").stdout


def main():
    tests = [f for name, f in globals().items()
             if callable(f) and f.__module__ == "__main__" and not isinstance(f, type)
             and name not in ("main", "refused", "half_a_request", "until_not_ready")]
    print(f"1..{len(tests)}")
    failed = 0
    for n, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {n} - {test.__name__}")
        except Exception:
            failed += 1
            print(f"not ok {n} - {test.__name__}")
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()))
        sys.stdout.flush()
    sys.exit(failed > 0)


main()
