# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CPython in a cVM against the same source natively, with the same musl, both linked dynamically: the programs of bench/guest/programs.py in
# alternating rounds. What a program says itself of the processor's time it took, as pyperformance's do; the least of a round's repetitions, as
# Python's timeit takes, because the machine's neighbours slow it down by up to a half for seconds; and of the rounds' ratios the median.
import math
import os
import statistics
import subprocess
import sys

import common

ROUNDS, REPETITIONS = 11, 5
PROGRAMS = os.path.abspath("bench/guest/programs.py")
ROOTS = {variant: os.path.abspath(f"build/ports/python/{variant}/root") for variant in ("carrel", "native")}


def command(variant, *arguments):
    python = ROOTS[variant] + "/usr/bin/python3.11"
    if variant == "native":
        return [python, *arguments]
    return [common.CARREL, "run", "-v", ROOTS[variant] + ":/:ro", "-v", PROGRAMS + ":" + PROGRAMS + ":ro", "--argv0=/usr/bin/python3.11",
            python, *arguments]


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
            for variant in sorted(ROOTS, reverse=n % 2):
                result, times = common.output(command(variant, PROGRAMS, name, str(REPETITIONS))).splitlines()
                rounds[name][variant].append(min(map(float, times.split())))
                results[name].add(result)
        if unequal := [name for name in names if len(results[name]) > 1]:
            sys.exit(f"bench: python: {unequal[0]} does not always give the same: {results[unequal[0]]}")
    ratios, rows = {}, []
    for name, times in rounds.items():
        each = [c / n for c, n in zip(times["carrel"], times["native"])]
        ratios[name] = statistics.median(each)
        rows.append([name, *(f"{1000 * statistics.median(times[v]):.1f}" for v in ("carrel", "native")), f"{ratios[name]:.3f}",
                     f"{min(each):.2f}", f"{max(each):.2f}"])
    summary = {"cpython_time_ratio": round(math.exp(statistics.fmean(map(math.log, ratios.values()))), 4),
               "cpython_worst_ratio": round(max(ratios.values()), 4)}
    common.table(["CPython, milliseconds", "cVM", "native", "cVM/native", "least", "most"], rows)
    print(f"geometric mean {summary['cpython_time_ratio']:.3f}, worst {summary['cpython_worst_ratio']:.3f}")
    return {"programs": rounds}, summary
