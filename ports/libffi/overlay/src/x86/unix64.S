/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * libffi's way into and out of C on x86-64, in place of its own unix64.S: where the stack has no return addresses (docs/architecture.md, "The
 * dual stack"), none is carried from one place of it to another, jumps go to landing pads only, and entries of closures are not made at run
 * time: there are as many as the table below has. What is called, and calls, here is ffi64.c, as it is; struct register_args is its.
 */
#include "internal64.h"
#define FFI_UNIX64      2       /* of ffitarget.h */
#define CLOSURE_CIF     32      /* struct ffi_closure, behind its trampoline; abi is a cif's first field */
#define SSE             48      /* struct register_args: six integers, eight vectors, rax, r10 */
#define RAX             176
#define REGISTERS       192
#define RVALUE          192     /* a closure's frame: struct register_args, 32 bytes of result, 8 to align it */
#define FRAME           232

	.text

/* ffi_call_unix64(rdi: arguments, rsi: their bytes, edx: flags, rcx: where the result goes, r8: function)
 * The arguments are struct register_args, what goes on the stack, and 32 bytes for us, allocated by the caller (alloca), who has a frame pointer.
 * rsp goes up to what goes on the stack, so what is kept across the call is above that. */
	.globl ffi_call_unix64
	.hidden ffi_call_unix64
	.type ffi_call_unix64, @function
ffi_call_unix64:
	.cfi_startproc
	endbr64
	lea (%rdi,%rsi), %rax
	mov %rsp, %r9
	mov %edx, (%rax)
	mov %rcx, 8(%rax)
	mov %rbp, 16(%rax)
	mov %r9, 24(%rax)
	mov %rax, %rbp
	mov %rdi, %r10
	mov %r8, %r11
	mov (%r10), %rdi
	mov 8(%r10), %rsi
	mov 16(%r10), %rdx
	mov 24(%r10), %rcx
	mov 32(%r10), %r8
	mov 40(%r10), %r9
	mov RAX(%r10), %eax     /* how many vectors */
	test %eax, %eax
	jz 1f
	movaps SSE(%r10), %xmm0
	movaps SSE+16(%r10), %xmm1
	movaps SSE+32(%r10), %xmm2
	movaps SSE+48(%r10), %xmm3
	movaps SSE+64(%r10), %xmm4
	movaps SSE+80(%r10), %xmm5
	movaps SSE+96(%r10), %xmm6
	movaps SSE+112(%r10), %xmm7
1:	lea REGISTERS(%r10), %rsp
	.cfi_def_cfa %rbp, 32
	xor %r10d, %r10d        /* so that the line above need not keep flags */
	call *%r11
	mov (%rbp), %ecx
	mov 8(%rbp), %rdi
	mov 24(%rbp), %r9
	mov %rbp, %rsi          /* 16 bytes for a struct's halves */
	mov 16(%rbp), %rbp
	mov %r9, %rsp
	.cfi_def_cfa %rsp, 8
	movzbl %cl, %r8d
	cmp $UNIX64_RET_INT64, %r8d
	je .Lstore
	ja .Lstore_other
	cmp $UNIX64_RET_SINT32, %r8d
	je .Lstore_sint32
	cmp $UNIX64_RET_UINT32, %r8d
	je .Lstore_uint32
	cmp $UNIX64_RET_UINT8, %r8d
	je .Lstore_uint8
	cmp $UNIX64_RET_UINT16, %r8d
	je .Lstore_uint16
	cmp $UNIX64_RET_SINT8, %r8d
	je .Lstore_sint8
	cmp $UNIX64_RET_SINT16, %r8d
	je .Lstore_sint16
	ret                     /* UNIX64_RET_VOID */
.Lstore_uint8:
	movzbl %al, %eax
	jmp .Lstore
.Lstore_uint16:
	movzwl %ax, %eax
	jmp .Lstore
.Lstore_uint32:
	mov %eax, %eax
	jmp .Lstore
.Lstore_sint8:
	movsbq %al, %rax
	jmp .Lstore
.Lstore_sint16:
	movswq %ax, %rax
	jmp .Lstore
.Lstore_sint32:
	movslq %eax, %rax
.Lstore:
	mov %rax, (%rdi)
	ret
.Lstore_other:
	cmp $UNIX64_RET_XMM64, %r8d
	je .Lstore_xmm64
	cmp $UNIX64_RET_XMM32, %r8d
	je .Lstore_xmm32
	cmp $UNIX64_RET_X87, %r8d
	je .Lstore_x87
	cmp $UNIX64_RET_X87_2, %r8d
	je .Lstore_x87_2
	/* A struct of up to 16 bytes, the size in the flags. */
	movq %xmm0, (%rsi)
	mov %rax, 8(%rsi)
	cmp $UNIX64_RET_ST_XMM0_RAX, %r8d
	je .Lstore_struct
	movq %xmm1, 8(%rsi)
	cmp $UNIX64_RET_ST_XMM0_XMM1, %r8d
	je .Lstore_struct
	mov %rax, (%rsi)
	movq %xmm0, 8(%rsi)
	cmp $UNIX64_RET_ST_RAX_XMM0, %r8d
	je .Lstore_struct
	mov %rdx, 8(%rsi)       /* UNIX64_RET_ST_RAX_RDX */
.Lstore_struct:
	shr $UNIX64_SIZE_SHIFT, %ecx
1:	movzbl -1(%rsi,%rcx), %eax
	mov %al, -1(%rdi,%rcx)
	dec %ecx
	jnz 1b
	ret
.Lstore_xmm64:
	movsd %xmm0, (%rdi)
	ret
.Lstore_xmm32:
	movss %xmm0, (%rdi)
	ret
.Lstore_x87_2:
	fstpt (%rdi)
	fstpt 16(%rdi)
	ret
.Lstore_x87:
	fstpt (%rdi)
	ret
	.cfi_endproc
	.size ffi_call_unix64, . - ffi_call_unix64

/* All closures come here, r10: their entry in the table. ffi_tramp_slots (tramp.c) has as many bytes for each as the table, and begins with
 * the closure: no address if it has been freed, and that is a fault. Vectors are kept always, which takes less than a checked jump to one
 * of two entries. */
closure_enter:
	.cfi_startproc
	lea trampoline_code_table(%rip), %r11d
	sub %r11d, %r10d
	lea ffi_tramp_slots(%rip), %r11d
	mov (%r11,%r10), %r10
	mov CLOSURE_CIF(%r10), %r11
	cmpl $FFI_UNIX64, (%r11)
	jne ffi_closure_win64
	mov %rdi, -FRAME(%rsp)
	sub $FRAME, %rsp
	.cfi_def_cfa_offset 240
	mov %rsi, 8(%rsp)
	mov %rdx, 16(%rsp)
	mov %rcx, 24(%rsp)
	mov %r8, 32(%rsp)
	mov %r9, 40(%rsp)
	movaps %xmm0, SSE(%rsp)
	movaps %xmm1, SSE+16(%rsp)
	movaps %xmm2, SSE+32(%rsp)
	movaps %xmm3, SSE+48(%rsp)
	movaps %xmm4, SSE+64(%rsp)
	movaps %xmm5, SSE+80(%rsp)
	movaps %xmm6, SSE+96(%rsp)
	movaps %xmm7, SSE+112(%rsp)
	mov %r11, %rdi
	mov CLOSURE_CIF+8(%r10), %rsi   /* fun */
	mov CLOSURE_CIF+16(%r10), %rdx  /* user_data */
	lea RVALUE(%rsp), %rcx
	mov %rsp, %r8
	lea FRAME+8(%rsp), %r9          /* the arguments on the stack */
	call ffi_closure_unix64_inner
	movzbl %al, %r8d
	/* What the result's kind does not name may hold anything. */
	mov RVALUE(%rsp), %rax
	mov RVALUE+8(%rsp), %rdx
	movq %rax, %xmm0
	movq %rdx, %xmm1
	cmp $UNIX64_RET_INT64, %r8d
	je .Lload_end
	ja .Lload_other
	cmp $UNIX64_RET_UINT8, %r8d
	je .Lload_uint8
	cmp $UNIX64_RET_UINT16, %r8d
	je .Lload_uint16
	cmp $UNIX64_RET_SINT8, %r8d
	je .Lload_sint8
	cmp $UNIX64_RET_SINT16, %r8d
	je .Lload_sint16
	jmp .Lload_end
.Lload_uint8:
	movzbl %al, %eax
	jmp .Lload_end
.Lload_uint16:
	movzwl %ax, %eax
	jmp .Lload_end
.Lload_sint8:
	movsbl %al, %eax
	jmp .Lload_end
.Lload_sint16:
	movswl %ax, %eax
	jmp .Lload_end
.Lload_other:
	cmp $UNIX64_RET_X87, %r8d
	je .Lload_x87
	cmp $UNIX64_RET_X87_2, %r8d
	je .Lload_x87_2
	cmp $UNIX64_RET_ST_XMM0_RAX, %r8d
	je .Lload_xmm_rax
	cmp $UNIX64_RET_ST_RAX_XMM0, %r8d
	jne .Lload_end
	movq %rdx, %xmm0
	jmp .Lload_end
.Lload_xmm_rax:
	mov %rdx, %rax
	jmp .Lload_end
.Lload_x87_2:
	fldt RVALUE+16(%rsp)
.Lload_x87:
	fldt RVALUE(%rsp)
.Lload_end:
	mov FRAME(%rsp), %r8    /* a touch: see "The dual stack" */
	add $FRAME, %rsp
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc

/* The entries: 16 bytes each (4, 7, and 5 for a jump that is not near), as many as tramp.c's SLOTS. */
#define ENTRY           1: endbr64; lea 1b(%rip), %r10d; jmp closure_enter; .balign 16;
#define ENTRIES_4       ENTRY ENTRY ENTRY ENTRY
#define ENTRIES_16      ENTRIES_4 ENTRIES_4 ENTRIES_4 ENTRIES_4
#define ENTRIES_64      ENTRIES_16 ENTRIES_16 ENTRIES_16 ENTRIES_16
#define ENTRIES_256     ENTRIES_64 ENTRIES_64 ENTRIES_64 ENTRIES_64
	.balign 16
	.globl trampoline_code_table
	.hidden trampoline_code_table
	.type trampoline_code_table, @function
trampoline_code_table:
	ENTRIES_256
	ENTRIES_256
	ENTRIES_256
	ENTRIES_256
	.globl ffi_tramp_table_end
	.hidden ffi_tramp_table_end
ffi_tramp_table_end:
	.size trampoline_code_table, . - trampoline_code_table

/* Where ffi64.c says that an entry should go: never run, for entries go to closure_enter. Nor are closures of Go, whose callers find them in
 * r10: the check of a call through a pointer needs that. */
	.globl ffi_closure_unix64
	.hidden ffi_closure_unix64
	.globl ffi_closure_unix64_sse
	.hidden ffi_closure_unix64_sse
	.globl ffi_closure_unix64_alt
	.hidden ffi_closure_unix64_alt
	.globl ffi_closure_unix64_sse_alt
	.hidden ffi_closure_unix64_sse_alt
	.globl ffi_go_closure_unix64
	.hidden ffi_go_closure_unix64
	.globl ffi_go_closure_unix64_sse
	.hidden ffi_go_closure_unix64_sse
	.type ffi_closure_unix64, @function
ffi_closure_unix64:
ffi_closure_unix64_sse:
ffi_closure_unix64_alt:
ffi_closure_unix64_sse_alt:
ffi_go_closure_unix64:
ffi_go_closure_unix64_sse:
	endbr64
	ud2
	.size ffi_closure_unix64, . - ffi_closure_unix64
	.section .note.GNU-stack,"",@progbits
