/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Timers that send signals.
 */
#ifndef LIBOS_TIMER_H
#define LIBOS_TIMER_H
#include "libos/process/process.h"

#define CLOCK_REALTIME_  0
#define CLOCK_MONOTONIC_ 1
#define CLOCK_PROCESS_   2
#define CLOCK_THREAD_    3

struct timer {
	struct timer *next;
	int id;                 /* timer_create's, >= 0; an interval timer's is -1 - which */
	int clock, signal;
	int thread;             /* SIGEV_THREAD_ID; 0: the process */
	int measured;           /* CLOCK_THREAD_: whose time */
	int64_t value;
	int64_t at, every;      /* nanoseconds of its clock; at 0: disarmed */
	int overrun;            /* how often it was due before somebody looked, besides the first time */
	int delivered;          /* the same up to its signal's delivery: timer_getoverrun */
};

#define SI_TIMER (-2)

int64_t clock_read(int clock);
int64_t timer_now(const struct process *p, const struct timer *t);
struct timer *timer_find(struct process *p, int id);
struct timer *timer_make(struct process *p, int id);    /* NULL without memory */
void timer_drop(struct process *p, struct timer *timer);
void timers_drop(struct process *p, int all);           /* exec keeps interval timers */
void timer_set(struct process *p, struct timer *t, int64_t at, int64_t every);
int64_t timer_left(const struct process *p, const struct timer *t);
void timers_look(struct process *p);    /* wherever a kick may have come from one */
void timer_delivered(struct process *p, struct signal_info *info);      /* its signal is taken; fills in the overruns */
int signal_of_timer_waits(const struct process *p, int signal, int id); /* signal.c */
void timers_leave(struct thread *t);    /* it ends: another thread keeps them */
#endif
