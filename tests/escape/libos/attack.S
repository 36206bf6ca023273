/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS that does more than one call: control flow, fix-ups, entries, quotas. The program's first
 * argument says which attack; the program (hello) need not know.
 */
#include "guest.h"
#include "host_calls.h"
	image_policy IMAGE_POLICY_LIBOS

/* The checked branch of the library-OS policy. */
.macro libos_branch kind, from, otherwise
	mov %\from, %r10d
	mov (%r14,%r10), %r11d
	add $-LANDING_PAD, %r11d
	jne \otherwise
	add %r14, %r10
	\kind *%r10
.endm
.macro expect error
	cmp $-\error, %rax
	jne reached
.endm

	.globl _start
_start:	endbr64
	argument_number
	mov $(LIBOS_BOOT + BOOT_PROGRAM), %r11d
	mov 8(%r14,%r11), %eax
	mov %eax, program_entry(%rip)
	attack 1, return_at_start
	attack 2, recursion
	attack 3, recursion_host_call
	attack 4, data_marker
	attack 5, program_fault
	attack 6, fixed_up
	attack 7, outside_fix_up
	attack 8, own_fault_in_fix_up
	attack 9, write_text
	attack 10, enter_data_marker
	attack 11, enter_again
	attack 12, wild_stack
	attack 13, map_all
	attack 14, split_all
	attack 15, above_the_end
	attack 16, below_the_base
	attack 17, table
	attack 18, floating
	attack 19, no_entry
	attack 20, enter_from_entry
	attack 21, trap
	attack 22, fill_memory
	attack 23, enter_without_stack
	attack 24, fix_up_for_program
	attack 25, exit_status
	attack 26, many_handles
	attack 27, punch_all
	attack 28, give_back
	attack 29, protect_reserved
	attack 30, failing_move
	attack 31, entry_in_data
	libos_exit 99

return_at_start:                        /* nobody called us but the Intravisor */
	ret
recursion:
	call recursion
	ret
recursion_host_call:
	host_call 10                    /* there is none: the quickest */
	call recursion_host_call
	ret
data_marker:
	lea pad(%rip), %r9d
	libos_branch jmp, r9d, refused
program_fault:                          /* user memory without a fix-up: ours is the fault */
	xor %eax, %eax
	mov %gs:(%eax), %rcx
	jmp reached
.macro set_fix_up
	mov $1, %edi
	lea risky(%rip), %esi
	lea risky_end(%rip), %edx
	lea repaired(%rip), %r10d
	host_call HOST_entry_set
	test %rax, %rax
	jne reached
.endm
fixed_up:
	set_fix_up
	mov $0x1000, %eax
	jmp risky
outside_fix_up:
	set_fix_up
	mov $0x1000, %eax
	mov %gs:(%eax), %rcx
	jmp reached
own_fault_in_fix_up:                    /* the pc is right, the address is our own: not for the fix-up */
	set_fix_up
	mov $0x1000, %r11d
	jmp risky_own
risky:	mov %gs:(%eax), %rcx
risky_own:
	mov (%r14,%r11), %rcx
risky_end:
	jmp reached
repaired:
	endbr64
	libos_say "fixed up"
	libos_exit 0
write_text:
	mov %eax, _start(%rip)
	jmp reached

enter_data_marker:                      /* a marker and code in the program's data; the Intravisor judges text, not memory */
	mov $0x100000000 + 0x50000000, %rdi
	mov $0x1000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	mov $0x50000000, %eax
	marker ecx
	mov %ecx, %gs:(%eax)
	movl $0xccccccc3, %gs:4(%eax)
	mov $0x50000000, %edi
	mov $0x50000800, %esi
	host_call HOST_program_enter
	expect EINVAL
	jmp refused
enter_again:                            /* from inside a system call, over and over: the control stack must not grow */
	xor %edi, %edi
	lea entered_again(%rip), %r10d
	host_call HOST_entry_set
	test %rax, %rax
	jne reached
	movl $300000, left(%rip)
	jmp enter
entered_again:
	endbr64
	subl $1, left(%rip)
	je refused
enter:	mov $0x100000000 + 0x50000000, %rdi
	mov $0x1000, %esi
	mov $3, %edx
	cmpl $1, mapped(%rip)
	je 1f
	host_call HOST_memory_map
	movl $1, mapped(%rip)
1:	mov program_entry(%rip), %edi
	mov $0x50000800, %esi
	host_call HOST_program_enter
	jmp reached
enter_from_entry:                       /* deep in our own calls, then away for ever: frames are thrown away, not kept */
	xor %edi, %edi
	lea deep_entry(%rip), %r10d
	host_call HOST_entry_set
	movl $3000, left(%rip)
	jmp enter
deep_entry:
	endbr64
	mov $10000, %ebx
	subl $1, left(%rip)
	je refused
1:	sub $1, %ebx
	je enter
	call 1b
	int3
enter_without_stack:                    /* the program's own fault, at its first use of the stack */
	mov program_entry(%rip), %edi
	xor %esi, %esi
	host_call HOST_program_enter
	jmp reached
no_entry:                               /* the program makes a system call and there is no entry */
	jmp enter
entry_in_data:                          /* a marker in our data as the system-call entry: it is no text, it does not run */
	xor %edi, %edi
	lea pad(%rip), %r10d
	host_call HOST_entry_set
	test %rax, %rax
	jne refused
	jmp enter
fix_up_for_program:                     /* offsets of the program's text as a fix-up: its faults are not for our target */
	mov $1, %edi
	mov program_entry(%rip), %esi
	lea 4096(%rsi), %edx
	lea repaired(%rip), %r10d
	host_call HOST_entry_set
	mov program_entry(%rip), %edi
	xor %esi, %esi
	host_call HOST_program_enter
	jmp reached

wild_stack:                             /* gates do not care for our stack pointer, nor for r11 */
	mov $-8, %r15d
	mov $-1, %r11d
	host_call HOST_processors
	mov $-8, %eax
	cmp %eax, %r15d
	jne reached
	xor %r15d, %r15d
	host_call HOST_processors
	jmp refused
above_the_end:                          /* the farthest the policy lets us reach: a guard, never the next window */
	mov $-1, %r11d
	mov %rax, 0x7fff(%r14,%r11)
	jmp reached
below_the_base:
	xor %r11d, %r11d
	mov %rax, -0x8000(%r14,%r11)
	jmp reached
table:                                  /* our own sealed table: readable, not writable */
	mov $GATE_SLOT(GATE_HOST_CALL), %r11d
	mov (%r14,%r11), %rax
	mov %rax, (%r14,%r11)
	jmp reached
floating:
	movl $0, pad(%rip)
	ldmxcsr pad(%rip)
	movw $0x0300, pad(%rip)
	fldcw pad(%rip)
	fld1
	fldz
	fdivrp
	mov $1, %edi
	lea pad(%rip), %esi
	host_call HOST_clock_get
	libos_say "served"
	libos_exit 0
trap:	int3

/* ---- quotas: one guest must not use up what the process has ---- */
map_all:                                /* every second page, so that nothing merges */
	mov $0x50000000, %ebx
	movl $200000, left(%rip)
1:	mov %ebx, %edi
	mov $0x1000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	test %rax, %rax
	js limit
	add $0x2000, %ebx
	subl $1, left(%rip)
	jne 1b
	jmp reached
split_all:                              /* one mapping, split by protection */
	mov $0x50000000, %edi
	mov $0x40000000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	test %rax, %rax
	js limit
	mov $0x50000000, %ebx
	movl $130000, left(%rip)
1:	mov %ebx, %edi
	mov $0x1000, %esi
	mov $1, %edx
	host_call HOST_memory_protect
	test %rax, %rax
	js limit
	add $0x2000, %ebx
	subl $1, left(%rip)
	jne 1b
	jmp reached
punch_all:                              /* one mapping, split by holes */
	mov $0x50000000, %edi
	mov $0x40000000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	test %rax, %rax
	js limit
	mov $0x50000000, %ebx
	movl $130000, left(%rip)
1:	mov %ebx, %edi
	mov $0x1000, %esi
	host_call HOST_memory_unmap
	test %rax, %rax
	js limit
	add $0x2000, %ebx
	subl $1, left(%rip)
	jne 1b
	jmp reached
fill_memory:                            /* beyond --memory */
	mov $0x100000000 + 0x50000000, %rbx
	movl $1000, left(%rip)
1:	mov %rbx, %rdi
	mov $0x100000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	test %rax, %rax
	js limit
	add $0x100000, %rbx
	subl $1, left(%rip)
	jne 1b
	jmp reached
give_back:                              /* unmapping what was never mapped must not make room */
	mov $0x100000000 + 0x50000000, %rbx
	movl $1000, left(%rip)
1:	mov %rbx, %rdi
	mov $0x100000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	test %rax, %rax
	js limit
	add $0x100000, %rbx
	mov $0x100000000 + 0xe0000000, %rdi
	mov $0x1000000, %esi
	host_call HOST_memory_unmap
	test %rax, %rax
	jne reached
	subl $1, left(%rip)
	jne 1b
	jmp reached
protect_reserved:                       /* nothing is mapped there: there is nothing to make writable */
	mov $0x100000000 + 0x50000000, %rdi
	mov $0x10000000, %esi
	mov $3, %edx
	host_call HOST_memory_protect
	test %rax, %rax
	js limit
	jmp reached
/* The kernel unmaps the target before it sees that the old range is two mappings. Whatever it answers, beside.c finds no
 * hole; then the same with a shrinking move, and from a range of which a part is not mapped. */
failing_move:
	mov $0x50000000, %edi
	mov $0x4000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	mov $0x50001000, %edi
	mov $0x1000, %esi
	mov $1, %edx
	host_call HOST_memory_protect
	mov $0x50003000, %edi
	mov $0x1000, %esi
	host_call HOST_memory_unmap
	mov $0x50000000, %edi
	mov $0x3000, %esi
	mov $0x60000000, %edx
	mov $0x40000000, %r10d
	host_call HOST_memory_move
	mov $0x50000000, %edi
	mov $0x3000, %esi
	mov $0xb0000000, %edx
	mov $0x2000, %r10d
	host_call HOST_memory_move
	mov $0x50000000, %edi
	mov $0x4000, %esi
	mov $0xc0000000, %edx
	mov $0x10000000, %r10d
	host_call HOST_memory_move
	expect EFAULT
	jmp refused
many_handles:                           /* handle 0 opened again and again: a directory given as the first mount */
	mov $(LIBOS_BOOT + 36 + 4), %r11d
	mov (%r14,%r11), %ebx
	movl $2000000, left(%rip)
1:	mov %ebx, %edi
	lea dot(%rip), %esi
	mov $1, %edx
	mov $0200000, %r10d
	xor %r8d, %r8d
	host_call HOST_open
	test %rax, %rax
	js handle_limit
	subl $1, left(%rip)
	jne 1b
	jmp reached
handle_limit:
	cmp $-24, %rax                  /* EMFILE */
	jne reached
	libos_say "the limit held"
	libos_exit 0
limit:	expect ENOMEM
	libos_say "the limit held"
	libos_exit 0
exit_status:                            /* a status that is no wait status */
	mov $0x7fff12345678, %rdi
	host_call HOST_exit
	jmp reached

refused:
	libos_say "refused"
	libos_exit 0
reached:
	libos_say "escape: the attack went through"
	libos_exit 66

	.section .rodata
dot:	.ascii "."
	.data
	.balign 16
pad:	.long LANDING_PAD, 0xccccccc3
	.quad 0
left:	.long 0
mapped:	.long 0
program_entry: .quad 0
