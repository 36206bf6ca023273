# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CPython in a cVM against the same source natively, with the same musl, both linked dynamically: the programs of bench/guest/programs.py in
# alternating rounds. User time of the whole process, less that of the same interpreter that has loaded the same modules and then does
# nothing (`start`): what pyperformance's timer sees.
import math
import os
import statistics
import subprocess
import sys

import common

ROUNDS = 7
PROGRAMS = os.path.abspath("bench/guest/programs.py")
ROOTS = {variant: os.path.abspath(f"build/ports/python/{variant}/root") for variant in ("carrel", "native")}


def command(variant, *arguments):
    python = ROOTS[variant] + "/usr/bin/python3.11"
    if variant == "native":
        return [python, *arguments]
    return [common.CARREL, "run", "-v", ROOTS[variant] + ":/:ro", "-v", PROGRAMS + ":" + PROGRAMS + ":ro", "--argv0=/usr/bin/python3.11",
            python, *arguments]


def results_agree(name):
    """Both compute the same, or the bench ends."""
    output = {}
    for variant in ROOTS:
        with open(f"build/bench/python.{variant}", "w+") as file:
            common.measured(command(variant, PROGRAMS, name), stdout=file)
            file.seek(0)
            output[variant] = file.read()
    if output["carrel"] != output["native"]:
        sys.exit(f"bench: python: {name} gives {output['carrel']!r} in a cVM, {output['native']!r} natively")


def run():
    os.makedirs("build/bench", exist_ok=True)
    for root in ROOTS.values():         # or the one whose library is mounted read-only would compile it each time
        subprocess.run([ROOTS["native"] + "/usr/bin/python3.11", "-m", "compileall", "-q", root + "/usr/lib/python3.11"], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open("build/bench/python.names", "w+") as file:
        common.measured(command("native", PROGRAMS), stdout=file)
        file.seek(0)
        names = file.read().split()
    start = {v: statistics.median(common.measured(command(v, PROGRAMS))[0] for _ in range(9)) for v in ROOTS}
    rounds = {name: {v: [] for v in ROOTS} for name in names}
    for name in names:
        results_agree(name)
    for n in range(ROUNDS):
        for name in names:
            common.progress(f"round {n + 1} of {ROUNDS}: {name}")
            for variant in sorted(ROOTS, reverse=n % 2):
                rounds[name][variant].append(common.measured(command(variant, PROGRAMS, name))[0] - start[variant])
    ratios, rows = {}, []
    for name, results in rounds.items():
        median = {v: statistics.median(results[v]) for v in ROOTS}
        ratios[name] = statistics.median(c / n for c, n in zip(results["carrel"], results["native"]))
        rows.append([name, f"{median['carrel']:.3f}", f"{median['native']:.3f}", f"{ratios[name]:.3f}"])
    summary = {"cpython_time_ratio": round(math.exp(statistics.fmean(map(math.log, ratios.values()))), 4),
               "cpython_worst_ratio": round(max(ratios.values()), 4)}
    common.table(["CPython, user seconds", "cVM", "native", "cVM/native"], rows)
    print(f"geometric mean {summary['cpython_time_ratio']:.3f}, worst {summary['cpython_worst_ratio']:.3f}")
    return {"programs": rounds, "start": start}, summary
