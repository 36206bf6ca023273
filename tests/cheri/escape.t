#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Hostile programs and library OSes on CHERI-RISC-V (cases.tsv): exit status, output and report, all three. One that was stopped in
# another way than expected fails.
import re
import subprocess

BUILT = "build/tests/cheri/"
ROWS = [line.rstrip("\n").split("\t") for line in open("tests/cheri/cases.tsv") if not line.startswith("#")]

print(f"1..{len(ROWS)}")
for n, (guest, argument, status, output, report, what) in enumerate(ROWS, 1):
    command = ["build/bin/carrel", "run", "--machine", "cheri"]
    if guest == "libos":
        command += ["--libos", BUILT + "libos/hostile", BUILT + "program/hello"]
    else:
        command += [BUILT + "program/hostile"]
    try:
        done = subprocess.run(command + argument.split(), stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        print(f"not ok {n} - {guest} {argument}: {what}: did not end")
        continue
    said, reported = " ".join(done.stdout.decode().split()), done.stderr.decode()
    good = done.returncode == int(status) and re.fullmatch("" if output == "-" else output, said)
    good = good and (re.search(report, reported) if report != "-" else not reported)
    print(f"{'ok' if good else 'not ok'} {n} - {guest} {argument}: {what}", flush=True)
    if not good:
        print(f"# status {done.returncode}, said {said!r}, reported {reported!r}")
