/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Signals as far as they go: a program may send itself one; its default action is taken, also when it was blocked and is
 * let through later. Handlers are recorded; calling them is not done yet, and a signal that has one says ENOSYS.
 */
#include "libos/sys/sys.h"

#define SIGNALS    64
#define SIGKILL    9
#define SIGSTOP    19
#define BIT(n)     (1ull << ((n) - 1))
/* SIGCHLD SIGCONT SIGURG SIGWINCH; the stopping ones are not for a lone program */
#define HARMLESS   (BIT(17) | BIT(18) | BIT(23) | BIT(28) | BIT(SIGSTOP) | BIT(20) | BIT(21) | BIT(22))
#define UNBLOCKED  (BIT(SIGKILL) | BIT(SIGSTOP))

struct action {                 /* the kernel's struct sigaction */
	uint64_t handler, flags, restorer, mask;
};
static struct action actions[SIGNALS + 1];
static struct thread first = {.id = 1};

struct thread *thread_current(void)
{
	return &first;
}

static int ignored(int signal)
{
	return actions[signal].handler == 1 || (!actions[signal].handler && (HARMLESS & BIT(signal)));
}

int64_t signal_send(int signal)
{
	struct thread *t = thread_current();

	if (signal < 0 || signal > SIGNALS)
		return -EINVAL;
	if (!signal || ignored(signal))
		return 0;
	if (t->mask & BIT(signal)) {
		t->pending |= BIT(signal);
		return 0;
	}
	if (actions[signal].handler > 1)
		return -ENOSYS;
	process_end(signal);
}

/* Signals that were waiting and are not blocked any more. One with a handler stays. */
static void pending_take(struct thread *t)
{
	for (int signal = 1; signal <= SIGNALS && (t->pending & ~t->mask); signal++)
		if ((t->pending & ~t->mask & BIT(signal)) && actions[signal].handler <= 1) {
			t->pending &= ~BIT(signal);
			signal_send(signal);
		}
}

int64_t sys_rt_sigaction(const uint64_t a[6])
{
	int signal = (int)a[0];
	struct action new;

	if (signal < 1 || signal > SIGNALS || a[3] != 8 || (a[1] && (signal == SIGKILL || signal == SIGSTOP)))
		return -EINVAL;
	if (a[1] && user_get(&new, USER(1), sizeof new))
		return -EFAULT;
	if (a[2] && user_put(USER(2), &actions[signal], sizeof *actions))
		return -EFAULT;
	if (a[1]) {
		actions[signal] = new;
		actions[signal].mask &= ~UNBLOCKED;
		if (ignored(signal))
			thread_current()->pending &= ~BIT(signal);
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
		t->mask &= ~UNBLOCKED;
		pending_take(t);
	}
	return a[2] ? user_put(USER(2), &before, 8) : 0;
}

int64_t sys_rt_sigpending(const uint64_t a[6])
{
	return a[1] > 8 ? -EINVAL : user_put(USER(0), &thread_current()->pending, a[1]);
}

int64_t sys_sigaltstack(const uint64_t a[6])
{
	static uint64_t stack[3] = {0, 2, 0};  /* SS_DISABLE */
	uint64_t new[3];

	if (a[0] && user_get(new, USER(0), sizeof new))
		return -EFAULT;
	if (a[1] && user_put(USER(1), stack, sizeof stack))
		return -EFAULT;
	if (!a[0])
		return 0;
	if ((uint32_t)new[1] & ~(2u | 1u << 31))
		return -EINVAL;
	if (!((uint32_t)new[1] & 2) && new[2] < 2048)
		return -ENOMEM;
	memcpy(stack, new, sizeof stack);
	return 0;
}

int64_t sys_kill(const uint64_t a[6])
{
	int pid = (int)a[0];

	return pid == 1 || pid == 0 || pid == -1 ? signal_send((int)a[1]) : -ESRCH;
}

int64_t sys_tkill(const uint64_t a[6])
{
	return (int)a[0] <= 0 ? -EINVAL : (int)a[0] == 1 ? signal_send((int)a[1]) : -ESRCH;
}

int64_t sys_tgkill(const uint64_t a[6])
{
	if ((int)a[0] <= 0 || (int)a[1] <= 0)
		return -EINVAL;
	return (int)a[0] == 1 && (int)a[1] == 1 ? signal_send((int)a[2]) : -ESRCH;
}

/* Nobody can wake it but the host's own signals, which end the cVM. */
int64_t sys_pause(const uint64_t a[6])
{
	struct host_poll none[1];

	(void)a;
	return HOST(poll, (uintptr_t)none, 0, -1);
}
