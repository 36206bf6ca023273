/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The page of a window's gate table is the last one of the window below: while windows open and close, another thread writes there
 * without a pause, as that one's guest can. No table may hold what it wrote. TAP. A test's tool, not trusted.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <carrel/gate.h>
#include <carrel/window.h>
#include "machine/machine.h"

#define FORGED 0x4141414141414141

static volatile uint64_t *entry;
static volatile int stop;
static __thread sigjmp_buf back;

static void refused(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static void *writes(void *unused)
{
	while (!stop)
		if (!sigsetjmp(back, 0))
			for (int i = 0; i < 50; i++)
				*entry = FORGED;
	return unused;
}

int main(void)
{
	const struct machine_upcalls none = {0};
	struct sigaction action = {.sa_handler = refused, .sa_flags = SA_NODEFER};
	uint8_t *all = mmap(NULL, 2 * WINDOW_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *base = (uint8_t *)(((uintptr_t)all + WINDOW_SIZE) & ~((uintptr_t)WINDOW_SIZE - 1));
	unsigned long opened = 0, forged = 0;
	time_t end = time(NULL) + 3;
	pthread_t thread;

	if (all == MAP_FAILED || machine_init(&none) || sigaction(SIGSEGV, &action, NULL))
		return 99;
	entry = (uint64_t *)(base - GATE_SLOT(GATE_SYSCALL));
	if (pthread_create(&thread, NULL, writes, NULL))
		return 99;
	while (time(NULL) < end) {
		if (machine_window_open(base, MACHINE_PROGRAM))
			return 99;
		opened++;
		forged += *entry == FORGED;
		if (mmap(base - 4096, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			return 99;
	}
	stop = 1;
	pthread_join(thread, NULL);
	printf("1..1\n%sok 1 - %lu windows opened, %lu with a forged entry\n", forged || opened < 100 ? "not " : "", opened, forged);
	return 0;
}
