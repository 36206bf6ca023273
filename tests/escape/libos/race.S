/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Host calls that copy to, copy from and let the kernel touch one page, while beside -r maps and unmaps it. Every answer is
 * success or -EFAULT; the process survives all of them.
 */
#include "guest.h"
#include "host_calls.h"
	image_policy IMAGE_POLICY_LIBOS
#define PAGE 0x50000000

.macro answered
	test %rax, %rax
	jns 9003f
	cmp $-EFAULT, %rax
	jne wrong
	addl $1, faults(%rip)
	9003:
.endm

	.globl _start
_start:	endbr64
	movl $40000, left(%rip)
1:	mov $1, %edi                    /* a copy out */
	mov $(PAGE + 8), %esi
	host_call HOST_clock_get
	answered
	mov $PAGE, %edi                 /* in and out: no entry is a handle of ours */
	mov $4, %esi
	xor %edx, %edx
	host_call HOST_poll
	answered
	mov $PAGE, %edi                 /* the kernel writes */
	mov $4096, %esi
	host_call HOST_random
	answered
	mov $1, %edi
	xor %esi, %esi
	xor %edx, %edx
	mov $(PAGE + 256), %r10d
	host_call HOST_stat
	answered
	mov $1, %edi
	mov $(PAGE + 16), %esi
	mov $64, %edx
	host_call HOST_stat             /* a path: random bytes or zeroes, never a directory's */
	test %rax, %rax
	jns wrong
	subl $1, left(%rip)
	jne 1b
	cmpl $100, faults(%rip)
	jb never
	libos_say "every call answered"
	libos_exit 0
never:	libos_say "the race was never won: nothing was tested"
	libos_exit 66
wrong:	libos_say "another answer than success or EFAULT"
	libos_exit 66

	.bss
	.balign 16
left:	.long 0
faults:	.long 0
