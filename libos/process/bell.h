/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Objects shared with other cVMs, and how their changes wake who waits for them (bell.c).
 */
#ifndef LIBOS_BELL_H
#define LIBOS_BELL_H
#include "libos/process/process.h"

extern int bells_used;                  /* something shared is here: sleepers listen */
/* From now on a ring of the object wakes this queue. 0 or -ENOMEM. */
int64_t bell_attach(int64_t handle, struct wait_queue *queue);
void bell_detach(int64_t handle);       /* before its handle is closed */
int bells_rung(void);                   /* is there something to take? Needs no lock. */
void bells_take(void);                  /* wakes the queues of what rang */
/* For who sleeps in the host: a handle that is readable after a ring, if bell_arm said so before; then bell_quiet. */
int64_t bell_host_handle(void);
void bell_quiet(void);
/* wait.c: as wait_sleep, for rings too: what is waited for may be shared. */
int64_t wait_sleep_listening(int64_t deadline);
/* Looks for a while whether something comes, as long as that has been worth it lately. */
void wait_spin(void);
#endif
