/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Kicks and stops of a thread, from any host thread (machine.h). What becomes of them where they arrive is the ISA's. Trusted; an attacker
 * chooses when they come.
 */
#include <sys/syscall.h>
#include <unistd.h>

#include "machine/thread.h"

/* A kick to a thread that has not begun or has ended is nothing: its tid is 0, and a tid is not reused while its host thread
 * runs this. The owner keeps `thread` from being destroyed meanwhile. What it is looked at for in vain here, because it calls, is
 * called or comes back just now, it looks at itself behind that (fast_call.c). Signal-safe. */
void machine_thread_kick(struct machine_thread *thread)
{
	__atomic_store_n(&thread->context->kicked, 1, __ATOMIC_SEQ_CST);
	call_kicked(thread);
	int tid = __atomic_load_n(&thread->tid, __ATOMIC_SEQ_CST);
	if (tid && tid != (int)syscall(SYS_gettid))
		syscall(SYS_tgkill, getpid(), tid, MACHINE_KICK);
}

void machine_thread_stop(struct machine_thread *thread)
{
	__atomic_store_n(&thread->context->leaving, 1, __ATOMIC_SEQ_CST);
	machine_thread_kick(thread);
}
