# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What the emulator's tests share: assembling and compiling for riscv64, running under the emulator's ways and under qemu, TAP.
import os
import subprocess
import sys
import tempfile

EMULATOR = os.path.abspath("build/bin/carrel-cheri")
WAYS = {"interpreted": ["--interpret"], "translated at once": ["--eager"], "as it comes": []}
work = tempfile.TemporaryDirectory(prefix="carrel-test.")
_count = 0
_failed = 0


def ok(good, name, *notes):
    global _count, _failed
    _count += 1
    print(f"{'ok' if good else 'not ok'} {_count} - {name}", flush=True)
    if not good:
        _failed += 1
        for note in notes:
            for line in str(note).splitlines()[:12]:
                print("#", line)
    return good


def finish():
    print(f"1..{_count}")
    sys.exit(1 if _failed else 0)


def path(name):
    return os.path.join(work.name, name)


def assemble(name, text):
    """A static program from assembly: _start, no libc."""
    with open(path(name + ".s"), "w") as file:
        file.write(text)
    subprocess.run(["riscv64-linux-gnu-gcc", "-march=rv64imafdc_zicsr_zifencei", "-nostdlib", "-static", "-Wl,--no-relax",
                    "-Wl,-z,noexecstack", "-Wl,--build-id=none", path(name + ".s"), "-o", path(name)], check=True)
    return path(name)


def compile(source, name, *options):
    subprocess.run(["riscv64-linux-gnu-gcc", "-O2", "-static", "-Wall", "-D_GNU_SOURCE", "-Itests/emulator", source, "-o", path(name), *options], check=True)
    return path(name)


def run(command, stdin=b"", seconds=60):
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


def emulate(way, program, *arguments, stdin=b"", seconds=60):
    return run([EMULATOR, *way, program, *arguments], stdin, seconds)


def qemu(program, *arguments, stdin=b""):
    return run(["qemu-riscv64", program, *arguments], stdin)


# Straight-line test programs: operands from a table, results to another that is written to standard output.
PROLOGUE = """
	.text
	.globl _start
_start:
	la s0, input
	la s1, output
"""
EPILOGUE = """
	li a0, 1
	la a1, output
	la a2, output_end
	sub a2, a2, a1
	li a7, 64
	ecall
	li a0, 0
	li a7, 94
	ecall
	.section .rodata
	.balign 8
input:
%s
	.bss
	.balign 8
output:
	.zero %d
output_end:
"""


def table(words):
    return "\n".join(f"\t.dword {word & (1 << 64) - 1:#x}" for word in words)
