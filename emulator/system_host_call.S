# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# int64_t host_call(const uint32_t *interrupt, uint64_t number, const uint64_t arguments[6]) A signal between the look at
# *interrupt and the syscall instruction would be lost: the handler (signal.c) moves the program counter from [host_call_begin,
# host_call_end) to host_call_interrupted. Once the kernel has begun, a signal ends the call with EINTR.
	.text
	.globl host_call, host_call_begin, host_call_end, host_call_interrupted
	.type host_call, @function
host_call:
	push %rbx
	mov %rdi, %rbx
	mov %rsi, %rax
	mov %rdx, %rcx
	mov (%rcx), %rdi
	mov 8(%rcx), %rsi
	mov 16(%rcx), %rdx
	mov 24(%rcx), %r10
	mov 32(%rcx), %r8
	mov 40(%rcx), %r9
host_call_begin:
	cmpl $0, (%rbx)
	jne host_call_interrupted
	syscall
host_call_end:
	pop %rbx
	ret
host_call_interrupted:
	mov $-512, %rax
	pop %rbx
	ret
	.size host_call, . - host_call
	.section .note.GNU-stack,"",@progbits
