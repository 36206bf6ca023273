#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Switches where no register is free: the comparisons that carrel-rewrite writes lead each index to its label. Random tables of every
# kind of size, and the comparisons run here.
import random
import re
import subprocess

REWRITE = "build/lib/carrel/carrel-rewrite"
BUSY = "\n".join(f"\taddq %{a}, %{b}" for a, b in zip("rcx rbx rsi r8 r10 r12 r14".split(), "rdx rbp rdi r9 r11 r13 rdx".split()))


def source(labels, table):
    lines = "".join(f"\t.quad .L{n}\n" for n in table)
    cases = "".join(f".L{n}:\tendbr64\n{BUSY if n == labels[0] else ''}\n\tmovq %rdx, (%rbp,%rdi)\n\tmovq %r9, (%r11,%r13)\n\tret\n" for n in labels)
    return (f'\t.file "case.c"\n\t.text\n\t.type f, @function\nf:\n\t.cfi_startproc\n\tendbr64\n\tjmp *.L900(,%rax,8)\n\t.section .rodata\n'
            f".L900:\n{lines}\t.text\n{cases}\t.cfi_endproc\n\t.size f, .-f\n")


def led(code, index):
    """The label that the code at its start jumps to, and how many comparisons that took."""
    places = {line[:-1]: n for n, line in enumerate(code) if line.endswith(":")}
    at, above, compared = 0, None, 0
    while True:
        line = code[at].split()
        at += 1
        if line[0] == "cmp":
            above, compared = index >= int(line[1][1:-1]), compared + 1
        elif line[0] == "jae":
            at = places[line[1]] if above else at
        elif line[0] == "jmp":
            return line[1], compared
        elif not line[0].endswith(":"):
            raise ValueError(line)


def main():
    r, failed = random.Random(1), 0
    sizes = [*range(1, 18), 31, 32, 33, 64, 100, 255, 256, 466]
    for size in sizes:
        for few in (1, 2, 5, size):
            labels = list(range(1, few + 1))
            table = labels[:size] + [r.choice(labels) for _ in range(size - few)]
            r.shuffle(table)
            if r.random() < 0.5:
                table.sort()
            done = subprocess.run([REWRITE, "--name=case.s"], input=source(labels, table), capture_output=True, text=True)
            code = [line.strip() for line in done.stdout.splitlines() if re.match(r"\t(cmp|jae|jmp) |\.Lcarrel_from", line)]
            for index, label in enumerate(table):
                try:
                    got, compared = led(code, index)
                except (IndexError, ValueError) as error:
                    got, compared = repr(error), 0
                if got != f".L{label}" or compared > (size - 1).bit_length():
                    failed += 1
                    print(f"# {table}: {index} goes to {got} by {compared} comparisons", done.stderr)
    print(f"1..1\n{'not ' if failed else ''}ok 1 - every index goes to its label, by as few comparisons as halving takes")


main()
