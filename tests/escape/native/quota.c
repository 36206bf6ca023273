/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The mapping quota is a true bound: random map, unmap, protect, move and touch on a small piece of a window, each checked
 * against /proc/self/maps. TAP on standard output. Argument: a seed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <carrel/window.h>
#include "intravisor/cvm/quota.h"
#include "intravisor/cvm/window.h"
#include "intravisor/host/host.h"

#define ROUNDS 6000
#define PAGES 96
#define AT (WINDOW_MEMORY_START + 0x100000u)
#define CALL(host, who, ...) host(who, (const uint64_t[6]){__VA_ARGS__})

static struct cvm cvm;
static struct window program;
static struct caller caller = {.cvm = &cvm, .program = &program};
static struct cvm_error error;
static unsigned long astray;

/* mmap as the program calls it (-Wl,--wrap=mmap): a quarter fails where it is said, half of those having unmapped the range before. */
void *__real_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
static int failing;
static unsigned long failed;
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (failing && (flags & MAP_FIXED) && !(flags & MAP_FIXED_NOREPLACE) && random() % 4 == 0) {
		if (failed++ % 2)
			munmap(at, length);
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(at, length, protection, flags, fd, offset);
}

/* Host mappings that lie in the piece, and bytes of them that are not PROT_NONE reservations or were mapped so. */
static uint64_t mappings(void)
{
	uint64_t low = (uint64_t)program.base + AT, high = low + PAGES * 4096, count = 0;
	unsigned long from, to;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && to > low && from < high) {
			count++;
			/* A border stands at its start: moves rely on where, not only on how many. */
			if (from > low && program.quota && quota_piece(&program, (uint32_t)(from - 4096 - (uint64_t)program.base), 8192) != 4096)
				astray++;
		}
	if (maps)
		fclose(maps);
	return count;
}

int main(int argc, char **argv)
{
	unsigned long most = 0, exact = 0;

	srandom(argc > 1 ? (unsigned)atoi(argv[1]) : 1);
	if (intravisor_init(&error) || window_open(&program, MACHINE_PROGRAM, WINDOW_ANYWHERE))
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t page = (uint64_t)random() % PAGES, length = 1 + (uint64_t)random() % 12;
		length = length > PAGES - page ? PAGES - page : length;
		uint64_t ref = (1ull << 32) + AT + page * 4096, bytes = length * 4096;
		int what = (int)(random() % 8);
		failing = i % 2 && what != 5;   /* what a move needs and cannot have is the end of the process */
		switch (what) {
		case 0: case 1: case 2:
			CALL(host_memory_map, &caller, ref, bytes, random() % 4 ? PROT_READ | PROT_WRITE : PROT_READ);
			break;
		case 3:
			CALL(host_memory_unmap, &caller, ref, bytes);
			break;
		case 4:
			CALL(host_memory_protect, &caller, ref, bytes, random() % 2 ? PROT_READ : PROT_READ | PROT_WRITE);
			break;
		case 5: {
			uint64_t to = (uint64_t)random() % (PAGES - length + 1);
			CALL(host_memory_move, &caller, ref, bytes, (1ull << 32) + AT + to * 4096);
			break;
		}
		default: {
			/* A touched mapping joins less readily. The kernel touches: no fault where nothing is mapped. */
			for (uint64_t k = 0; k < length; k++)
				if (getrandom(program.base + AT + (page + k) * 4096, 1, 0) != 1)
					continue;
		}
		}
		failing = 0;
		uint64_t now = mappings();
		if (now > program.mappings + 1) {
			printf("1..1\nnot ok 1 - round %d: %llu host mappings, counted at most %llu\n", i, (unsigned long long)now,
			       (unsigned long long)program.mappings + 1);
			return 1;
		}
		most = now > most ? now : most;
		exact += now == program.mappings + 1;
	}
	for (int k = 0; k < PAGES; k++)
		CALL(host_memory_unmap, &caller, (1ull << 32) + AT + (uint64_t)k * 4096, 4096);
	int empty = !program.mappings && !program.mapped && mappings() == 1;
	window_close(&program);
	printf("1..4\n%sok 1 - %d random memory calls: never more host mappings than counted (at most %lu; exact %lu times)\n",
	       most > 8 ? "" : "not ", ROUNDS, most, exact);
	printf("%sok 2 - after unmapping everything nothing is counted\n", empty ? "" : "not ");
	printf("%sok 3 - each of them began at a border (%lu did not)\n", astray ? "not " : "", astray);
	printf("%sok 4 - %lu calls of the host's failed meanwhile\n", failed > 100 ? "" : "not ", failed);
	return 0;
}
