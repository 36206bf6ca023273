# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CP_Streams: messages of 8 bytes to 16 MiB one way, and 8 bytes there and back, between two cVMs by read and write; the same between two
# processes of the host over what it has, and a bare memcpy of the same size, in alternating rounds.
import statistics

import common

ROUNDS = 5
SIZES = [8, 64, 512, 4096, 16384, 65536, 1 << 20, 16 << 20]
RIVALS = ["memcpy", "pipe", "unix", "tcp", "shm", "vm"]
STREAM = ["build/tests/share/together", "-g", "stream:bench:c", "server", "build/bench/stream", "listen", "--",
          "-g", "stream:bench:rw", "client", "build/bench/stream", "open"]
NAMES = {64: "64", 4096: "4k", 65536: "64k", 1 << 20: "1m", 16 << 20: "16m"}


def run():
    rounds, summary, rows = {"one_way": {}, "round_trip": {}}, {}, []
    for size in SIZES:
        ways = {kind: [] for kind in ["stream", *RIVALS]}
        trips = {kind: [] for kind in ways}
        for n in range(ROUNDS):
            for kind in ways:
                common.progress(f"round {n + 1} of {ROUNDS}: {size} bytes, {kind}")
                slow = 1 if kind in ("stream", "memcpy") else 8
                count = str(max(4, (64 << 20) // (size + 1000) // slow))
                one, there = common.numbers([*STREAM, str(size), count] if kind == "stream" else
                                            ["build/bench/stream_native", "native", kind, str(size), count])
                ways[kind].append(one)
                trips[kind].append(there)
        rounds["one_way"][size], rounds["round_trip"][size] = ways, trips
        each = {kind: statistics.median(values) for kind, values in ways.items()}
        rows.append([f"{size}", *(f"{each[kind]:,.0f}" for kind in each), f"{each['memcpy'] / each['stream']:.2f}",
                     f"{each['pipe'] / each['stream']:.1f}"])
        if size in NAMES:
            summary[f"stream_{NAMES[size]}_vs_memcpy"] = round(each["memcpy"] / each["stream"], 3)
            summary[f"stream_{NAMES[size]}_vs_pipe"] = round(each["pipe"] / each["stream"], 2)
    trip = {kind: statistics.median(v for size in SIZES for v in rounds["round_trip"][size][kind]) for kind in ["stream", "pipe", "unix", "tcp", "shm"]}
    summary["stream_round_trip_ns"] = round(trip["stream"], 1)
    common.table(["bytes: ns for each", "CP_Stream", *RIVALS, "vs memcpy", "vs pipe"], rows)
    print("\n8 bytes there and back, ns: " + ", ".join(f"{kind} {value:,.0f}" for kind, value in trip.items()))
    return rounds, summary
