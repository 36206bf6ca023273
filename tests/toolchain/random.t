#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Random programs (random_program.py) in a cVM, by carrel-cc with random options, print what they do natively by gcc -O2. Arguments: the
# first seed, how many (tests/toolchain/random.t 100 500 for a long run).
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from random_program import program         # noqa: E402

OPTIONS = ["-O0", "-O1", "-O2", "-O3", "-Os", "-Og", "-O2 -fno-omit-frame-pointer", "-O2 -mtrap", "-O0 -mtrap", "-Os -mtrap", "-O2 -mavx2",
           "-O3 -march=haswell", "-O2 -fPIC", "-O2 -mno-red-zone", "-O2 -fstack-clash-protection", "-O0 -fstack-clash-protection",
           "-O2 -maccumulate-outgoing-args", "-O2 -mstackrealign", "-O2 -fschedule-insns", "-O2 -fstack-protector-all",
           "-O3 -mavx2 -mtrap", "-O1 -funroll-loops -mbmi2"]
FIRST, COUNT = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (1, 12)


def run(command, seconds=120):
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds)


def native(folder, source, options):
    """What the program prints; None: it does not end well."""
    built = run(["gcc", "-w", *options.split(), source, "-o", folder + "/native"])
    ran = run([folder + "/native"]) if not built.returncode else built
    return None if ran.returncode else ran.stdout


def main():
    print(f"1..{COUNT}")
    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        source = folder + "/p.c"
        for number, seed in enumerate(range(FIRST, FIRST + COUNT), 1):
            open(source, "w").write(program(seed))
            want, wrong = native(folder, source, "-O2"), []
            if want is None or native(folder, source, "-O0") != want:
                print(f"ok {number} # skip seed {seed}: the compiler itself disagrees, or takes too much stack")
                continue
            chosen = random.Random(seed).sample(OPTIONS, 2)
            for options in chosen:
                built = run(["build/bin/carrel-cc", "-w", *options.split(), source, "-o", folder + "/cvm"])
                ran = run(["build/bin/carrel", "run", folder + "/cvm"]) if not built.returncode else built
                if ran.returncode or ran.stdout != want:
                    wrong.append(f"{options}: status {ran.returncode}, {ran.stderr.strip()[:300] or 'another output'}")
            compared += 1
            print(f"{'not ok' if wrong else 'ok'} {number} - seed {seed}, {' and '.join(chosen)}")
            for line in wrong:
                print("# " + line)
    return compared * 2 < COUNT


sys.exit(main())
