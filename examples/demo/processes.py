# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What processes have used, for the demo, bench/services.py and tests/cli/up.t. Who has ended meanwhile is left out.
import contextlib
import os


def tree(pid):
    """A process and all below it."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{each}/task"):
                with contextlib.suppress(OSError), open(f"/proc/{each}/task/{task}/children") as file:
                    found += map(int, file.read().split())
    return found


def processor_seconds(pids):
    """User and system seconds that these have taken so far."""
    ticks = [0, 0]
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
            ticks = [sum(both) for both in zip(ticks, map(int, file.read().rpartition(")")[2].split()[11:13]))]
    return tuple(each / os.sysconf("SC_CLK_TCK") for each in ticks)
