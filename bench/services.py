# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Services in cVMs against native builds of the same sources with the same musl, both at once on the host's loopback, the load
# generator native and the same for both, rounds alternating:
#   redis_p1_ratio, redis_p16_ratio     redis-benchmark SET and GET, requests per second, pipeline 1 and 16 (mean of both)
#   nginx_1k_ratio, nginx_100k_ratio    wrk on static files, requests per second
#   znc_relay_ratio     ZNC beside an IRC server, in two cVMs of one project: lines per second to 32 clients of 4 users, of what is said in a room
#   znc_time_ratio      processor time of both of them for each such line
#   znc_answer_ratio    lines per second of ZNC's own answers (a table of its commands), to one client that asks again and again
#   redis_fork_ms, native_fork_ms       what Redis itself says its fork for BGSAVE took, 100 MB of data, writes in between
#   sqlite_time_ratio                   SQLite's speedtest1 on a file: the cVM's tmpfs against the host's, user and system time
#   syscall_worst_ratio                 bench/guest/calls.c: the worst of its calls, nanoseconds
# Ratios are carrel / native, the median of what the rounds have: the host's speed changes within seconds, mostly for both.
# Parts: bench/run services; SERVICES=redis,nginx,znc,fork,sqlite,calls picks some.
import contextlib
import math
import os
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import common

sys.path.insert(0, "tests/ports")
# This file is a module "services" itself, and steps aside for that of the tests.
this = sys.modules.pop(__name__)
import irc  # noqa: E402
import ports  # noqa: E402
import services  # noqa: E402

sys.modules[__name__] = this

VARIANTS = ("carrel", "native")
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SCRATCH = os.path.abspath("build/bench/services")
NGINX = """
daemon off; worker_processes 1; user root root; pid nginx.pid; error_log error.log crit; worker_rlimit_nofile 4096;
events { worker_connections 1024; }
http {
    default_type application/octet-stream; sendfile on; tcp_nopush on; keepalive_requests 100000000; access_log off; open_file_cache max=100;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server { listen 0.0.0.0:PORT backlog=511; root ROOT/html; }
}
"""


@contextlib.contextmanager
def both(port, name, arguments, prepare=None):
    """The service in a cVM and native, each with a folder of its own: {variant: port}."""
    with contextlib.ExitStack() as stack:
        numbers = {}
        for variant in VARIANTS:
            folder = f"{SCRATCH}/{port}-{variant}"
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            if prepare:
                prepare(folder)
            numbers[variant] = stack.enter_context(services.served(
                port, variant, name, lambda n, v=variant, f=folder: arguments(n, services.root(v, f), f), folder))
        yield numbers


def alternating(name, measure, numbers, rounds, count=ROUNDS):
    for n in range(count):
        for variant in VARIANTS if n % 2 else VARIANTS[::-1]:
            common.progress(f"{name}: round {n + 1} of {count}, {variant}")
            for key, value in measure(numbers[variant]).items():
                rounds.setdefault(f"{name} {key}", {v: [] for v in VARIANTS})[variant].append(value)


def redis(rounds):
    tool = os.path.abspath("build/ports/redis/native/redis-benchmark")

    def load(pipeline, count):
        def measure(number):
            text = common.output([tool, "-p", str(number), "-t", "set,get", "-n", str(count), "-P", str(pipeline), "-q"])
            return {test: float(rate) for test, rate in re.findall(r"(SET|GET): ([0-9.]+) requests per second", text)}
        return measure
    # Servers started anew now and then: one lies in memory as another does not, and is faster or slower for good, by some percent.
    for _ in range(ROUNDS):
        with both("redis", "redis-server", lambda n, root, folder: ["--port", str(n), "--save", "", "--dir", root, "--protected-mode", "no"]) as numbers:
            alternating("redis p1", load(1, 30_000), numbers, rounds, 4)
            alternating("redis p16", load(16, 300_000), numbers, rounds, 4)


def nginx(rounds):
    def prepare(folder):
        os.makedirs(folder + "/html")
        for name, size in (("1k", 1024), ("100k", 102400)):
            with open(f"{folder}/html/{name}", "wb") as file:
                file.write(ports.random_bytes(size, name))

    def arguments(number, root, folder):
        with open(folder + "/nginx.conf", "w") as file:
            file.write(NGINX.replace("PORT", str(number)).replace("ROOT", root))
        return ["-p", root + "/", "-c", "nginx.conf"]

    def load(number):
        rates = {}
        for name in ("1k", "100k"):
            text = common.output(["wrk", "-t1", "-c32", "-d3", f"http://127.0.0.1:{number}/{name}"])
            if "Non-2xx" in text:
                sys.exit("bench: wrk: " + text)
            rates[name] = float(re.search(r"Requests/sec:\s+([0-9.]+)", text).group(1))
        return rates
    if not shutil.which("wrk"):
        sys.exit("bench: wrk is not there: apt-get install wrk")
    with both("nginx", "nginx", arguments, prepare) as numbers:
        alternating("nginx", load, numbers, rounds)


def znc(rounds):
    users, seconds, burst = [f"u{n}" for n in range(4)], 3, 50

    def relay(started):
        """Bursts of messages in a room until the time is over, each heard by all clients before the next one."""
        clients = [irc.Client(started.clients, user, f"{user}/test:secret") for user in users for _ in range(8)]
        for client in clients:
            client.until("353", "#room")
        crier = irc.Client(started.peers, "crier")
        crier.until(" 422 ")
        crier.say("JOIN #room", "PRIVMSG #room :ready")
        for client in clients:
            client.until("ready")
        lines = "".join(f"PRIVMSG #room :{n} {'x' * 100}\r\n" for n in range(burst)).encode()
        with selectors.DefaultSelector() as selector:
            for client in clients:
                selector.register(client.socket, selectors.EVENT_READ)
            heard, start, before = 0, time.monotonic(), started.seconds()
            while time.monotonic() < start + seconds:
                crier.send(lines)
                heard += burst * len(clients)
                left = burst * len(clients)
                while left:
                    for key, _ in selector.select():
                        left -= key.fileobj.recv(1 << 18).count(b"\n")
                        # ZNC leaves Nagle's algorithm on: an answer that the kernel puts off for 40 ms would be all that is measured.
                        key.fileobj.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            passed, used = time.monotonic() - start, started.seconds() - before
        for client in (*clients, crier):
            client.close()
        return {"relay": heard / passed, "relay us": used / heard * 1e6}

    def answer(started):
        client = irc.Client(started.clients, users[0], f"{users[0]}/test:secret")
        heard, start = 0, time.monotonic()
        while time.monotonic() < start + seconds:
            client.say(*20 * ["PRIVMSG *status :help"], "PING :end")
            heard += len(client.until("PONG", "end"))
        client.close()
        return {"answer": heard / (time.monotonic() - start)}
    with contextlib.ExitStack() as stack:
        started = {}
        for variant in VARIANTS:
            folder = f"{SCRATCH}/znc-{variant}"
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            server = irc.compile_server(variant, f"{SCRATCH}/irc-{variant}")
            started[variant] = stack.enter_context(irc.pair(variant, folder, server, users))
        alternating("znc", lambda one: {**relay(one), **answer(one)}, started, rounds)


def fork(rounds):
    tool = os.path.abspath("build/ports/redis/native/redis-cli")

    def ask(number, *words):
        return common.output([tool, "-p", str(number), *words])

    def measure(number):
        ask(number, "eval", "for i = 1, 2000 do redis.call('setrange', 'key:' .. (i * 37 % 90000), 3, 'changed') end", "0")
        ask(number, "bgsave")
        while "rdb_bgsave_in_progress:1" in ask(number, "info", "persistence"):
            pass
        return {"ms": float(re.search(r"latest_fork_usec:(\d+)", ask(number, "info", "stats")).group(1)) / 1000}
    with both("redis", "redis-server", lambda n, root, folder: [
            "--port", str(n), "--save", "", "--dir", root, "--protected-mode", "no", "--enable-debug-command", "yes"]) as numbers:
        for number in numbers.values():
            ask(number, "debug", "populate", "90000", "key", "1000")
        alternating("fork", measure, numbers, rounds)


def sqlite(rounds):
    programs = {}
    for variant in VARIANTS:
        source = f"build/ports/sqlite/{variant}/src"
        programs[variant] = f"{SCRATCH}/speedtest1-{variant}"
        compiler = ["build/bin/carrel-cc"] if variant == "carrel" else ["ports/native-cc", "-falign-functions=32"]
        common.output([*compiler, "-O2", "-w", "-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION", f"-I{source}", f"{source}/test/speedtest1.c",
                f"{source}/sqlite3.c", "-o", programs[variant], "-lm"])
    shared = tempfile.mkdtemp(dir="/dev/shm")
    try:
        for n in range(ROUNDS):
            for variant in VARIANTS if n % 2 else VARIANTS[::-1]:
                common.progress(f"sqlite: round {n + 1} of {ROUNDS}, {variant}")
                options = ["--size", "20"]
                if variant == "carrel":
                    command = [common.CARREL, "run", programs[variant], *options, "/tmp/test.db"]
                else:
                    command = [programs[variant], *options, shared + "/test.db"]
                user, system, _ = common.measured(command)
                rounds.setdefault("sqlite s", {v: [] for v in VARIANTS})[variant].append(user + system)
                with contextlib.suppress(OSError):
                    os.unlink(shared + "/test.db")
    finally:
        shutil.rmtree(shared)


def calls(rounds):
    for n in range(ROUNDS):
        for variant in VARIANTS if n % 2 else VARIANTS[::-1]:
            common.progress(f"calls: round {n + 1} of {ROUNDS}, {variant}")
            command = [common.CARREL, "run", "build/bench/calls", "/tmp"] if variant == "carrel" else ["build/bench/calls_native", "/dev/shm"]
            for line in common.output(command).splitlines():
                name, ns = line.split()
                rounds.setdefault(f"call {name}", {v: [] for v in VARIANTS})[variant].append(float(ns))


def run():
    parts = {"redis": redis, "nginx": nginx, "znc": znc, "fork": fork, "sqlite": sqlite, "calls": calls}
    chosen = os.environ.get("SERVICES", ",".join(parts)).split(",")
    os.makedirs(SCRATCH, exist_ok=True)
    rounds = {}
    for name in chosen:
        parts[name](rounds)
    middle = {name: {v: statistics.median(values[v]) for v in VARIANTS} for name, values in rounds.items()}
    ratio = {name: statistics.median(c / n for c, n in zip(values["carrel"], values["native"])) for name, values in rounds.items()}
    common.table(["", "in a cVM", "native", "ratio"],
                 [[name, f"{m['carrel']:.1f}", f"{m['native']:.1f}", f"{ratio[name]:.3f}"] for name, m in middle.items()])
    summary = {}
    for key, names in (("redis_p1_ratio", ["redis p1 SET", "redis p1 GET"]), ("redis_p16_ratio", ["redis p16 SET", "redis p16 GET"]),
                       ("nginx_1k_ratio", ["nginx 1k"]), ("nginx_100k_ratio", ["nginx 100k"]),
                       ("znc_relay_ratio", ["znc relay"]), ("znc_time_ratio", ["znc relay us"]), ("znc_answer_ratio", ["znc answer"]),
                       ("sqlite_time_ratio", ["sqlite s"])):
        if all(name in ratio for name in names):
            summary[key] = round(math.prod(ratio[name] for name in names) ** (1 / len(names)), 3)
    if "fork ms" in middle:
        summary["redis_fork_ms"] = round(middle["fork ms"]["carrel"], 2)
        summary["native_fork_ms"] = round(middle["fork ms"]["native"], 2)
    worst = [ratio[name] for name in ratio if name.startswith("call ")]
    if worst:
        summary["syscall_worst_ratio"] = round(max(worst), 3)
    return rounds, summary
