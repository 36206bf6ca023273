# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The demo's first part: Lua in a cVM makes a shop's order book; the SQLite shell in a cVM imports, indexes and queries it, beside the native
# build of the same sources.
import os
import re
import statistics
import subprocess
import time

from show import CARREL, HERE, fail, say

ROWS = int(os.environ.get("ROWS", "100000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
ENOUGH = 5  # seconds after which no third round begins
SQLITE = {v: os.path.abspath(f"build/ports/sqlite/{v}/sqlite3") for v in ("carrel", "native")}
SCRIPT = open("examples/demo/orders.sql").read()


def timed(command, script, directory):
    """Output, error output, wall and user seconds of one run; a failure ends the demo."""
    start = time.monotonic()
    before = os.times()
    done = subprocess.run(command, input=script, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=directory)
    wall, user = time.monotonic() - start, os.times().children_user - before.children_user
    if done.returncode:
        fail(f"{command[0]} failed ({done.returncode}):\n{done.stderr}{done.stdout[-2000:]}")
    return done.stdout, done.stderr, wall, user


def import_and_query(variant):
    database = os.path.join(HERE, "orders.db")
    if os.path.exists(database):
        os.unlink(database)
    if variant == "native":
        return timed([SQLITE[variant], "orders.db"], SCRIPT, HERE)
    return timed([CARREL, "run", "--stats", "-v", HERE + ":/data", "-w", "/data", SQLITE[variant], "orders.db"], SCRIPT, None)


def run():
    say(f"Lua in a cVM writes {ROWS:,} orders")
    timed([CARREL, "run", "-v", HERE + ":/data", "-v", os.path.abspath("examples/demo") + ":/demo:ro",
           "build/ports/lua/carrel/lua", "/demo/orders.lua", "/data", str(ROWS)], "", None)
    size = os.path.getsize(HERE + "/orders.csv")
    print(f"   build/demo/orders.csv, {size / 1e6:.1f} MB\n")

    say("The SQLite shell in a cVM imports, indexes and queries them; it sees this one directory, as /data")
    rounds = {"carrel": [], "native": []}
    started = time.monotonic()
    for n in range(ROUNDS):
        if n > 1 and time.monotonic() - started > ENOUGH:
            print(f"   {n} rounds are enough on a machine as slow as this")
            break
        for variant in rounds:
            rounds[variant].append(import_and_query(variant))
            if n == 0 and variant == "carrel":
                print(rounds[variant][0][0], end="")
                say("The same beside the native build, in turn")
            print(f"   round {n + 1}: {variant:6} {rounds[variant][-1][2]:.2f} s", flush=True)

    outputs = {done[0] for results in rounds.values() for done in results}
    if len(outputs) != 1:
        fail("the cVM and the native build printed different results")
    wall = {v: statistics.median(done[2] for done in rounds[v]) for v in rounds}
    user = {v: statistics.median(done[3] for done in rounds[v]) for v in rounds}
    verified = re.search(r"verified (\d+) bytes.* in ([0-9.]+) ms", rounds["carrel"][0][1])
    print()
    say("   median            in a cVM      native     ratio")
    print(f"   elapsed time     {wall['carrel']:7.2f} s   {wall['native']:7.2f} s   {wall['carrel'] / wall['native']:7.2f}")
    print(f"   processor time   {user['carrel']:7.2f} s   {user['native']:7.2f} s   {user['carrel'] / user['native']:7.2f}")
    print("   results          the same, byte for byte")
    print(f"   verified         {int(verified[1]):,} bytes of machine code in {verified[2]} ms, before any of it was mapped")
