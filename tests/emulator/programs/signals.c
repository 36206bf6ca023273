/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Signals: handlers and what they are told, masks, alternate stacks, faults, restarted and interrupted calls, timers, longjmp.
 */
#include <errno.h>
#include <fenv.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define SHOW(format, ...) (printf("%d: " format "\n", __LINE__, __VA_ARGS__), fflush(stdout))
static volatile int count, last, code;
static void *volatile address;
static sigjmp_buf back;
static char alternate[65536] __attribute__((aligned(16)));

static void plain(int signal)
{
	last = signal;
	count++;
}

static void full(int signal, siginfo_t *information, void *context)
{
	last = signal;
	code = information->si_code;
	address = information->si_addr;
	(void)context;
	siglongjmp(back, 1);
}

/* Steps over the faulting instruction: a store of 4 bytes as the compiler is told. */
static void skip(int signal, siginfo_t *information, void *context)
{
	ucontext_t *c = context;
	last = signal;
	code = information->si_code;
	c->uc_mcontext.__gregs[REG_PC] += 4;
	c->uc_mcontext.__gregs[REG_A0] = 77;
}

static void on_alternate(int signal)
{
	char here;
	last = &here > alternate && &here < alternate + sizeof alternate ? signal : -1;
}

static void nested(int signal)
{
	count++;
	if (count < 5)
		raise(signal);
}

int main(void)
{
	struct sigaction action = {.sa_handler = plain};
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	SHOW("%d %d", last, count);
	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	SHOW("%d", count);
	sigpending(&old);
	SHOW("%d", sigismember(&old, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	SHOW("%d", count);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	sigfillset(&old);
	sigdelset(&old, SIGUSR1);
	SHOW("%d %d", sigsuspend(&old), errno == EINTR);
	SHOW("%d", count);
	kill(getpid(), SIGUSR1);
	struct timespec second = {1, 0};
	SHOW("%d", sigtimedwait(&set, NULL, &second));
	sigprocmask(SIG_UNBLOCK, &set, NULL);

	action = (struct sigaction){.sa_sigaction = full, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!sigsetjmp(back, 1))
		*(volatile char *)(page + 12) = 1;
	SHOW("%d %d %d", last, code == SEGV_ACCERR, (int)((char *)address - page));
	munmap(page, 4096);
	for (int n = 0; n < 3; n++) {
		if (!sigsetjmp(back, 1))
			last = *(volatile char *)(page + n);
		SHOW("%d %d %d", last, code == SEGV_MAPERR, (int)((char *)address - page));
	}
	if (!sigsetjmp(back, 1))
		__asm__ volatile(".word 0xffffffff");
	SHOW("%d", last);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("ebreak");
	SHOW("%d", last);
	action.sa_sigaction = skip;
	sigaction(SIGSEGV, &action, NULL);
	register long a0 __asm__("a0") = 0;
	register char *a1 __asm__("a1") = page;
	__asm__ volatile(".option push\n\t.option norvc\n\tsw zero, 0(a1)\n\t.option pop"
			 : "+r"(a0)
			 : "r"(a1)
			 : "memory");
	long seen = a0;
	SHOW("%ld", seen);

	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
	sigaltstack(&stack, NULL);
	action = (struct sigaction){.sa_handler = on_alternate, .sa_flags = SA_ONSTACK};
	sigaction(SIGUSR2, &action, NULL);
	raise(SIGUSR2);
	SHOW("%d", last);
	action = (struct sigaction){.sa_handler = nested, .sa_flags = SA_NODEFER};
	sigaction(SIGUSR2, &action, NULL);
	count = 0;
	raise(SIGUSR2);
	SHOW("%d", count);
	action = (struct sigaction){.sa_handler = plain, .sa_flags = SA_RESETHAND};
	sigaction(SIGUSR2, &action, NULL);
	raise(SIGUSR2);
	sigaction(SIGUSR2, NULL, &action);
	SHOW("%d", action.sa_handler == SIG_DFL);

	int pipe_fd[2];
	char byte = 0;
	SHOW("%d", pipe(pipe_fd));
	struct itimerval soon = {.it_value = {0, 20000}};
	action = (struct sigaction){.sa_handler = plain};
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	ssize_t got = read(pipe_fd[0], &byte, 1);
	SHOW("%zd %d %d", got, errno == EINTR, last);
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	pid_t child = fork();
	if (!child) {
		usleep(120000);
		got = write(pipe_fd[1], "x", 1);
		_exit(0);
	}
	count = 0;
	got = read(pipe_fd[0], &byte, 1);
	SHOW("%zd %c %d", got, byte, count);
	waitpid(child, NULL, 0);
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW("%d %d", poll(NULL, 0, 5000), errno == EINTR);
	soon.it_interval.tv_usec = 1000;
	soon.it_value.tv_usec = 1000;
	count = 0;
	setitimer(ITIMER_REAL, &soon, NULL);
	double sum = 0;
	for (volatile int n = 0; count < 30; n = n + 1)
		sum += sqrt((double)(n & 1023));
	soon = (struct itimerval){0};
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW("%d", sum > 0);

	feclearexcept(FE_ALL_EXCEPT);
	fesetround(FE_UPWARD);
	raise(SIGUSR1);
	volatile double one = 1, three = 3;
	volatile double third = one / three;
	SHOW("%d %d %.20f", fegetround() == FE_UPWARD, fetestexcept(FE_INEXACT) != 0, third);
	fesetround(FE_TONEAREST);

	signal(SIGPIPE, SIG_IGN);
	close(pipe_fd[0]);
	SHOW("%zd %d", write(pipe_fd[1], "x", 1), errno == EPIPE);
	child = fork();
	if (!child) {
		signal(SIGTERM, SIG_DFL);
		raise(SIGTERM);
	}
	int status;
	waitpid(child, &status, 0);
	SHOW("%d", WTERMSIG(status));
	return 0;
}
