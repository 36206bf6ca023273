# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What processes have used, for the demo and for bench/services.py.
import os


def tree(pid):
    """A process and all below it."""
    found = [pid]
    for each in found:
        for task in os.listdir(f"/proc/{each}/task"):
            found += map(int, open(f"/proc/{each}/task/{task}/children").read().split())
    return found


def processor_seconds(pids):
    """User and system seconds that these have taken so far."""
    ticks = [tuple(map(int, open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13])) for pid in pids]
    return tuple(sum(each) / os.sysconf("SC_CLK_TCK") for each in zip(*ticks))
