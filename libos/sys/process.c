/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Who the program is, where it runs, and its end.
 */
#include <linux/utsname.h>

#include "libos/machine/machine.h"
#include "libos/sys/sys.h"

int64_t sys_exit(const uint64_t a[6])
{
	thread_exit_now((int)(a[0] & 0xff) << 8);
}

int64_t sys_exit_group(const uint64_t a[6])
{
	process_exit((int)(a[0] & 0xff) << 8);
}

static int64_t same(uint64_t value, uint32_t own)
{
	return (uint32_t)value == own || (uint32_t)value == UINT32_MAX ? 0 : -EPERM;
}

static int64_t three_put(const uint64_t a[6], uint32_t value)
{
	for (int i = 0; i < 3; i++)
		if (user_put(USER(i), &value, 4))
			return -EFAULT;
	return 0;
}

CONSTANT(getpid, process_current()->id)
CONSTANT(getppid, process_current()->parent ? process_current()->parent->id : 0)
CONSTANT(gettid, thread_current()->id)
CONSTANT(getuid, boot->uid)
CONSTANT(geteuid, boot->uid)
CONSTANT(getgid, boot->gid)
CONSTANT(getegid, boot->gid)
CONSTANT(setuid, same(a[0], boot->uid))
CONSTANT(setgid, same(a[0], boot->gid))
CONSTANT(setreuid, same(a[0], boot->uid) | same(a[1], boot->uid))
CONSTANT(setregid, same(a[0], boot->gid) | same(a[1], boot->gid))
CONSTANT(setresuid, same(a[0], boot->uid) | same(a[1], boot->uid) | same(a[2], boot->uid))
CONSTANT(setresgid, same(a[0], boot->gid) | same(a[1], boot->gid) | same(a[2], boot->gid))
CONSTANT(getresuid, three_put(a, boot->uid))
CONSTANT(getresgid, three_put(a, boot->gid))
CONSTANT(setfsuid, boot->uid)
CONSTANT(setfsgid, boot->gid)
CONSTANT(personality, (uint32_t)a[0] == UINT32_MAX || !a[0] ? 0 : -EINVAL)

CONSTANT(membarrier, a[0] == 0 ? 0 : -EINVAL)

/* The thread pointer is set through a gate; asking where it is has no answer here. */
CONSTANT(arch_prctl, -EINVAL)

int64_t sys_set_tid_address(const uint64_t a[6])
{
	thread_current()->clear_id = a[0];
	return thread_current()->id;
}

int64_t sys_sched_yield(const uint64_t a[6])
{
	int64_t none[2] = {0, 0};

	(void)a;
	return kernel_single ? 0 : (HOST_BLOCKING(clock_sleep, 1, 0, own_ref(none)), 0);
}

int64_t sys_getcpu(const uint64_t a[6])
{
	uint32_t none = 0;

	if ((a[0] && user_put(USER(0), &none, 4)) || (a[1] && user_put(USER(1), &none, 4)))
		return -EFAULT;
	return 0;
}

int64_t sys_prctl(const uint64_t a[6])
{
	struct thread *t = thread_current();

	switch ((int)a[0]) {
	case 15: {              /* PR_SET_NAME */
		char name[16] = {0};
		if (user_string(name, USER(1), sizeof name) == -EFAULT)
			return -EFAULT;
		name[15] = 0;
		memcpy(t->name, name, sizeof name);
		return 0;
	}
	case 16: {              /* PR_GET_NAME */
		const char *path = process_current()->image, *slash = strrchr(path, '/');
		char name[16] = {0};
		if (*t->name)
			memcpy(name, t->name, sizeof name);
		else
			format(name, sizeof name, "%s", slash ? slash + 1 : path);
		return user_put(USER(1), name, sizeof name);
	}
	case 3:                 /* PR_GET_DUMPABLE */
		return 0;
	case 4:                 /* PR_SET_DUMPABLE */
	case 38:                /* PR_SET_NO_NEW_PRIVS */
		return 0;
	case 39:                /* PR_GET_NO_NEW_PRIVS: nothing here can be gained by exec */
		return 1;
	default:
		return -EINVAL;
	}
}

int64_t sys_uname(const uint64_t a[6])
{
	struct new_utsname u;

	memset(&u, 0, sizeof u);
	format(u.sysname, sizeof u.sysname, "Linux");
	format(u.nodename, sizeof u.nodename, "%s", boot_string(boot->hostname));
	format(u.release, sizeof u.release, "6.1.0-carrel");
	format(u.version, sizeof u.version, "#1 Carrel");
	format(u.machine, sizeof u.machine, "%s", MACHINE_NAME);
	format(u.domainname, sizeof u.domainname, "(none)");
	return user_put(USER(0), &u, sizeof u);
}

int64_t sys_sysinfo(const uint64_t a[6])
{
	struct {
		int64_t uptime;
		uint64_t loads[3], total, free, shared, buffer, swap, swap_free;
		uint16_t processes, pad;
		uint32_t pad2;
		uint64_t high, high_free;
		uint32_t unit, pad3;
	} s;
	int64_t t[2] = {0, 0};

	memset(&s, 0, sizeof s);
	HOST(clock_get, 7, own_ref(t));
	s.uptime = t[0];
	s.total = boot->memory_limit ? boot->memory_limit : 3ull << 30;
	s.free = s.total > space_total() ? s.total - space_total() : 0;
	s.processes = 1;
	s.unit = 1;
	return user_put(USER(0), &s, 112);
}
