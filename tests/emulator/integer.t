#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Every integer instruction of RV64IMA and C, on edge values and random ones, against a model written here from the specification,
# interpreted and translated; and the same programs under qemu, which checks the model.
import random
import struct
import sys

sys.path.insert(0, "tests/emulator")
from machine import EPILOGUE, PROLOGUE, WAYS, assemble, emulate, finish, ok, qemu, table  # noqa: E402

random.seed(20261125)
M = (1 << 64) - 1
EDGES = [0, 1, 2, M, M - 1, 1 << 63, (1 << 63) - 1, 1 << 31, (1 << 31) - 1, 0xffffffff, 0xffffffff80000000, 0x5555555555555555, 63, 64, 31, 32]


def s(x, bits=64):
    x &= (1 << bits) - 1
    return x - (1 << bits) if x >> bits - 1 else x


def w(x):
    return s(x, 32) & M


def divide(a, b, bits):
    if b == 0:
        return -1
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def rest(a, b, bits):
    return a if b == 0 else a - b * divide(a, b, bits)


REGISTER = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "sll": lambda a, b: a << (b & 63), "slt": lambda a, b: s(a) < s(b),
    "sltu": lambda a, b: a < b, "xor": lambda a, b: a ^ b, "srl": lambda a, b: a >> (b & 63), "sra": lambda a, b: s(a) >> (b & 63),
    "or": lambda a, b: a | b, "and": lambda a, b: a & b,
    "addw": lambda a, b: w(a + b), "subw": lambda a, b: w(a - b), "sllw": lambda a, b: w(a << (b & 31)),
    "srlw": lambda a, b: w((a & 0xffffffff) >> (b & 31)), "sraw": lambda a, b: w(s(a, 32) >> (b & 31)),
    "mul": lambda a, b: a * b, "mulh": lambda a, b: s(a) * s(b) >> 64, "mulhsu": lambda a, b: s(a) * b >> 64,
    "mulhu": lambda a, b: a * b >> 64, "div": lambda a, b: divide(s(a), s(b), 64), "divu": lambda a, b: a // b if b else M,
    "rem": lambda a, b: rest(s(a), s(b), 64), "remu": lambda a, b: a % b if b else a, "mulw": lambda a, b: w(a * b),
    "divw": lambda a, b: w(divide(s(a, 32), s(b, 32), 32)), "divuw": lambda a, b: w((a & 0xffffffff) // (b & 0xffffffff)) if b & 0xffffffff else M,
    "remw": lambda a, b: w(rest(s(a, 32), s(b, 32), 32)), "remuw": lambda a, b: w((a & 0xffffffff) % (b & 0xffffffff) if b & 0xffffffff else a),
}
IMMEDIATE = {
    "addi": lambda a, i: a + i, "slti": lambda a, i: s(a) < i, "sltiu": lambda a, i: a < (i & M), "xori": lambda a, i: a ^ i,
    "ori": lambda a, i: a | i, "andi": lambda a, i: a & i, "addiw": lambda a, i: w(a + i),
}
SHIFT = {
    "slli": (64, lambda a, i: a << i), "srli": (64, lambda a, i: a >> i), "srai": (64, lambda a, i: s(a) >> i),
    "slliw": (32, lambda a, i: w(a << i)), "srliw": (32, lambda a, i: w((a & 0xffffffff) >> i)), "sraiw": (32, lambda a, i: w(s(a, 32) >> i)),
}
BRANCH = {"beq": lambda a, b: a == b, "bne": lambda a, b: a != b, "blt": lambda a, b: s(a) < s(b), "bge": lambda a, b: s(a) >= s(b),
          "bltu": lambda a, b: a < b, "bgeu": lambda a, b: a >= b}
AMO = {"amoswap": lambda a, b: b, "amoadd": lambda a, b: a + b, "amoxor": lambda a, b: a ^ b, "amoand": lambda a, b: a & b,
       "amoor": lambda a, b: a | b, "amomin": lambda a, b: min(a, b), "amomax": lambda a, b: max(a, b), "amominu": lambda a, b: min(a, b),
       "amomaxu": lambda a, b: max(a, b)}
# Destination and sources in host registers and in memory, and the same one twice.
TRIPLES = [("a2", "a0", "a1"), ("a0", "a0", "a1"), ("a1", "a0", "a1"), ("t3", "t4", "t5"), ("t4", "t4", "t5"), ("t5", "t4", "t5"),
           ("a2", "t4", "a1"), ("t3", "a0", "t5"), ("zero", "a0", "a1")]


def pair():
    return random.choice(EDGES) if random.random() < .5 else random.getrandbits(64), random.choice(EDGES) if random.random() < .5 else random.getrandbits(64)


class Program:
    def __init__(self):
        self.text, self.data, self.expected, self.label = [], [], [], 0

    def operands(self, a, b, ra, rb):
        self.data += [a, b]
        self.text.append(f"\tld {ra}, 0(s0)\n\tld {rb}, 8(s0)\n\taddi s0, s0, 16")

    def result(self, register, value):
        self.text.append(f"\tsd {register}, 0(s1)\n\taddi s1, s1, 8")
        self.expected.append(int(value) & M)

    def run(self, name, what):
        file = assemble(name, PROLOGUE + "\n".join(self.text) + EPILOGUE % (table(self.data), 8 * len(self.expected)))
        runs = {"qemu (which checks the model)": qemu(file)} | {way: emulate(options, file) for way, options in WAYS.items()}
        for way, (status, out, errors) in runs.items():
            got = struct.unpack(f"<{len(out) // 8}Q", out[:len(out) // 8 * 8])
            wrong = [n for n, (g, e) in enumerate(zip(got, self.expected)) if g != e]
            ok(status == 0 and len(got) == len(self.expected) and not wrong, f"{what}: {way}", f"status {status}", errors.decode(),
               *[f"result {n}: {got[n]:#x}, expected {self.expected[n]:#x}" for n in wrong[:4]])


p = Program()
for name, model in REGISTER.items():
    for n in range(36):
        a, b = pair()
        rd, ra, rb = TRIPLES[n % len(TRIPLES)]
        p.operands(a, b, ra, rb)
        p.text.append(f"\t{name} {rd}, {ra}, {rb}")
        p.result(rd, 0 if rd == "zero" else model(a, b))
    a, b = pair()
    p.operands(a, b, "a0", "a1")
    p.text.append(f"\t{name} a2, a0, a0\n\t{name} a3, zero, a1\n\t{name} a4, a0, zero")
    p.result("a2", model(a, a))
    p.result("a3", model(0, b))
    p.result("a4", model(a, 0))
p.run("register", "register forms")

p = Program()
for name, model in IMMEDIATE.items():
    for n in range(24):
        a, i = pair()[0], random.choice([0, 1, -1, 2047, -2048, random.randint(-2048, 2047)])
        rd, ra, rb = TRIPLES[n % len(TRIPLES)]
        p.operands(a, 0, ra, "t6")
        p.text.append(f"\t{name} {rd}, {ra}, {i}")
        p.result(rd, 0 if rd == "zero" else model(a, i))
for name, (bits, model) in SHIFT.items():
    for n in range(24):
        a, i = pair()[0], random.choice([0, 1, bits - 1, random.randrange(bits)])
        rd, ra, rb = TRIPLES[n % len(TRIPLES)]
        p.operands(a, 0, ra, "t6")
        p.text.append(f"\t{name} {rd}, {ra}, {i}")
        p.result(rd, 0 if rd == "zero" else model(a, i))
for rd in ("a2", "t3"):
    for i in (0, 1, 0x7ffff, 0x80000, 0xfffff, random.getrandbits(20)):
        p.text.append(f"\tlui {rd}, {i}")
        p.result(rd, w(i << 12))
    p.text.append(f"1:\tauipc {rd}, 0x12345\n\tla t6, 1b\n\tsub {rd}, {rd}, t6")
    p.result(rd, 0x12345000)
    p.text.append(f"\tjal {rd}, 2f\n1:\tj 3f\n2:\tla t6, 1b\n\tsub {rd}, {rd}, t6\n3:")
    p.result(rd, 0)
    p.text.append(f"\tla t6, 2f\n\tjalr {rd}, 1(t6)\n1:\tj 3f\n2:\tla t6, 1b\n\tsub {rd}, {rd}, t6\n3:")
    p.result(rd, 0)
p.run("immediate", "immediate forms")

p = Program()
for name, model in BRANCH.items():
    for n in range(40):
        a, b = pair()
        if n % 4 == 0:
            b = a
        ra, rb = [("a0", "a1"), ("t4", "t5"), ("a0", "t5"), ("t4", "a1"), ("a0", "zero"), ("zero", "t5"), ("a0", "a0")][n % 7]
        va, vb = 0 if ra == "zero" else a, 0 if rb == "zero" else a if rb == ra else b
        p.data += [a, b]
        p.text.append("\tld a0, 0(s0)\n\tmv t4, a0\n\tld a1, 8(s0)\n\tmv t5, a1\n\taddi s0, s0, 16")
        p.text.append(f"\tli a2, 1\n\t{name} {ra}, {rb}, 1f\n\tli a2, 0\n1:")
        p.result("a2", model(va, vb))
        # and backwards
        p.text.append(f"\tj 2f\n1:\tli a2, 3\n\tj 3f\n2:\tli a2, 2\n\t{name} {ra}, {rb}, 1b\n3:")
        p.result("a2", 3 if model(va, vb) else 2)
p.run("branch", "branches")

p = Program()
for size, name, bits, signed in ((1, "lb", 8, True), (2, "lh", 16, True), (4, "lw", 32, True), (8, "ld", 64, True), (1, "lbu", 8, False),
                                 (2, "lhu", 16, False), (4, "lwu", 32, False)):
    for rd in ("a2", "t3", "a0"):
        for offset in range(0, 9, 1 if size < 4 else 3):
            a, b = random.getrandbits(64), random.getrandbits(64)
            p.data += [a, b]
            value = (a | b << 64) >> 8 * offset & (1 << bits) - 1 if offset + size <= 16 else 0
            p.text.append(f"\tmv a0, s0\n\tmv t4, s0\n\t{name} {rd}, {offset}({random.choice(['a0', 't4'])})\n\taddi s0, s0, 16")
            p.result(rd, s(value, bits) if signed else value)
for size, name in ((1, "sb"), (2, "sh"), (4, "sw"), (8, "sd")):
    for register in ("a2", "t3", "zero", "s0"):
        for offset in (-3, 0, 1, 4, 8):
            old, value = random.getrandbits(128), random.getrandbits(64)
            start = offset + 4
            p.data += [old & M, old >> 64, value]
            p.text.append("\tld a3, 0(s0)\n\tsd a3, 0(s1)\n\tld a3, 8(s0)\n\tsd a3, 8(s1)\n\tmv t5, s0")
            p.text.append(f"\tld {register if register != 'zero' else 'a2'}, 16({'s0' if register != 's0' else 't5'})")
            p.text.append(f"\taddi t4, s1, 4\n\t{name} {register}, {offset}(t4)\n\taddi s0, t5, 24\n\taddi s1, s1, 16")
            v = 0 if register == "zero" else value
            mask = (1 << 8 * size) - 1 << 8 * start
            new = old & ~mask | v << 8 * start & mask
            p.expected += [new & M, new >> 64 & M]
p.run("memory", "loads and stores")

p = Program()
for name, model in AMO.items():
    for suffix, bits in (("w", 32), ("d", 64)):
        for order in ("", ".aq", ".rl", ".aqrl"):
            for rd in ("a2", "t3", "a0"):
                a, b = pair()
                view = (lambda x: x & (1 << bits) - 1) if name in ("amominu", "amomaxu") else (lambda x: s(x, bits))
                p.operands(a, b, "a0", "a1")
                p.text.append(f"\tsd a0, 0(s1)\n\t{name}.{suffix}{order} {rd}, a1, (s1)\n\taddi s1, s1, 8")
                new = model(view(a), view(b)) & (1 << bits) - 1
                p.expected.append(a & ~((1 << bits) - 1) & M | new)
                p.result(rd, s(a, bits))
for suffix, bits in (("w", 32), ("d", 64)):
    a, b = pair()
    p.operands(a, b, "a0", "a1")
    p.text.append(f"\tsd a0, 0(s1)\n\tmv t4, s1\n\taddi s1, s1, 8\n1:\tlr.{suffix} a2, (t4)\n\tsc.{suffix} a3, a1, (t4)\n\tbnez a3, 1b\n\tld a4, 0(t4)")
    p.expected.append(a & ~((1 << bits) - 1) & M | b & (1 << bits) - 1)
    p.result("a2", s(a, bits))
    p.result("a4", a & ~((1 << bits) - 1) & M | b & (1 << bits) - 1)
    p.text.append(f"\tsc.{suffix} a3, a0, (t4)\n\tsnez a3, a3")      # without a reservation
    p.result("a3", 1)
p.run("atomic", "atomics")

# Compressed: the assembler's own mnemonics, each against its meaning.
p = Program()
for n in range(12):
    a, b = pair()
    i6, shamt, u = random.choice([1, -1, 31, -32, 5]), random.randrange(1, 64), random.choice([1, 31, 0xfffe0, 0xfffff])
    for text, value in ((f"c.addi a0, {i6}", a + i6), (f"c.addiw a0, {i6}", w(a + i6)), (f"c.li a0, {i6}", i6), (f"c.lui a0, {u}", w(u << 12)),
                        (f"c.slli a0, {shamt}", a << shamt), (f"c.srli a0, {shamt}", a >> shamt), (f"c.srai a0, {shamt}", s(a) >> shamt),
                        (f"c.andi a0, {i6}", a & i6), ("c.mv a0, a1", b), ("c.add a0, a1", a + b), ("c.sub a0, a1", a - b), ("c.xor a0, a1", a ^ b),
                        ("c.or a0, a1", a | b), ("c.and a0, a1", a & b), ("c.subw a0, a1", w(a - b)), ("c.addw a0, a1", w(a + b)),
                        ("c.beqz a1, 1f\n\tli a0, 7\n1:", a if b == 0 else 7), ("c.bnez a1, 1f\n\tli a0, 7\n1:", a if b else 7),
                        ("c.j 1f\n\tli a0, 7\n1:", a), ("la t0, 1f\n\tc.jr t0\n\tli a0, 7\n1:", a),
                        ("la t0, 1f\n\tc.jalr t0\n2:\tli a0, 7\n1:\tla t1, 2b\n\tsub a0, ra, t1", 0), ("c.nop", a)):
        p.operands(a, b, "a0", "a1")
        p.text.append("\t" + text)
        p.result("a0", value)
    p.operands(a, b, "a0", "a1")
    p.text.append("\tmv a5, sp\n\taddi sp, sp, -128\n\tc.addi4spn a2, sp, 64\n\tsub a3, a2, sp\n\tc.sdsp a0, 64(sp)\n\tc.ld a4, 0(a2)\n\tc.sw a1, 8(a2)"
                  "\n\tc.lwsp t0, 72(sp)\n\tc.swsp a0, 80(sp)\n\tc.lw a0, 16(a2)\n\tc.sd a1, 24(a2)\n\tc.ldsp t1, 88(sp)\n\tc.addi16sp sp, 128\n\tsub a5, a5, sp")
    for register, value in (("a3", 64), ("a4", a), ("t0", s(b, 32)), ("a0", s(a, 32)), ("t1", b), ("a5", 0)):
        p.result(register, value)
p.run("compressed", "compressed forms")
finish()
