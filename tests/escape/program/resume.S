/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What its library OS (libos/resume.S) interrupts at each system call, and sends on with a stack's pointer of its choice: here, and first
 * through a handler. Wherever that is to be, it is an address of this window.
 */
#include "guest.h"
#include "resume.h"
image_policy IMAGE_POLICY_PROGRAM

/* r15's upper half is the base of this window, whatever the lower one. */
.macro same_window
	mov %r15, %rbx
	mov %r15d, %r15d
	stack_rebase
	cmp %rbx, %r15
	jne bad
.endm

.globl _start
_start:	endbr64
1:	lea handler(%rip), %edi
	system_call CALL_STEP
	same_window
	mov %r15d, %edi
	system_call CALL_SEEN
	jmp 1b
handler:
	endbr64
	same_window
	ret                             /* a system call, RESUME_NUMBER, with r15's lower half */
bad:	exit_with 70
