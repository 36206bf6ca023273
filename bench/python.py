# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CPython in a cVM against the same source natively, with the same musl, both linked dynamically: the programs of bench/guest/programs.py. What a
# program says itself of the processor's time it took, as pyperformance's do. In each round both are started, and then run it in turn, so that the two
# times of a pair are a tenth of a second apart: the machine's neighbours slow it down by up to a half for seconds. The first pair of a round is
# left out (caches, memory touched for the first time); of all the pairs' ratios it is the median.
import contextlib
import math
import os
import statistics
import subprocess
import sys

import common

ROUNDS, PAIRS = 7, 8
PROGRAMS = os.path.abspath("bench/guest/programs.py")
ROOTS = {variant: os.path.abspath(f"build/ports/python/{variant}/root") for variant in ("carrel", "native")}


def command(variant, *arguments):
    python = ROOTS[variant] + "/usr/bin/python3.11"
    if variant == "native":
        return [python, *arguments]
    return [common.CARREL, "run", "-v", ROOTS[variant] + ":/:ro", "-v", PROGRAMS + ":" + PROGRAMS + ":ro", "--argv0=/usr/bin/python3.11",
            python, *arguments]


class Asked:
    """A program that runs once for each line it is given, and says how long that took, and its result."""

    def __init__(self, arguments):
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        seconds, _, result = self.process.stdout.readline().partition(" ")
        if not result:
            sys.exit(f"bench: {' '.join(self.process.args)}: it has ended")
        return float(seconds), result

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def run():
    for root in ROOTS.values():         # or the one whose library is mounted read-only would compile it each time
        subprocess.run([ROOTS["native"] + "/usr/bin/python3.11", "-m", "compileall", "-q", root + "/usr/lib/python3.11"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    names = common.output(command("native", PROGRAMS)).split()
    rounds = {name: {v: [] for v in ROOTS} for name in names}
    results = {name: set() for name in names}
    for n in range(ROUNDS):
        for name in names:
            common.progress(f"round {n + 1} of {ROUNDS}: {name}")
            with contextlib.ExitStack() as both:
                started = {v: both.enter_context(Asked(command(v, PROGRAMS, name))) for v in ROOTS}
                for pair in range(PAIRS + 1):
                    for variant in sorted(ROOTS, reverse=(n + pair) % 2):
                        seconds, result = started[variant].ask()
                        results[name].add(result)
                        if pair:
                            rounds[name][variant].append(seconds)
        if unequal := [name for name in names if len(results[name]) > 1]:
            sys.exit(f"bench: python: {unequal[0]} does not always give the same: {results[unequal[0]]}")
    ratios, rows = {}, []
    for name, times in rounds.items():
        each = sorted(c / n for c, n in zip(times["carrel"], times["native"]))
        ratios[name] = statistics.median(each)
        rows.append([name, *(f"{1000 * statistics.median(times[v]):.1f}" for v in ("carrel", "native")), f"{ratios[name]:.3f}",
                     f"{each[len(each) // 4]:.2f}", f"{each[-1 - len(each) // 4]:.2f}"])
    summary = {"cpython_time_ratio": round(math.exp(statistics.fmean(map(math.log, ratios.values()))), 4),
               "cpython_worst_ratio": round(max(ratios.values()), 4)}
    common.table(["CPython, milliseconds", "cVM", "native", "cVM/native", "quarter", "three quarters"], rows)
    print(f"geometric mean {summary['cpython_time_ratio']:.3f}, worst {summary['cpython_worst_ratio']:.3f}")
    return {"programs": rounds}, summary
