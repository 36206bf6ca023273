#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Every F and D instruction on special and random values, in every rounding mode, static and dynamic: results and flags as qemu
# has them (Berkeley's SoftFloat). Some well-known answers are written here, so that both being wrong alike shows.
import random
import struct
import sys

sys.path.insert(0, "tests/emulator")
from machine import EPILOGUE, PROLOGUE, WAYS, assemble, emulate, finish, ok, qemu, table  # noqa: E402

random.seed(20261126)
MODES = ["rne", "rtz", "rdn", "rup", "rmm"]
BOX = 0xffffffff << 32


def d(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def f(x):
    return BOX | struct.unpack("<I", struct.pack("<f", x))[0]


DOUBLES = [d(x) for x in (0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 3.0, 1e300, -1e300, 1e-300, 2.0**31, -2.0**31, 2.0**31 - 0.5, 2.0**32, 2.0**63,
                          -2.0**63, 2.0**64, -0.25, -0.75, 4294967295.5, 2147483647.5, 1 / 3, float("inf"), float("-inf"), 1e-40, 3.5e38)] + [
    0x7ff8000000000000, 0xfff8000000000001, 0x7ff0000000000001, 0x7fefffffffffffff, 1, 0x8000000000000001, 0xfffffffffffff, 0x10000000000000,
    0x3ff0000000000001, 0x380fffffffffffff, 0x36a0000000000000, 0x47efffffe0000000, 0x47efffffefffffff, 0x47effffff0000000]
SINGLES = [f(x) for x in (0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 3.0, 1e38, -1e38, 1e-38, 2.0**31, -2.0**31, 2.0**32, 2.0**63, -2.0**63, 2.0**64,
                          -0.25, -0.75, 1 / 3, 16777217.0, float("inf"), float("-inf"))] + [
    BOX | x for x in (0x7fc00000, 0xffc00001, 0x7f800001, 0x7f7fffff, 1, 0x80000001, 0x7fffff, 0x800000, 0x3f800001)] + [
    0x3ff0000000000000, 0x000000003f800000, 0xfffffffe3f800000]      # not boxed: NaN
INTEGERS = [0, 1, -1, 1 << 31, -(1 << 31), (1 << 31) - 1, 0xffffffff, 1 << 63, (1 << 63) - 1, (1 << 53) + 1, -(1 << 53) - 1, (1 << 24) + 1,
            0x8000000000000401, 0x8000000000000400, 0xffffffffffffffff, 0x4000008000000001, 0x8000008000000000]


def value(kind):
    if kind == "x":
        return random.choice(INTEGERS) if random.random() < .6 else random.getrandbits(64)
    if kind == "s":
        return random.choice(SINGLES) if random.random() < .6 else BOX | random.getrandbits(32) if random.random() < .5 else f(random.uniform(-1e3, 1e3))
    return random.choice(DOUBLES) if random.random() < .6 else random.getrandbits(64) if random.random() < .5 else d(random.uniform(-1e3, 1e3))


class Program:
    def __init__(self):
        self.text, self.data, self.names = [], [], []

    def case(self, name, result, kinds, rounds, operands=None):
        """One instruction: operands from fa0 fa1 fa2 or a0, result in fa3 or a3; then the flags."""
        values = operands or [value(kind) for kind in kinds]
        self.data += values + [0] * (3 - len(values))
        load = [f"ld a{n}, {8 * n}(s0)" if kind == "x" else f"fld fa{n}, {8 * n}(s0)" for n, kind in enumerate(kinds)]
        mode = random.choice(MODES + ["dyn"] * 5) if rounds else None
        dynamic = random.randrange(5)
        target = "a3" if result == "x" else "fa3"
        arguments = ", ".join([target] + [f"a{n}" if kind == "x" else f"fa{n}" for n, kind in enumerate(kinds)])
        text = f"{name} {arguments}" + (f", {mode}" if mode else "")
        self.text.append("\t" + "\n\t".join(["li a4, %d" % (dynamic << 5), "fscsr a4", *load, text, "frflags a4",
                                             "sd a3, 0(s1)" if result == "x" else "fsd fa3, 0(s1)", "sd a4, 8(s1)", "addi s0, s0, 24", "addi s1, s1, 16"]))
        self.names.append(f"{text} of {[hex(v & (1 << 64) - 1) for v in values]}, frm {dynamic}")

    def run(self, name, what, known=()):
        file = assemble(name, PROLOGUE + "\n".join(self.text) + EPILOGUE % (table(self.data), 16 * len(self.names)))
        status, expected, errors = qemu(file)
        ok(status == 0 and len(expected) == 16 * len(self.names), f"{what}: runs under qemu", status, errors.decode())
        for n, (result, flags) in enumerate(known):
            ok(struct.unpack_from("<QQ", expected, 16 * n) == (result, flags), f"{what}: known answer {n + 1}", self.names[n])
        for way, options in WAYS.items():
            status, got, errors = emulate(options, file)
            wrong = [n for n in range(len(self.names)) if got[16 * n:16 * n + 16] != expected[16 * n:16 * n + 16]]
            ok(status == 0 and not wrong, f"{what}: {len(self.names)} cases, {way}", f"status {status}, {len(wrong)} differ", errors.decode(),
               *[f"{self.names[n]}: {struct.unpack_from('<QQ', got, 16 * n)!r}, qemu {struct.unpack_from('<QQ', expected, 16 * n)!r}" for n in wrong[:5]])


known = Program()
answers = []
for name, kinds, result, operands, answer, flags in (
        ("fadd.d", "dd", "d", [d(1.0), d(2.0)], d(3.0), 0), ("fdiv.d", "dd", "d", [d(1.0), d(0.0)], d(float("inf")), 8),
        ("fsub.d", "dd", "d", [d(float("inf")), d(float("inf"))], 0x7ff8000000000000, 16), ("fsqrt.d", "d", "d", [d(-1.0)], 0x7ff8000000000000, 16),
        ("fmul.s", "ss", "s", [0x3f800000, f(1.0)], BOX | 0x7fc00000, 0), ("fmin.d", "dd", "d", [d(-0.0), d(0.0)], d(-0.0), 0),
        ("fmax.d", "dd", "d", [0x7ff0000000000001, d(1.0)], d(1.0), 16), ("fcvt.w.d", "d", "x", [d(3e9)], 0x7fffffff, 16),
        ("fcvt.wu.d", "d", "x", [d(-1.0)], 0, 16), ("fcvt.wu.d", "d", "x", [d(4294967295.0)], 0xffffffffffffffff, 0),
        ("fmadd.d", "ddd", "d", [d(float("inf")), d(0.0), 0x7ff8000000000000], 0x7ff8000000000000, 16), ("fclass.d", "d", "x", [0x7ff0000000000001], 0x100, 0)):
    known.case(name, result, kinds, False, operands)
    answers.append((answer, flags))
known.run("known", "known answers", answers)

for kind, letter in (("s", "s"), ("d", "d")):
    p = Program()
    for name in ("fadd", "fsub", "fmul", "fdiv"):
        for _ in range(220):
            p.case(f"{name}.{letter}", kind, kind * 2, True)
    for _ in range(120):
        p.case(f"fsqrt.{letter}", kind, kind, True)
    for name in ("fmadd", "fmsub", "fnmadd", "fnmsub"):
        for _ in range(150):
            p.case(f"{name}.{letter}", kind, kind * 3, True)
    p.run("arithmetic_" + letter, f"arithmetic .{letter}")
    p = Program()
    for name, result in (("fsgnj", kind), ("fsgnjn", kind), ("fsgnjx", kind), ("fmin", kind), ("fmax", kind), ("feq", "x"), ("flt", "x"), ("fle", "x")):
        for _ in range(100):
            p.case(f"{name}.{letter}", result, kind * 2, False)
    for _ in range(100):
        p.case(f"fclass.{letter}", "x", kind, False)
    for to in ("w", "wu", "l", "lu"):
        for _ in range(120):
            p.case(f"fcvt.{to}.{letter}", "x", kind, True)
        for _ in range(80):
            p.case(f"fcvt.{letter}.{to}", kind, "x", True if not (letter == "d" and to in ("w", "wu")) else False)
    for name, result, kinds in (("fmv.x.w", "x", "s"), ("fmv.w.x", "s", "x")) if letter == "s" else (("fmv.x.d", "x", "d"), ("fmv.d.x", "d", "x")):
        for _ in range(20):
            p.case(name, result, kinds, False)
    for _ in range(100):
        p.case("fcvt.s.d", "s", "d", True)
        p.case("fcvt.d.s", "d", "s", False)
    p.run("other_" + letter, f"compare, convert, move .{letter}")

# Ties, which only exact halves show: sums and products that end on one, in every mode.
p = Program()
for _ in range(400):
    a = random.randrange(1 << 52, 1 << 53)
    p.case("fadd.d", "d", "dd", True, [d(float(a) * random.choice([1, -1])), d(random.choice([0.5, -0.5, 0.25, 0.75, 1.0]))])
    b = random.randrange(1 << 23, 1 << 24)
    p.case("fadd.s", "s", "ss", True, [f(float(b) * random.choice([1, -1])), f(random.choice([0.5, -0.5, 0.25, 0.75]))])
    p.case("fmul.s", "s", "ss", True, [f(float(random.randrange(1, 1 << 13))), f(float(random.randrange(1, 1 << 12)) + .5)])
    p.case("fdiv.d", "d", "dd", True, [random.randrange(1, 1 << 12), d(random.choice([2.0, 4.0, 8.0]))])
    p.case("fmadd.d", "d", "ddd", True, [d(float(a)), d(1.0), d(random.choice([0.5, -0.5]))])
    p.case("fcvt.s.d", "s", "d", True, [d(float(b) + .5)])
    p.case("fcvt.s.l", "s", "x", True, [b * 2 + 1])
    p.case("fcvt.d.lu", "d", "x", True, [a * 2 + 1 << 10])
p.run("ties", "ties")
finish()
