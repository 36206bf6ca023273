#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Every cause of a capability violation, raised and reported: cause, register and address on one line, then the registers;
# status 139. What must not fault does not. Each program runs interpreted and translated.
import subprocess
import sys

sys.path.insert(0, "tests/emulator")
from machine import WAYS, assemble, emulate, finish, ok  # noqa: E402

MACROS = """
	.macro cspecialrw cd, scr, cs
	.insn r 0x5b, 0, 1, \\cd, \\cs, x\\scr
	.endm
	.macro three cd, f, a, b
	.insn r 0x5b, 0, \\f, \\cd, \\a, \\b
	.endm
	.macro one cd, f, a
	.insn r 0x5b, 0, 0x7f, \\cd, \\a, x\\f
	.endm
	.macro csetaddr cd, a, b
	three \\cd, 0x10, \\a, \\b
	.endm
	.macro csetbounds cd, a, b
	three \\cd, 0x08, \\a, \\b
	.endm
	.macro candperm cd, a, b
	three \\cd, 0x0d, \\a, \\b
	.endm
	.macro cseal cd, a, b
	three \\cd, 0x0b, \\a, \\b
	.endm
	.macro cinvoke a, b
	.insn r 0x5b, 0, 0x7e, x1, \\a, \\b
	.endm
	.macro ld.cap rd, cs
	.insn r 0x5b, 0, 0x7d, \\rd, \\cs, x11
	.endm
	.macro lc.cap rd, cs
	.insn r 0x5b, 0, 0x7d, \\rd, \\cs, x31
	.endm
	.macro sd.cap cs, rs
	.insn r 0x5b, 0, 0x7c, x11, \\cs, \\rs
	.endm
	.macro sc.cap cs, rs
	.insn r 0x5b, 0, 0x7c, x12, \\cs, \\rs
	.endm
	.macro exit code
	li a0, \\code
	li a7, 94
	ecall
	.endm
	.data
	.balign 64
buffer:	.zero 256
	.text
	.globl _start
_start:
	cspecialrw x1, 0, x0		# PCC
	cspecialrw x3, 1, x0		# DDC
	la t0, buffer
	csetaddr x4, x3, t0
	li t1, 64
	csetbounds x4, x4, t1		# x4: 64 bytes of buffer
"""


def build(name, text):
    return assemble(name, MACROS + text)


# t0 is x5, t2 is x7. A sealed pair in x5 (code at `inside`) and x6 (data), type 7.
PAIR = """
	la t2, inside
	csetaddr x5, x1, t2
	csetaddr x6, x3, t0
	li t2, %s
	candperm x5, x5, t2
	li t2, %s
	candperm x6, x6, t2
	li t2, 7
	csetaddr x28, x3, t2
	li t2, %d
	csetaddr x29, x3, t2
	%s
	%s
	cinvoke x5, x6
	exit 1
inside:
	exit 42
"""


def pair(code="0x78fff", data="0x78ffd", kind=7, seal_code="cseal x5, x5, x28", seal_data="cseal x6, x6, x29"):
    return PAIR % (code, data, kind, seal_code, seal_data)


NARROW = """
	csetaddr x5, x3, t0
	li t1, 128
	csetbounds x5, x5, t1
	%s
	cspecialrw x0, 1, x5
"""
LENGTH, TAG, SEAL, TYPE = (1, "length"), (2, "tag"), (3, "seal"), (4, "type")
PX, PL, PS, PLC, PSC, PSL, ASR, PCI = ((0x11, "permit-execute"), (0x12, "permit-load"), (0x13, "permit-store"), (0x14, "permit-load-capability"),
                                      (0x15, "permit-store-capability"), (0x16, "permit-store-local-capability"), (0x18, "access-system-registers"),
                                      (0x19, "permit-cinvoke"))
# name: program, (cause, its name), register's name, its number; the address is checked where the program says it in `at`
# (symbol + offset)
VIOLATIONS = [
    ("load beyond the end", "li t2, 57\n\tthree x5, 0x11, x4, t2\n\tld.cap a0, x5", LENGTH, "c5", 5, "buffer", 57),
    ("load before the start", ".insn i 0x5b, 1, x5, -8(x4)\n\tld.cap a0, x5", LENGTH, "c5", 5, "buffer", -8),
    ("store beyond the end", ".insn i 0x5b, 1, x5, 64(x4)\n\tsd.cap x5, a0", LENGTH, "c5", 5, "buffer", 64),
    ("load of a capability beyond the end", ".insn i 0x5b, 1, x5, 64(x4)\n\tlc.cap x6, x5", LENGTH, "c5", 5, "buffer", 64),
    ("load through an integer", "mv t2, t0\n\tld.cap a0, t2", TAG, "c7", 7, "buffer", 0),
    ("store through a capability overwritten by an integer of the same value", "one x5, 10, x4\n\tla x5, buffer\n\tsd.cap x5, a0", TAG, "c5", 5,
     "buffer", 0),
    ("load through a cleared tag", "one x5, 11, x4\n\tld.cap a0, x5", TAG, "c5", 5, "buffer", 0),
    ("load through a sealed one", "li t2, 9\n\tcsetaddr x28, x3, t2\n\tcseal x5, x4, x28\n\tld.cap a0, x5", SEAL, "c5", 5, "buffer", 0),
    ("store through a sentry", "one x5, 17, x4\n\tsd.cap x5, a0", SEAL, "c5", 5, "buffer", 0),
    ("load without the permission", "li t2, ~4\n\tcandperm x5, x4, t2\n\tld.cap a0, x5", PL, "c5", 5, "buffer", 0),
    ("store without the permission", "li t2, ~8\n\tcandperm x5, x4, t2\n\tsd.cap x5, a0", PS, "c5", 5, "buffer", 0),
    ("store of a capability without the permission", "li t2, ~32\n\tcandperm x5, x4, t2\n\tsc.cap x5, x4", PSC, "c5", 5, "buffer", 0),
    ("store of a local capability", "li t2, ~64\n\tcandperm x5, x4, t2\n\tli t2, ~1\n\tcandperm x6, x4, t2\n\tsc.cap x5, x6", PSL, "c5", 5, "buffer", 0),
    ("tags without the permission", "li t2, ~16\n\tcandperm x5, x4, t2\n\tone a0, 18, x5", PLC, "c5", 5, "buffer", 0),
    ("plain load outside DDC", NARROW % "" + "ld a0, 128(t0)", LENGTH, "ddc", 0x21, "buffer", 128),
    ("plain load before DDC", NARROW % "" + "lb a0, -1(t0)", LENGTH, "ddc", 0x21, "buffer", -1),
    ("plain store across DDC's end", NARROW % "" + "sd a0, 121(t0)", LENGTH, "ddc", 0x21, "buffer", 121),
    ("atomic outside DDC", NARROW % "" + "addi t0, t0, 128\n\tamoadd.d a0, a1, (t0)", LENGTH, "ddc", 0x21, "buffer", 128),
    ("load of a float outside DDC", NARROW % "" + "fld fa0, 128(t0)", LENGTH, "ddc", 0x21, "buffer", 128),
    ("store of a float outside DDC", NARROW % "" + "fsw fa0, 128(t0)", LENGTH, "ddc", 0x21, "buffer", 128),
    ("LC outside DDC", NARROW % "" + ".insn i 0x0f, 2, x6, 128(t0)", LENGTH, "ddc", 0x21, "buffer", 128),
    ("SC outside DDC", NARROW % "" + ".insn s 0x23, 4, x4, 128(t0)", LENGTH, "ddc", 0x21, "buffer", 128),
    ("plain store, DDC without the permission", NARROW % "li t2, ~8\n\tcandperm x5, x5, t2" + "sd a0, 0(t0)", PS, "ddc", 0x21, "buffer", 0),
    ("plain load, DDC without the permission", NARROW % "li t2, ~4\n\tcandperm x5, x5, t2" + "ld a0, 0(t0)", PL, "ddc", 0x21, "buffer", 0),
    ("SC, DDC without the permission for capabilities", NARROW % "li t2, ~32\n\tcandperm x5, x5, t2" + ".insn s 0x23, 4, x4, 0(t0)", PSC, "ddc", 0x21, "buffer", 0),
    ("plain load, DDC untagged", "one x6, 11, x3\n\tcspecialrw x0, 1, x6\n\tld a0, 0(t0)", TAG, "ddc", 0x21, "buffer", 0),
    ("plain load, DDC sealed", "one x6, 17, x3\n\tcspecialrw x0, 1, x6\n\tld a0, 0(t0)", SEAL, "ddc", 0x21, "buffer", 0),
    ("plain load, DDC cleared", ".insn r 0x5b, 0, 0x7f, x1, x0, x14\n\tld a0, 0(t0)", TAG, "ddc", 0x21, "buffer", 0),
    ("jump through an integer", "la t2, inside\n\tone x1, 12, t2\ninside:", TAG, "c7", 7, "inside", 0),
    ("jump through a sealed one", "la t2, inside\n\tcsetaddr x5, x1, t2\n\tli t2, 9\n\tcsetaddr x28, x3, t2\n\tcseal x5, x5, x28\n\tone x1, 12, x5\ninside:", SEAL, "c5", 5, "inside", 0),
    ("jump without the permission", "li t2, ~2\n\tcandperm x5, x4, t2\n\tone x1, 12, x5", PX, "c5", 5, "buffer", 0),
    ("jump outside its bounds", "la t2, inside\n\tcsetaddr x5, x1, t2\n\tli t1, 4\n\tcsetbounds x5, x5, t1\n\t.insn i 0x5b, 1, x5, 4(x5)\n\tone x1, 12, x5\ninside:\n\tnop", LENGTH,
     "c5", 5, "inside", 4),
    ("plain jump outside PCC", "la t2, inside\n\tcsetaddr x5, x1, t2\n\tli t1, 8\n\tcsetbounds x5, x5, t1\n\tone x1, 12, x5\ninside:\n\tj 1f\n\tnop\n\tnop\n1:\n\tnop", LENGTH, "pcc", 0x20,
     None, 0),
    ("running out of PCC", "la t2, inside\n\tcsetaddr x5, x1, t2\n\tli t1, 8\n\tcsetbounds x5, x5, t1\n\tone x1, 12, x5\n\t.balign 8\ninside:\n\t.word 0x13, 0x13, 0x13", LENGTH, "pcc", 0x20,
     "inside", 8),
    ("system call without the permission", "la t2, inside\n\tcsetaddr x5, x1, t2\n\tli t2, ~(1 << 10)\n\tcandperm x5, x5, t2\n\tone x1, 12, x5\ninside:\n\tli a7, 94\n\tli a0, 0\nhere:\tecall",
     ASR, "pcc", 0x20, "here", 0),
    ("CInvoke of an untagged code", pair(seal_code="one x5, 11, x5"), TAG, "c5", 5, "inside", 0),
    ("CInvoke of an untagged data", pair(seal_data="one x6, 11, x6"), TAG, "c6", 6, "inside", 0),
    ("CInvoke of an unsealed code", pair(seal_code=""), SEAL, "c5", 5, "inside", 0),
    ("CInvoke of an unsealed data", pair(seal_data=""), SEAL, "c6", 6, "inside", 0),
    ("CInvoke of a sentry", pair(seal_code="one x5, 17, x5"), SEAL, "c5", 5, "inside", 0),
    ("CInvoke of two types", pair(kind=8), TYPE, "c5", 5, "inside", 0),
    ("CInvoke, code without the permission", pair(code="0x78eff"), PCI, "c5", 5, "inside", 0),
    ("CInvoke, data without the permission", pair(data="0x78efd"), PCI, "c6", 6, "inside", 0),
    ("CInvoke, code not executable", pair(code="0x78ffd"), PX, "c5", 5, "inside", 0),
    ("CInvoke, data executable", pair(data="0x78fff"), PX, "c6", 6, "inside", 0),
]
for n, (name, text, (cause, cause_name), register, number, symbol, offset) in enumerate(VIOLATIONS):
    file = build(f"v{n}", text + "\n\texit 3\n")
    symbols = {line.split()[2]: int(line.split()[0], 16) for line in
               subprocess.run(["riscv64-linux-gnu-nm", file], capture_output=True, text=True, check=True).stdout.splitlines()}
    at = f"at address {symbols[symbol] + offset:#x}," if symbol else "at address 0x"
    wanted = [f"SIGSEGV: {cause_name} violation through {register} ", at, f"(cause 0x{cause:02x}, register 0x{number:02x})"]
    problems = []
    for way in ("interpreted", "translated at once"):
        status, out, errors = emulate(WAYS[way], file)
        first = errors.decode().split("\n")[0]
        if status != -11 or not all(w in first for w in wanted) or "\n  pc " not in errors.decode():
            problems += [f"{way}: status {status}: {first}", f"wanted: {' '.join(wanted)}"]
    ok(not problems, name, *problems)

# What is allowed, with the status the program ends with.
ALLOWED = [
    ("CInvoke of a good pair", pair(), 42),
    ("load and store inside bounds", "li a0, 5\n\tsd.cap x4, a0\n\tld.cap a0, x4\n\tli a7, 94\n\tecall", 5),
    ("a capability through memory keeps its tag", "sc.cap x4, x4\n\tlc.cap x5, x4\n\tone a0, 4, x5\n\tli a7, 94\n\tecall", 1),
    ("a plain store of one byte clears the tag", "sc.cap x4, x4\n\tsb zero, 15(t0)\n\tlc.cap x5, x4\n\tone a0, 4, x5\n\tli a7, 94\n\tecall", 0),
    ("so does one that only reaches into it", "sc.cap x4, x4\n\tsw zero, -3(t0)\n\tlc.cap x5, x4\n\tone a0, 4, x5\n\tli a7, 94\n\tecall", 0),
    ("and a float's, and an atomic's", "sc.cap x4, x4\n\tfsd fa0, 8(t0)\n\tlc.cap x5, x4\n\tone a0, 4, x5\n\tsc.cap x4, x4\n\tamoor.w x0, x0, (t0)\n\tlc.cap x5, x4\n\tone a1, 4, x5\n\tadd a0, a0, a1\n\tli a7, 94\n\tecall", 0),
    ("and a system call's", "sc.cap x4, x4\n\tmv s0, t0\n\tli a0, 1\n\tmv a1, s0\n\tli a7, 113\n\tecall\n\tlc.cap x5, x4\n\tone a0, 4, x5\n\tli a7, 94\n\tecall", 0),
    ("a store beside it does not", "sc.cap x4, x4\n\tsd zero, 16(t0)\n\tsd zero, -8(t0)\n\tlc.cap x5, x4\n\tone a0, 4, x5\n\tli a7, 94\n\tecall", 1),
    ("without load-capability the tag stays behind", "sc.cap x4, x4\n\tli t2, ~16\n\tcandperm x6, x4, t2\n\tlc.cap x5, x6\n\tone a0, 4, x5\n\tli a7, 94\n\tecall", 0),
    ("an integer write makes null of a register", "one x5, 10, x4\n\taddi x5, x5, 0\n\tone a0, 4, x5\n\tone a1, 3, x5\n\taddi a1, a1, 1\n\tadd a0, a0, a1\n\tli a7, 94\n\tecall", 0),
    ("a sentry's jump and link", "la t2, inside\n\tcsetaddr x5, x1, t2\n\tone x5, 17, x5\n\tone x6, 12, x5\n\texit 1\ninside:\n\tone a0, 1, x6\n\tneg a0, a0\n\tli a7, 94\n\tecall", 2),
    ("jalr.pcc", "la t2, inside\n\tone x6, 20, t2\n1:\texit 1\ninside:\n\tla a0, 1b\n\tsub a0, a0, x6\n\tli a7, 94\n\tecall", 0),
    ("CClear", ".insn r 0x5b, 0, 0x7f, x16, x0, x14\n\tone a0, 4, x4\n\tli a7, 94\n\tecall", 0),
    ("FPClear", "fcvt.d.l fa0, t0\n\tfcvt.d.l fa1, t0\n\t.insn r 0x5b, 0, 0x7f, x4, x8, x16\n\tfmv.x.d a0, fa0\n\tfmv.x.d a1, fa1\n\tseqz a1, a1\n\tadd a0, a0, a1\n\tsnez a0, a0\n\tli a7, 94\n\tecall", 0),
    ("fence, fence.i, time and counters", "fence\n\tfence.i\n\trdtime a0\n\trdcycle a1\n\trdinstret a2\n\tsltu a0, a2, a0\n\tsltu a1, a2, a1\n\tadd a0, a0, a1\n\tli a7, 94\n\tecall", 0),
    ("tags of a line", "sc.cap x4, x4\n\t.insn i 0x5b, 1, x5, 32(x4)\n\tsc.cap x5, x4\n\tone a0, 18, x4\n\tli a7, 94\n\tecall", 5),
    ("LR.C and SC.C", "sc.cap x4, x4\n\t.insn r 0x2f, 4, 8, x5, t0, x0\n\t.insn r 0x2f, 4, 12, a0, t0, x5\n\tlc.cap x6, x4\n\tone a1, 4, x6\n\tadd a0, a0, a1\n\tli a7, 94\n\tecall", 1),
    ("SC.C after another store fails", "sc.cap x4, x4\n\t.insn r 0x2f, 4, 8, x5, t0, x0\n\tsd zero, 0(t0)\n\t.insn r 0x2f, 4, 12, a0, t0, x5\n\tli a7, 94\n\tecall", 1),
    ("AMOSWAP.C", "sc.cap x4, x4\n\t.insn r 0x2f, 4, 4, x5, t0, x0\n\tlc.cap x6, x4\n\tone a0, 4, x5\n\tone a1, 4, x6\n\tslli a1, a1, 1\n\tadd a0, a0, a1\n\tli a7, 94\n\tecall", 1),
    ("explicit load-reserved and store-conditional", "li t2, 7\n\tsd.cap x4, t2\n\t.insn r 0x5b, 0, 0x7d, a0, x4, x27\n\tli t2, 9\n\t.insn r 0x5b, 0, 0x7c, x27, x4, t2\n\tld.cap a1, x4\n\tadd a0, a0, a1\n\tadd a0, a0, t2\n\tli a7, 94\n\tecall", 16),
]
SIZES = [("b", 0, 8, -1), ("h", 1, 16, -1), ("w", 2, 32, -1), ("d", 3, 64, -1)]
for suffix, code, bits, _ in SIZES:
    value = 0x8182838485868788 & (1 << bits) - 1
    signed = value - (1 << bits) & (1 << 64) - 1
    for way, add, reg in (("ddc", 0, "t0"), ("cap", 8, "x4")):
        text = f"li a0, 0x8182838485868788\n\tli a1, -1\n\tsd a1, 0(t0)\n\t.insn r 0x5b, 0, 0x7c, x{code + add}, {reg}, a0\n\t"
        text += f".insn r 0x5b, 0, 0x7d, a2, {reg}, x{code + add}\n\tli a3, {signed}\n\tsub a0, a2, a3\n\tsnez a0, a0\n\t"
        if bits < 64:
            text += f".insn r 0x5b, 0, 0x7d, a2, {reg}, x{code + 4 + add}\n\tli a3, {value}\n\tsub a2, a2, a3\n\tsnez a2, a2\n\tadd a0, a0, a2\n\t"
        text += "li a7, 94\n\tecall"
        ALLOWED.append((f"l.{suffix}.{way}, unsigned, s.{suffix}.{way}", text, 0))
        lr = f"li a0, 5\n\tsd a0, 0(t0)\n\t.insn r 0x5b, 0, 0x7d, a2, {reg}, x{code + 16 + add}\n\tli a3, 6\n\t.insn r 0x5b, 0, 0x7c, x{code + 16 + add}, {reg}, a3\n\tld a0, 0(t0)\n\tadd a0, a0, a2\n\tadd a0, a0, a3\n\tli a7, 94\n\tecall"
        ALLOWED.append((f"lr.{suffix}.{way}, sc.{suffix}.{way}", lr, 11))
for n, (name, text, wanted) in enumerate(ALLOWED):
    file = build(f"a{n}", text + "\n")
    results = {way: emulate(WAYS[way], file) for way in ("interpreted", "translated at once")}
    ok(all(r[0] == wanted for r in results.values()), name, *[f"{way}: status {r[0]}, wanted {wanted}: {r[2].decode()[:200]}" for way, r in results.items()])

# Not capability violations: named for what they are.
for n, (name, text, status, wanted) in enumerate((
        ("a misaligned capability", "addi t0, t0, 8\n\t.insn i 0x0f, 2, x5, 0(t0)", -7, "SIGBUS: misaligned access of a capability"),
        ("a misaligned atomic", "addi t0, t0, 1\n\tamoadd.w a0, a0, (t0)", -7, "SIGBUS: misaligned atomic"),
        ("unmapped memory", "li t0, 0x900000\n\tld a0, 0(t0)", -11, "SIGSEGV: access to unmapped memory at address 0x900000,"),
        ("text is not written", "la t0, _start\n\tsd a0, 0(t0)", -11, "SIGSEGV: access without permission at address"),
        ("an address no program has", "li t0, 1 << 50\n\tld a0, 0(t0)", -11, "SIGSEGV: a load from no address a program has at address 0x4000000000000,"),
        ("a jump to nowhere", "li t0, 0x900000\n\tjr t0", -11, "code that cannot be read at address 0x900000, pc 0x900000"),
        ("an unknown instruction", ".word 0xfe00705b", -4, "SIGILL: illegal instruction 0xfe00705b at address 0x"),
        ("an unknown short one", ".hword 0", -4, "SIGILL: illegal instruction 0x0000 at address 0x"),
        ("a special register of the machine's", "cspecialrw x5, 28, x0", -4, "SIGILL: special capability register"),
        ("writing PCC", "cspecialrw x0, 0, x1", -4, "SIGILL: special capability register"),
        ("capability mode", "la t2, inside\n\tcsetaddr x5, x1, t2\n\tli t2, 1\n\tthree x5, 0x0e, x5, t2\n\tone x1, 12, x5\ninside:\n\tnop", -4, "in capability mode, which is not implemented"),
        ("a control register of the machine's", "csrr a0, mstatus", -4, "SIGILL: access to a control register"),
        ("ebreak", "ebreak", -5, "SIGTRAP: ebreak at address"))):
    file = build(f"o{n}", text + "\n\texit 3\n")
    results = {way: emulate(WAYS[way], file) for way in ("interpreted", "translated at once")}
    ok(all(r[0] == status and wanted in r[2].decode().split("\n")[0] for r in results.values()), name,
       *[f"{way}: status {r[0]}: {r[2].decode()[:200]}" for way, r in results.items()])

file = build("off", "exit 3\n")
status, _, errors = emulate(["--cheri-off"], file)
ok(status == -4 and b"illegal instruction 0x020000db" in errors, "--cheri-off: capability instructions are illegal", status, errors.decode()[:200])
finish()
