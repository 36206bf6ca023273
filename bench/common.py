# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What the benches share: running a command and knowing what it took, and tables.
import os
import subprocess
import sys
import time

CARREL = os.path.abspath("build/bin/carrel")


def measured(command, stdin=None, stdout=subprocess.DEVNULL, cwd=None):
    """Runs a command to its end: (user seconds, system seconds, elapsed seconds). A failure ends the bench."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, cwd=cwd)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"bench: {' '.join(command)}: status {child.returncode}: {errors.decode(errors='replace').strip()}")
    return usage.ru_utime, usage.ru_stime, time.monotonic() - start


def output(command):
    """What a command prints. A failure ends the bench."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)}: status {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def numbers(command):
    """The numbers that a command prints."""
    return [float(word) for word in output(command).split()]


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def table(head, rows):
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
    progress("")
    for row in rows:
        print("  ".join(cell.ljust(w) if n == 0 else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths))))
