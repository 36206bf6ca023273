/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The library OS's machine code by hand: start, system-call entry, host calls, and copies to and from the program, which go through
 * the capability in tp to the program's window (carrel/entry.h): the hardware checks their bounds.
 */
#include <asm/errno.h>
#include <carrel/encodings.h>
#include <carrel/entry.h>

	.option norelax
	/* The window's base, from pc. */
	.macro window_base rd
	auipc	\rd, 0
	srli	\rd, \rd, 32
	slli	\rd, \rd, 32
	.endm
	.macro entry_page rd, scratch
	window_base \rd
	lui	\scratch, ENTRY_PAGE >> 12
	add	\rd, \rd, \scratch
	.endm

	.text
	.globl	_start
	.type	_start, @function
_start:                         /* a0: the image's base as an offset */
	window_base t0
	add	a0, a0, t0
	lla	a1, _DYNAMIC
	call	libos_start

	/* From the gate: a7 number, a0-a5 the program's arguments. */
	.globl	system_call_entry
	.type	system_call_entry, @function
system_call_entry:
	addi	sp, sp, -48
	.irp	n, 0, 1, 2, 3, 4, 5
	sd	a\n, (\n * 8)(sp)
	.endr
	mv	a0, a7
	mv	a1, sp
	call	system_call
	entry_page t5, t6
	jr	ENTRY_SLOT(ENTRY_LEAVE) - ENTRY_PAGE(t5)

	/* int64_t host_call(number, a, b, c, d, e, f), and host_fast */
	.macro call_host slot
	mv	t1, a0
	mv	a0, a1
	mv	a1, a2
	mv	a2, a3
	mv	a3, a4
	mv	a4, a5
	mv	a5, a6
	mv	a7, t1
	entry_page t5, t6
	jalr	t0, \slot(t5)
	ret
	.endm
	.globl	host_call, host_fast
	.type	host_call, @function
host_call:
	call_host ENTRY_SLOT(ENTRY_HOST_CALL)-ENTRY_PAGE
	.type	host_fast, @function
host_fast:
	call_host ENTRY_SLOT(ENTRY_HOST_FAST)-ENTRY_PAGE

	/* c5: where a program's offset in `at`, 32 bits, lies. */
	.macro program_memory at
	slli	\at, \at, 32
	srli	\at, \at, 32
	cincoffset x5, x4, \at
	.endm

	/* A fault between here and user_copy_end on the program's memory resumes at user_copy_fault. All are leaves without a frame. */
	.globl	user_copy_start, user_copy_end, user_copy_fault
user_copy_start:
	.globl	user_copy_from
	.type	user_copy_from, @function
user_copy_from:			/* int user_copy_from(void *to, uint32_t from, size_t n) */
	program_memory a1
	li	t2, 8
1:	bltu	a2, t2, 2f
	ldcap	t1, x5
	sd	t1, 0(a0)
	cincoffsetimm x5, x5, 8
	addi	a0, a0, 8
	addi	a2, a2, -8
	j	1b
2:	beqz	a2, 3f
	lbucap	t1, x5
	sb	t1, 0(a0)
	cincoffsetimm x5, x5, 1
	addi	a0, a0, 1
	addi	a2, a2, -1
	j	2b
3:	li	a0, 0
	ret

	.globl	user_copy_to
	.type	user_copy_to, @function
user_copy_to:			/* int user_copy_to(uint32_t to, const void *from, size_t n) */
	program_memory a0
	li	t2, 8
1:	bltu	a2, t2, 2f
	ld	t1, 0(a1)
	sdcap	t1, x5
	cincoffsetimm x5, x5, 8
	addi	a1, a1, 8
	addi	a2, a2, -8
	j	1b
2:	beqz	a2, 3f
	lb	t1, 0(a1)
	sbcap	t1, x5
	cincoffsetimm x5, x5, 1
	addi	a1, a1, 1
	addi	a2, a2, -1
	j	2b
3:	li	a0, 0
	ret

	.globl	user_fill
	.type	user_fill, @function
user_fill:			/* int user_fill(uint32_t to, size_t n): zeroes */
	program_memory a0
	li	t2, 8
1:	bltu	a1, t2, 2f
	sdcap	x0, x5
	cincoffsetimm x5, x5, 8
	addi	a1, a1, -8
	j	1b
2:	beqz	a1, 3f
	sbcap	x0, x5
	cincoffsetimm x5, x5, 1
	addi	a1, a1, -1
	j	2b
3:	li	a0, 0
	ret

	.globl	user_string_from
	.type	user_string_from, @function
user_string_from:		/* int64_t user_string_from(char *to, uint32_t from, size_t room): length, or room if there is no NUL */
	program_memory a1
	li	t1, 0
1:	beq	t1, a2, 2f
	lbucap	t2, x5
	add	t3, a0, t1
	sb	t2, 0(t3)
	beqz	t2, 2f
	cincoffsetimm x5, x5, 1
	addi	t1, t1, 1
	j	1b
2:	mv	a0, t1
	ret

	.globl	user_exchange_word
	.type	user_exchange_word, @function
user_exchange_word:		/* int64_t user_exchange_word(uint32_t at, uint32_t old, uint32_t new): what was there */
	program_memory a0
	sext.w	a1, a1
1:	lrwcap	t1, x5
	bne	t1, a1, 2f
	mv	t2, a2
	scwcap	t2, x5
	bnez	t2, 1b
2:	slli	a0, t1, 32
	srli	a0, a0, 32
	ret
user_copy_end:
	.type	user_copy_fault, @function
user_copy_fault:
	li	a0, -EFAULT
	ret
	.section .note.GNU-stack, "", @progbits
