/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * From the gate to the system call's function, under the kernel lock.
 */
#include <asm/unistd.h>

#include "libos/sys/sys.h"

int64_t system_call(uint64_t number, const uint64_t a[6]);

static int64_t call(uint64_t number, const uint64_t a[6])
{
	switch (number) {
#define SYSTEM_CALL(name, arguments, state, text)                                                                        \
	case __NR_##name:                                                                                                 \
		return sys_##name(a);
#include "libos/sys/table.def"
#undef SYSTEM_CALL
	default:
		return -ENOSYS;
	}
}

static int64_t call_traced(uint64_t number, const uint64_t a[6])
{
	if (__builtin_expect(!boot->trace, 1))
		return call(number, a);
	if (number == __NR_exit || number == __NR_exit_group || number == __NR_rt_sigreturn)
		trace_call(number, a, 0, 0);
	int64_t result = call(number, a);
	trace_call(number, a, result == -RESTART ? -EINTR : result, 1);
	return result;
}

/* A wait that a signal ended: the call starts again if the handler wants it so, or if there is none. */
static int64_t finished(struct thread *t, int64_t result)
{
	if (result != -RESTART)
		return result;
	t->restart = t->attention = 1;
	return -EINTR;
}

int64_t system_call_again(struct thread *t)
{
	return finished(t, call_traced(t->call[0], t->call + 1));
}

int64_t system_call(uint64_t number, const uint64_t a[6])
{
	struct thread *t = thread_current();

	/* These read what only this thread, or nobody, changes. */
	if (__builtin_expect(!boot->trace, 1))
		switch (number) {
		case __NR_gettid: return t->id;
		case __NR_getpid: return t->process->id;
		case __NR_getuid: case __NR_geteuid: return boot->uid;
		case __NR_getgid: case __NR_getegid: return boot->gid;
		case __NR_clock_gettime: return sys_clock_gettime(a);
		}
	kernel_lock();
	t->call[0] = number;
	memcpy(t->call + 1, a, 6 * sizeof *a);
	int64_t result = finished(t, call_traced(number, a));
	int attention = t->attention;
	kernel_unlock();
	if (__builtin_expect(attention, 0))
		HOST(thread_kick, t->number);
	return result;
}
