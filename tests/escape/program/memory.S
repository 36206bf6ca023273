/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Reach out of the window by data accesses: around its edges, into its gate table, into text.
 * Every attack must end in a fault at exactly the address it names; `say` runs only when the attack went through.
 */
#include "guest.h"
image_policy IMAGE_POLICY_PROGRAM
.globl _start
_start:
	which_attack
	attack 1, last_byte
	attack 2, below_zero
	attack 3, low_guard
	attack 4, high_guard
	attack 5, gate_table
	attack 6, own_text
	attack 7, own_rodata
	attack 8, wild_upper_half
	attack 9, wide_store_at_end
	attack 10, index_wraps
	attack 11, rip_text
	attack 12, locked_text
	attack 13, between_images
	attack 14, misaligned
	exit_with 99

last_byte:                              /* eight bytes that start on the last byte of the 4 GiB */
	mov $-1, %rax
	mov %rax, %gs:(%eax)
	jmp reached
below_zero:                             /* 32-bit arithmetic wraps: this is the high guard, not the window below */
	xor %eax, %eax
	mov %rax, %gs:-8(%eax)
	jmp reached
low_guard:
	mov $0xfff8, %eax
	mov %rax, %gs:(%eax)
	jmp reached
high_guard:
	mov $WINDOW_MEMORY_END, %eax
	mov %rax, %gs:(%eax)
	jmp reached
gate_table:                             /* may be read, by an access like any other; not written */
	mov $GATE_SLOT(GATE_SYSCALL), %eax
	mov %gs:(%eax), %rcx
	mov %rcx, %gs:(%eax)
	jmp reached
own_text:
	lea _start(%rip), %eax
	mov %rax, %gs:(%eax)
	jmp reached
own_rodata:
	lea constant(%rip), %eax
	mov %rax, %gs:(%eax)
	jmp reached
wild_upper_half:                        /* the upper half is cut off: offset 0x1230 of our own low guard */
	mov $0x7fff12340000, %rax
	add $0x1230, %rax
	shl $32, %rax
	or $0x1230, %rax
	mov %rax, %gs:(%eax)
	jmp reached
wide_store_at_end:
	mov $-1, %eax
	movups %xmm0, %gs:(%eax)
	jmp reached
index_wraps:                            /* 0x80000000 + 2 * 0x40000008 = 0x10 after wrapping */
	mov $0x80000000, %eax
	mov $0x40000008, %ecx
	mov %rax, %gs:(%eax,%ecx,2)
	jmp reached
rip_text:                               /* no prefix: allowed inside the image, but text is not writable */
	mov %eax, _start(%rip)
	jmp reached
locked_text:
	lea _start(%rip), %ecx
	lock xadd %eax, %gs:(%ecx)
	jmp reached
between_images:                         /* the end of the arena: no image lies there */
	mov $(WINDOW_ARENA_END - 8), %eax
	mov %rax, %gs:(%eax)
	jmp reached
misaligned:
	mov %r15d, %eax
	or $1, %eax
	movaps %xmm0, %gs:(%eax)
	jmp reached
reached:
	say "escape: the access went through"
	exit_with 66

	.section .rodata
constant: .quad 0
