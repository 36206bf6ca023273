/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A thread's trusted context, a page outside every window. A gate gets it as the unsealed half of the pair it was entered by: the
 * sealed capability that a thread's guest code has in gp. No guest can store a capability (its DDC lacks the permission), so no
 * thread can come by another one's, and the context a gate gets is that of the thread which runs: `carrier` is its host thread.
 */
#ifndef CONTEXT_H
#define CONTEXT_H

#define CONTEXT_SIZE       0x1000

/* Capabilities first. The first one is all a gate loads through the pair; with it as DDC it reads the rest. */
#define C_HOST_DATA        0
#define C_PROGRAM_DATA     16           /* DDC, PCC and gp of the program */
#define C_PROGRAM_CODE     32
#define C_PROGRAM_GATE     48
#define C_LIBOS_DATA       64
#define C_LIBOS_CODE       80
#define C_LIBOS_GATE       96
#define C_PROGRAM_WINDOW   112          /* tp of the library OS */
#define C_SYSCALL_ENTRY    128          /* LIBOS_CODE at the entry; without a tag until the library OS sets it */
#define C_CAPABILITIES     144

#define C_LIBOS_STACK      144          /* sp of the library OS at a system call */
#define C_PROGRAM_SP       152          /* during a system call */
#define C_PROGRAM_TP       160
#define C_PROGRAM_RA       168
#define C_PROGRAM_PC       176
#define C_LIBOS_SP         184          /* during a host call */
#define C_LIBOS_RA         192
#define C_LIBOS_PC         200
#define C_HOST_SP          208
#define C_HOST_TP          216
#define C_HOST_CALL        224          /* the C function */
#define C_THREAD           232
#define C_KICKED           240          /* 1: an interruption waits for the way out of a gate */
#define C_HOST_FAST        256          /* the C function of fast host calls, */
#define C_OWNER            264          /* and its first argument */
#define C_LEAVING          248          /* 1: the thread is to leave its guest */
#define C_CARRIER          272          /* the host thread that runs it, or ran it last (machine/carrier.h) */
#define C_PROGRAM_BASE     280          /* of its window */
#define C_CALL             288          /* the C functions of calls between cVMs */
#define C_CALL_END         296
#define C_CALL_COPY        304
#define C_SERVE            312
#define C_SERVE_SLOT       320          /* what it serves */
#define C_ENTRY            328          /* absolute; where a call enters */
#define C_CALLER           336          /* registers of a program that calls: S_WORDS words */
#define C_SERVER           480          /* and of one that serves */

/* Registers of a program while its thread is elsewhere: s0-s11, then these. */
#define S_SP               96
#define S_TP               104
#define S_RA               112
#define S_PC               120
#define S_STATUS           128          /* fcsr */
#define S_PRESENT          136          /* 0: it is not elsewhere */
#define S_WORDS            18

#ifndef __ASSEMBLER__
#include <stdint.h>
#include "machine/cheri_riscv64/capability.h"
struct context {
	struct capability host_data, program_data, program_code, program_gate, libos_data, libos_code, libos_gate, program_window,
		syscall_entry;
	uint64_t libos_stack, program_sp, program_tp, program_ra, program_pc, libos_sp, libos_ra, libos_pc, host_sp, host_tp,
		host_call, thread, kicked, leaving, host_fast, owner;
	struct carrier *carrier;
	uint64_t program_base, call, call_end, call_copy, serve, serve_slot, entry, caller[S_WORDS], server[S_WORDS];
	/* What assembly does not name. */
	uint64_t libos_base;
	uint64_t interrupt_entry;               /* absolute; 0 until the library OS sets it */
};
#endif
#endif
