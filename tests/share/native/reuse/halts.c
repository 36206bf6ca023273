/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Threads are put to sleep, so that others do much in what is a moment otherwise: by signals anywhere; and by themselves (between.c).
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/share/native/reuse/reuse.h"

#define HALT (SIGRTMIN + 7)

static void put_to_sleep(int number)
{
	static _Thread_local uint64_t state;
	int before = errno;

	(void)number;
	state = state ? state : (uint64_t)syscall(SYS_gettid) * 2654435761u + seed;
	count(&happened.signals);
	nanosleep(&(struct timespec){0, (long)(any(&state) % (any(&state) % 8 ? 60000 : 800000))}, NULL);
	errno = before;
}

int halts_make(void)
{
	struct sigaction action = {.sa_handler = put_to_sleep, .sa_flags = SA_RESTART};

	return sigaction(HALT, &action, NULL);
}

void halt(pthread_t thread)
{
	pthread_kill(thread, HALT);
}
