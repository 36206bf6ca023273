# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The demo's second part: nginx in one cVM in front of Redis in another, beside the same two programs natively. What it shows of them is what
# they, carrel and the host say in this run.
import contextlib
import csv
import os
import re
import statistics
import subprocess

import picture
import tiers
from show import CARREL, HERE, fail, say

ROUNDS = int(os.environ.get("ROUNDS", "3"))
REQUESTS = int(os.environ.get("REQUESTS", "20000"))
CONNECTIONS = 20
TESTS = ("SET", "GET")
KINDS = {"carrel": tiers.Confined, "native": tiers.Plain}


def load(port):
    """redis-benchmark through nginx: requests per second and p99 in ms, by test."""
    done = subprocess.run([tiers.NATIVE["redis"] + "/redis-benchmark", "-p", str(port), "-c", str(CONNECTIONS), "-n", str(REQUESTS), "-t", ",".join(TESTS).lower(),
                           "--csv"], capture_output=True, text=True)
    rows = [line for line in done.stdout.splitlines() if line.startswith('"')]
    if done.returncode or len(rows) != 1 + len(TESTS):
        fail(f"redis-benchmark: {done.stderr.strip() or done.stdout[-500:]}")
    return {row["test"]: (float(row["rps"]), float(row["p99_latency_ms"])) for row in csv.DictReader(rows)}


def counters(running):
    """Redis' own, asked through nginx."""
    return {name: int(value) for name, value in re.findall(r"^(total_\w+):(\d+)\r?$", running.redis("info", "stats"), re.M)}


def judged(image):
    done = subprocess.run([CARREL, "verify", image], capture_output=True, text=True)
    found = re.search(r"ok, (\d+) bytes", done.stdout)
    if not found:
        fail(f"carrel verify {image}: {done.stdout}{done.stderr}")
    return int(found[1])


def middle(rounds, test, k):
    """The median of a figure of load's."""
    return statistics.median(answers[test][k] for answers, _ in rounds)


def drawn(confined, rounds, before, after):
    """The picture's data: who there is, and what went from one to the next."""
    cvms, seen = confined.cvms(), {name: after[name] - before[name] for name in after}
    boxes = [("redis-benchmark", ["native, outside", f"{CONNECTIONS} connections"])]
    for name in ("web", "redis"):
        image = confined.images[name]
        boxes.append((f"cVM {name}: {os.path.basename(image)}", [f"{judged(image):,} bytes of code judged",
                                                                f"{cvms[name]['memory_bytes'] / 2**20:.1f} MiB resident"]))
    published = cvms["web"]["ports"][0].rsplit(":", 1)[0]
    flows = [("TCP", [published, *(f"{middle(rounds, t, 0):,.0f} {t}/s" for t in TESTS)]),
             ("CP_Streams", [f"{seen['total_connections_received']:,} connections", f"{seen['total_commands_processed']:,} requests",
                             f"{seen['total_net_input_bytes']:,} bytes there, {seen['total_net_output_bytes']:,} back"])]
    return boxes, flows


def measure(running, rounds):
    for n in range(ROUNDS):
        for variant in list(KINDS) if n % 2 == 0 else list(KINDS)[::-1]:
            start = running[variant].spent()
            answers = load(running[variant].port)
            spent = [b - a for a, b in zip(start, running[variant].spent())]
            rounds[variant].append((answers, spent))
            print(f"   round {n + 1}: {variant:6}  " + "  ".join(f"{test} {rate:8,.0f} requests/s" for test, (rate, _) in answers.items()), flush=True)


def table(rounds):
    spent = {v: [statistics.median(s[k] for _, s in rounds[v]) / (len(TESTS) * REQUESTS) * 1e6 for k in (0, 1)] for v in KINDS}
    rows = [(f"{t}, requests/s", *(middle(rounds[v], t, 0) for v in KINDS), ",.0f") for t in TESTS]
    rows += [(f"{t}, p99 ms", *(middle(rounds[v], t, 1) for v in KINDS), ".2f") for t in TESTS]
    rows += [("processor time of both servers, us a request", *(sum(spent[v]) for v in KINDS), ".1f"),
             ("   of that in the host's kernel", *(spent[v][1] for v in KINDS), ".1f")]
    say(f"   {'median':46} {'in cVMs':>10} {'native':>10} {'ratio':>7}")
    for name, carrel, native, form in rows:
        print(f"   {name:46} {carrel:>10{form}} {native:>10{form}} " + (f"{carrel / native:7.2f}" if native else "      -"))


def run():
    rounds = {v: [] for v in KINDS}
    say("nginx in a cVM, in front of Redis in another: examples/05-two-tier, one process; and the same two programs natively")
    with contextlib.ExitStack() as stack:
        running = {v: stack.enter_context(tiers.running(kind)) for v, kind in KINDS.items()}
        confined = running["carrel"]
        for each in running.values():
            each.redis("set", "greeting", "hello")
        if {each.redis("get", "greeting") for each in running.values()} != {"hello"}:
            fail("Redis behind nginx gives back something else than it was given")
        print("   set and get through both tiers: the same from each")
        before = counters(confined)
        measure(running, rounds)
        boxes, flows = drawn(confined, rounds["carrel"], before, counters(confined))
    print()
    table(rounds)
    print()
    picture.text(boxes, flows)
    path = HERE + "/two-tier.svg"
    picture.svg(path, boxes, flows)
    print(f"\n   the same as a picture: {os.path.relpath(path)}")
