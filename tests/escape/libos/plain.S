/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The smallest library OS: write, exit, getpid, clock_gettime, getrandom, mmap and munmap, straight onto host calls. Hostile
 * programs run on it as on the real one, so that what stops them is the machine and the Intravisor and nothing above.
 * Beside it, it shows what a library OS has to do at all.
 */
#include "guest.h"
#include "host_calls.h"
	image_policy IMAGE_POLICY_LIBOS
#define STACK_END  0x50000000           /* of the program: 8 MiB below here */
#define MMAP_START 0x60000000
#define NO_SUCH_CALL 10

	.globl _start
_start:	endbr64
	xor %edi, %edi
	lea system_call_entry(%rip), %r10d
	host_call HOST_entry_set
	mov $0x100000000 + STACK_END - 0x800000, %rdi
	mov $0x800000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	test %rax, %rax
	jne failed
	/* The program's stack: argc, argv (argc pointers), NULL, NULL; the strings as one block above. */
	mov $(LIBOS_BOOT + 4), %r11d
	mov (%r14,%r11), %ebx           /* argc */
	mov 4(%r14,%r11), %esi
	add $LIBOS_BOOT, %esi           /* the strings */
	mov $(STACK_END - 0x100000), %ebp       /* where they go */
	mov $(STACK_END - 0x200000), %r12d      /* argc's place */
	mov %rbx, %gs:(%r12d)
	lea 8(%r12), %r13d
1:	sub $1, %ebx
	js 3f
	mov %rbp, %gs:(%r13d)
	add $8, %r13d
2:	mov %esi, %r11d
	movzbl (%r14,%r11), %eax
	mov %al, %gs:(%ebp)
	add $1, %esi
	add $1, %ebp
	test %eax, %eax
	jne 2b
	jmp 1b
3:	mov $(LIBOS_BOOT + BOOT_PROGRAM), %r11d
	mov 8(%r14,%r11), %edi
	mov %r12d, %esi
	host_call HOST_program_enter
failed:	libos_exit 98

/* rax number; rdi rsi rdx r10 r8 r9 arguments; rbx rbp r12 r13 kept by not being used. */
system_call_entry:
	endbr64
	cmp $1, %rax
	je write
	cmp $231, %rax
	je exit
	cmp $60, %rax
	je exit
	cmp $39, %rax
	je getpid
	cmp $228, %rax
	je clock_gettime
	cmp $318, %rax
	je getrandom
	cmp $9, %rax
	je map
	cmp $11, %rax
	je unmap
	mov $-ENOSYS, %rax
	ret
/* rax = ref of the program address in `register`; its upper half is cut off, as the program's own accesses do. */
.macro program_ref register, low
	mov %\low, %\low
	mov $0x100000000, %rax
	add %rax, %\register
.endm
write:	program_ref rsi, esi
	mov $-1, %r10
	host_call HOST_write
	ret
exit:	and $255, %edi
	shl $8, %edi
	host_call HOST_exit
getpid:	host_call NO_SUCH_CALL          /* a host call in every system call, and the quickest */
	mov $1, %eax
	ret
clock_gettime:
	program_ref rsi, esi
	host_call HOST_clock_get
	ret
getrandom:
	program_ref rdi, edi
	host_call HOST_random
	ret
map:	mov $0x1000, %esi               /* one page, always the same */
	mov $0x100000000 + MMAP_START, %rdi
	mov $3, %edx
	host_call HOST_memory_map
	test %rax, %rax
	jne 1f
	mov $MMAP_START, %eax
1:	ret
unmap:	program_ref rdi, edi
	host_call HOST_memory_unmap
	ret
