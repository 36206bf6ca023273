# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What the tests of services share: a server, in a cVM with one published port or natively, while the test talks to it.
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time

import ports


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def root(variant, folder):
    """The folder's name, as the program knows it."""
    return "/data" if variant == "carrel" else folder


@contextlib.contextmanager
def served(port, variant, name, arguments, folder, end=signal.SIGTERM, status=0):
    """The server `name`, listening on a port of the host; `arguments` is called with that port. It must end with `status` when asked to."""
    number = free_port()
    command = [ports.program(port, variant, name), *arguments(number)]
    if variant == "carrel":
        command = [ports.CARREL, "run", "-v", folder + ":/data", "-w", "/data", "-p", f"{number}:{number}", *command]
    with open(f"{folder}.log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            for _ in range(1000):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number), 1):
                    break
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ({variant}) ended: " + open(f"{folder}.log", errors="replace").read()[-1000:])
                time.sleep(0.02)
            yield number
            process.send_signal(end)
            got = process.wait(30)
            if got not in (status, 128 + end, -end) and got != status:
                raise RuntimeError(f"{name} ({variant}) ended with {got}: " + open(f"{folder}.log", errors="replace").read()[-1000:])
        finally:
            process.kill()
            process.wait()


class Lines:
    """A connection, read by lines and by length."""

    def __init__(self, number):
        self.socket = socket.create_connection(("127.0.0.1", number), 60)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise RuntimeError(f"the connection ended within {line!r}")
        return line[:-2]

    def exactly(self, count):
        data = self.file.read(count)
        if len(data) != count:
            raise RuntimeError(f"the connection ended after {len(data)} of {count} bytes")
        return data

    def close(self):
        self.file.close()
        self.socket.close()


class Redis(Lines):
    def encoded(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)

    def answer(self):
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self.exactly(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.answer() for _ in range(int(rest))]
        return int(rest) if kind == b":" else line.decode()

    def ask(self, *words):
        self.send(self.encoded(*words))
        return self.answer()

    def pipeline(self, commands):
        """Many commands, a few hundred at a time."""
        answers = []
        for at in range(0, len(commands), 200):
            some = commands[at:at + 200]
            self.send(b"".join(self.encoded(*words) for words in some))
            answers += [self.answer() for _ in some]
        return answers


def request(number, method, path, headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=60)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    # What differs between two servers by right.
    kept = {k.lower(): v for k, v in answer.getheaders() if k.lower() not in ("date", "last-modified", "etag")}
    return answer.status, kept, data


def outside_address():
    """An address of this machine that is not its loopback; None if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))     # nothing is sent
            address = s.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address
