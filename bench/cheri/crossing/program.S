/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CALLS system calls (getppid), then exit_group: what the instructions of a crossing are counted with.
 */
#include <asm/unistd.h>
	.option norelax
	.macro system_call              /* as libc's (ports/musl/overlay/arch/riscv64/syscall_arch.h) */
	auipc	t6, 0
	srli	t6, t6, 32
	slli	t6, t6, 32
	lui	t5, 0xe
	add	t6, t6, t5
	jalr	t0, 0(t6)
	.endm
	.globl	_start
_start:
	li	s0, CALLS
1:	li	a7, __NR_getppid
	system_call
	addi	s0, s0, -1
	bnez	s0, 1b
	li	a0, 0
	li	a7, __NR_exit_group
	system_call
