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
#define PRIVATE_CALL(number_, name, arguments, text)                                                                      \
	case number_:                                                                                                     \
		return sys_##name(a);
#include "libos/sys/private.def"
#undef PRIVATE_CALL
	default:
		return -ENOSYS;
	}
}

static __attribute__((noinline)) int64_t call_traced(uint64_t number, const uint64_t a[6])
{
	if (number == __NR_exit || number == __NR_exit_group || number == __NR_rt_sigreturn)
		trace_call(number, a, 0, 0);
	int64_t result = call(number, a);
	trace_call(number, a, result == -RESTART ? -EINTR : result, 1);
	return result;
}

static inline int64_t call_maybe_traced(uint64_t number, const uint64_t a[6])
{
	return __builtin_expect(boot->trace, 0) ? call_traced(number, a) : call(number, a);
}

/* A wait that a signal ended: the call starts again if the handler wants it so, or if there is none. */
static int64_t finished(struct thread *t, uint64_t number, const uint64_t a[6], int64_t result)
{
	if (__builtin_expect(result != -RESTART, 1))
		return result;
	t->call[0] = number;
	memmove(t->call + 1, a, 6 * sizeof *a); /* they may lie there already */
	t->restart = t->again ? RESTART_SLEEP : RESTART_CALL;
	t->attention = 1;
	return -EINTR;
}

int64_t system_call_again(struct thread *t)
{
	return finished(t, t->call[0], t->call + 1, call_maybe_traced(t->call[0], t->call + 1));
}

/* Calls that read what only this thread, or nobody, changes: no reason to wait for others. */
static int lockless(uint64_t number, const struct thread *t, const uint64_t a[6], int64_t *result)
{
	switch (number) {
	case __NR_gettid:
		*result = t->id;
		return 1;
	case __NR_getpid:
		*result = t->process->id;
		return 1;
	case __NR_clock_gettime:
		if ((uint32_t)a[0] > 1)         /* others' processor time, among them */
			return 0;
		*result = sys_clock_gettime(a);
		return 1;
	case PRIVATE_capability_load:
		*result = sys_capability_load(a);
		return 1;
	case PRIVATE_capability_store:
		*result = sys_capability_store(a);
		return 1;
	case PRIVATE_capability_copy:
		*result = sys_capability_copy(a);
		return 1;
	default:
		return 0;
	}
}

int64_t system_call(uint64_t number, const uint64_t a[6])
{
	struct thread *t = thread_current();
	int64_t quick;

	if (!kernel_single && !boot->trace && lockless(number, t, a, &quick))
		return quick;
	kernel_lock();
	int64_t result = finished(t, number, a, call_maybe_traced(number, a));
	int attention = t->attention;
	kernel_unlock();
	if (__builtin_expect(attention, 0))
		HOST(thread_kick, t->number);
	return result;
}
