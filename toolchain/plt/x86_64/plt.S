/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The checked branch that carrel-plt uses where ld leaves no room for one; found by its bytes.
 */
	.text
	.globl	__carrel_plt
	.hidden	__carrel_plt
	.type	__carrel_plt, @function
	.balign	32, 0xcc
__carrel_plt:
	mov	%r11d, %r11d
	mov	%gs:(%r11d), %r10d
	add	$0x05e1f00d, %r10d
	jne	1f
	or	%gs:0x10000, %r11
	jmp	*%r11
1:	ud2
	int3
	.size	__carrel_plt, . - __carrel_plt
	.section .note.GNU-stack, "", @progbits
