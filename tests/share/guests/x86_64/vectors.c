/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program's vector registers over copies that the Intravisor makes meanwhile, to and from memory half of which ends too early, while another
 * thread interrupts it by signals whose handlers use those registers:
 *   vectors server SECONDS     shares a file, a stream and a function that copies its caller's buffers
 *   vectors client SECONDS     uses them
 * Each says how often it looked, and how often a register was not what it is to be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <carrel/cp.h>

#define ROOM   65536u
#define LOOKS  __attribute__((noinline, target("general-regs-only")))
#define EACH(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)
#define PUT(n)  "vmovdqu (32*" #n ")(%0), %%ymm" #n "\n"
#define GET(n)  "vmovdqu %%ymm" #n ", (32*" #n ")(%0)\n"
#define VECTORS "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

struct registers {
	unsigned char before[512], after[512];
};
static _Atomic long looks, wrong, kicks, failed;
static _Atomic unsigned seeds;
static volatile int over;
static unsigned char *room;     /* behind it is nothing */
static pthread_t kicked[3];
static int threads, slot;

static LOOKS unsigned chosen(unsigned below)
{
	static __thread unsigned seed;

	if (!seed)
		seed = ++seeds * 77777;
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % below;
}

static LOOKS void look(const struct registers *r, const unsigned char *wanted, long result)
{
	looks++;
	wrong += memcmp(wanted, r->after, sizeof r->after) != 0;
	failed += result < 0;
}

static LOOKS void choose(struct registers *r)
{
	unsigned first = chosen(256);

	for (unsigned i = 0; i < sizeof r->before; i++)
		r->before[i] = (unsigned char)(first + i * 13 + (i >> 5));
	__asm__ volatile(EACH(PUT) : : "r"(r->before) : "memory");
}

static LOOKS long system_call(long number, long a, void *b, long c, long d)
{
	struct registers r;

	choose(&r);
	long result = syscall(number, a, b, c, d, 0L);
	__asm__ volatile(EACH(GET) : : "r"(r.after) : "memory");
	look(&r, r.before, result);
	return result;
}

static unsigned length(void)
{
	static const unsigned about[] = {130, 300, 4096, 8192, 12000};

	return about[chosen(5)] - 128 + chosen(256);
}

static void *place(unsigned n)  /* for so many bytes, or a few of them */
{
	return chosen(4) ? room + chosen(ROOM - 16384) : room + ROOM - chosen(n + 1);
}

static LOOKS long function(long out, long n, long c, long d, long e, long f)
{
	struct registers r;
	long result = 0;

	(void)c, (void)d, (void)e, (void)f;
	for (int i = 0; i < 20 && result != -ENOTCONN; i++) {
		void *own = place((unsigned)n);
		choose(&r);
		result = cp_gate_copy(out ? 1 | CALL_COPY_OUT : 0, 0, own, (size_t)n);
		__asm__ volatile(EACH(GET) : : "r"(r.after) : "memory");
		look(&r, r.before, result);
	}
	return 0;
}

/* What a call leaves in them is zero. */
static LOOKS void call(unsigned n)
{
	static const unsigned char zero[512];
	const long words[6] = {chosen(2), n};
	const struct cp_buffer buffers[2] = {{place(n), n, CP_READ}, {place(n), n, CP_WRITE}};
	struct registers r;
	long begun;

	choose(&r);
	long result = cp_gate_call((unsigned)slot | 2l << 16 | (long)chosen(3) << 32, words, buffers, &begun);
	__asm__ volatile(EACH(GET) : : "r"(r.after) : "memory");
	look(&r, zero, result);
}

static void scribble(int signal)
{
	static const unsigned char junk[512] = {1, 2, 3};

	(void)signal;
	__asm__ volatile(EACH(PUT) : : "r"(junk) : "memory", VECTORS);
	kicks++;
}

static void *kick(void *unused)
{
	while (!over) {
		for (int i = 0; i < threads; i++)
			pthread_kill(kicked[i], SIGUSR1);
		if (!chosen(4))
			usleep(chosen(60));
	}
	return unused;
}

static void *serve(void *unused)
{
	cp_call_serve(slot);
	return unused;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	int server = !strcmp(argv[1], "server"), stream = -1, file = -1;
	time_t end = time(NULL) + atoi(argv[2]);
	pthread_t kicker;

	room = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(room + ROOM, ROOM);
	signal(SIGUSR1, scribble);
	signal(SIGPIPE, SIG_IGN);
	kicked[threads++] = pthread_self();
	if (server) {
		static unsigned char shared[ROOM];
		slot = cp_call_export("vectors", function);
		if (cp_file_create("vectors", shared, sizeof shared, CAP_LOAD | CAP_STORE) < 0 || slot < 0)
			return 3;
		for (int i = 0; i < 2; i++)
			pthread_create(&kicked[threads++], NULL, serve, NULL);
		stream = cp_stream_accept(cp_stream_listen("vectors", CP_STREAM_BYTES, 5));
	} else
		for (int i = 0; i < 200 && (slot < 1 || file < 0 || stream < 0); i++, usleep(20000)) {
			slot = slot > 0 ? slot : cp_call_open("vectors");
			file = file < 0 ? cp_file_open("vectors", O_RDWR) : file;
			stream = stream < 0 ? cp_stream_open("vectors", CP_STREAM_BYTES) : stream;
		}
	pthread_create(&kicker, NULL, kick, NULL);
	while (time(NULL) < end) {
		unsigned n = length(), what = chosen(server ? 2 : 5);
		long flags = MSG_DONTWAIT;
		if (what == 0)
			system_call(SYS_sendto, stream, place(n), n, flags);
		else if (what == 1)
			system_call(SYS_recvfrom, stream, place(n), n, flags);
		else if (what == 4)
			call(n);
		else
			system_call(what == 2 ? 4168 : 4169, file, place(n), n, chosen(ROOM - 16384));
	}
	over = 1;
	printf("%s: %s, %ld wrong, %s, %s\n", argv[1], looks > 10000 ? "looked often" : "looked seldom", wrong, kicks > 100 ? "interrupted" : "not interrupted",
	       failed > 100 ? "failed, too" : "never failed");
	fflush(stdout);
	_exit(wrong != 0);
}
