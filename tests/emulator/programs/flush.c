/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Threads that store capabilities to pages which held none, each of which stops the machine within an instruction, while another one makes
 * the machine forget all code it has decoded: each thread must go on where it was.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#define PAGES 64
static _Atomic int over, wrong;

/* At `at`: DDC with the address n. What is loaded from there again. */
static uint64_t keep(void *at, uint64_t n)
{
	uint64_t address, tag;

	__asm__ volatile(".insn r 0x5b, 0, 0x01, t0, x0, x1\n\t.insn r 0x5b, 0, 0x10, t0, t0, %2\n\t.insn s 0x23, 4, t0, 0(%3)\n\t"
			 ".insn i 0x0f, 2, t1, 0(%3)\n\t.insn r 0x5b, 0, 0x7f, %0, t1, x15\n\t.insn r 0x5b, 0, 0x7f, %1, t1, x4"
			 : "=&r"(address), "=&r"(tag) : "r"(n), "r"(at) : "t0", "t1", "memory");
	return tag ? address : 0;
}

static void *stores(void *argument)
{
	for (uint64_t round = 1; round <= 150; round++) {
		char *pages = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (uint64_t n = 0; n < PAGES; n++)
			wrong += keep(pages + n * 4096, round * 100 + n) != round * 100 + n;
		munmap(pages, PAGES * 4096);
	}
	over++;
	return argument;
}

int main(void)
{
	pthread_t threads[3];
	int flushes = 0;

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, stores, NULL);
	for (; over < 3; flushes++)
		__asm__ volatile("fence.i" : : : "memory");
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	printf("wrong %d, flushed %s\n", wrong, flushes > 100 ? "often" : "seldom");
	return wrong != 0;
}
