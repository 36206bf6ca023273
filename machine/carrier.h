/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A carrier: a host thread that runs guests. Whose guest it runs changes when that guest calls into another cVM (call.c). It lies at the
 * end of the host thread's alternate signal stack, which is aligned to its size: so a signal finds it, whatever a guest's registers
 * hold. Trusted; guests cannot address it. Usable from assembly.
 */
#ifndef CARRIER_H
#define CARRIER_H

#define SIGNAL_REGION      0x10000      /* the alternate signal stack, aligned to itself; its last bytes: struct carrier */
#define CARRIER_SIZE       128
#define CARRIER_HOST_SP    0
#define CARRIER_HOST_TP    8

#ifndef __ASSEMBLER__
#include <stdint.h>
struct carrier {
	uint64_t host_sp, host_tp;      /* where machine_thread_run entered the guest, and its thread pointer where that has to be put back */
	uint64_t signal_mask;
	struct machine_thread *resident;        /* the thread whose home this is */
	struct machine_thread *adopts;  /* whom it is to run from now on: its own has gone with another carrier */
	int64_t error;                  /* what that one's call gives */
	int tid;                        /* 0: not there yet, or no more */
	uint32_t word;                  /* a futex: changes when a carrier that waits for calls is to look around */
	struct context *now;            /* whom it runs: signals go to that one */
	uint64_t reserved[8];
};
_Static_assert(sizeof(struct carrier) == CARRIER_SIZE, "assembly finds it from the region's end");

static inline uint8_t *carrier_stack(struct carrier *carrier)
{
	return (uint8_t *)(carrier + 1) - SIGNAL_REGION;
}
#define CARRIER_STACK_SIZE (SIGNAL_REGION - CARRIER_SIZE)
static inline struct carrier *carrier_here(const void *here)    /* by an address on its signal stack */
{
	return (struct carrier *)(((uintptr_t)here | (SIGNAL_REGION - 1)) + 1) - 1;
}
#endif
#endif
