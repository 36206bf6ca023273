/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS with threads and several program windows. The program's first argument says which attack. Its first
 * thread is interrupted at the program's first system call, so that it can start threads; then the attack begins.
 */
#include "guest.h"
#include "host_calls.h"
	image_policy IMAGE_POLICY_LIBOS
#define REF_PROGRAM 0x100000000
#define M 0x50000000
#define STACKS 0x60000000
#define OWN -1                          /* thread_start: the caller's window */

/* A thread at `entry`, with argument r13; its number in rax. */
.macro start_thread window, entry
	mov \window, %rdi
	lea \entry(%rip), %esi
	mov $(STACKS + 0x100000), %edx
	mov %r13, %r10
	host_call HOST_thread_start
.endm
.macro must
	test %rax, %rax
	js reached
.endm
.macro sleep_ms milliseconds
	movq $0, time(%rip)
	movq $(\milliseconds * 1000000), time + 8(%rip)
	mov $1, %edi
	xor %esi, %esi
	lea time(%rip), %edx
	host_call HOST_clock_sleep
.endm
.macro wait_for_ever
	lea word(%rip), %edi
	xor %esi, %esi
	xor %edx, %edx
	xor %r10d, %r10d
	host_call HOST_futex
.endm

	.globl _start
_start:	endbr64
	argument_number
	mov %ebx, which(%rip)
	mov $STACKS, %edi
	mov $0x100000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	must
	xor %edi, %edi
	lea system_call_entry(%rip), %r10d
	host_call HOST_entry_set
	must
	cmpl $11, which(%rip)           /* a kick that nobody can be told of */
	je 4f
	mov $2, %edi
	lea interrupted(%rip), %r10d
	host_call HOST_entry_set
	must
4:	lea registers(%rip), %edi
	host_call HOST_thread_registers
	must
	xor %edi, %edi
	host_call HOST_thread_kick
	must
	mov $(LIBOS_BOOT + BOOT_PROGRAM), %r11d
	mov 8(%r14,%r11), %edi
	xor %esi, %esi
	host_call HOST_program_enter
reached:
	libos_say "reached"
	libos_exit 66

system_call_entry:
	endbr64
	cmpl $11, which(%rip)
	jne 1f
	cmp $231, %rax
	je done
1:	xor %eax, %eax
	ret

interrupted:
	endbr64
	mov which(%rip), %ebx
	attack 1, exit_word
	attack 2, fault_beside
	attack 3, both_sides
	attack 4, many_rounds
	attack 5, stop_spinning
	attack 6, stop_blocked
	attack 7, copy_race
	attack 8, map_windows
	attack 9, requeue
	attack 10, hidden_state
	attack 12, fault_beside_spinning
	jmp reached

exit_word:                              /* the word to clear is not mapped: nothing of the process's may fault */
	start_thread $OWN, leave_badly
	must
	sleep_ms 50
	libos_say "survived"
	libos_exit 0
leave_badly:
	endbr64
	mov $0x70000000, %edi
	host_call HOST_thread_exit
	jmp reached

fault_beside:                           /* a thread faults while the first waits for ever */
	start_thread $OWN, fault
	must
	wait_for_ever
	jmp fault_beside
fault:	endbr64
	sleep_ms 20
	xor %r11d, %r11d
	mov (%r14,%r11), %eax
	jmp reached
fault_beside_spinning:
	start_thread $OWN, fault
	must
1:	jmp 1b

both_sides:                             /* two threads, each starting threads in the other's window */
	host_call HOST_window_copy
	must
	mov %rax, %r13
	start_thread $OWN, other_side
	must
	xor %edi, %edi
	lea this_side(%rip), %esi
	mov %r13, %rdx
	host_call HOST_window_enter
	jmp reached
other_side:
	endbr64
	lea that_side(%rip), %esi
	xor %edx, %edx
	host_call HOST_window_enter     /* rdi is the window */
	jmp reached
this_side:
that_side:
	endbr64
	mov %rdi, %r13                  /* the other's window */
	mov $3000000, %ebx
1:	start_thread %r13, leave
	cmp $-EAGAIN, %rax              /* neither is interrupted any more */
	jne reached
	sub $1, %ebx
	jne 1b
	test %r13, %r13
	je 2f                           /* the one that came from the first window says so */
	libos_say "both answered"
	sleep_ms 100
	libos_exit 0
2:	xor %edi, %edi
	host_call HOST_thread_exit
leave:	endbr64
	xor %edi, %edi
	host_call HOST_thread_exit
	jmp reached

many_rounds:                            /* threads, windows and their copies come and go */
	mov $10000, %ebp
1:	host_call HOST_window_copy
	must
	mov %rax, %r12
	movl $1, word(%rip)
	start_thread %r12, leave_word
	cmp $-EAGAIN, %rax
	je reached
	must
	mov %r12, %rdi
	host_call HOST_window_close
	must
2:	cmpl $0, word(%rip)
	je 3f
	lea word(%rip), %edi
	mov $128, %esi
	mov $1, %edx
	xor %r10d, %r10d
	host_call HOST_futex
	jmp 2b
3:	sub $1, %ebp
	jne 1b
	libos_say "10000 rounds"
	libos_exit 0
leave_word:
	endbr64
	lea word(%rip), %edi
	host_call HOST_thread_exit
	jmp reached

stop_spinning:                          /* another thread ends the cVM while the first never calls the host */
	start_thread $OWN, end
	must
1:	jmp 1b
stop_blocked:                           /* ... and while it blocks */
	start_thread $OWN, end
	must
	wait_for_ever
1:	jmp 1b
end:	endbr64
	sleep_ms 20
	libos_say "ended"
	libos_exit 0

/* Windows' numbers are small and can be guessed. One that can be named before its images are in place could be given others at the
 * same offsets, and be run in meanwhile. */
copy_race:
	mov $4, %ebp
1:	start_thread $OWN, name_early
	must
	sub $1, %ebp
	jne 1b
	mov $5000, %ebp
1:	host_call HOST_window_copy
	must
	mov %rax, %r12
	mov $100, %ebx
2:	host_call 10                    /* there is none: some time */
	sub $1, %ebx
	jne 2b
	mov %r12, %rdi
	host_call HOST_window_close
	must
	sub $1, %ebp
	jne 1b
	cmpl $100, word(%rip)           /* it was met often enough for this to be a test */
	jb reached
	libos_say "always whole"
	libos_exit 0
name_early:
	endbr64
	xor %edi, %edi
	lea 1f(%rip), %esi
	xor %edx, %edx
	host_call HOST_window_enter
1:	endbr64
	start_thread $1, leave
	cmp $-EINVAL, %rax              /* it has not the images of window 0 */
	je reached
	cmp $-EAGAIN, %rax              /* it has, but this thread is not interrupted */
	jne 1b
	addl $1, word(%rip)
	jmp 1b

map_windows:                            /* each window's mappings are bounded; those of all must be too */
	xor %ebp, %ebp
1:	host_call HOST_window_open
	test %rax, %rax
	js 4f
	lea 2(%rax), %r12
	shl $32, %r12
	mov $M, %eax
	add %rax, %r12
2:	mov %r12, %rdi
	mov $0x1000, %esi
	mov $3, %edx
	host_call HOST_memory_map
	test %rax, %rax
	jne 1b
	add $0x2000, %r12
	add $1, %ebp
	cmp $30000, %ebp
	ja reached
	jmp 2b
4:	libos_say "the limit held"
	libos_exit 0

/* A waiter on a word of another window than its own could outlive that: there is no call that moves one, also not within a window. */
requeue:
	mov $REF_PROGRAM + M, %r8
	lea word(%rip), %edi
	mov $3, %esi
	xor %edx, %edx
	mov $1, %r10d
	host_call HOST_futex
	cmp $-ENOSYS, %rax
	jne reached
	lea word(%rip), %edi
	lea word(%rip), %r8d
	mov $3, %esi
	xor %edx, %edx
	mov $1, %r10d
	host_call HOST_futex
	cmp $-ENOSYS, %rax
	jne reached
	libos_say "refused"
	libos_exit 0

/* Interrupted on the way out of a gate: nothing of the gate's, nothing of the signal stack's. */
hidden_state:
	lea registers(%rip), %r11d
	mov 32(%r14,%r11), %rax         /* rsp */
	mov 80(%r14,%r11), %rcx         /* r10 */
	or %rcx, %rax
	mov 88(%r14,%r11), %rcx         /* r11 */
	or %rcx, %rax
	.irp at, 8, 16, 416, 424, 432, 440, 448, 456, 464, 472, 480, 488, 496, 504, 520, 528, 536, 544, 552, 560, 568
	mov (192 + \at)(%r14,%r11), %rcx
	or %rcx, %rax
	.endr
	test %rax, %rax
	jne reached
	libos_say "nothing to see"
	libos_exit 0
done:	libos_say "went on"
	libos_exit 0

	.data
	.balign 64
registers: .skip 1024, 0x5a
time:	.skip 16
word:	.long 0
which:	.long 0
