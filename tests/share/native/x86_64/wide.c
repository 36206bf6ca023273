/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * machine_copy, with and without the vector registers that it may borrow: right bytes, none around them, and all of ymm0-15 as they were,
 * also where either side ends before the copy does. And a SIGSEGV that somebody sends meanwhile is no fault of the copy's.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intravisor/cvm/cvm.h"
#include "machine/x86_64/thread.h"
#include "tests/share/native/guest_carrier.h"

#define ROOM 65536u
#define EDGE 64u
static uint8_t from[ROOM] __attribute__((aligned(4096))), to[ROOM] __attribute__((aligned(4096))), pattern[512], found[512];
static int wrong, count;

static int copy(void *target, const void *source, size_t n)
{
	int result;

	memset(found, 0, sizeof found);
	__asm__ volatile("sub $256, %%rsp\n"
			 ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovdqu (32*\\n)(%[p]), %%ymm\\n\n .endr\n"
			 "call machine_copy\n"
			 ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovdqu %%ymm\\n, (32*\\n)(%[f])\n .endr\n"
			 "vzeroupper\n add $256, %%rsp"
			 : "=a"(result), "+D"(target), "+S"(source), "+d"(n) : [p] "b"(pattern), [f] "r"(found)
			 : "rcx", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	wrong += memcmp(pattern, found, sizeof found) != 0;
	count++;
	return result;
}

static void whole(size_t into, size_t out_of, size_t n)
{
	uint8_t before[EDGE + 4096];

	memset(to, 0xee, into + n + 2 * EDGE);
	memset(before, 0xee, sizeof before);
	wrong += copy(to + EDGE + into, from + out_of, n) || memcmp(to + EDGE + into, from + out_of, n) || memcmp(to, before, EDGE + into) ||
		 memcmp(to + EDGE + into + n, before, EDGE);
}

/* One side has so many bytes fewer. */
static void short_of(size_t n, size_t less)
{
	uint8_t *end = to + ROOM - 4096;

	memset(end - n, 0xee, n);
	wrong += copy(end - (n - less), from, n) != -EFAULT;
	wrong += copy(from + ROOM / 2, end - (n - less), n) != -EFAULT;
}

static int sent(void)
{
	int status;
	pid_t child = fork();

	while (!child)
		if (machine_copy(to, from, 20000))
			_exit(1);
	usleep(50000);
	return kill(child, SIGSEGV) || waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV;
}

int main(void)
{
	static struct guest_carrier mine;
	static const size_t places[] = {0, 1, 7, 16, 31, 32, 33, 64, 4095};
	struct cvm_error error;

	if (intravisor_init(&error))
		return 2;
	printf("wide here: %d\n", copy_wide);
	carrier_make(&mine);
	for (size_t i = 0; i < ROOM; i++)
		from[i] = (uint8_t)(i * 7 + (i >> 9));
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (uint8_t)(i * 31 + 5);
	for (int wide = 0; wide < 2; wide++) {
		copy_wide = (uint8_t)wide;
		for (size_t n = 0; n < 700; n++)
			for (size_t k = 0; k < sizeof places / sizeof *places; k++)
				whole(places[k], n % 5, n);
		for (size_t n = 8192 - 130; n < 8192 + 130; n++)
			for (size_t k = 0; k < sizeof places / sizeof *places; k++)
				whole(places[k], n % 3, n);
		whole(0, 0, 20000);
		whole(8, 0, 20000);
	}
	wrong += sent();
	munmap(to + ROOM - 4096, 4096);
	for (int wide = 0; wide < 2; wide++) {
		copy_wide = (uint8_t)wide;
		for (size_t n = 1; n < 600; n++) {
			short_of(n, 1);
			short_of(n, n / 2 + 1);
			short_of(n, n);
		}
		for (size_t less = 1; less < 300; less++)
			short_of(4096 + less * 20, less);
	}
	printf("%d copies, %d wrong\n", count, wrong);
	return wrong != 0;
}
