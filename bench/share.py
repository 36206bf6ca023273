# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What sharing between cVMs of one Intravisor costs, beside the host's own ways, in the same run: a CP_Call there and back, alone and
# with 4 KiB that the callee copies; 8 bytes over an AF_UNIX socketpair to another process and back.
import statistics
import subprocess

import common

ROUNDS = 11
TOGETHER, CALL = "build/tests/share/together", "build/bench/call"
SERVER = [TOGETHER, "-g", "call:bench:c", "server", CALL, "serve", "--", "-g", "call:bench:x", "client", CALL]
WAYS = {
    "call_null_ns": SERVER + ["null", "1000000"],
    "call_4k_ns": SERVER + ["4k", "500000"],
    "socketpair_rtt_ns": ["build/bench/socketpair_native", "20000"],
}
TEXT = {"call_null_ns": "CP_Call and back", "call_4k_ns": "the same, the callee copies 4 KiB",
        "socketpair_rtt_ns": "8 bytes over a socketpair and back (host)"}


def run():
    rounds = {name: [] for name in WAYS}
    for n in range(ROUNDS):
        for name, command in WAYS.items():
            common.progress(f"round {n + 1} of {ROUNDS}: {TEXT[name]}")
            rounds[name].append(int(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout) / 1000)
    summary = {name: round(statistics.median(values), 1) for name, values in rounds.items()}
    summary["socketpair_vs_call"] = round(summary["socketpair_rtt_ns"] / summary["call_null_ns"], 1)
    common.table(["", "median ns", "least", "most"],
                 [[TEXT[name], f"{summary[name]:.1f}", f"{min(values):.1f}", f"{max(values):.1f}"] for name, values in rounds.items()])
    return rounds, summary
