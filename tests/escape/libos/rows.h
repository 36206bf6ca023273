/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The frame of a hostile library OS made of rows: each row is one host call with six words and the one result the
 * contract allows. A row that gives another result ends the cVM with exit code 66, its name and the result printed
 * on handle 1; when all rows held, exit code 0.
 *
 * Words may be marks (below) plus an offset, which are replaced at run time.
 */
#include "guest.h"
#include "host_calls.h"

/* Symbols, not macros: gas parts macro arguments at the spaces that the preprocessor leaves around them. */
.set REF_PROGRAM, 0x100000000
.set GATES, WINDOW_GATES
.set ARENA_START, WINDOW_ARENA_START
.set ARENA_END, WINDOW_ARENA_END
.set END, WINDOW_MEMORY_END
.set M, 0x50000000                      /* where a file's rows map their memory */
/* Words that are replaced: MARK in the top 24 bits, then 4 bits say by what, and 36 bits are added to it. */
.set MARK, 0x5ca1ab0000000000
.set PROGRAM_BASE, MARK+(0<<36)         /* ref of the program image's first byte */
.set PROGRAM_ENTRY, MARK+(1<<36)        /* ref of its entry, in its text */
.set LIBOS_TEXT, MARK+(2<<36)           /* our own text: a landing pad */
.set LIBOS_DATA, MARK+(3<<36)           /* a writable page of our own image, in the arena; holds a marker */
.set PROGRAM_ENTRY_OFFSET, MARK+(4<<36) /* without REF_PROGRAM */
.set ANY_HANDLE, MARK+(5<<36)           /* the result of the last KEEP row */
.set STRINGS, MARK+(6<<36)              /* the label `strings` of the file */
.set MOUNT, MARK+(7<<36)                /* the handle of the first volume */

#define OK              0

/* what a row expects beside an exact value */
#define EXACT           0
#define KEEP            1               /* any result >= 0, remembered as ANY_HANDLE */

/* Two words of a row: where a string lies and how long it is. */
.macro text label, string
	.pushsection .rodata.strings,"a"
	9200: .ascii "\string"
	9201:
	.set S_\label, STRINGS+(9200b-strings)
	.set L_\label, 9201b-9200b
	.popsection
.endm

.macro row name, how, expect, call, a=0, b=0, c=0, d=0, e=0, f=0
	.pushsection .rodata.names,"a"
	9100: .asciz "\name"
	9101:
	.popsection
	.pushsection .data.rows,"aw"
	.quad \call, \a, \b, \c, \d, \e, \f, \expect, \how
	.quad 9100b - names, 9101b - 9100b - 1, 0
	.popsection
.endm
#define ROW_SIZE 96
.macro no_strings
	.set strings, _start
.endm
.macro with_strings
	.pushsection .rodata.strings,"a"
strings:
	.popsection
.endm

	.section .rodata.names,"a"
names:
	.section .data.rows,"aw"
	.balign 16
rows:

.macro start
	image_policy IMAGE_POLICY_LIBOS
	.globl _start
_start:	endbr64
	/* boot.program lies behind the mounts; base and entry are what the rows need */
	mov $(LIBOS_BOOT + BOOT_PROGRAM), %r11d
	mov (%r14,%r11), %eax
	mov %rax, program_base(%rip)
	mov 8(%r14,%r11), %eax
	mov %rax, program_entry(%rip)
	lea rows(%rip), %ebx
1:	lea rows_end(%rip), %eax
	cmp %eax, %ebx
	jae 8f
	.irp n, 8,16,24,32,40,48
	mov %ebx, %r11d
	mov \n(%r14,%r11), %rax
	call translate
	mov %rax, words + \n(%rip)
	.endr
	mov %ebx, %r11d
	mov (%r14,%r11), %rax
	mov words + 8(%rip), %rdi
	mov words + 16(%rip), %rsi
	mov words + 24(%rip), %rdx
	mov words + 32(%rip), %r10
	mov words + 40(%rip), %r8
	mov words + 48(%rip), %r9
	call *GATE_SLOT(GATE_HOST_CALL)(%r14)
	mov %rax, %rbp
	mov %ebx, %r11d
	mov 56(%r14,%r11), %rcx
	mov 64(%r14,%r11), %rdx
	cmp $KEEP, %rdx
	je 2f
	cmp %rcx, %rbp
	jne 3f
	jmp 4f
2:	test %rbp, %rbp
	js 3f
	mov %rbp, kept(%rip)
4:	add $ROW_SIZE, %ebx
	jmp 1b
3:	/* name, then the result as hexadecimal, on handle 1 */
	mov %ebx, %r11d
	mov 72(%r14,%r11), %esi
	lea names(%rip), %eax
	add %eax, %esi
	mov 80(%r14,%r11), %edx
	mov $1, %edi
	mov $-1, %r10
	host_call HOST_write
	lea text(%rip), %ecx
	mov $18, %r8d
5:	rol $4, %rbp
	mov %ebp, %eax
	and $15, %eax
	lea digits(%rip), %edx
	lea (%rdx,%rax), %r11d
	movzbl (%r14,%r11), %eax
	lea (%rcx), %r11d
	mov %al, (%r14,%r11)
	add $1, %ecx
	sub $1, %r8d
	cmp $2, %r8d
	jne 5b
	mov $1, %edi
	lea between(%rip), %esi
	mov $20, %edx
	mov $-1, %r10
	host_call HOST_write
	libos_exit 66
8:	mov $1, %edi
	lea all_held(%rip), %esi
	mov $15, %edx
	mov $-1, %r10
	host_call HOST_write
	libos_exit 0

/* rax: a word of a row; replaced when it is a mark. Clobbers rcx, rdx, r11. */
translate:
	mov %rax, %rcx
	shr $40, %rcx
	cmp $0x5ca1ab, %ecx
	jne 9f
	mov %rax, %rcx
	shr $36, %rcx
	and $15, %ecx
	shl $28, %rax
	shr $28, %rax
	mov $REF_PROGRAM, %rdx
	cmp $1, %ecx
	ja 1f
	je 2f
	add program_base(%rip), %rax
	add %rdx, %rax
	ret
2:	add program_entry(%rip), %rax
	add %rdx, %rax
	ret
1:	cmp $3, %ecx
	ja 1f
	je 2f
	lea _start(%rip), %ecx
	add %rcx, %rax
	ret
2:	lea own_page(%rip), %ecx
	add %rcx, %rax
	ret
1:	cmp $5, %ecx
	ja 1f
	je 2f
	add program_entry(%rip), %rax
	ret
2:	add kept(%rip), %rax
	ret
1:	cmp $6, %ecx
	jne 1f
	lea strings(%rip), %ecx
	add %rcx, %rax
	ret
1:	mov $(LIBOS_BOOT + 36 + 4), %r11d
	mov (%r14,%r11), %ecx
	add %rcx, %rax
9:	ret

	.section .rodata
digits:	.ascii "0123456789abcdef"
all_held: .ascii "every row held\n"
	.section .data.end,"aw"
rows_end:
	.data
	.balign 8
between: .ascii ": 0"
	.byte 'x'
text:	.skip 16, '.'
	.byte '\n'
	.balign 8
program_base: .quad 0
program_entry: .quad 0
kept:	.quad -1
words:	.skip 64
	.balign 4096
own_page: .long LANDING_PAD, 0xccccccc3
	.skip 4088
	.text
.endm
