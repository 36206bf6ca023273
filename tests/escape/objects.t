#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Shared objects that a hostile program maps (c/objects.c), between two innocent cVMs in one process: what was judged is what runs,
# whatever becomes of the file; nothing else becomes code; there is an end to them.
import re
import struct
import subprocess
import tempfile

BUILT = "build/tests/escape/"
CC = "build/bin/carrel-cc"
LOAD, W = 1, 2
SOURCE = "int data[2048] = {1}; int function(void) { return 42; }\n"
tests = []


def header(image, number):
    phoff, = struct.unpack_from("<Q", image, 32)
    phnum, = struct.unpack_from("<H", image, 56)
    return [at for at in range(phoff, phoff + 56 * phnum, 56) if struct.unpack_from("<I", image, at)[0] == LOAD][number]


def symbols(path):
    text = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    return {line.split()[2]: int(line.split()[0], 16) for line in text.splitlines() if len(line.split()) == 3}


def volume_make(folder):
    good = folder + "/good.so"
    make = lambda name, source, *more: subprocess.run([CC, "-O2", "-fPIC", "-shared", "-nostdlib", "-falign-functions=16", "-x", "c", "-",
                                                       "-o", folder + "/" + name, *more], input=source, text=True, check=True)
    make("good.so", SOURCE)
    make("giant.so", SOURCE + "char giant[250 << 20];\n")
    found = symbols(good)
    image = bytearray(open(good, "rb").read())

    def changed(name, change):
        new = bytearray(image)
        change(new)
        open(folder + "/" + name, "wb").write(new)

    offset, = struct.unpack_from("<Q", image, header(image, 1) + 8)
    address, = struct.unpack_from("<Q", image, header(image, 1) + 16)
    assert offset == address, "text lies in the file where it lies in memory"
    changed("syscall.so", lambda i: i.__setitem__(slice(found["function"] + 4, found["function"] + 6), b"\x0f\x05"))
    changed("overlap.so", lambda i: struct.pack_into("<Q", i, header(i, 3) + 16, address))
    changed("writable.so", lambda i: struct.pack_into("<I", i, header(i, 1) + 4, 7))
    note = bytes(image).index(b"Carrel\0\0")
    changed("libos.so", lambda i: struct.pack_into("<I", i, note + 12, 1))
    open(folder + "/text", "w").write("no object\n" * 100)
    subprocess.run(["gcc", "-shared", "-fPIC", "-nostdlib", "-x", "c", "-", "-o", folder + "/ordinary.so"], input=SOURCE, text=True, check=True)
    return str(found["function"]), str(found["data"] + 4096 & ~4095)


def main():
    for what, name, status, report in (
            ("rewritten, cut off, and every memory call", "m", 0, None), ("files that are no objects", "f", 0, None),
            ("as many as a window takes", "n", 0, None), ("larger than the arena", "g", 0, None),
            ("changed while it is judged", "r", 0, None), ("a landing pad made of its data", "d", 139, "SIGSEGV in its program"),
            ("the middle of its text", "t", 132, "SIGILL in its program")):
        with tempfile.TemporaryDirectory() as folder:
            where = volume_make(folder)
            done = subprocess.run([BUILT + "beside", "-l", "build/lib/carrel/libos", "-v", folder + ":/data", BUILT + "program/hello",
                                   BUILT + "libos/plain", BUILT + "c/objects", name, *where],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        problems = []
        if done.returncode != status:
            problems.append(f"exit status {done.returncode}, not {status}")
        if done.stdout != ("" if status else "nothing went through\n"):
            problems.append(f"said {done.stdout!r}")
        if report and not re.search(report, done.stderr):
            problems.append("another report")
        if "beside: intact" not in done.stderr:
            problems.append("its neighbours were not found intact")
        tests.append((what, problems, done.stderr))
    print(f"1..{len(tests)}")
    for n, (what, problems, report) in enumerate(tests, 1):
        print(("not ok" if problems else "ok"), n, "-", what)
        for line in problems + (report.splitlines()[:6] if problems else []):
            print("#", line)


main()
