/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The end of threads and processes. When the first process ends the cVM ends.
 */
#include "libos/process/timer.h"
#include "libos/terminal/terminal.h"

void process_kill(struct process *p, int status)
{
	if (p->ending)
		return;
	p->ending = 1;
	p->status = status;
	for (struct thread *t = p->threads; t; t = t->next)
		thread_poke(t);
}

/* The last thread of a process is going: what it had is given back; its parent hears of it. */
static void process_last(struct process *p)
{
	if (p->id == 1) {
		HOST(exit, p->status);
		__builtin_unreachable();
	}
	descriptors_drop(p->files);
	p->files = NULL;
	p->dead = 1;
	terminal_leader_gone(p);
	p->space = NULL;        /* the caller releases it, last */
	vfork_done(p);
	if (p->order)
		HOST(order_done, p->order, p->status);
	for (struct process *c = processes, *next; c; c = next) {
		next = c->next;
		if (c->parent == p) {
			c->parent = NULL;
			if (c->dead)
				process_reap(c);
		}
	}
	struct process *parent = p->parent;
	if (!parent || parent->dead) {
		process_reap(p);
		return;
	}
	int status = p->status, killed = status & 0x7f;
	if (p->exit_signal)
		signal_process(parent, (struct signal_info){.signal = p->exit_signal, .code = killed ? 2 : 1, .pid = p->id,
							    .uid = boot->uid, .value = killed ? killed : status >> 8 & 0xff});
	wait_wake(&parent->children, UINT32_MAX);
	if (p->exit_signal == 17 && (parent->actions[17].handler == 1 || (parent->actions[17].flags & 2)))     /* SA_NOCLDWAIT */
		process_reap(p);
}

void thread_exit_now(int status)
{
	struct thread *t = thread_current(), **link;
	struct process *p = t->process;
	struct space *space = p->space;
	uint32_t zero = 0;

	robust_release(t);
	signals_forget(&t->pending, ~0ull);
	if (t->clear_id && p->thread_count > 1 && !user_put((struct user){t->clear_id}, &zero, 4))
		futex_wake_user(p, t->clear_id);
	for (link = &p->threads; *link != t; link = &(*link)->next)
		;
	*link = t->next;
	timers_leave(t);
	usage_leave(t);
	int last = --p->thread_count == 0;
	if (p->thread_count == 1)
		thread_wake(p->threads);        /* it may wait for that: execve */
	if (last) {
		if (!p->ending)
			p->status = status;
		p->ending = 1;
		process_last(p);
		space_release(space);
	}
	t->process = NULL;
	thread_slot_free(t);
	kernel_unlock();
	HOST(thread_exit, own_ref(&t->alive));
	die("the Intravisor does not let a thread end");
}

void process_exit(int status)
{
	process_kill(process_current(), status);
	thread_exit_now(status);
}
