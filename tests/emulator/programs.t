#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Static glibc programs in C with files, processes, signals, threads and floats: the same output and status as under qemu, in
# every way.
import sys

sys.path.insert(0, "tests/emulator")
from machine import WAYS, compile, emulate, finish, ok, qemu  # noqa: E402

EXPECTED = {"files": 9, "threads": 4, "signals": 0, "floats": 0, "supervise": 0}
for name, wanted in EXPECTED.items():
    program = compile(f"tests/emulator/programs/{name}.c", name, "-pthread", "-lm")
    status, expected, errors = qemu(program)
    ok(status == wanted, f"{name} under qemu", f"status {status}", errors.decode()[-500:])
    for way, options in (WAYS | {"without capabilities": ["--cheri-off"]}).items():
        status, out, errors = emulate(options, program, seconds=30)
        differences = [f"{g!r}, qemu {e!r}" for g, e in zip(out.decode().split("\n"), expected.decode().split("\n")) if g != e]
        ok(status == wanted and out == expected and not errors, f"{name}: {way}", f"status {status}, wanted {wanted}", *differences[:3], errors.decode()[:600])
program = compile("tests/emulator/programs/storm.c", "storm", "-pthread")
for way, options in WAYS.items():
    status, out, errors = emulate(options, program, seconds=30)
    ok((status, out, errors) == (6, b"wrong 0, interrupted\n", b""), f"storm: {way}", status, out, errors)
program = compile("tests/emulator/programs/flush.c", "flush", "-pthread")
for way, options in WAYS.items():
    status, out, errors = emulate(options, program, seconds=30)
    ok((status, out, errors) == (0, b"wrong 0, flushed often\n", b""), f"flush: {way}", status, out, errors)
program = compile("tests/emulator/programs/exec.c", "exec")
for way, options in WAYS.items():
    status, out, errors = emulate(options, program)
    ok((status, out) == (0, f"renamed 3 two words\n3\n{program} 3 spawned\n3\nof the host\n0\n-1 1\n".encode()), f"exec: {way}", status, out, errors)
program = compile("tests/emulator/programs/maps.c", "maps")
for way, options in WAYS.items():
    status, out, errors = emulate(options, program)
    ok((status, out) == (0, b"touched 12 kB, closed -1, stack 1\nnamed 1, code 1, closes on exec 0, written -1\nchild 20 kB, this one 12 kB\ngone -1 1\nbelow a TiB 1, 1\n"),
       f"maps: {way}", status, out, errors)
program = compile("tests/emulator/programs/tags.c", "tags")
for way, options in WAYS.items():
    status, out, errors = emulate(options, program)
    ok((status, out) == (0, b"none 0, put 11 of 11\na page replaced: there 0, beside 10\nread 16777248: there 0, before 3, behind 3\n"
                            b"all replaced: 0\nunmapped and mapped: 0\n"), f"tags: {way}", status, out, errors)
pie = compile("tests/emulator/programs/floats.c", "pie", "-static-pie", "-fPIE", "-lm")
ok(emulate([], pie)[:2] == qemu(pie)[:2], "a static PIE")
finish()
