/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Call: functions that programs export under names they were granted. How a thread gets there and back is the machine's (machine.h);
 * here is who may call what. A program names an export by a slot of its own window, so a process calls what it opened itself. Trusted.
 */
#ifndef INTRAVISOR_CALL_H
#define INTRAVISOR_CALL_H
#include "intravisor/share/share.h"

#define EXPORTS_MOST      1024u         /* of all cVMs */
#define EXPORTS_OF_CVM    64u
#define EXPORT_THREADS    64u           /* that serve one */
#define EXPORT_OWN        (1ull << 57)  /* in a slot: this window made it; else it opened it */

/* Never freed, so a slot's id can be looked up at any time: it is in force as long as the export's own is the same. */
struct export {
	uint64_t id;                    /* index + n * EXPORTS_MOST; 0: none. Atomic */
	struct machine_thread *threads[EXPORT_THREADS]; /* atomic; NULL: none. The machine knows which of them wait for calls of this id */
	/* Under exports_lock. */
	const struct cvm *cvm;
	const void *network;
	char name[64];
	uint32_t entry;
	unsigned reach;                 /* no thread has ever been at this index or behind it; atomic */
};
extern struct export exports[EXPORTS_MOST];
#define export_of(id) (&exports[(id) % EXPORTS_MOST])
/* The slot's word, or 0. */
static inline uint64_t export_slot(const struct caller *caller, uint64_t slot)
{
	return slot < WINDOW_CALLS ? __atomic_load_n(&caller->program->calls[slot], __ATOMIC_SEQ_CST) : 0;
}

/* The watch over time limits sleeps while there are none: whoever sets one wakes it. */
extern uint32_t watch_awake;    /* a futex */
uint64_t watch_now(void);       /* milliseconds since some time; of the fast kind */

/* The machine's upcalls. */
int64_t share_call(void *owner, const uint64_t arguments[8]);
int64_t share_call_copy(void *owner, uint64_t unused, const uint64_t arguments[6]);
int64_t share_serve(struct machine_thread *thread, uint64_t slot);

/* A window is no more: so are the exports it made. */
void exports_left(struct window *window);
#endif
