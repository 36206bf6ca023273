/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A host thread runs a guest's, and is its carrier (carrier.h) until that leaves. Trusted.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine/thread.h"

int64_t machine_thread_run(struct machine_thread *thread, uint32_t entry, uint32_t stack, uint64_t argument, struct machine_thread **left)
{
	struct carrier *carrier = thread->home;
	stack_t mine = {.ss_sp = carrier_stack(carrier), .ss_size = CARRIER_STACK_SIZE}, before;

	*left = thread;
	if (!machine_entry_ok((void *)thread->context->libos_base, entry))
		return -EINVAL;
	/* Kicks are let through only here, where the alternate stack names the carrier. */
	const uint64_t kick = 1ull << (MACHINE_KICK - 1);
	const struct timespec now = {0, 0};
	while (syscall(SYS_rt_sigtimedwait, &kick, NULL, &now, 8) > 0)
		;               /* what the thread that ran here before did not stay for */
	if (sigaltstack(&mine, &before) || syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &kick, &carrier->signal_mask, 8))
		return -errno;
	carrier->signal_mask &= ~kick;
	carrier->tid = (int)syscall(SYS_gettid);
	__atomic_store_n(&thread->tid, carrier->tid, __ATOMIC_SEQ_CST);
	/* A kick that comes from here on, and before the guest is entered, only says so: what context_run sets is looked at where a guest is. */
	int64_t value = context_run(thread->context, entry, stack, argument);
	/* Who leaves here need not be who came: calls have moved threads between carriers. It is at home here now. */
	thread = (struct machine_thread *)carrier->now->thread;
	call_abandon(thread);
	__atomic_store_n(&thread->tid, 0, __ATOMIC_SEQ_CST);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &kick, NULL, 8);
	carrier->tid = 0;
	sigaltstack(&before, NULL);
	*left = thread;
	return value;
}

void machine_thread_leave(struct machine_thread *thread, int64_t value)
{
	context_leave(thread->context, value);
}

void *machine_thread_owner(const struct machine_thread *thread)
{
	return thread->owner;
}
