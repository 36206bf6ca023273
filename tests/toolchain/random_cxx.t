#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Random C++ programs (random_cxx.py) in a cVM, by carrel-c++ with random options, print what they do natively by g++ -O1. Arguments: the
# first seed, how many (tests/toolchain/random_cxx.t 100 500 for a long run).
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from random_cxx import program         # noqa: E402

OPTIONS = ["-O0", "-O1", "-O2", "-O3", "-Os", "-Og", "-O2 -fPIC", "-O2 --dynamic", "-O1 --dynamic -static-libstdc++", "-O2 -fno-omit-frame-pointer", "-O0 -mtrap",
           "-O2 -mtrap", "-O3 -mtrap -march=haswell", "-O3 -march=haswell", "-O0 -march=haswell", "-O2 --dynamic -fno-plt", "-O2 -ffunction-sections -Wl,--gc-sections",
           "-O2 -flto", "-O0 -fno-omit-frame-pointer -fPIC", "-O2 -mno-red-zone", "-Os -fnon-call-exceptions", "-O1 -fstack-clash-protection",
           "-O2 -maccumulate-outgoing-args", "-O2 -mstackrealign", "-O2 -fstack-protector-all", "-O2 -mpush-args", "-Os -mtrap", "-O2 --pie", "-O3 -funroll-loops -fno-inline"]
FIRST, COUNT = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (1, 3)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def built(folder, c, cxx, options, name):
    """Compiles and runs; (status, output), status None when it is not compiled."""
    link = ("--dynamic", "-Wl", "-static-lib")
    made = run(c, "-w", "-fexceptions", *[o for o in options if not o.startswith(link)], "-c", folder + "/p.c", "-o", folder + "/p.o")
    if not made.returncode:
        made = run(cxx, "-w", "-std=c++17", *options, folder + "/p.cc", folder + "/p.o", "-o", f"{folder}/{name}", "-pthread")
    if made.returncode:
        return None, made.stderr[:1500]
    ran = run(folder + "/" + name)
    return ran.returncode, ran.stdout + ran.stderr


def main():
    print(f"1..{COUNT}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(range(FIRST, FIRST + COUNT), 1):
            for suffix, text in zip((".cc", ".c"), program(seed)):
                open(folder + "/p" + suffix, "w").write(text)
            want, wrong = built(folder, "gcc", "g++", ["-O1"], "native"), []
            chosen = random.Random(seed).sample(OPTIONS, 2)
            for options in chosen:
                got = built(folder, "build/bin/carrel-cc", "build/bin/carrel-c++", options.split(), "cvm")
                if got != want:
                    wrong += [f"{options}: status {got[0]}, wanted {want[0]}"] + (got[1][:1500].splitlines() if got[0] is None else [])
                    lines = list(zip(got[1].splitlines(), want[1].splitlines()))
                    wrong += [f"line {at}: {one}, wanted {other}" for at, (one, other) in enumerate(lines, 1) if one != other][:1]
            failed += want[0] is None or wrong != []
            print(f"{'ok' if want[0] is not None and not wrong else 'not ok'} {number} - seed {seed}, {' and '.join(chosen)}: {want[1].count(chr(10))} lines", flush=True)
            for line in wrong:
                print("# " + line, flush=True)
    return failed != 0


sys.exit(main())
