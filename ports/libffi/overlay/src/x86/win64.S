/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The same as unix64.S for functions with Windows' calling convention (FFI_GNUW64, FFI_EFI64), in place of libffi's own win64.S. What is called,
 * and calls, here is ffiw64.c, as it is; struct win64_call_frame and win64_closure_frame are its. The words for return addresses in them are
 * the stack's pointer in the one and nothing in the other.
 */
#define FRAME           88      /* 32 bytes for who is called, 8 to align, 16 of result, 32 of vectors */
#define RVALUE          40
#define VECTORS         56
#define CLOSURE_CIF     32      /* struct ffi_closure, behind its trampoline */

	.text

/* ffi_call_win64(rdi: what goes on the stack, the first four words of it in registers too; rsi: struct win64_call_frame, behind that) */
	.globl ffi_call_win64
	.hidden ffi_call_win64
	.type ffi_call_win64, @function
ffi_call_win64:
	.cfi_startproc
	endbr64
	mov %rsp, %rax
	mov %rbp, (%rsi)
	mov %rax, 8(%rsi)
	mov %rsi, %rbp
	mov 16(%rsi), %r11
	mov (%rdi), %rcx
	movq %rcx, %xmm0
	mov 8(%rdi), %rdx
	movq %rdx, %xmm1
	mov 16(%rdi), %r8
	movq %r8, %xmm2
	mov 24(%rdi), %r9
	movq %r9, %xmm3
	mov %rdi, %rsp
	.cfi_def_cfa %rbp, 16
	xor %r10d, %r10d        /* so that the line above need not keep flags */
	call *%r11
	mov 24(%rbp), %ecx
	mov 32(%rbp), %rdi
	mov 8(%rbp), %r9
	mov (%rbp), %rbp
	mov %r9, %rsp
	.cfi_def_cfa %rsp, 8
	cmp $14, %ecx           /* FFI_TYPE_POINTER and its neighbours: ffi.h */
	ja .Lsmall
	je .Lstore
	cmp $13, %ecx           /* a struct: the function has filled it */
	je .Lend
	cmp $11, %ecx           /* 64 bits */
	jae .Lstore
	cmp $10, %ecx
	je .Lsint32
	cmp $9, %ecx
	je .Luint32
	cmp $8, %ecx
	je .Lsint16
	cmp $7, %ecx
	je .Luint16
	cmp $6, %ecx
	je .Lsint8
	cmp $5, %ecx
	je .Luint8
	cmp $3, %ecx
	je .Ldouble
	cmp $2, %ecx
	je .Lfloat
	cmp $1, %ecx
	je .Lsint32
.Lend:
	ret                     /* FFI_TYPE_VOID */
.Lfloat:
	movss %xmm0, (%rdi)
	ret
.Ldouble:
	movsd %xmm0, (%rdi)
	ret
.Luint8:
	movzbl %al, %eax
	jmp .Lstore
.Luint16:
	movzwl %ax, %eax
	jmp .Lstore
.Luint32:
	mov %eax, %eax
	jmp .Lstore
.Lsint8:
	movsbq %al, %rax
	jmp .Lstore
.Lsint16:
	movswq %ax, %rax
	jmp .Lstore
.Lsint32:
	movslq %eax, %rax
.Lstore:
	mov %rax, (%rdi)
	ret
.Lsmall:                        /* FFI_TYPE_SMALL_STRUCT_1B, 2B, 4B: ffitarget.h */
	cmp $16, %ecx
	je .Lsmall_1
	cmp $17, %ecx
	je .Lsmall_2
	mov %eax, (%rdi)
	ret
.Lsmall_2:
	mov %ax, (%rdi)
	ret
.Lsmall_1:
	mov %al, (%rdi)
	ret
	.cfi_endproc
	.size ffi_call_win64, . - ffi_call_win64

/* From an entry of unix64.S' table, r10: the closure. The first four words of the arguments have their places on the stack. */
	.globl ffi_closure_win64
	.hidden ffi_closure_win64
	.type ffi_closure_win64, @function
ffi_closure_win64:
	.cfi_startproc
	endbr64
	mov %rcx, 8(%rsp)
	mov %rdx, 16(%rsp)
	mov %r8, 24(%rsp)
	mov %r9, 32(%rsp)
	sub $FRAME, %rsp
	.cfi_def_cfa_offset 96
	movsd %xmm0, VECTORS(%rsp)
	movsd %xmm1, VECTORS+8(%rsp)
	movsd %xmm2, VECTORS+16(%rsp)
	movsd %xmm3, VECTORS+24(%rsp)
	mov CLOSURE_CIF(%r10), %rcx
	mov CLOSURE_CIF+8(%r10), %rdx   /* fun */
	mov CLOSURE_CIF+16(%r10), %r8   /* user_data */
	lea RVALUE(%rsp), %r9
	call ffi_closure_win64_inner
	mov RVALUE(%rsp), %rax
	movq %rax, %xmm0
	add $FRAME, %rsp
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
	.size ffi_closure_win64, . - ffi_closure_win64

/* Never run, as in unix64.S. */
	.globl ffi_closure_win64_alt
	.hidden ffi_closure_win64_alt
	.globl ffi_go_closure_win64
	.hidden ffi_go_closure_win64
	.type ffi_closure_win64_alt, @function
ffi_closure_win64_alt:
ffi_go_closure_win64:
	endbr64
	ud2
	.size ffi_closure_win64_alt, . - ffi_closure_win64_alt
	.section .note.GNU-stack,"",@progbits
