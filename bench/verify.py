# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Machine code judged per second on one core, each port's image again and again (`carrel verify -n`): nothing is remembered from
# one judgement to the next.
import re
import statistics
import subprocess

import common

ROUNDS = 9
REPEAT = "20"
IMAGES = {"sqlite3": "build/ports/sqlite/carrel/sqlite3", "zstd": "build/ports/zstd/carrel/zstd", "lua": "build/ports/lua/carrel/lua",
          "bzip2": "build/ports/bzip2/carrel/bzip2", "library OS": "build/lib/carrel/libos"}


def run():
    rounds, size = {name: [] for name in IMAGES}, {}
    for n in range(ROUNDS):
        for name, path in IMAGES.items():
            common.progress(f"round {n + 1} of {ROUNDS}: {name}")
            done = subprocess.run([common.CARREL, "verify", "-n", REPEAT, path], check=True, capture_output=True, text=True)
            found = re.search(r"(\d+) bytes of machine code.* ([0-9.]+) MB/s", done.stdout)
            size[name] = int(found[1])
            rounds[name].append(float(found[2]))
    speed = {name: statistics.median(values) for name, values in rounds.items()}
    common.table(["image", "bytes", "median MB/s", "least", "most"],
                 [[name, f"{size[name]:,}", f"{speed[name]:.0f}", f"{min(v):.0f}", f"{max(v):.0f}"] for name, v in rounds.items()])
    # The largest image stands for all: small ones meet most of their forms for the first time.
    summary = {"mb_per_s": round(speed["sqlite3"], 1), "least_mb_per_s": round(min(speed.values()), 1)}
    return {"mb_per_s": rounds, "bytes": size}, summary
