# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Nanoseconds from a program into its library OS and back: the gate alone (a library OS that returns at once), a null system
# call (getppid of the real one), and the host's getppid. And what needs no call: a load in a chain of pointers, in the window
# at address 0 and in another (docs/architecture.md), and clock_gettime, beside the same natively.
import statistics
import subprocess

import common

ROUNDS = 11
GETPPID, NO_SUCH = "110", "9999"
WAYS = {
    "gate_ns": [common.CARREL, "run", "--libos", "build/tests/escape/libos/plain", "build/bench/gate", NO_SUCH],
    "null_syscall_ns": [common.CARREL, "run", "build/bench/gate", GETPPID],
    "host_getppid_ns": ["build/bench/gate_native", GETPPID],
}
LOADS = {"": [common.CARREL, "run", "build/bench/loads"], "host_": ["build/bench/loads_native"]}
TEXT = {"gate_ns": "program -> library OS and back", "null_syscall_ns": "getppid in a cVM", "host_getppid_ns": "getppid of the host",
        "load_ns": "a load in a chain, window at 0", "load_elsewhere_ns": "the same in another window", "host_load_ns": "natively",
        "clock_ns": "clock_gettime in a cVM", "host_clock_ns": "natively"}


def run():
    rounds = {name: [] for name in TEXT}
    for n in range(ROUNDS):
        for name, command in WAYS.items():
            common.progress(f"round {n + 1} of {ROUNDS}: {TEXT[name]}")
            rounds[name].append(int(subprocess.run(command, check=True, capture_output=True).stdout) / 1000)
        for place, command in LOADS.items():
            output = subprocess.run(command, check=True, capture_output=True).stdout
            for name, each in zip(("load_ns", "load_elsewhere_ns", "clock_ns"), output.split()):
                if place + name in rounds:
                    rounds[place + name].append(int(each) / 1000)
    summary = {name: round(statistics.median(values), 2) for name, values in rounds.items()}
    common.table(["", "median ns", "least", "most"],
                 [[TEXT[name], f"{summary[name]:.2f}", f"{min(values):.2f}", f"{max(values):.2f}"] for name, values in rounds.items()])
    return rounds, summary
