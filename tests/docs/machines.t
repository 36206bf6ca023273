#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# docs/machines.md: each cell names a test that exists and has the check it names; every port has its row, and so has every test of the
# second machine.
import glob
import os
import re
import sys

sys.path.insert(0, "tests")
from tap import finish, ok  # noqa: E402

ROWS = [[c.strip() for c in line.strip().strip("|").split("|")] for line in open("docs/machines.md") if line.startswith("|")][2:]
named = set()
for row in ROWS:
    ok(len(row) == 3, f"{row[0]}: a cell for each machine")
    for machine, cell in zip(("x86-64", "CHERI-RISC-V"), row[1:]):
        found = re.fullmatch(r"(yes|no): (\S+)( \((.+)\))?", cell)
        if not found:
            ok(machine == "CHERI-RISC-V" and cell.startswith("not built"), f"{row[0]} on {machine}: yes, no, or not built", cell)
            continue
        path, check = found[2], found[4]
        named.add(path)
        ok(os.access(path, os.X_OK), f"{row[0]} on {machine}: {path} is there", cell)
        if check:
            ok(os.path.exists(path) and check in open(path).read(), f"{row[0]} on {machine}: it has the check \"{check}\"")
ports = {os.path.basename(os.path.dirname(recipe)) for recipe in glob.glob("ports/*/recipe")} - {"musl"}
listed = {}
for row in ROWS:
    if row[0].startswith("ports: "):
        listed.update({name.strip(): row for name in row[0][7:].split(",")})
ok(ports == set(listed), "every port has a row, and no other", ports ^ set(listed))
for port in sorted(set(listed) & ports):
    cell = listed[port][2]
    if cell.startswith("yes"):
        test = cell.split()[1]
        ok(port in open(test).read(), f"{port}: {test} runs it on CHERI-RISC-V")
for test in sorted(set(glob.glob("tests/cheri/*.t")) | {"tests/suites/cheri", "tests/suites/python_cheri"}):
    ok(test in named, f"{test} is named")
finish()
