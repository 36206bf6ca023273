/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A library OS that says "spinning" and computes for ever, taking no signal that is sent to its cVM.
 */
#include "guest.h"
#include "host_calls.h"
	image_policy IMAGE_POLICY_LIBOS
	.globl _start
_start:	endbr64
	mov $1, %edi
	lea said(%rip), %esi
	mov $9, %edx
	mov $-1, %r10
	mov $HOST_write, %eax
	call *GATE_SLOT(GATE_HOST_CALL)(%r14)
1:	jmp 1b

	.section .rodata
said:	.ascii "spinning\n"
