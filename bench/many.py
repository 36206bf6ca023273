# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Many cVMs in one Intravisor (bench/many.c): 1,000 idle ones at once, 10,000 in sequence. Images are judged once, before.
import os
import re
import statistics
import subprocess

import common

AT_ONCE = int(os.environ.get("MANY_AT_ONCE", "1000"))
SEQUENCE = int(os.environ.get("MANY_SEQUENCE", "10000"))


def many(mode, image, count):
    """What each start took, in microseconds, and what the process held at each named moment."""
    common.progress(f"{mode} {count}")
    out = subprocess.run(["build/bench/many", mode, image, str(count)], check=True, capture_output=True, text=True).stdout
    starts = [float(line) for line in re.findall(r"^([0-9.]+)$", out, re.M)]
    held = {name: dict(zip(words.split()[::2], map(int, words.split()[1::2])))
            for name, words in re.findall(r"^(?:hello)?(early|late|before|running|after|at_\d+) (.*)$", out, re.M)}
    if len(starts) != count:
        raise SystemExit(f"bench: {len(starts)} of {count} starts")
    return starts, held


def run():
    starts, held = many("sequence", "build/bench/hello", SEQUENCE)
    first, once = many("at_once", "build/bench/idle", AT_ONCE)
    idle = (once["running"]["pss_kib"] + once["running"]["tables_kib"] - once["before"]["pss_kib"] - once["before"]["tables_kib"]) / AT_ONCE
    mappings = (once["running"]["mappings"] - once["before"]["mappings"]) / AT_ONCE
    growth = held["late"]["pss_kib"] - held["early"]["pss_kib"]
    summary = {
        "cvms_at_once": AT_ONCE, "cvms_in_sequence": SEQUENCE,
        "idle_kib": round(idle, 1),             # resident, shared pages counted once, and page tables
        "idle_mappings": round(mappings, 1), "start_us": round(statistics.median(starts), 1),
        "start_first_us": round(statistics.median(first), 1),   # with windows that served nobody before, and a new host thread
        "sequence_growth_kib": growth, "sequence_growth_mappings": held["late"]["mappings"] - held["early"]["mappings"],
        "sequence_growth_descriptors": held["late"]["descriptors"] - held["early"]["descriptors"],
    }
    common.table(["", "median us", "least", "9 in 10 under"], [
        [f"hello from nothing to its end, {SEQUENCE} in sequence", *(f"{v:.0f}" for v in (
            statistics.median(starts), min(starts), sorted(starts)[int(len(starts) * .9)]))],
        [f"start to first word, {AT_ONCE} that stay", *(f"{v:.0f}" for v in (
            statistics.median(first), min(first), sorted(first)[int(len(first) * .9)]))],
    ])
    print(f"\nidle: {idle:.0f} KiB and {mappings:.0f} mappings for each of {AT_ONCE}; in sequence, from the first tenth to the end: "
          f"{growth:+d} KiB, {summary['sequence_growth_mappings']:+d} mappings, {summary['sequence_growth_descriptors']:+d} descriptors")
    return {"sequence_us": starts, "at_once_us": first, "held": {**held, **once}}, summary
