#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Random programs, interpreted, translated at once, and translated when hot: every register, flag, capability, tag and byte of
# memory at the end must be the same; and as under qemu where no capability is involved. Another seed as the first argument, and
# a number of programs as the second.
import random
import sys

sys.path.insert(0, "tests/emulator")
from machine import WAYS, assemble, emulate, finish, ok, qemu  # noqa: E402
from random_code import instructions  # noqa: E402

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 7
PROGRAMS = int(sys.argv[2]) if len(sys.argv) > 2 else 40
LENGTH, ROUNDS = 150, 12
# Kept: s0 (pinned) and t6 point at data, s11 counts rounds, gp at the constants.
KEPT = {8, 31, 27, 3, 0}
FREE = [r for r in range(32) if r not in KEPT]
ALL = {i.code: i for i in instructions()}
UNFIT = {"JALR", "ECALL", "EBREAK", "FENCE_I", "JALR_CAP", "JALR_PCC", "CINVOKE", "CSPECIALRW", "CCLEAR", "CSRRW", "CSRRS", "CSRRC", "CSRRWI", "CSRRSI",
         "CSRRCI", "AUIPC", "CLOADTAGS", "FPCLEAR"}
PLAIN = [i for i in ALL.values() if i.kind != "CAPABILITY" and i.code not in UNFIT]
CAPABILITY = [i for i in ALL.values() if i.kind == "CAPABILITY" and i.code not in UNFIT]
# Through a register: only with a capability in it; those through DDC have an address in theirs.
THROUGH = [i for i in CAPABILITY if i.code.endswith("_CAP") and i.code.split("_")[0] in ("L", "S", "LR", "SC")]
CAPABILITY = [i for i in CAPABILITY if i not in THROUGH]
SIZE = {"B": 1, "H": 2, "W": 4, "D": 8, "C": 16}


def size_of(i):
    if i.code in ("LC", "SC"):
        return 16
    if i.kind == "ATOMIC" or i.code.startswith(("L_", "S_", "LR_", "SC_", "AMO")):
        part = i.code.split("_")[1]
        return SIZE[part[0]]
    return SIZE[i.code.replace("F", "")[1]]


def signed_field(word, value, form):
    value &= 0xfff
    if form == "S":
        return word & ~0xfe000f80 | (value >> 5) << 25 | (value & 31) << 7
    return word & 0xfffff | value << 20


def instruction(source, i, position):
    """The word and, for branches, the label number it goes to."""
    w = i.random(source)
    rd, rs1, rs2 = source.choice(FREE), source.choice(FREE + [0, 8]), source.choice(FREE + [0])
    if i.form in ("FR", "FR1", "R4") and (w >> 12 & 7) in (5, 6, 4):
        w = w & ~0x7000 | 0x7000
    if i.form in ("FR", "FR1", "R4") and source.random() < .7:
        w |= 0x7000
    is_float_memory = i.code in ("FLW", "FLD", "FSW", "FSD")
    loads_stores = i.form in ("LOAD", "S") and i.kind == "INTEGER" or i.code in ("LC", "SC")
    if i.form not in ("R4",) and i.result in "XC" and i.code not in ("S_C_DDC",) and not i.code.startswith("SC_") or i.code in ("SC_W", "SC_D", "SC_C"):
        w = w & ~0xf80 | rd << 7
    if i.mask & 0xf80000 == 0 and i.form not in ("U", "J", "CLEAR"):
        w = w & ~0xf8000 | rs1 << 15
    if i.mask & 0x1f00000 == 0 and i.form in ("R", "R2", "S", "AMO", "B"):
        w = w & ~0x1f00000 | rs2 << 20
    if loads_stores:
        size = size_of(i)
        offset = source.randrange(-1000, 1000)
        if size == 16 or source.random() < .6:
            offset -= offset % size
        w = signed_field(w, offset, i.form) & ~0xf8000 | source.choice([8, 31]) << 15
        if i.form == "LOAD" and not is_float_memory:
            w = w & ~0xf80 | rd << 7
    elif i.kind == "ATOMIC" or i.form in ("LR", "AMO") or i.code.endswith("_DDC"):
        w = w & ~0xf8000 | source.choice([8, 31]) << 15
        if i.code.startswith("SC_") and i.form == "R2":     # writes rs2
            w = w & ~0x1f00000 | rd << 20
    return w


# A DDC that does not start at 0 is checked by other code.
NARROW = """
	lui t0, 0x10
	cspecialrw x6, 1, x0
	csetaddr x6, x6, t0
	lui t0, 0x100
	csetbounds x6, x6, t0
	cspecialrw x0, 1, x6
"""


def program(source, with_capabilities, narrow):
    lines = []
    for position in range(LENGTH):
        pick = source.random()
        if with_capabilities and pick < .45:
            i = source.choice(CAPABILITY)
        else:
            # qemu lets SC succeed after an LR of another width
            i = source.choice(PLAIN if with_capabilities else [p for p in PLAIN if p.code not in ("SC_W", "SC_D")])
        if with_capabilities and pick < .08:      # make one of the data, or use it
            r = source.choice(FREE)
            i = source.choice(THROUGH)
            word = i.random(source) & ~0xf8000 | r << 15
            other = source.choice([x for x in FREE if x != r])
            word = word & ~0xf80 | other << 7 if i.form == "R1" else word & ~0x1f00000 | other << 20
            lines.append(f"\tcspecialrw x{r}, 1, x0\n\tcsetaddr x{r}, x{r}, s0\n\tcsetbounds x{r}, x{r}, s0\n\t.word {word:#x}")
        elif i.form == "B" or i.code == "JAL":
            to = position + source.randrange(1, 6)
            rs1, rs2 = source.choice(FREE), source.choice(FREE)
            lines.append(f"\t{i.name} x{rs1}, x{rs2}, {100 + min(to, LENGTH)}f" if i.form == "B" else f"\tjal x{source.choice(FREE)}, {100 + min(to, LENGTH)}f")
        else:
            lines.append(f"\t.word {instruction(source, i, position):#x}")
    body = "\n".join(f"{100 + n}:\n{line}" for n, line in enumerate(lines))
    constants = [source.choice([source.getrandbits(64), source.getrandbits(64), source.getrandbits(31), source.randrange(64), (1 << 64) - 1, 0x3ff0000000000000,
                                0xffffffff3f800000, 0x4059000000000000]) for _ in range(64)]
    load = "\n".join(f"\tld x{r}, {8 * r}(gp)" for r in FREE) + "\n" + "\n".join(f"\tfld f{r}, {256 + 8 * r}(gp)" for r in range(32))
    dump = "\tla gp, registers\n" + "\n".join(f"\tsd x{r}, {8 * r}(gp)" for r in FREE) + "\n" + "\n".join(f"\tfsd f{r}, {256 + 8 * r}(gp)" for r in range(32))
    if with_capabilities:
        dump += "\n\tlla gp, capabilities\n" + "\n".join(f"\t.insn s 0x23, 4, x{r}, {16 * r}(gp)" for r in FREE)
        dump += "\n\tlla s0, tags\n" + "\n".join(f"\t.insn i 0x0f, 2, t0, {16 * r}(gp)\n\t.insn r 0x5b, 0, 0x7f, t1, t0, x4\n\tsb t1, {r}(s0)" for r in FREE)
        dump += "\n\tlla gp, data\n\tlla s0, tags+32\n\tli s11, 256\n1:\t.insn i 0x0f, 2, t0, 0(gp)\n\t.insn r 0x5b, 0, 0x7f, t1, t0, x4\n\tsb t1, 0(s0)"
        dump += "\n\taddi s0, s0, 1\n\taddi gp, gp, 16\n\taddi s11, s11, -1\n\tbnez s11, 1b"
    return f"""
	.macro cspecialrw cd, scr, cs
	.insn r 0x5b, 0, 1, \\cd, \\cs, x\\scr
	.endm
	.macro csetaddr cd, a, b
	.insn r 0x5b, 0, 0x10, \\cd, \\a, \\b
	.endm
	.macro csetbounds cd, a, b
	.insn r 0x5b, 0, 0x08, \\cd, \\a, \\b
	.endm
	.option norvc
	.text
	.globl _start
_start:
	.option push
	.option rvc
{narrow}
	lla gp, constants
{load}
	lla s0, data+2048
	lla t6, data+1920
	li s11, {ROUNDS}
	.option pop
1:
{body}
{100 + LENGTH}:
	addi s11, s11, -1
	beqz s11, 2f
	j 1b
2:
{dump}
	lla gp, registers
	csrr t0, fcsr
	sd t0, 0(gp)
	li a0, 1
	lla a1, registers
	lla a2, end
	sub a2, a2, a1
	li a7, 64
	ecall
	li a0, 0
	li a7, 94
	ecall
	.section .rodata
	.balign 16
constants:
""" + "\n".join(f"\t.dword {c:#x}" for c in constants) + """
	.bss
	.balign 4096
registers:	.zero 512
capabilities:	.zero 512
tags:	.zero 512
	.balign 4096
data:	.zero 4096
end:
"""


different, ended, faulted = [], 0, 0
for n in range(PROGRAMS):
    source = random.Random(SEED * 1000 + n)
    with_capabilities = n % 2 == 1
    file = assemble(f"p{n}", program(source, with_capabilities, NARROW if n % 4 == 3 else ""))
    # what a register points to differs between emulators, the stack that is: sp is random like all others
    results = {way: emulate(options, file) for way, options in WAYS.items()}
    reference = results["interpreted"]
    ended += reference[0] == 0
    faulted += reference[0] < 0
    if not with_capabilities:
        results["qemu"] = qemu(file)
    for way, (status, out, errors) in results.items():
        if status != reference[0] or out != reference[1] or (way != "qemu" and errors != reference[2]):
            first = next((k for k in range(min(len(out), len(reference[1]))) if out[k] != reference[1][k]), None)
            different.append(f"program {n}{' with capabilities' if with_capabilities else ''}, {way}: status {status}, interpreted {reference[0]}, first difference at byte {first}: "
                             f"{errors.decode()[:150]}")
ok(not different, f"{PROGRAMS} random programs of {LENGTH} instructions, {ROUNDS} rounds each", *different)
ok(ended > PROGRAMS // 2, f"most reach their end: {ended}; {faulted} fault, alike everywhere")
finish()
