/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A thread's trusted context: the top page of its control stack's region, outside every window. Gates find it from rsp:
 * the region is CONTROL_REGION-aligned, so `rsp | (CONTROL_REGION - 1)` is its last byte. No guest instruction can
 * address it; `call` pushes below it and `ret` cannot climb into it, because the first frame returns to a gate.
 */
#ifndef CONTEXT_H
#define CONTEXT_H

#define CONTROL_REGION     0x1000000    /* 16 MiB of address space, aligned to itself */
#define CONTROL_GUARD      0x10000      /* the lowest 64 KiB stay inaccessible */
#define CONTROL_HEADROOM   0x4000       /* what a gate must find free: library OS and gates need less */
#define CONTEXT_SIZE       0x1000
#define CONTEXT_FIRST      16           /* bytes of the first frame below the context */

/* Field offsets; from the region's last byte subtract CONTEXT_BIAS. */
#define CONTEXT_BIAS       0xfff
#define C_PROGRAM_BASE     0
#define C_LIBOS_BASE       8
#define C_SYSCALL_ENTRY    16           /* absolute; the trap gate until the library OS sets it */
#define C_LIBOS_STACK      24           /* r15 of the library OS at a system call */
#define C_PROGRAM_R15      32
#define C_PROGRAM_R14      40
#define C_HOST_RSP         48
#define C_PROGRAM_TP       64           /* what it reads at %fs:THREAD_POINTER_AT */
#define C_CONTROL_LOW      72           /* rsp below this: no headroom */
#define C_HOST_CALL        80           /* the C function */
#define C_THREAD           88
#define C_GUEST_RSP        96           /* during a host call */
#define C_FIRST_RETURN     104          /* gate code the outermost frame returns to */
#define C_AVX              112          /* 1: save ymm, else xmm */
#define C_KICKED           120          /* 1: an interruption waits for the way out of a gate */
#define C_INTERRUPT_ENTRY  128          /* absolute; 0 until the library OS sets it */
#define C_START_RSP        136          /* where context_enter puts its first frame */
#define C_RECORD_COUNT     144
#define C_LEAVING          152          /* 1: the thread is to leave its guest */
#define C_HOST_FAST        160          /* the C function of fast host calls */
#define C_OWNER            168          /* its first argument */
#define C_CARRIER          176          /* the host thread that runs it, or ran it last */
#define C_FLOOR            184          /* no unwinding to a lesser depth: CONTEXT_FIRST, or a frame that calls return to */
#define C_CALL             192          /* the C functions of calls between cVMs */
#define C_CALL_END         200
#define C_CALL_COPY        208
#define C_SERVE            216
#define C_SERVE_SLOT       224          /* what it serves */
#define C_ENTRY            232          /* absolute; where a call enters, and its r15 */
#define C_ENTRY_STACK      240
#define C_CALLER           248          /* registers of a program that calls: S_WORDS words */
#define C_SERVER           312          /* and of one that serves */
#define C_RECORDS          376          /* RECORDS_MOST records of 16 bytes: rsp of the interrupted program, what */
#define C_WORDS            47

/* Registers of a program while its thread is elsewhere: rbx rbp r12 r13 r14 r15 rsp, floating. */
#define S_R15              40
#define S_RSP              48           /* 0: it is not */
#define S_FLOATING         56           /* MXCSR, x87 control word */
#define S_WORDS            8
#define RECORDS_MOST       128          /* interruptions inside one another: handlers within handlers */

#ifndef __ASSEMBLER__
#include <stdint.h>
struct context {
	uint64_t program_base, libos_base, syscall_entry, libos_stack, program_r15, program_r14, host_sp, host_tp, program_tp,
		control_low, host_call, thread, guest_rsp, first_return, avx, kicked, interrupt_entry, start_rsp, record_count,
		leaving, host_fast, owner;
	struct carrier *carrier;
	uint64_t floor, call, call_end, call_copy, serve, serve_slot, entry, entry_stack, caller[S_WORDS], server[S_WORDS];
	/* Interruptions that are not over, outermost first, by falling rsp. Here and not on the control stack, where every word
	 * stays a return address: so unwinding to any depth is safe. */
	struct record {
		uint64_t rsp;
		uint32_t pc;            /* window offset */
		uint32_t truncate;      /* register whose upper half is cleared on the way back (unit.h), or UNIT_NONE */
	} records[RECORDS_MOST];
};
#endif
#endif
