/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls on signals.
 */
#include "libos/process/timer.h"
#include "libos/sys/sys.h"

#define ON_STACK     1u         /* sigaltstack's flags */
#define STACK_NONE   2u
#define STACK_DISARM (1u << 31)

int64_t sys_rt_sigaction(const uint64_t a[6])
{
	int signal = (int)a[0];
	struct process *p = process_current();
	struct action new, *old = &p->actions[signal < 1 || signal > SIGNALS ? 0 : signal];
	struct wire_action wire = {0}, before = {.handler = old->handler, .flags = old->flags, .mask = old->mask};

	if (signal < 1 || signal > SIGNALS || a[3] != 8 || (a[1] && (UNBLOCKABLE & SIGNAL_BIT(signal))))
		return -EINVAL;
	if (a[1] && user_get(&wire, USER(1), sizeof wire))
		return -EFAULT;
	if (a[2] && user_put(USER(2), &before, sizeof before))
		return -EFAULT;
	if (!a[1])
		return 0;
	new = (struct action){.handler = wire.handler, .flags = wire.flags, .mask = wire.mask & ~UNBLOCKABLE};
	p->actions[signal] = new;
	int harmless = signal == 17 || signal == 18 || signal == 23 || signal == 28;
	if (new.handler == 1 || (!new.handler && harmless)) {
		signals_forget(&p->pending, SIGNAL_BIT(signal));
		for (struct thread *t = p->threads; t; t = t->next)
			signals_forget(&t->pending, SIGNAL_BIT(signal));
		timers_look(p);         /* those whose signal waited */
	}
	return 0;
}

int64_t sys_rt_sigprocmask(const uint64_t a[6])
{
	struct thread *t = thread_current();
	uint64_t set = 0, before = t->mask;

	if (a[3] != 8)
		return -EINVAL;
	if (a[1]) {
		if (user_get(&set, USER(1), 8))
			return -EFAULT;
		if ((int)a[0] < 0 || (int)a[0] > 2)
			return -EINVAL;
		t->mask = (int)a[0] == 0 ? before | set : (int)a[0] == 1 ? before & ~set : set;
		t->mask &= ~UNBLOCKABLE;
		signal_state(t);
	}
	return a[2] ? user_put(USER(2), &before, 8) : 0;
}

int64_t sys_rt_sigpending(const uint64_t a[6])
{
	const struct thread *t = thread_current();
	uint64_t set = (t->pending.set | t->process->pending.set) & t->mask;

	return a[1] > 8 ? -EINVAL : user_put(USER(0), &set, a[1]);
}

static int64_t alternate_stack(struct thread *t, struct user from, struct user to, int within)
{
	uint64_t new[3], before[3] = {t->stack[0], t->stack[1] | (within ? ON_STACK : 0), t->stack[2]};

	if (from.at && user_get(new, from, sizeof new))
		return -EFAULT;
	if (to.at && user_put(to, before, sizeof before))
		return -EFAULT;
	if (!from.at)
		return 0;
	if (within)
		return -EPERM;
	new[1] = (uint32_t)new[1];
	if (new[1] & ~(uint64_t)(ON_STACK | STACK_NONE | STACK_DISARM))
		return -EINVAL;
	if (!(new[1] & STACK_NONE) && new[2] < 2048)
		return -ENOMEM;
	new[1] &= STACK_NONE | STACK_DISARM;
	if (new[1] & STACK_NONE)
		new[0] = new[2] = 0;
	memcpy(t->stack, new, sizeof new);
	return 0;
}

/* The program's stack pointer is known. */
int64_t alternate_stack_now(struct thread *t)
{
	uint64_t at = machine_program_pointer(t->registers.general[REG_STACK]) - t->stack[0];

	return alternate_stack(t, (struct user){t->call[1]}, (struct user){t->call[2]}, at && at <= t->stack[2]);
}

int64_t sys_sigaltstack(const uint64_t a[6])
{
	struct thread *t = thread_current();

	if (t->stack[1] & STACK_NONE)
		return alternate_stack(t, USER(0), USER(1), 0);
	t->call[1] = a[0];
	t->call[2] = a[1];
	t->deferred = DEFER_STACK;
	t->attention = 1;
	return 0;
}

int64_t sys_rt_sigreturn(const uint64_t a[6])
{
	struct thread *t = thread_current();
	uint64_t mask = 0;
	int restart = 0;

	/* From the gate a handler returns to; a program that calls it by itself has no interruption to go back to. */
	if (frame_get(t, a[0], &mask, &restart))
		process_exit(11);
	t->mask = mask & ~UNBLOCKABLE;
	t->mask_saved = 0;
	t->restart = restart;
	resumed(t);
}

static struct signal_info from_here(int signal, int code)
{
	struct signal_info info = signal_plain(signal);

	info.code = code;
	return info;
}

int64_t sys_kill(const uint64_t a[6])
{
	int pid = (int)a[0], signal = (int)a[1], found = 0;
	struct process *self = process_current();

	if (signal < 0 || signal > SIGNALS)
		return -EINVAL;
	if (pid > 0) {
		struct process *p = process_find(pid);
		return p ? signal_process(p, from_here(signal, 0)) : -ESRCH;
	}
	for (struct process *p = processes, *next; p; p = next) {
		next = p->next;
		if (pid == -1 ? p != self && p->id != 1 : p->group == (pid ? -pid : self->group)) {
			signal_process(p, from_here(signal, 0));
			found = 1;
		}
	}
	return found || (pid == -1 && !self->next) ? 0 : -ESRCH;
}

int64_t sys_tkill(const uint64_t a[6])
{
	struct thread *t = (int)a[0] > 0 ? thread_find((int)a[0]) : NULL;

	return (int)a[0] <= 0 ? -EINVAL : t ? signal_thread(t, from_here((int)a[1], -6)) : -ESRCH;
}

int64_t sys_tgkill(const uint64_t a[6])
{
	struct thread *t = (int)a[1] > 0 ? thread_find((int)a[1]) : NULL;

	if ((int)a[0] <= 0 || (int)a[1] <= 0)
		return -EINVAL;
	return t && t->process->id == (int)a[0] ? signal_thread(t, from_here((int)a[2], -6)) : -ESRCH;
}

/* Sleeps until a signal is to be handled. */
static int64_t sleep_for_signal(void)
{
	struct wait_queue none = {0};
	struct waiter w = {0};
	int64_t error = 0;

	wait_begin(&w, &none);
	while (error != -RESTART)
		error = wait_sleep(FOR_EVER);
	wait_end(&w);
	return -EINTR;
}

int64_t sys_pause(const uint64_t a[6])
{
	(void)a;
	return sleep_for_signal();
}

int64_t signal_mask_for(struct user at, uint64_t size)
{
	struct thread *t = thread_current();
	uint64_t set;

	if (!at.at)
		return 0;
	if (size != 8)
		return -EINVAL;
	if (user_get(&set, at, 8))
		return -EFAULT;
	t->saved_mask = t->mask;
	t->mask_saved = 1;
	t->mask = set & ~UNBLOCKABLE;
	signal_state(t);
	return 0;
}

int64_t sys_rt_sigsuspend(const uint64_t a[6])
{
	int64_t error = a[0] ? signal_mask_for(USER(0), a[1]) : -EFAULT;

	if (error)
		return error;
	thread_current()->attention = 1;
	return sleep_for_signal();
}

int64_t sys_rt_sigtimedwait(const uint64_t a[6])
{
	struct thread *t = thread_current();
	uint64_t set, before = t->mask;
	int64_t timeout, error = time_get(USER(2), &timeout, 1);
	struct wait_queue none = {0};
	struct waiter w = {0};
	struct signal_info info;

	if (error)
		return error;
	if (a[3] != 8)
		return -EINVAL;
	if (user_get(&set, USER(0), 8))
		return -EFAULT;
	int64_t until = timeout < 0 ? FOR_EVER : now() + timeout;
	wait_begin(&w, &none);
	for (;;) {
		t->mask = ~set;
		int found = signal_take(t, &info);
		t->mask = before;
		if (found) {
			error = info.signal;
			break;
		}
		if (error) {
			error = error == -ETIMEDOUT ? -EAGAIN : -EINTR;
			break;
		}
		t->mask = before & ~set;        /* so that one of them ends the sleep */
		t->attention = 1;
		error = wait_sleep(until);
		t->mask = before;
		if (error == -RESTART && ((t->pending.set | t->process->pending.set) & set))
			error = 0;
	}
	wait_end(&w);
	signal_state(t);
	if (error > 0 && a[1]) {
		int32_t out[32] = {info.signal, 0, info.code, 0, info.pid, (int32_t)info.uid, (int32_t)info.value, (int32_t)(info.value >> 32)};
		if (user_put(USER(1), out, sizeof out))
			return -EFAULT;
	}
	return error;
}

static int64_t info_get(struct user at, int signal, struct signal_info *info)
{
	int32_t in[8];

	if (user_get(in, at, sizeof in))
		return -EFAULT;
	if (in[2] >= 0)
		return -EPERM;  /* only the kernel's own look like that */
	*info = (struct signal_info){.signal = signal, .code = in[2], .pid = in[4], .uid = (uint32_t)in[5],
				     .value = (int64_t)((uint64_t)(uint32_t)in[6] | (uint64_t)(uint32_t)in[7] << 32)};
	return 0;
}

int64_t sys_rt_sigqueueinfo(const uint64_t a[6])
{
	struct process *p = process_find((int)a[0]);
	struct signal_info info;
	int64_t error = info_get(USER(2), (int)a[1], &info);

	return error ? error : p ? signal_process(p, info) : -ESRCH;
}

int64_t sys_rt_tgsigqueueinfo(const uint64_t a[6])
{
	struct thread *t = thread_find((int)a[1]);
	struct signal_info info;
	int64_t error = info_get(USER(3), (int)a[2], &info);

	return error ? error : t && t->process->id == (int)a[0] ? signal_thread(t, info) : -ESRCH;
}
