#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# bench/plot on results made up here: what is drawn, what is left out and said. Without gnuplot only that this is said.
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.dom.minidom

sys.path.insert(0, "tests")
from tap import finish, ok  # noqa: E402


def plot(*words, **environment):
    return subprocess.run([sys.executable, "bench/plot", *words], capture_output=True, text=True, timeout=60, env={**os.environ, **environment})


def words(path):
    return "".join(node.data for text in xml.dom.minidom.parse(path).getElementsByTagName("text") for node in leaves(text)).replace("\n", " ")


def leaves(node):
    return [node] if node.nodeType == node.TEXT_NODE else [leaf for child in node.childNodes for leaf in leaves(child)]


with tempfile.TemporaryDirectory(prefix="carrel-test.") as folder:
    def results(bench, rounds):
        with open(f"{folder}/{bench}.json", "w") as file:
            json.dump({"bench": bench, "rounds": rounds, "summary": {}, "processor": "A Processor", "kernel": "6.1", "load": 0.25,
                       "time": "2026-11-26T10:00:00Z"}, file)

    done = plot(folder, folder, PATH="/nowhere")
    ok(done.returncode == 1 and done.stderr == "bench/plot: gnuplot is not there: apt-get install --no-install-recommends gnuplot-nox\n",
       "without gnuplot: one line says what to install", done)
    ok(plot("a", "b", "c").stderr == "Usage: bench/plot [FROM [TO]]\n", "too many words: usage")
    if not shutil.which("gnuplot"):
        ok(True, "drawing # SKIP gnuplot is not there")
        finish()
        sys.exit()
    done = plot(folder, folder)
    ok(done.returncode == 0 and not done.stdout and done.stderr.count("bench/run ") >= 6, "nothing measured: nothing drawn, and what to run", done)
    results("share", {"call_null_ns": [100.0, 123.0, 150.0]})
    results("share_stream", {"one_way": {"8": {"stream": [50.0], "tcp": [9000.0]}, "65536": {"stream": [4000.0]}},
                             "round_trip": {"8": {"stream": [2000.0], "tcp": [30000.0, 31000.0, 33000.0]}, "65536": {"stream": [2100.0]}}})
    results("share_file", {"notify": 2000.0, "copy": {str(size): {"read": 50 + size / 10, "pipe": 500 + size} for size in (8, 4096, 1 << 20)}})
    answers = [{"SET": [50000, 0.1], "GET": [60000, 0.2]}]
    results("share_redis", {case: {way: answers for way in ("cVM to cVM", "native TCP", "native AF_UNIX")} for case in ("1 connection", "50 connections")})
    held = {name: {"pss_kib": kib, "tables_kib": kib // 4} for name, kib in
            (("before", 1000), ("at_1", 1200), ("at_10", 3000), ("running", 21000))}
    results("many", {"at_once_us": [300.0 + n for n in range(100)], "held": held})
    done = plot(folder, folder)
    ok(done.returncode == 0 and len(done.stdout.split()) == 4 and "no " + folder + "/gate.json" in done.stderr, "all but one measured: four figures", done)
    text = {name: words(f"{folder}/{name}.svg") for name in ("latency", "throughput", "redis", "many")}
    ok(all(each in text["latency"] for each in ("CP_Call", "123 ns", "TCP, loopback, 8 bytes", "31,000 ns")) and "socketpair" not in text["latency"],
       "latency: the median of what was measured, no more", text["latency"])
    ok(all(label in text["throughput"] for label in ("CP_File, read", "CP_Stream", "pipe", "TCP, loopback", "64 KiB")) and
       "AF_UNIX" not in text["throughput"], "throughput: the ways that were measured, of both benches", text["throughput"])
    ok(all("A Processor, Linux 6.1" in each and "2026-11-26, load 0.2" in each for each in text.values()), "each says where and when", text)
finish()
