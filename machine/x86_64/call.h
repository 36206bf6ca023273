/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Calls between cVMs on x86-64: whose guest a host thread (carrier) runs, and how that changes. Trusted.
 *
 * All that decides is one word of the callee's thread, `state`, changed by compare-and-swap:
 *
 *   CALL_OFF        it is its program's
 *   CALL_IDLE       it waits in GATE_SERVE for calls of a service, whose id is in the word; its home carrier sleeps (call.c)
 *   CALL_ACTIVE     the caller's carrier runs it; the caller and a number of its calls are in the word
 *   CALL_COPYING    as CALL_ACTIVE, and it is touching the caller's memory: ending the call waits; bits 3 and 4 say for what
 *   CALL_DETACHING  the call has ended for its caller before its callee returned, and is being taken apart
 *   CALL_DETACHED   it has been: the caller runs on the carrier that was the callee's home, the callee on what was the caller's
 *
 * ACTIVE -> IDLE is the callee's return, ACTIVE -> DETACHING the end by a kick or stop of the caller, by its time limit, or because the
 * callee leaves or loses its frames. Exactly one of them happens, and only who made it happen touches the caller from then on. So a
 * caller never waits for its callee, and a callee is never pulled out of what it does.
 */
#ifndef CALL_H
#define CALL_H
#include "machine/x86_64/thread.h"

#define CALL_OFF       0u
#define CALL_IDLE      1u
#define CALL_ACTIVE    2u
#define CALL_COPYING   3u
#define CALL_DETACHING 4u
#define CALL_DETACHED  5u
#define CALL_TAG       0x3full          /* low bits of a word: a tag, and why a call that copies is to end */
#define CALL_WHY(why)  ((uint64_t)(why) << 3)
enum call_end { CALL_KICKED = 1, CALL_LATE, CALL_LOST };        /* -EINTR, -ETIMEDOUT, -ECONNRESET for the caller */
#define CALL_IDLE_WORD(id) ((id) << 6 | CALL_IDLE)

/* Of the fast kind, signal-safe too (fast_call.c). */
struct context *call_end(struct machine_thread *callee);        /* it returns: its caller's context; NULL: that is not here any more */
void call_detach(struct machine_thread *callee, uint64_t word, enum call_end why);      /* unless its call is not that of `word` */
void call_kicked(struct machine_thread *thread);        /* ends its call, wakes its home */
void call_wake(struct machine_thread *callee);          /* its home looks around */
void call_freed(struct machine_service *service);       /* one more thread waits for its calls */
void call_carry(struct carrier *carrier, struct machine_thread *thread);        /* it runs that one */
/* call.c: by the thread itself, which leaves or loses its frames: a call it is in ends for the caller. */
void call_abandon(struct machine_thread *callee);
#endif
