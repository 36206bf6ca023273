# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The ports in cVMs against stock gcc -O2 of the same sources with the same musl, native and static, in alternating rounds;
# native glibc is shown beside them. User time of the whole process, less that of the same program doing nothing
# (`start`): what loading and verifying cost is `bench/run start` and `bench/run verify`.
import math
import os
import statistics
import sys

import common

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402

ROUNDS = 7
VARIANTS = ("carrel", "native", "glibc")
WORK = os.path.abspath("build/bench/compute")

# name: port, program, arguments, file for stdin or None
JOBS = {
    "sqlite": ("sqlite", "sqlite3", [":memory:"], "sqlite.sql"),
    "lua nbody": ("lua", "lua", ["nbody.lua"], None),
    "lua tables": ("lua", "lua", ["tables.lua"], None),
    "lua strings": ("lua", "lua", ["strings.lua", "text"], None),
    "zstd -3": ("zstd", "zstd", ["-q", "-3", "-c", *["text"] * 20], None),
    "zstd -d": ("zstd", "zstd", ["-q", "-d", "-c", *["text.zst"] * 90], None),
    "bzip2": ("bzip2", "bzip2", ["-9", "-c", "text"], None),
    "bzip2 -d": ("bzip2", "bzip2", ["-d", "-c", "text.bz2", "text.bz2"], None),
}
NOTHING = {"sqlite": ["-version"], "lua": ["-v"], "zstd": ["--version"], "bzip2": ["--help"]}


def user_seconds(variant, port, program, arguments, script):
    command = [os.path.abspath(f"build/ports/{port}/{variant}/{program}"), *arguments]
    if variant == "carrel":
        command = [common.CARREL, "run", "-v", WORK + ":/data", "-w", "/data", *command]
    stdin = open(os.path.join(WORK, script)) if script else None
    try:
        return common.measured(command, stdin=stdin, cwd=WORK)[0]
    finally:
        if stdin:
            stdin.close()


def prepare():
    os.makedirs(WORK, exist_ok=True)
    text = WORK + "/text"
    with open(text, "wb") as file:
        file.write(ports.source_text(12_000_000))
    for program, packed in (("zstd/native/zstd", "text.zst"), ("bzip2/native/bzip2", "text.bz2")):
        with open(os.path.join(WORK, packed), "wb") as file:
            common.measured([os.path.abspath("build/ports/" + program), "-c", text], stdout=file)
    for script in ("sqlite.sql", "nbody.lua", "tables.lua", "strings.lua"):
        with open("bench/guest/" + script) as source, open(os.path.join(WORK, script), "w") as copy:
            copy.write(source.read())


def run():
    prepare()
    start = {port: {v: statistics.median(user_seconds(v, port, JOBS_PROGRAM[port], NOTHING[port], None) for _ in range(7))
                    for v in VARIANTS} for port in NOTHING}
    rounds = {job: {v: [] for v in VARIANTS} for job in JOBS}
    for n in range(ROUNDS):
        for job, (port, program, arguments, script) in JOBS.items():
            common.progress(f"round {n + 1} of {ROUNDS}: {job}")
            # the order turns, so that none always runs in the wake of the same one
            for variant in VARIANTS[n % 3:] + VARIANTS[:n % 3]:
                rounds[job][variant].append(user_seconds(variant, port, program, arguments, script) - start[port][variant])
    ratios, rows = {}, []
    for job, results in rounds.items():
        median = {v: statistics.median(results[v]) for v in VARIANTS}
        ratios[job] = median["carrel"] / median["native"]
        rows.append([job, *(f"{median[v]:.3f}" for v in VARIANTS), f"{ratios[job]:.3f}", f"{start[JOBS[job][0]]['carrel'] * 1000:.0f}"])
    summary = {"geomean_ratio": round(math.exp(statistics.fmean(map(math.log, ratios.values()))), 4),
               "worst_ratio": round(max(ratios.values()), 4)}
    summary.update({job.replace(" ", "_").replace("-", "") + "_ratio": round(ratio, 4) for job, ratio in ratios.items()})
    common.table(["user seconds, median", "cVM", "native", "glibc", "cVM/native", "start ms"], rows)
    print(f"geometric mean {summary['geomean_ratio']:.3f}, worst {summary['worst_ratio']:.3f}")
    return {"jobs": rounds, "start": start}, summary


JOBS_PROGRAM = {port: program for port, program, _, _ in JOBS.values()}
