# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The two tiers of examples/05-two-tier, nginx in front of Redis, in cVMs and natively: the same configuration but for where Redis is, on ports that
# are free.
import contextlib
import json
import os
import re
import socket
import subprocess
import time

from processes import processor_seconds, tree
from show import CARREL, HERE, fail

EXAMPLE = os.path.abspath("examples/05-two-tier")
NATIVE = {name: os.path.abspath(f"build/ports/{name}/native") for name in ("redis", "nginx")}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Tiers:
    """What runs: `port` is where clients come in, `processes` are the ones we started."""

    def __init__(self, folder):
        self.folder, self.port, self.processes, self.logs = folder, free_port(), [], []
        os.makedirs(folder, exist_ok=True)

    def start(self, name, *command):
        self.logs.append(f"{self.folder}/{name}.log")
        with open(self.logs[-1], "wb") as log:
            self.processes.append(subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                   start_new_session=True))

    def redis(self, *words):
        done = subprocess.run([NATIVE["redis"] + "/redis-cli", "-p", str(self.port), *words], capture_output=True, text=True)
        return done.stdout.strip()

    def wait(self):
        until = time.monotonic() + 30
        while self.redis("ping") != "PONG":
            if any(p.poll() is not None for p in self.processes) or time.monotonic() > until:
                said = "".join(open(log, errors="replace").read()[-1000:] for log in self.logs)
                fail(f"the two tiers do not answer on 127.0.0.1:{self.port} ({self.folder}):\n{said}")
            time.sleep(0.05)

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def spent(self):
        return processor_seconds([pid for process in self.processes for pid in tree(process.pid)])


class Confined(Tiers):
    def __init__(self):
        super().__init__(HERE + "/cvms")
        self.project = f"demo-{os.getpid()}"
        text = open(EXAMPLE + "/carrel.yaml").read()
        self.images = {name: os.path.normpath(f"{EXAMPLE}/{path}") for name, path in re.findall(r"^  (\w+):\n    image: (\S+)", text, re.M)}
        text = text.replace("../../build", os.path.abspath("build")).replace('"nginx.conf:', f'"{EXAMPLE}/nginx.conf:').replace(
            "127.0.0.1:7380", f"127.0.0.1:{self.port}")
        with open(self.folder + "/carrel.yaml", "w") as file:
            file.write(text)
        self.start("carrel", CARREL, "up", "--project", self.project, "carrel.yaml")

    def cvms(self):
        """What `carrel ps` says of each, by name."""
        done = subprocess.run([CARREL, "ps", "--json", "--project", self.project], capture_output=True, text=True)
        if done.returncode:
            fail(f"carrel ps: {done.stderr.strip()}")
        return {each["name"]: each for each in json.loads(done.stdout)["cvms"]}


class Plain(Tiers):
    def __init__(self):
        super().__init__(HERE + "/native")
        inner = free_port()
        text = open(EXAMPLE + "/nginx.conf").read()
        text = text.replace("redis:6379", f"127.0.0.1:{inner}").replace("listen 6380", f"listen 127.0.0.1:{self.port}")
        with open(self.folder + "/nginx.conf", "w") as file:
            file.write(text)
        self.start("redis", NATIVE["redis"] + "/redis-server", "--bind", "127.0.0.1", "--port", str(inner), "--save", "", "--loglevel", "warning")
        self.start("nginx", NATIVE["nginx"] + "/nginx", "-e", "stderr", "-p", self.folder, "-c", self.folder + "/nginx.conf")


@contextlib.contextmanager
def running(kind):
    tiers = kind()
    try:
        tiers.wait()
        yield tiers
    finally:
        tiers.stop()
