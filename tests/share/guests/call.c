/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The caller's side of CP_Call, against call_server.c in other cVMs, which export "one" (three threads) and "two" (one thread, whose
 * inner calls go to "one"); "one"'s go to "two". Also exports "back" itself.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <carrel/cp_call.h>
#include "../../libos/guests/tap.h"
#include "call_registers.h"

struct found found;
static int begun;
static volatile long alarms;

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int opened(const char *name)
{
	int slot;

	for (long end = now() + 10000; (slot = cp_call_open(name)) < 0 && errno == ENOENT && now() < end;)
		usleep(1000);
	return slot;
}

/* The result, or -errno - 1000000. */
#define BAD (-1000000)
static long ask(int slot, unsigned limit, long what, long a, long b)
{
	const long words[6] = {what, a, b, 0, 0, 0};
	long result = 0;

	return cp_call(slot, words, NULL, 0, limit, &result, &begun) ? BAD - errno : result;
}

static long ask_with(int slot, long what, long a, const struct cp_buffer *buffers, unsigned count)
{
	const long words[6] = {what, a, 0, 0, 0, 0};
	long result = 0;

	return cp_call(slot, words, buffers, count, 0, &result, &begun) ? BAD - errno : result;
}

/* A server that has gone is followed by another. */
static int again(const char *name, int slot)
{
	long end = now() + 10000, r;

	do {
		cp_call_close(slot);
		slot = opened(name);
		r = ask(slot, 100, 0, 1, 1);
		if (r != 3)
			usleep(2000);
	} while (r != 3 && now() < end);
	return slot;
}

static void *many(void *argument)
{
	int slot = *(int *)argument;
	long bad = 0;

	for (long i = 0; i < 20000; i++)
		bad += ask(slot, i % 3 ? 0 : 10000, 0, i, 7) != i + 14;
	return (void *)bad;
}

static void *waits(void *argument)
{
	return (void *)ask(*(int *)argument, 0, 19, 0, 0);
}

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

/* Calls with every register set: what is kept is checked by what they hold afterwards. rdi: rax of the gate. */
__asm__(".globl keeps\n.type keeps,@function\nkeeps: endbr64\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n"
	"mov %rdi, %rax\n mov $0x1111, %ebx\n mov $0x2222, %ebp\n mov $0x3333, %r12d\n mov $0x4444, %r13d\n mov $0x5555, %r14d\n"
	"vmovq %rbx, %xmm0\n vinsertf128 $1, %xmm0, %ymm0, %ymm0\n vmovaps %ymm0, %ymm7\n vmovaps %ymm0, %ymm15\n"
	"movq %rbx, %mm1\n movq %rbx, %mm7\n emms\n"
	"movl $0x7f00, found(%rip)\n ldmxcsr found(%rip)\n movw $0xf60, found(%rip)\n fldcw found(%rip)\n"
	"mov $0x6161, %edi\n mov $0x6262, %esi\n mov $0x6363, %edx\n mov $0x6464, %ecx\n mov $0x6565, %r8d\n mov $0x6666, %r9d\n xor %r10d, %r10d\n"
	"call *%gs:-56\n" DUMP_GENERAL("0") DUMP_VECTORS DUMP_MM
	"movl $0x1f80, found+80(%rip)\n ldmxcsr found+80(%rip)\n movw $0x37f, found+80(%rip)\n fldcw found+80(%rip)\n"
	"pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");
void keeps(long rax);

static int zero_vectors(void)
{
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 4; k++)
			if (found.vector[i][k])
				return 0;
	for (int i = 0; i < 8; i++)
		if (found.mm[i])
			return 0;
	return 1;
}

static void kept(int spoiled)
{
	OK(found.general[0] == (spoiled ? 77 : 0) && found.general[3] == 1);
	OK(found.general[1] == 0x1111 && found.general[4] == 0x2222 && found.general[11] == 0x3333 && found.general[12] == 0x4444 &&
	   found.general[13] == 0x5555);
	OK(!found.general[2] && !found.general[5] && !found.general[6] && !found.general[7] && !found.general[8] && !found.general[9]);
	OK((uint32_t)found.general[15] == 0x7f00 && (uint16_t)(found.general[15] >> 32) == 0xf60 && !(found.general[15] >> 48));
	OK(zero_vectors());
}

static void registers(int one)
{
	int dump = opened("one.dump"), spoil = opened("one.spoil");
	struct cp_buffer whole = {&found, sizeof found, CP_WRITE};

	do      /* until its thread is there */
		keeps(dump);
	while ((long)found.general[0] == -EAGAIN);
	kept(0);
	OK(ask_with(one, 18, 0, &whole, 1) == sizeof found);
	const uint64_t *g = found.general;
	OK(g[6] == 0x6161 && g[5] == 0x6262 && g[3] == 0x6363 && g[2] == 0x6464 && g[7] == 0x6565 && g[8] == 0x6666);
	OK(!g[0] && !g[1] && !g[4] && !g[9] && !g[11] && !g[12] && !g[13]);
	OK(g[14] % 16 == 0 && g[14] < 0x100000000);
	OK((uint32_t)g[15] == 0x1f80 && (uint16_t)(g[15] >> 32) == 0x37f && !(g[15] >> 48));
	OK(zero_vectors());
	do
		keeps(spoil);
	while ((long)found.general[0] == -EAGAIN);
	kept(1);
	keeps(dump);
	kept(0);
	OK(ask_with(one, 18, 0, &whole, 1) == sizeof found && (uint32_t)g[15] == 0x1f80 && zero_vectors());
}

static long back(long a, long b, long c, long d, long e, long f)
{
	int slot = cp_call_open("two");
	long result = a == 0 ? 7 + b : ask(slot, 0, 1, a - 1, b);

	(void)c, (void)d, (void)e, (void)f;
	cp_call_close(slot);
	return result;
}

static void *serves(void *argument)
{
	cp_call_serve(*(int *)argument);
	return argument;
}

int main(void)
{
	int one = opened("one"), two = opened("two"), own, status;
	pthread_t threads[8];
	void *bad, *worst = NULL;
	long start, sum = 0;
	static char in[100], out[200], page[4096];

	setbuf(stdout, NULL);
	OK(one >= 0 && two >= 0 && one != two);
	OK(ask(one, 0, 0, 1, 2) == 5);
	OK(ask(two, 0, 0, 1, 2) == 5);
	OK(ask(one, 1000, 0, 1, 3) == 7);
	FAILS(cp_call_open("secret"), EACCES);
	FAILS(cp_call_open("nobody"), ENOENT);
	FAILS(cp_call_open(""), EINVAL);
	FAILS(cp_call_open("0123456789012345678901234567890123456789012345678901234567890123456789"), ENAMETOOLONG);
	FAILS(cp_call_export("one", back), EACCES);
	FAILS(cp_call_export("back", (void *)((char *)back + 1)), EINVAL);
	FAILS(cp_call_export("back", (void *)0x50000000), EINVAL);
	OK(ask(63, 0, 0, 0, 0) == BAD - EBADF && ask(64, 0, 0, 0, 0) == BAD - EBADF && ask(-1, 0, 0, 0, 0) == BAD - EBADF);
	FAILS(cp_call_serve(one), EBADF);
	FAILS(cp_call_serve(12345), EBADF);
	FAILS(cp_call_close(63), EBADF);

	/* nested and recursive, over three cVMs */
	OK(ask(one, 0, 1, 0, 20) == 1020);              /* one -> two */
	OK(ask(two, 0, 1, 1, 0) == 2000);               /* two -> one -> two */
	own = cp_call_export("back", back);
	OK(own >= 0);
	FAILS(cp_call_export("back", back), EADDRINUSE);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, serves, &own);

	/* buffers */
	for (int i = 0; i < 100; i++)
		in[i] = (char)i;
	OK(ask_with(one, 8, 0, (struct cp_buffer[]){{in, 100, CP_READ}, {out, 100, CP_WRITE}}, 2) == 0);
	for (int i = 0; i < 200; i++)
		sum += out[i] != (i >= 1 && i < 100 ? 'w' : 0);
	OK(sum == 0);
	page[0] = 100;
	page[4095] = 101;
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{page, 4096, CP_READ}}, 1) == 201);
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{(void *)0x50, 4096, CP_READ}}, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{(void *)0xfffc0000, 1, CP_READ}}, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{page, (size_t)-1, CP_READ}}, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer *)0x10, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer *)0x100000000000, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{(void *)0x900000000, 4096, CP_READ}}, 1) == BAD - EFAULT);
	OK(ask_with(one, 9, 0, (struct cp_buffer[]){{(void *)0x60000000, 4096, CP_READ}}, 1) == -EFAULT);    /* nothing is mapped there */

	registers(one);
	OK(ask(one, 0, 13, 0, 0) == 5);
	OK(ask(one, 0, 14, 0, 0) == EBUSY);
	OK(ask(one, 0, 15, 0, 0) == 1 && ask(one, 0, 15, 0, 0) == 2);
	OK(ask(one, 0, 22, 5, 0) == 5);

	/* many at once: three threads serve, eight call */
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, many, &one);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &bad);
		sum += (long)bad;
	}
	OK(sum == 0);
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, waits, &one);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &bad);
		worst = bad > worst ? bad : worst;
	}
	OK((long)worst == 3);

	/* time limits */
	start = now();
	OK(ask(one, 30, 5, 300000, 0) == BAD - ETIMEDOUT && begun == 1);
	OK(now() - start >= 29 && now() - start < 200);
	OK(ask(two, 30, 1, 5, 300000) == BAD - ETIMEDOUT && begun == 1);        /* while it is in the third cVM */
	OK(ask(two, 10, 5, 300000, 0) == BAD - ETIMEDOUT && begun == 1);
	OK(ask(two, 20, 0, 1, 1) == BAD - ETIMEDOUT && begun == 0);             /* both its threads are still there */
	usleep(400000);
	OK(ask(two, 100, 0, 1, 1) == 3);
	OK(ask(one, 100, 0, 1, 1) == 3);

	/* a function that goes on has no buffers any more */
	OK(ask(one, 20, 17, 0, 0) == 0);
	const long words[6] = {16, 100};
	long result;
	OK(cp_call(one, words, (struct cp_buffer[]){{page, 1, CP_WRITE}}, 1, 20, &result, &begun) == -1 && errno == ETIMEDOUT && page[0] == 100);
	usleep(200000);
	OK(ask(one, 0, 17, 0, 0) == 1);

	/* the caller is killed meanwhile */
	start = now();
	pid_t child = fork();
	if (!child) {
		FAILS(cp_call_close(one), EBADF);       /* slots are not passed on */
		one = opened("one");
		ask_with(one, 16, 300, (struct cp_buffer[]){{page, 1, CP_WRITE}}, 1);
		_exit(1);
	}
	tap_count++;
	usleep(100000);
	kill(child, SIGKILL);
	OK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	OK(now() - start < 300);
	usleep(400000);
	OK(ask(one, 0, 17, 0, 0) == 2);

	/* a signal of the caller's */
	struct itimerval soon = {.it_value = {0, 50000}}, often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
	start = now();
	OK(ask(one, 0, 5, 300000, 0) == BAD - EINTR && begun == 1 && alarms == 1);
	OK(now() - start < 250);
	usleep(300000);
	setitimer(ITIMER_REAL, &often, NULL);
	long wrong = 0, interrupted = 0, finished = 0;
	start = now();
	for (long i = 0; now() - start < 1500; i++) {
		long r = i % 50 ? ask(one, i % 2 * 1000, 0, i, 7) : ask(one, 0, 5, 1500, 0);
		if (r == BAD - EINTR)
			interrupted++;
		else if (r == (i % 50 ? i + 14 : 1500))
			finished++;
		else
			wrong++;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	printf("# %ld calls, %ld of them interrupted, %ld wrong, %ld alarms\n", finished + interrupted, interrupted, wrong, alarms);
	OK(wrong == 0 && interrupted > 10 && finished > 1000 && alarms > 100);
	OK(ask(one, 0, 0, 1, 1) == 3);

	/* the callee goes, in every way; its successor can be called */
	static const struct {
		long what;
		const char *how;
	} ends[] = {{2, "exit"}, {3, "crash"}, {6, "kill"}, {7, "exec"}, {10, "longjmp past the call"}, {11, "pthread_exit"}, {23, "endless recursion"}};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		start = now();
		long r = ask(one, 0, ends[i].what, 0, 0);
		int right = r == BAD - ECONNRESET && begun == 1 && now() - start < 3000;
		ok(right, ends[i].how);
		if (!right)
			printf("# gave %ld after %ld ms\n", r, now() - start);
		one = again("one", one);
	}
	OK(one >= 0);
	OK(ask(one, 0, 12, 0, 0) == SIGILL);            /* a child that returns from the function */
	OK(ask(one, 0, 0, 1, 1) == 3);
	OK(ask(one, 30, 4, 0, 0) == BAD - ETIMEDOUT);   /* it hangs for ever; the others serve on */
	OK(ask(one, 0, 0, 1, 1) == 3);
	OK(cp_call_close(own) == 0);
	OK(cp_call_close(one) == 0 && ask(one, 0, 0, 0, 0) == BAD - EBADF);
	return DONE();
}
