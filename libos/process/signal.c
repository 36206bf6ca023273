/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Signals: who gets one, what is pending, what it does. A signal is acted upon at the border of its thread's program only
 * (thread.c); whoever waits in a system call is woken for it.
 */
#include "libos/process/timer.h"

#define SIGCHLD 17
#define SIGCONT 18
#define STOPS (SIGNAL_BIT(19) | SIGNAL_BIT(20) | SIGNAL_BIT(21) | SIGNAL_BIT(22))
/* Ignored unless handled: SIGCHLD SIGCONT SIGURG SIGWINCH */
#define HARMLESS (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(23) | SIGNAL_BIT(28))
#define NODEFER   0x40000000u
#define NOCLDSTOP 1u
#define CLD_STOPPED   5
#define CLD_CONTINUED 6
#define RESETHAND 0x80000000u
#define RESTARTS  0x10000000u
#define REALTIME_FIRST 32

struct signal_info signal_plain(int signal)
{
	return (struct signal_info){.signal = signal, .pid = process_current()->id, .uid = boot->uid};
}

static int ignored(const struct process *p, int signal)
{
	return p->actions[signal].handler == 1 || (!p->actions[signal].handler && (HARMLESS & SIGNAL_BIT(signal)));
}

int signal_waits(const struct thread *t)
{
	return ((t->pending.set | t->process->pending.set) & ~t->mask) != 0;
}

void signal_state(struct thread *t)
{
	if (signal_waits(t) || t->leaving || t->process->ending || t->process->stopped)
		t->attention = 1;
}

/* Of a standard signal one waits; of a real-time one as many as are sent, in order. 0 or -EAGAIN. */
static int64_t queue_put(struct signal_queue *q, const struct signal_info *info)
{
	if (!(q->set & SIGNAL_BIT(info->signal)))
		q->info[info->signal] = *info;
	else if (info->signal >= REALTIME_FIRST) {
		struct signal_more *one = q->more_count < SIGNALS_MORE_MOST ? heap_allocate(sizeof *one) : NULL;
		if (!one)
			return -EAGAIN;
		one->info = *info;
		*(q->more ? &q->last->next : &q->more) = one;
		q->last = one;
		q->more_count++;
	}
	q->set |= SIGNAL_BIT(info->signal);
	return 0;
}

/* The one that was first of its number is gone: the next takes its place. */
static void queue_next(struct signal_queue *q, int signal)
{
	q->set &= ~SIGNAL_BIT(signal);
	for (struct signal_more **link = &q->more, *one, *before = NULL; (one = *link); link = &one->next, before = one)
		if (one->info.signal == signal) {
			*link = one->next;
			q->last = one->next ? q->last : before;
			q->info[signal] = one->info;
			q->set |= SIGNAL_BIT(signal);
			q->more_count--;
			heap_free(one, sizeof *one);
			break;
		}
}

static int timer_in(const struct signal_queue *q, int signal, int id)
{
	const struct signal_info *info = &q->info[signal];

	if (!(q->set & SIGNAL_BIT(signal)))
		return 0;
	if (info->code == SI_TIMER && info->pid == id)
		return 1;
	for (const struct signal_more *one = q->more; one; one = one->next)
		if (one->info.signal == signal && one->info.code == SI_TIMER && one->info.pid == id)
			return 1;
	return 0;
}

int signal_of_timer_waits(const struct process *p, int signal, int id)
{
	if (timer_in(&p->pending, signal, id))
		return 1;
	for (const struct thread *t = p->threads; t; t = t->next)
		if (timer_in(&t->pending, signal, id))
			return 1;
	return 0;
}

void signals_forget(struct signal_queue *q, uint64_t set)
{
	for (int signal = 1; signal <= SIGNALS; signal++)
		while (set & q->set & SIGNAL_BIT(signal))
			queue_next(q, signal);
}

/* The parent hears that its child has stopped or goes on (SIGCHLD's code `what`). */
static void changed(struct process *p, int what, int signal)
{
	struct process *parent = p->parent;

	if (!parent)
		return;
	wait_wake(&parent->children, UINT32_MAX);
	if (!(parent->actions[SIGCHLD].flags & NOCLDSTOP))
		signal_process(parent, (struct signal_info){.signal = SIGCHLD, .code = what, .pid = p->id, .uid = boot->uid, .value = signal});
}

/* What a signal does as it is sent: SIGCONT goes on, also when blocked; a stopping one and SIGCONT cancel each other. */
static int sent(struct process *p, int signal)
{
	if (signal == SIGCONT || signal == 9) {
		p->pending.set &= ~STOPS;
		for (struct thread *t = p->threads; t; t = t->next)
			t->pending.set &= ~STOPS;
		if (p->stopped) {
			p->stopped = 0;
			p->reported = signal == SIGCONT ? 2 : 0;
			for (struct thread *t = p->threads; t; t = t->next)
				thread_wake(t);
			if (signal == SIGCONT)
				changed(p, CLD_CONTINUED, signal);
		}
	} else if (STOPS & SIGNAL_BIT(signal))
		p->pending.set &= ~SIGNAL_BIT(SIGCONT);
	return !ignored(p, signal);
}

int64_t signal_thread(struct thread *t, struct signal_info info)
{
	struct process *p = t->process;

	if (!p || p->dead)
		return -ESRCH;
	if (info.signal < 0 || info.signal > SIGNALS)
		return -EINVAL;
	if (!info.signal || (!sent(p, info.signal) && !(t->mask & SIGNAL_BIT(info.signal))))
		return 0;
	if (info.signal == 9) {
		process_kill(p, 9);
		return 0;
	}
	int64_t error = queue_put(&t->pending, &info);
	if (error)
		return error;
	wait_wake(&p->signals, UINT32_MAX);
	if (!(t->mask & SIGNAL_BIT(info.signal)))
		thread_poke(t);
	return 0;
}

int64_t signal_process(struct process *p, struct signal_info info)
{
	struct thread *chosen = NULL;

	if (p->dead)
		return 0;       /* a zombie: it exists, nothing happens */
	if (info.signal < 0 || info.signal > SIGNALS)
		return -EINVAL;
	if (!info.signal)
		return 0;
	int all_block = 1;
	for (struct thread *t = p->threads; t; t = t->next)
		if (!(t->mask & SIGNAL_BIT(info.signal))) {
			all_block = 0;
			if (!chosen || t == thread_current())
				chosen = t;
		}
	if (!sent(p, info.signal) && !all_block)
		return 0;
	if (info.signal == 9) {
		process_kill(p, 9);
		return 0;
	}
	int64_t error = queue_put(&p->pending, &info);
	if (error)
		return error;
	wait_wake(&p->signals, UINT32_MAX);
	if (chosen)
		thread_poke(chosen);
	else
		for (struct thread *t = p->threads; t; t = t->next)
			if (t->waiting)
				thread_wake(t);         /* sigwait, signalfd */
	return 0;
}

int signal_take(struct thread *t, struct signal_info *info)
{
	struct signal_queue *queues[2] = {&t->pending, &t->process->pending};

	for (int i = 0; i < 2; i++) {
		uint64_t set = queues[i]->set & ~t->mask;
		if (!set)
			continue;
		int signal = 1;
		while (!(set & SIGNAL_BIT(signal)))
			signal++;
		*info = queues[i]->info[signal];
		queue_next(queues[i], signal);
		if (info->code == SI_TIMER)
			timer_delivered(t->process, info);
		return 1;
	}
	return 0;
}

int signal_act(struct thread *t, struct signal_info *info)
{
	struct process *p = t->process;
	struct action action = p->actions[info->signal];
	int signal = info->signal;

	if (ignored(p, signal))
		return 0;
	if (!action.handler) {
		if (STOPS & SIGNAL_BIT(signal)) {
			if (p->id == 1 && p->parent == NULL && !p->next)
				return 0;       /* nobody is there to let it go on */
			p->stopped = signal;
			p->reported = 1;
			for (struct thread *other = p->threads; other; other = other->next)
				if (other != t)
					thread_poke(other);
			changed(p, CLD_STOPPED, signal);
			return 0;
		}
		process_exit(signal);
	}
	uint64_t mask = t->mask_saved ? t->saved_mask : t->mask;
	int restart = t->restart == RESTART_CALL && (action.flags & RESTARTS);
	if (frame_put(t, info, &action, mask, restart)) {
		p->actions[11].handler = 0;
		process_exit(11);
	}
	t->restart = RESTART_NOT;
	t->again = 0;
	t->mask_saved = 0;
	t->mask |= action.mask | (action.flags & NODEFER ? 0 : SIGNAL_BIT(signal));
	t->mask &= ~UNBLOCKABLE;
	if (action.flags & RESETHAND)
		p->actions[signal].handler = 0;
	return 1;
}
