#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Nothing that is run may break the emulator: images with flipped bits and truncated ones, random words and random instructions
# as code, random system calls. Each run may end as it likes, also by a signal the program earned, but not by an error of the
# emulator's own (which says so, or is an abort), nor without a report. For a bounded time: seconds as the first argument, a
# seed as the second.
import os
import random
import resource
import struct
import subprocess
import sys
import time

sys.path.insert(0, "tests/emulator")
from machine import EMULATOR, compile, finish, ok, path  # noqa: E402
from random_code import image, instructions  # noqa: E402

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 12
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
TABLE = instructions()
# Loads every register with an address of the image's own memory or a small number, then the code.
SETUP = b"".join(struct.pack("<I", 0x17 | r << 7 | (r & 3) << 12) for r in range(1, 32))
CAPABILITIES = struct.pack("<6I", 0x0205b | 1 << 25 | 1 << 20 | 5 << 7 & 0xfff, 0x5b | 1 << 25 | 1 << 20 | 6 << 7, 0x5b | 1 << 25 | 7 << 7,
                           0x5b | 0x10 << 25 | 9 << 20 | 6 << 15 | 10 << 7, 0x5b | 0x08 << 25 | 5 << 20 | 10 << 15 | 10 << 7, 0x13)


def run(data, options, arguments=()):
    file = path("fuzzed")
    if os.path.exists(file):
        os.unlink(file)
    with open(file, "wb") as f:
        f.write(data)
    os.chmod(file, 0o755)
    child = subprocess.Popen([EMULATOR, *options, file, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             cwd=path("."), preexec_fn=limited)
    try:
        errors = child.communicate(timeout=5)[1]
        status = child.returncode
    except subprocess.TimeoutExpired:
        status, errors = None, b""
    try:
        os.killpg(child.pid, 9)         # and what it forked
    except ProcessLookupError:
        pass
    child.wait()
    child.stderr.close()
    return status, errors


def limited():
    """A session of its own, and limits: a random program may kill, fork and fill."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def judged(status, errors):
    """None when all is well, else what is not."""
    if status is None or status in (-9, -24):        # it ran for ever: its right
        return None
    if b"internal error" in errors or b"AddressSanitizer" in errors or b"runtime error" in errors:
        return "an error of the emulator's own"
    if status == -6:
        return "abort"
    if status in (-4, -5, -7, -8, -11) and not errors.startswith(b"carrel-cheri: SIG") and b"\ncarrel-cheri: SIG" not in errors:
        return "a fault without a report"
    return None


def random_words(source):
    return b"".join(struct.pack("<I", source.getrandbits(32)) for _ in range(source.randrange(1, 300)))


def random_instructions(source):
    code = [source.choice(TABLE).random(source) if source.random() < .95 else source.getrandbits(32) for _ in range(200)]
    # no system calls here: they end too many runs
    return SETUP + CAPABILITIES + b"".join(struct.pack("<I", w if w != 0x73 else 0x13) for w in code)


# Nothing that harms the host: no names removed, no other process signalled, slowed or limited.
HARMFUL = {35, 37, 38, 49, 50, 51, 52, 53, 54, 88, 118, 119, 122, 129, 130, 131, 140, 161, 261, 276, 424}
NUMBERS = [n for n in range(500) if n not in HARMFUL]


def random_calls(source):
    code = SETUP
    for _ in range(60):
        number = source.choice(NUMBERS + [222, 226, 215, 216, 214, 134, 135, 139, 220, 98, 63, 64, 66, 65, 25, 29, 22, 72, 73, 132, 211, 212] * 8)
        code += struct.pack("<I", 0x13 | 17 << 7 | number << 20)
        for register in range(10, 16):
            kind = source.random()
            if kind < .4:
                code += struct.pack("<I", 0x13 | register << 7 | source.randrange(0, 2048) << 20)
            elif kind < .7:
                code += struct.pack("<I", 0x17 | register << 7 | source.randrange(0, 8) << 12)
            elif kind < .8:
                code += struct.pack("<I", 0x13 | register << 7 | 0xfff << 20)
            elif kind < .9:
                code += struct.pack("<II", 0x37 | register << 7 | source.getrandbits(20) << 12, 0x1013 | register << 7 | register << 15 | source.randrange(64) << 20)
        code += struct.pack("<I", 0x73)
    return code


program = compile("tests/emulator/programs/floats.c", "good", "-lm")
good = open(program, "rb").read()


def flipped(source):
    data = bytearray(good)
    for _ in range(source.choice([1, 2, 8, 64])):
        # headers mostly, then anything
        at = source.randrange(64) if source.random() < .3 else source.randrange(64 + 56 * 8) if source.random() < .5 else source.randrange(len(data))
        data[at] ^= 1 << source.randrange(8)
    return bytes(data)


def headers(source):
    """A header of random but tempting fields."""
    tempting = [0, 1, 4095, 4096, 0x10000, 1 << 31, 1 << 32, 1 << 39, 1 << 40, 1 << 63, (1 << 64) - 1, (1 << 64) - 4096, len(good)]
    data = bytearray(good[:8192])
    for _ in range(source.randrange(1, 4)):
        at = 64 + 56 * source.randrange(8) + 8 * source.randrange(1, 7) if source.random() < .7 else source.choice([24, 32, 40, 52])
        struct.pack_into("<Q", data, at, source.choice(tempting) + source.randrange(-1, 2) & (1 << 64) - 1)
    return bytes(data)


KINDS = {
    "random words as code": lambda s: image(random_words(s)), "random instructions": lambda s: image(random_instructions(s)),
    "random system calls": lambda s: image(random_calls(s)), "images with flipped bits": flipped, "truncated images": lambda s: good[:s.randrange(9000)],
    "impossible headers": headers,
}
for n, (name, make) in enumerate(KINDS.items()):
    source, runs, wrong, until = random.Random(SEED * 100 + n), 0, [], time.monotonic() + SECONDS / len(KINDS)
    while time.monotonic() < until and len(wrong) < 4:
        state = source.getstate()
        data = make(source)
        options = source.choice([["--interpret"], ["--eager"], []])
        status, errors = run(data, options)
        problem = judged(status, errors)
        if problem == "abort" and b" tgkill(131:" in run(data, ["--trace"])[1]:      # the program's own C library gave up
            problem = None
        if problem:
            kept = f"/tmp/carrel-fuzz-{os.getpid()}-{n}-{runs}"
            with open(kept, "wb") as f:
                f.write(data)
            os.chmod(kept, 0o755)
            wrong.append(f"{problem}: {' '.join(options)} {kept}: status {status}: {errors[:200].decode(errors='replace')}")
        runs += 1
    ok(not wrong and runs > 5, f"{name}: {runs} runs", *wrong)
finish()
