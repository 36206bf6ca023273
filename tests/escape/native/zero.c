/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The window at address 0: one program's at a time, whoever else opens and closes windows meanwhile; closed, it is as it was; and it is
 * nobody's where something lies in the addresses that no guest may reach. TAP on standard output. A test's tool, not trusted.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <carrel/gate.h>
#include <carrel/isa.h>
#include <carrel/window.h>
#include "intravisor/cvm/memory.h"
#include "intravisor/cvm/window.h"

#define THREADS 5
#define ROUNDS 2000

static int said;
static atomic_int owners, first, wrong;

static void say(int ok, const char *name)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++said, name);
}

/* Mappings of [from, to) that are not inaccessible. */
static unsigned accessible(unsigned long from, unsigned long to)
{
	char line[512], mode[8];
	unsigned long start, end;
	unsigned n = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof line, maps))
		n += sscanf(line, "%lx-%lx %7s", &start, &end, mode) == 3 && start < to && end > from && strncmp(mode, "---", 3);
	if (maps)
		fclose(maps);
	return n;
}

/* `how`: a program's windows; a library OS's; a program's that has to be elsewhere. */
enum {PROGRAM, LIBOS, ELSEWHERE};
static void *opens(void *how)
{
	const intptr_t who = (intptr_t)how;

	for (int i = 0; i < ROUNDS; i++) {
		struct window window;
		if (window_open(&window, who == LIBOS ? MACHINE_LIBOS : MACHINE_PROGRAM, who == ELSEWHERE ? WINDOW_ELSEWHERE : WINDOW_ANYWHERE)) {
			wrong++;
			continue;
		}
		volatile uint64_t *table = (uint64_t *)(window.base + WINDOW_GATES);
		uint64_t *memory = (uint64_t *)(window.base + WINDOW_MEMORY_START);
		int zero = !window.base;
		wrong += zero && (who || owners++);
		first += zero;
		wrong += table[0] != (uint64_t)window.base || !table[1] || memory_fresh((uint8_t *)memory, 4096, PROT_READ | PROT_WRITE);
		wrong += *memory != 0;
		*memory = 0x4141414141414141;
		if (zero)
			owners--;
		window_close(&window);
		window_close(&window);  /* again: nobody's any more, so nothing happens */
	}
	return NULL;
}

static void race(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		wrong += pthread_create(&threads[i], NULL, opens, (void *)(intptr_t)(i == 0 ? LIBOS : i == 1 ? ELSEWHERE : PROGRAM)) != 0;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	say(!wrong && first > 1, "windows opened and closed by five threads: one program at a time has that one");
	say(!accessible(0, WINDOW_SIZE), "closed, nothing of it is accessible");
}

/* In a process of its own each: it is decided once. */
static void taken(uintptr_t at, const char *name)
{
	fflush(NULL);
	pid_t child = fork();
	if (!child) {
		struct window window;
		if (at && mmap((void *)at, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)at)
			_exit(2);       /* the host lets nobody */
		_exit(window_open(&window, MACHINE_PROGRAM, WINDOW_ANYWHERE) || !window.base != !at);
	}
	int status;
	int told = child > 0 && waitpid(child, &status, 0) == child;
	say(told && (!status || WEXITSTATUS(status) == 2), name);
}

int main(void)
{
	struct cvm_error error;

	if (!ISA_WINDOW_AT_ZERO || intravisor_init(&error)) {
		printf("1..0 # SKIP no window begins there\n");
		return 0;
	}
	printf("1..6\n");
	taken(0, "a program's window begins at 0");
	taken(0x8000, "not where there is a page below its memory");
	taken(0x40000000, "nor where there is one in it");
	taken(WINDOW_SIZE + 0x1000, "nor behind it");
	race();
	return 0;
}
