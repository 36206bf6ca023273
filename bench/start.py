# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# From nothing to a program's exit: inside a running Intravisor, as a process of its own, and the same program native.
import os
import re
import statistics
import subprocess
import time

import common

ROUNDS = 200
WAYS = {
    "process_us": [common.CARREL, "run", "build/bench/hello"],
    "native_us": ["build/bench/hello_native"],
}


def once(command, null):
    start = time.perf_counter_ns()
    pid = os.posix_spawn(command[0], command, {}, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
    _, status = os.waitpid(pid, 0)
    if status:
        raise SystemExit(f"bench: {command}: status {status}")
    return (time.perf_counter_ns() - start) / 1000


def run():
    null = os.open("/dev/null", os.O_WRONLY)
    rounds = {"inside_us": [], **{name: [] for name in WAYS}}
    for n in range(ROUNDS):
        for name, command in WAYS.items():
            rounds[name].append(once(command, null))
    inside = subprocess.run(["build/bench/start_inside", "build/bench/hello", str(ROUNDS)], check=True, capture_output=True, text=True)
    rounds["inside_us"] = [float(line) for line in re.findall(r"^(?:inside_us )?([0-9.]+)$", inside.stdout, re.M)]
    summary = {name: round(statistics.median(values), 1) for name, values in rounds.items()}
    text = {"inside_us": "create, run, exit inside an Intravisor", "process_us": "carrel run hello", "native_us": "native static hello"}
    common.table(["", "median us", "least", "9 in 10 under"],
                 [[text[name], f"{summary[name]:.0f}", f"{min(v):.0f}", f"{sorted(v)[int(len(v) * .9)]:.0f}"] for name, v in rounds.items()])
    return rounds, summary
