#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# A compartment under a PCC and DDC of its own: in by a jump, out by CInvoke; what it may not do is a signal whose handler, on
# the alternate stack and with the program's own authority, is told cause, register and address; registers with capabilities
# survive a signal; tags under three racing threads.
import sys

sys.path.insert(0, "tests/emulator")
from machine import WAYS, assemble, compile, emulate, finish, ok  # noqa: E402

EXPECTED = """adds: 42, signal 0
reads_outside: signal 11 code 12 cause 0x01 register 0x21 address right, back with 0xdead
writes_outside: signal 11 code 12 cause 0x01 register 0x21 address right, back with 0xdead
calls_system: signal 11 code 14 cause 0x18 register 0x20 address right, back with 0xdead
jumps_out: signal 11 code 12 cause 0x01 register 0x20 address right, back with 0xdead
lies_about_stack: signal 11 code 12 cause 0x01 register 0x21 address right, back with 0xdead
takes_more: signal 11 code 10 cause 0x02 register 0x05 address right, back with 0xdead
forges: signal 11 cause 0x02 register 0x06, back with 0xdead
the secret is 42
spins: signal 14 on the alternate stack 1, tag in the frame 1, back with 7
forged 0, capabilities seen
"""
program = compile("tests/emulator/programs/compartment.c", "compartment", "-pthread")
results = {way: emulate(options, program) for way, options in WAYS.items()}
for n, line in enumerate(EXPECTED.splitlines()):
    for way, (status, out, errors) in results.items():
        got = out.decode().split("\n") + [""] * 20
        ok(got[n] == line, f"{line.split(':')[0]}: {way}", got[n], f"wanted {line}", errors.decode()[:200])
for way, (status, out, errors) in results.items():
    ok(status == 0 and not errors, f"ends well: {way}", status, errors.decode()[:300])

# Without an alternate stack there is no place for a handler's frame that the compartment did not choose: the signal ends the
# program.
text = """
	.text
	.globl _start
_start:
	li a0, 11
	la a1, action
	li a2, 0
	li a3, 8
	li a7, 134
	ecall
	.insn r 0x5b, 0, 1, x5, x0, x1
	la t1, data
	.insn r 0x5b, 0, 0x10, x5, x5, t1
	li t1, 4096
	.insn r 0x5b, 0, 0x08, x5, x5, t1
	la t2, handler
	sd t2, action, t3
	la sp, data + 4096
	.insn r 0x5b, 0, 1, x0, x5, x1
	ld a0, 0(zero)
handler:
	li a0, 1
	li a7, 94
	ecall
	.data
action:	.dword handler, 0, 0
	.balign 4096
data:	.zero 4096
"""
status, _, errors = emulate([], assemble("alone", text.replace("	la sp, data + 4096", "	la sp, data\n	lui t3, 1\n	add sp, sp, t3")))
ok(status == -11 and b"length violation through ddc at address 0x0" in errors, "a compartment's signal without an alternate stack ends the program", status, errors[:300])
finish()
