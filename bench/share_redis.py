# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# redis-benchmark in one cVM against redis-server in another, by bypassed TCP, against the same two programs native over TCP on the
# loopback and over AF_UNIX. SET and GET of 3 bytes, no pipeline, 1 and 50 connections; alternating rounds, medians.
import csv
import io
import os
import statistics
import subprocess
import time

import common

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SERVER = ["--save", "", "--protected-mode", "no", "--loglevel", "warning"]
CARREL, NATIVE = (os.path.abspath(f"build/ports/redis/{v}") for v in ("carrel", "native"))
CASES = {"1 connection": ["-c", "1", "-n", "60000"], "50 connections": ["-c", "50", "-n", "200000"]}


def answers(text):
    """redis-benchmark --csv: {test: (requests per second, p99 in ms)}"""
    rows = csv.DictReader(io.StringIO("".join(line for line in text.splitlines(True) if line.startswith('"'))))
    return {row["test"]: (float(row["rps"]), float(row["p99_latency_ms"])) for row in rows}


def bypass(load):
    command = ["build/tests/share/together", "redis", CARREL + "/redis-server", *SERVER, "--",
               "-s", "300", "client", CARREL + "/redis-benchmark", "-h", "redis", "-t", "set,get", "--csv", *load]
    return answers(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def native(load, unix):
    path = os.path.abspath("build/bench/redis.sock")
    where = ["--port", "0", "--unixsocket", path] if unix else ["--port", "7391", "--bind", "127.0.0.1"]
    server = subprocess.Popen([NATIVE + "/redis-server", *SERVER, *where], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    try:
        way = ["-s", path] if unix else ["-p", "7391"]
        return answers(subprocess.run([NATIVE + "/redis-benchmark", *way, "-t", "set,get", "--csv", *load], check=True,
                                      capture_output=True, text=True).stdout)
    finally:
        server.kill()
        server.wait()


WAYS = {"cVM to cVM": bypass, "native TCP": lambda load: native(load, False), "native AF_UNIX": lambda load: native(load, True)}


def run():
    rounds = {case: {way: [] for way in WAYS} for case in CASES}
    for n in range(ROUNDS):
        for case, load in CASES.items():
            for way, measure in WAYS.items():
                common.progress(f"redis: round {n + 1} of {ROUNDS}: {case}, {way}")
                rounds[case][way].append(measure(load))
    rows, ratios = [], {"tcp": [], "unix": [], "p99": []}
    for case, ways in rounds.items():
        for test in ("SET", "GET"):
            rate = {w: statistics.median(r[test][0] for r in results) for w, results in ways.items()}
            late = {w: statistics.median(r[test][1] for r in results) for w, results in ways.items()}
            rows += [[f"{test}, {case}", w, f"{rate[w]:,.0f}", f"{late[w]:.3f}"] for w in ways]
            ratios["tcp"].append(rate["cVM to cVM"] / rate["native TCP"])
            ratios["unix"].append(rate["cVM to cVM"] / rate["native AF_UNIX"])
            ratios["p99"].append(late["cVM to cVM"] / late["native TCP"])
    common.table(["redis-benchmark", "", "requests/s", "p99 ms"], rows)
    mean = {name: statistics.geometric_mean(values) for name, values in ratios.items()}
    return rounds, {"redis_bypass_vs_tcp": round(mean["tcp"], 2), "redis_bypass_vs_unix": round(mean["unix"], 2),
                    "redis_p99_ratio": round(mean["p99"], 2)}
