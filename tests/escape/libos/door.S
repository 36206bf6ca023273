/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS in a race: it opens `door/file` again and again while another process swaps `door` between a directory
 * and a link that leads out of the volume. What it reads must always be the inside one, and both must have been met.
 */
#include "guest.h"
#include "host_calls.h"
	image_policy IMAGE_POLICY_LIBOS
	.globl _start
_start:	endbr64
	mov $(LIBOS_BOOT + 36 + 4), %r11d
	mov (%r14,%r11), %ebx
	movl $200000, left(%rip)
1:	mov %ebx, %edi
	lea name(%rip), %esi
	mov $9, %edx
	xor %r10d, %r10d
	xor %r8d, %r8d
	host_call HOST_open
	test %rax, %rax
	jns 2f
	cmp $-ELOOP, %rax
	je 3f
	cmp $-ENOTDIR, %rax             /* a link where a directory must be */
	je 3f
	cmp $-EAGAIN, %rax              /* openat2 saw the rename: try again */
	je 4f
	jmp wrong
2:	mov %rax, %rbp
	mov %rbp, %rdi
	lea read(%rip), %esi
	mov $6, %edx
	xor %r10d, %r10d
	host_call HOST_read
	mov %rbp, %rdi
	host_call HOST_close
	cmpb $'i', read(%rip)
	jne wrong
	addl $1, inside(%rip)
	jmp 4f
3:	addl $1, refused(%rip)
4:	subl $1, left(%rip)
	jne 1b
	cmpl $100, inside(%rip)
	jb never
	cmpl $100, refused(%rip)
	jb never
	libos_say "always inside"
	libos_exit 0
never:	libos_say "the race was never won: nothing was tested"
	libos_exit 66
wrong:	libos_say "escape: outside was opened, or another error"
	libos_exit 66

	.section .rodata
name:	.ascii "door/file"
	.bss
	.balign 16
left:	.long 0
inside:	.long 0
refused: .long 0
read:	.quad 0
