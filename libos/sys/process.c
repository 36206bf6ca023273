/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Who the program is, its signals as far as they go, its limits and its end.
 */
#include <linux/resource.h>
#include <linux/utsname.h>

#include "libos/sys/sys.h"

struct action {                 /* the kernel's struct sigaction */
	uint64_t handler, flags, restorer, mask;
};
static struct action actions[65];
static uint64_t mask, pending;   /* bit signal - 1 */

int64_t signal_self(int signal)
{
	/* ignored by default: SIGCHLD SIGCONT SIGURG SIGWINCH; stopping signals are not for a lone program */
	static const uint64_t harmless = 1u << 17 | 1u << 18 | 1u << 23 | 1u << 28 | 1u << 19 | 1u << 20 | 1u << 21 | 1u << 22;

	if (signal < 0 || signal > 64)
		return -EINVAL;
	if (!signal || actions[signal].handler == 1 || (signal < 32 && (harmless >> signal & 1) && !actions[signal].handler))
		return 0;
	if (actions[signal].handler > 1)
		return -ENOSYS;         /* handlers are not called yet */
	if (mask >> (signal - 1) & 1) {
		pending |= 1ull << (signal - 1);
		return 0;
	}
	process_end(signal);
}

int64_t sys_rt_sigaction(const uint64_t a[6])
{
	int signal = (int)a[0];
	struct action new;

	if (signal < 1 || signal > 64 || a[3] != 8)
		return -EINVAL;
	if (a[1] && (signal == 9 || signal == 19))
		return -EINVAL;
	if (a[1] && user_get(&new, USER(1), sizeof new))
		return -EFAULT;
	if (a[2] && user_put(USER(2), &actions[signal], sizeof *actions))
		return -EFAULT;
	if (a[1])
		actions[signal] = new;
	return 0;
}

int64_t sys_rt_sigprocmask(const uint64_t a[6])
{
	uint64_t set = 0, before = mask;

	if (a[3] != 8)
		return -EINVAL;
	if (a[1]) {
		if (user_get(&set, USER(1), 8))
			return -EFAULT;
		if (a[0] > 2)
			return -EINVAL;
		mask = a[0] == 0 ? mask | set : a[0] == 1 ? mask & ~set : set;
		mask &= ~(1ull << 8 | 1ull << 18);
	}
	for (int signal = 1; signal <= 64; signal++)
		if (pending & ~mask & 1ull << (signal - 1)) {
			pending &= ~(1ull << (signal - 1));
			signal_self(signal);
		}
	return a[2] && user_put(USER(2), &before, 8) ? -EFAULT : 0;
}

int64_t sys_sigaltstack(const uint64_t a[6])
{
	uint64_t none[3] = {0, 2, 0};

	return a[1] && user_put(USER(1), none, sizeof none) ? -EFAULT : 0;
}

int64_t sys_kill(const uint64_t a[6])
{
	int pid = (int)a[0];

	return pid == 1 || pid == 0 || pid == -1 ? signal_self((int)a[1]) : -ESRCH;
}

int64_t sys_tkill(const uint64_t a[6])
{
	return (int)a[0] == 1 ? signal_self((int)a[1]) : -ESRCH;
}

int64_t sys_tgkill(const uint64_t a[6])
{
	return (int)a[0] == 1 && (int)a[1] == 1 ? signal_self((int)a[2]) : -ESRCH;
}

int64_t sys_exit(const uint64_t a[6])
{
	process_end((int)(a[0] & 0xff) << 8);
}

int64_t sys_exit_group(const uint64_t a[6])
{
	process_end((int)(a[0] & 0xff) << 8);
}

#define CONSTANT(name, value)               \
	int64_t sys_##name(const uint64_t a[6]) \
	{                                       \
		(void)a;                            \
		return value;                       \
	}
CONSTANT(getpid, 1)
CONSTANT(getppid, 0)
CONSTANT(gettid, 1)
CONSTANT(getuid, boot->uid)
CONSTANT(geteuid, boot->uid)
CONSTANT(getgid, boot->gid)
CONSTANT(getegid, boot->gid)
CONSTANT(setuid, (uint32_t)a[0] == boot->uid ? 0 : -EPERM)
CONSTANT(setgid, (uint32_t)a[0] == boot->gid ? 0 : -EPERM)
CONSTANT(getgroups, 0)
CONSTANT(getpgid, (int)a[0] == 0 || (int)a[0] == 1 ? 1 : -ESRCH)
CONSTANT(getpgrp, 1)
CONSTANT(setpgid, 0)
CONSTANT(getsid, 1)
CONSTANT(setsid, -EPERM)
CONSTANT(set_tid_address, 1)
CONSTANT(set_robust_list, 0)
CONSTANT(sched_yield, 0)
CONSTANT(arch_prctl, -EINVAL)

int64_t sys_prctl(const uint64_t a[6])
{
	static char name[16] = "main";

	if (a[0] == 15)
		return user_string(name, USER(1), sizeof name) == -EFAULT ? -EFAULT : 0;
	return a[0] == 16 ? user_put(USER(1), name, sizeof name) : -EINVAL;
}

int64_t sys_futex(const uint64_t a[6])
{
	uint32_t value;
	int operation = (int)a[1] & 127;

	if (a[0] % 4)
		return -EINVAL;
	if (user_get(&value, USER(0), 4))
		return -EFAULT;
	switch (operation) {
	case 0: case 9:         /* wait: nobody else is there to wake us */
		if (value != (uint32_t)a[2] || !a[3])
			return -EAGAIN;
		int64_t t[2];
		if (user_get(t, USER(3), sizeof t))
			return -EFAULT;
		HOST(clock_sleep, (a[1] & 256) || operation == 0 ? 1 - ((a[1] & 256) != 0) : 1, operation == 9, (uintptr_t)t);
		return -ETIMEDOUT;
	case 1: case 10: case 3: case 4: case 5:
		return 0;
	default:
		return -ENOSYS;
	}
}

int64_t sys_sched_getaffinity(const uint64_t a[6])
{
	uint64_t set[16] = {0};
	int64_t n = HOST(processors);

	if (a[1] < 8 || a[1] % 8)
		return -EINVAL;
	for (int64_t i = 0; i < n && i < 1024; i++)
		set[i / 64] |= 1ull << i % 64;
	size_t size = a[1] < sizeof set ? a[1] : sizeof set;
	return user_put(USER(2), set, size) ? -EFAULT : (int64_t)size;
}

static int64_t limit_get(uint64_t which, uint64_t pair[2])
{
	if (which >= 16)
		return -EINVAL;
	pair[0] = pair[1] = UINT64_MAX;
	if (which == RLIMIT_NOFILE) {
		pair[0] = descriptor_limit;
		pair[1] = FILES_MOST;
	} else if (which == RLIMIT_STACK)
		pair[0] = 8u << 20;
	else if (which == RLIMIT_AS && boot->memory_limit)
		pair[0] = pair[1] = boot->memory_limit;
	else if (which == RLIMIT_CORE)
		pair[0] = 0;
	return 0;
}

static int64_t limit_set(uint64_t which, struct user from)
{
	uint64_t pair[2];

	if (which >= 16)
		return -EINVAL;
	if (user_get(pair, from, sizeof pair))
		return -EFAULT;
	if (pair[0] > pair[1])
		return -EINVAL;
	if (which == RLIMIT_NOFILE) {
		if (pair[1] > FILES_MOST && pair[1] != UINT64_MAX)
			return -EPERM;
		descriptor_limit = pair[0] < FILES_MOST ? (uint32_t)pair[0] : FILES_MOST;
	}
	return 0;
}

int64_t sys_getrlimit(const uint64_t a[6])
{
	uint64_t pair[2];
	int64_t error = limit_get(a[0], pair);

	return error ? error : user_put(USER(1), pair, sizeof pair);
}

int64_t sys_setrlimit(const uint64_t a[6])
{
	return limit_set(a[0], USER(1));
}

int64_t sys_prlimit64(const uint64_t a[6])
{
	uint64_t pair[2];
	int64_t error = (int)a[0] > 1 ? -ESRCH : limit_get(a[1], pair);

	if (!error && a[3])
		error = user_put(USER(3), pair, sizeof pair);
	return error || !a[2] ? error : limit_set(a[1], USER(2));
}

int64_t sys_uname(const uint64_t a[6])
{
	struct new_utsname u;

	memset(&u, 0, sizeof u);
	format(u.sysname, sizeof u.sysname, "Linux");
	format(u.nodename, sizeof u.nodename, "%s", (const char *)boot + boot->hostname);
	format(u.release, sizeof u.release, "6.1.0-carrel");
	format(u.version, sizeof u.version, "#1 Carrel");
	format(u.machine, sizeof u.machine, "x86_64");
	format(u.domainname, sizeof u.domainname, "(none)");
	return user_put(USER(0), &u, sizeof u);
}

int64_t sys_sysinfo(const uint64_t a[6])
{
	uint64_t s[14] = {0};
	int64_t t[2] = {0, 0};

	HOST(clock_get, 7, (uintptr_t)t);
	s[0] = (uint64_t)t[0];
	s[4] = boot->memory_limit ? boot->memory_limit : 3ull << 30;
	s[5] = s[4] > space_total() ? s[4] - space_total() : 0;
	s[10] = 1;              /* procs */
	((uint32_t *)s)[26] = 1;        /* mem_unit */
	return user_put(USER(0), s, 112);
}
