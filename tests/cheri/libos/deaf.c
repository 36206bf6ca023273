/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A library OS of CHERI-RISC-V's that computes for ever, taking no order or signal that is sent to its cVM (tests/cli/up_robust.t).
 */
__attribute__((noreturn)) void _start(void)
{
	for (;;)
		__asm__ volatile("");
}
