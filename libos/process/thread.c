/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Threads' stacks, and the place where an interrupted program enters: signals, the end, and calls that need all of the
 * program's registers are taken care of here, and then the program goes on.
 */
#include "libos/process/order.h"
#include "libos/process/timer.h"

static struct thread *slots[THREADS_MOST];      /* mapped already */
static unsigned slot_count;

/* A slot can be used again when the host thread is out of it: it clears `alive` itself. */
struct thread *thread_slot(void)
{
	for (unsigned i = 0; i < slot_count; i++) {
		struct thread *t = slots[i];
		if (!t->process && !__atomic_load_n(&t->alive, __ATOMIC_ACQUIRE)) {
			memset(t, 0, sizeof *t);
			return t;
		}
	}
	if (slot_count == THREADS_MOST)
		return NULL;
	uint64_t at = THREADS_START + slot_count * (uint64_t)THREAD_STACK;
	_Static_assert(sizeof(struct thread) <= THREAD_GUARD, "struct thread fits below its guard");
	if (HOST(memory_map, at, THREAD_STACK, 3))
		return NULL;
	if (HOST(memory_protect, at + THREAD_GUARD, 4096, 0)) {
		HOST(memory_unmap, at, THREAD_STACK);
		return NULL;
	}
	return slots[slot_count++] = own_pointer(at);
}

void thread_slot_free(struct thread *t)
{
	if (t != thread_current())
		t->alive = 0;
	t->process = NULL;
}

void thread_poke(struct thread *t)
{
	t->attention = 1;
	if (t == thread_current())
		return;
	if (t->waiting)
		thread_wake(t);         /* wait_sleep looks at the rest */
	else
		HOST(thread_kick, t->number);
}

#define TERMINAL (SIGNAL_BIT(2) | SIGNAL_BIT(3) | SIGNAL_BIT(20) | SIGNAL_BIT(28))      /* SIGINT, SIGQUIT, SIGTSTP, SIGWINCH */

int foreground_group;

/* A kick came: a signal from outside the cVM, a timer, another thread, or several of them. */
void kicked(struct thread *t)
{
	uint64_t outside = (uint64_t)HOST(signals_take);

	if (outside & HOST_ORDER_WAITS)
		orders_serve();
	outside &= HOST_ORDER_WAITS - 1;
	/* The Intravisor kicks some thread of the cVM; they are for its first process, a terminal's for the group in front. */
	for (int signal = 1; outside; outside >>= 1, signal++)
		if ((outside & 1) && foreground_group && (TERMINAL & SIGNAL_BIT(signal))) {
			for (struct process *p = processes, *next; p; p = next) {
				next = p->next;
				if (p->group == foreground_group)
					signal_process(p, (struct signal_info){.signal = signal, .code = 0x80});
			}
		} else if (outside & 1)
			signal_process(process_find(1), (struct signal_info){.signal = signal});
	timers_look(t->process);
	signal_state(t);
}

/* Stopped by SIGSTOP and its like: until SIGCONT or the end. */
static void stop_here(struct thread *t)
{
	struct wait_queue none = {0};
	struct waiter w = {0};

	wait_begin(&w, &none);
	while (t->process->stopped && wait_sleep_through(FOR_EVER) != -RESTART)
		;
	wait_end(&w);
}

static void go_on(struct thread *t, uint64_t how) __attribute__((noreturn));
static void go_on(struct thread *t, uint64_t how)
{
	kernel_unlock();
	HOST(thread_resume, own_ref(&t->registers), how);
	/* A pc, thread pointer or record that is no good: the program forged its frame. */
	kernel_lock();
	process_exit(11);
}

/* The call that asked for an interruption to see its program's registers. A thread that is to leave makes no other one any more: who
 * executes waits for those it has told (sys/exec.c), and nobody would tell that one. */
static void deferred_now(struct thread *t)
{
	int what = t->deferred;

	t->deferred = DEFER_NONE;
	if (what && !t->leaving && !t->process->ending)
		t->registers.general[REG_A] = (uint64_t)(what == DEFER_CLONE ? clone_now(t) : alternate_stack_now(t));
}

void interrupted(uint64_t what, uint64_t code, uint64_t address)
{
	struct thread *t = thread_current();
	struct signal_info info = {0};

	kernel_lock();
	t->attention = t->kick = 0;
	kicked(t);
	deferred_now(t);
	if (what) {     /* a fault */
		info = (struct signal_info){.signal = (int)what, .code = (int)(uint32_t)code, .address = address};
		const struct action *action = &t->process->actions[what];
		if ((code >> 32) || (t->mask & SIGNAL_BIT(what)) || action->handler <= 1) {
			HOST(fault_report);
			process_exit((int)what);
		}
		if (signal_act(t, &info))
			go_on(t, RESUME_HANDLER);
	}
	resumed(t);
}

/* Back to the program, when nothing is left to do before. Under the kernel lock. */
void resumed(struct thread *t)
{
	struct signal_info info;

	for (;;) {
		t->attention = 0;
		kick_look(t);
		if (t->process->ending || t->leaving)
			thread_exit_now(t->process->status);
		if (t->process->stopped) {
			stop_here(t);
			continue;
		}
		if (signal_take(t, &info)) {
			if (signal_act(t, &info))
				go_on(t, RESUME_HANDLER);
			continue;
		}
		if (t->restart) {
			t->restart = 0;
			t->registers.general[REG_A] = (uint64_t)system_call_again(t);
			deferred_now(t);
			continue;
		}
		if (t->mask_saved) {
			t->mask = t->saved_mask;
			t->mask_saved = 0;
		}
		signal_state(t);
		if (!t->attention)
			go_on(t, RESUME_PROGRAM);
	}
}
