# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# C++ by carrel-c++ in a cVM against stock g++ with the same libstdc++ and musl: processor time of each part of bench/guest/cplusplus.cc, in
# alternating rounds. An exception goes through ten frames that clean up.
import math
import statistics
import subprocess
import sys

import common

ROUNDS = 9
PROGRAMS = {"carrel": [common.CARREL, "run", "build/bench/cplusplus"], "native": ["build/bench/cplusplus_native"]}
EXCEPTIONS = 20_000


def once(variant):
    done = subprocess.run(PROGRAMS[variant], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench: {' '.join(PROGRAMS[variant])}: status {done.returncode}: {done.stderr.strip()}")
    lines = [line.split() for line in done.stdout.splitlines()]
    return {name: float(seconds) for name, seconds, _ in lines}, {name: result for name, _, result in lines}


def run():
    rounds = {}
    for n in range(ROUNDS):
        common.progress(f"round {n + 1} of {ROUNDS}")
        results = []
        for variant in (list(PROGRAMS), list(PROGRAMS)[::-1])[n % 2]:
            seconds, result = once(variant)
            results.append(result)
            for part, took in seconds.items():
                rounds.setdefault(part, {v: [] for v in PROGRAMS})[variant].append(took)
        if results[0] != results[1]:
            sys.exit("bench: the two programs computed different things")
    ratios, rows = {}, []
    for part, results in rounds.items():
        carrel, native = (statistics.median(results[v]) for v in PROGRAMS)
        ratios[part] = carrel / native
        rows.append([part, f"{carrel:.3f}", f"{native:.3f}", f"{ratios[part]:.3f}"])
    common.table(["C++, processor seconds", "cVM", "native", "cVM/native"], rows)
    throw = {v: statistics.median(rounds["exceptions"][v]) / EXCEPTIONS * 1e6 for v in PROGRAMS}
    compute = [ratio for part, ratio in ratios.items() if part != "exceptions"]
    summary = {"cplusplus_ratio": round(math.exp(statistics.fmean(map(math.log, compute))), 4),
               "cplusplus_worst_ratio": round(max(compute), 4), "throw_us": round(throw["carrel"], 2),
               "native_throw_us": round(throw["native"], 2)}
    summary.update({part + "_ratio": round(ratio, 4) for part, ratio in ratios.items()})
    print(f"geometric mean without exceptions {summary['cplusplus_ratio']:.3f}; an exception {summary['throw_us']} us, "
          f"natively {summary['native_throw_us']} us")
    return rounds, summary
