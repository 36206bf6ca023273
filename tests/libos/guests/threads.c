/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Threads, processes, signals and pipes between them, as Linux has them.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>
#include <poll.h>

#include "tap.h"

extern char **environ;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long count;
static int turn;

static void *adder(void *a)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mutex);
		count++;
		pthread_mutex_unlock(&mutex);
	}
	return a;
}

#define WAKE 1
#define WAIT_UNTIL_REALTIME (9 | 256)   /* FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME */
static int word;

static void *word_changer(void *a)
{
	usleep(50000);
	__atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &word, WAKE, 1, NULL, NULL, 0);
	return a;
}

static void *player(void *a)
{
	int me = (int)(long)a;

	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&mutex);
		while (turn != me)
			pthread_cond_wait(&condition, &mutex);
		turn = !me;
		pthread_cond_broadcast(&condition);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static __thread int local = 7;
static void *locals(void *a)
{
	local += (int)(long)a;
	return (void *)(long)local;
}

static int cleaned, begun;              /* begun: a semaphore would do it too, and is tested elsewhere */
static void clean(void *a)
{
	cleaned += (int)(long)a;
}

static void *sleeper(void *a)
{
	pthread_cleanup_push(clean, (void *)5);
	__atomic_store_n(&begun, 1, __ATOMIC_RELEASE);
	sleep(100);
	pthread_cleanup_pop(0);
	return a;
}

static void *spinner(void *a)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	__atomic_store_n(&begun, 1, __ATOMIC_RELEASE);
	for (volatile long i = 0;; i++)
		;
	return a;
}

static void until_begun(void)
{
	while (!__atomic_exchange_n(&begun, 0, __ATOMIC_ACQ_REL))
		usleep(1000);
	usleep(20000);
}

static void threads(void)
{
	pthread_t t[8];
	void *result;
	long sum = 0;

	for (long i = 0; i < 8; i++)
		OK(!pthread_create(&t[i], NULL, locals, (void *)i));
	for (int i = 0; i < 8; i++)
		if (!pthread_join(t[i], &result))
			sum += (long)result;
	OK(sum == 8 * 7 + 28 && local == 7);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, adder, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	OK(count == 80000);
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, player, (void *)i);
	OK(!pthread_join(t[0], NULL) && !pthread_join(t[1], NULL));
	pthread_create(&t[0], NULL, sleeper, NULL);
	until_begun();
	OK(!pthread_cancel(t[0]) && !pthread_join(t[0], &result) && result == PTHREAD_CANCELED && cleaned == 5);
	pthread_create(&t[0], NULL, spinner, NULL);
	until_begun();
	OK(!pthread_cancel(t[0]) && !pthread_join(t[0], &result) && result == PTHREAD_CANCELED);
	/* One after another, many: stacks are used again. */
	int made = 0;
	for (int i = 0; i < 300; i++)
		made += !pthread_create(&t[0], NULL, locals, NULL) && !pthread_join(t[0], NULL);
	OK(made == 300);
	sem_t semaphore;
	struct timespec soon;
	sem_init(&semaphore, 0, 0);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20000000;
	if (soon.tv_nsec >= 1000000000)
		soon.tv_sec++, soon.tv_nsec -= 1000000000;
	FAILS(sem_timedwait(&semaphore, &soon), ETIMEDOUT);
	/* A wait until a day on the calendar that is more than 2^32 seconds away, as libstdc++ has it, is no wait that is over. */
	const struct timespec far = {soon.tv_sec + (2ll << 32), 0};
	pthread_create(&t[0], NULL, word_changer, NULL);
	OK(!syscall(SYS_futex, &word, WAIT_UNTIL_REALTIME, 0, &far, NULL, -1) || errno == EAGAIN);
	pthread_join(t[0], NULL);
}

static volatile sig_atomic_t seen, seen_code;
static volatile void *seen_address;
static void handler(int signal, siginfo_t *info, void *context)
{
	(void)context;
	seen = signal;
	seen_code = info->si_code;
	seen_address = info->si_addr;
}

static volatile char *fault_page;
static void mend(int signal, siginfo_t *info, void *context)
{
	handler(signal, info, context);
	mprotect((void *)fault_page, 4096, PROT_READ | PROT_WRITE);
}

static sigjmp_buf out;
static void jump(int signal)
{
	seen = signal;
	siglongjmp(out, 1);
}

static void catch(int signal, void (*f)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = f, .sa_flags = SA_SIGINFO | flags};

	sigaction(signal, &action, NULL);
}

static void *interrupter(void *a)
{
	usleep(200000);         /* the other waits by then, on a busy machine too */
	pthread_kill(*(pthread_t *)a, SIGUSR1);
	usleep(200000);
	write(*((int *)a - 2), "x", 1);
	return NULL;
}

static void signals(void)
{
	sigset_t set, old;

	catch(SIGUSR1, handler, 0);
	OK(!raise(SIGUSR1) && seen == SIGUSR1 && seen_code == SI_TKILL);
	seen = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	OK(seen == 0 && !sigpending(&set) && sigismember(&set, SIGUSR1));
	sigprocmask(SIG_SETMASK, &old, NULL);
	OK(seen == SIGUSR1);
	fault_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	catch(SIGSEGV, mend, 0);
	fault_page[5] = 9;
	OK(fault_page[5] == 9 && seen == SIGSEGV && seen_address == fault_page + 5 && seen_code == SEGV_ACCERR);
	signal(SIGSEGV, jump);
	volatile int *volatile nowhere = (int *)8;
	seen = 0;
	for (volatile int i = 0; i < 100; i++)
		if (!sigsetjmp(out, 1))
			*nowhere = 1;
	OK(seen == SIGSEGV);
	signal(SIGFPE, jump);
	volatile int zero = 0, hundred = 100;
	if (!sigsetjmp(out, 1))
		zero = hundred / zero;
#ifdef __riscv
	OK(zero == -1);                 /* the ISA's: no trap */
#else
	OK(seen == SIGFPE);
#endif
	signal(SIGSEGV, SIG_DFL);
	/* A computing program is interrupted. */
	seen = 0;
	catch(SIGALRM, handler, 0);
	struct itimerval soon = {.it_value = {0, 30000}}, none = {0};
	setitimer(ITIMER_REAL, &soon, NULL);
	double x = 1;
	while (!seen)
		x = x * 1.0000001 + 1e-9;
	OK(seen == SIGALRM && x > 1);
	/* EINTR without SA_RESTART, and none with it. */
	struct { int fd; pthread_t self; } with = {-1, pthread_self()};
	int pair[2];
	char byte = 0;
	pthread_t t;
	OK(!pipe(pair));
	with.fd = pair[1];
	seen = 0;
	pthread_create(&t, NULL, interrupter, &with.self);
	FAILS(read(pair[0], &byte, 1), EINTR);
	OK(read(pair[0], &byte, 1) == 1 && byte == 'x' && seen == SIGUSR1);
	pthread_join(t, NULL);
	catch(SIGUSR1, handler, SA_RESTART);
	seen = 0;
	pthread_create(&t, NULL, interrupter, &with.self);
	OK(read(pair[0], &byte, 1) == 1 && seen == SIGUSR1);
	pthread_join(t, NULL);
	/* On a stack of its own. */
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	OK(!sigaltstack(&stack, NULL));
	catch(SIGUSR2, handler, SA_ONSTACK);
	OK(!raise(SIGUSR2) && seen == SIGUSR2);
	setitimer(ITIMER_REAL, &none, NULL);
	if (FORKS) {
		int status;
		pid_t child = fork();
		if (!child) {
			sigaddset(&set, SIGUSR2);
			sigprocmask(SIG_BLOCK, &set, NULL);
			int got = 0;
			kill(getpid(), SIGUSR2);
			_exit(sigwait(&set, &got) ? 1 : got);
		}
		OK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == SIGUSR2);
	}
}

static int global = 1;
/* Children that execute at once: without a copy of this one's memory. */
static void spawns(const char *self)
{
	int status, pair[2];
	char text[64], *argv[] = {(char *)self, "echo", "said", NULL};
	pid_t child;

	if (!(child = vfork())) {
		execv(self, argv);
		_exit(126);
	}
	OK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 42);
	posix_spawn_file_actions_t actions;
	OK(!pipe(pair) && !posix_spawn_file_actions_init(&actions) && !posix_spawn_file_actions_adddup2(&actions, pair[1], 1));
	OK(!posix_spawn(&child, self, &actions, NULL, argv, environ));
	close(pair[1]);
	memset(text, 0, sizeof text);
	OK(read(pair[0], text, sizeof text) == 5 && !strcmp(text, "said\n") && waitpid(child, &status, 0) == child);
	char *nothing[] = {"/nothing", NULL};
	OK(posix_spawn(&child, "/nothing", NULL, NULL, nothing, environ) == ENOENT);
}

static void processes(const char *self)
{
	int status, pair[2], more[2];
	char text[64] = "";
	pid_t child;

	OK((child = fork()) >= 0);
	if (!child) {
		global = 2;
		_exit(getppid() > 0 && global == 2 ? 7 : 1);
	}
	OK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7 && global == 1);
	FAILS(waitpid(child, &status, 0), ECHILD);
	OK(!pipe(pair) && !pipe(more));
	if (!(child = fork())) {
		close(pair[1]);
		ssize_t n = read(pair[0], text, sizeof text);
		write(more[1], text, (size_t)n);
		_exit(0);
	}
	close(pair[0]);
	close(more[1]);
	OK(write(pair[1], "there and back", 14) == 14 && read(more[0], text, sizeof text) == 14 && !memcmp(text, "there and back", 14));
	OK(read(more[0], text, 1) == 0 && waitpid(child, &status, 0) == child);
	signal(SIGPIPE, SIG_IGN);
	FAILS(write(pair[1], "x", 1), EPIPE);
	close(pair[1]);
	if (!(child = fork()))
		for (;;)
			pause();
	OK(!kill(child, SIGKILL) && waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	if (!(child = fork()))
		for (volatile long i = 0;; i++)
			;
	OK(waitpid(child, &status, WNOHANG) == 0);
	OK(!kill(child, SIGSTOP) && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	OK(!kill(child, SIGCONT) && waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
	OK(!kill(child, SIGTERM) && waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGTERM);
	if (!(child = fork())) {
		volatile int *volatile nowhere = (int *)16;
		freopen("/dev/null", "w", stderr);
		*nowhere = 1;
		_exit(0);
	}
	OK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	/* Exec, by each way there is. */
	char *argv[] = {(char *)self, "echo", "said", NULL};
	if (!(child = fork())) {
		execv(self, argv);
		_exit(126);
	}
	OK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 42);
	if (!(child = fork())) {
		fexecve(open(self, O_RDONLY), argv, environ);
		_exit(126);
	}
	OK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 42);
	/* A fork from a thread, many children at once, memory shared and not. */
	pid_t children[20];
	for (int i = 0; i < 20; i++)
		if (!(children[i] = fork()))
			_exit(i);
	int right = 0;
	for (int i = 0; i < 20; i++)
		right += waitpid(children[i], &status, 0) == children[i] && WEXITSTATUS(status) == i;
	OK(right == 20);
	char *page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(page, 'p', 1 << 20);
	if (!(child = fork())) {
		int good = 1;
		for (int i = 0; i < 1 << 20; i++)
			good &= page[i] == 'p';
		page[77] = 'c';
		_exit(good);
	}
	OK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 1 && page[77] == 'p');
	/* Memory and a semaphore that both have. */
	struct { sem_t semaphore; int value; } *both = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	OK(both != MAP_FAILED && !sem_init(&both->semaphore, 1, 0));
	if (!(child = fork())) {
		both->value = 99;
		usleep(20000);
		sem_post(&both->semaphore);
		_exit(0);
	}
	OK(!sem_wait(&both->semaphore) && both->value == 99 && waitpid(child, &status, 0) == child && !munmap(both, 8192));
	struct pollfd wanted = {.events = POLLIN};
	OK(!pipe(pair));
	if (!(child = fork())) {
		usleep(30000);
		write(pair[1], "x", 1);
		_exit(0);
	}
	wanted.fd = pair[0];
	OK(poll(&wanted, 1, 5000) == 1 && wanted.revents == POLLIN && waitpid(child, &status, 0) == child);
	OK(getpgrp() == getpgid(0) && getsid(0) >= 0);   /* 0: natively, of a leader outside this pid namespace */
	if (!(child = fork()))
		_exit(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid() ? 0 : 1);
	OK(waitpid(child, &status, 0) == child && status == 0);
}

static void *executes(void *argv)
{
	execv(*(char **)argv, argv);
	return NULL;
}

static void *waits(void *a)
{
	pause();
	return a;
}

static void *nothing_to_do(void *a)
{
	return a;
}

static void *makes(void *a)
{
	pthread_t t;

	for (;;)
		if (!pthread_create(&t, NULL, nothing_to_do, NULL))
			pthread_detach(t);
	return a;
}

/* Executes while two other threads make threads. */
static int executes_among_many(char *self, int after)
{
	char *argv[] = {self, "echo", "quiet", NULL};
	pthread_t t;

	pthread_create(&t, NULL, makes, NULL);
	pthread_create(&t, NULL, makes, NULL);
	usleep((useconds_t)after);
	execv(self, argv);
	return 1;
}

/* What waits for another thread or process whatever signals come must let that one run: each of these hangs where it does not. */
static void waits_under_signals(const char *self)
{
	int status, pair[2];
	pid_t child;
	struct itimerval often = {{0, 2000}, {0, 2000}}, none = {{0, 0}, {0, 0}};
	char *argv[] = {(char *)self, "echo", "quiet", NULL};

	catch(SIGALRM, handler, SA_RESTART);
	alarm(60);
	setitimer(ITIMER_REAL, &often, NULL);
	int good = 0;
	for (int i = 0; i < 20; i++) {
		if (!(child = vfork())) {
			usleep(5000);
			_exit(i);
		}
		good += waitpid(child, &status, 0) == child && WEXITSTATUS(status) == i;
	}
	setitimer(ITIMER_REAL, &none, NULL);
	OK(good == 20);
	/* A thread that is being made when another one executes. */
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	good = 0;
	for (int i = 0; i < 40; i++) {
		char after[16], *among[] = {(char *)self, "among", after, NULL};
		snprintf(after, sizeof after, "%d", 500 + i * 50);
		good += !posix_spawn(&child, self, &actions, NULL, among, environ) && waitpid(child, &status, 0) == child && status == 42 << 8;
	}
	posix_spawn_file_actions_destroy(&actions);
	OK(good == 40);
	if (!FORKS)
		return;
	/* Stopped with signals that wait: it stays stopped, and takes them when it goes on. */
	OK(!pipe(pair));
	if (!(child = fork())) {
		catch(SIGUSR1, handler, 0);
		seen = 0;
		write(pair[1], "r", 1);
		while (!seen)
			;
		_exit(seen == SIGUSR1 ? 0 : 1);
	}
	char byte;
	OK(read(pair[0], &byte, 1) == 1);
	kill(child, SIGSTOP);
	OK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
	kill(child, SIGUSR1);
	usleep(30000);
	OK(waitpid(child, &status, WNOHANG) == 0 && !kill(child, SIGCONT));
	OK(waitpid(child, &status, 0) == child && status == 0);
	/* Exec with other threads that sleep or compute, while signals come. The timer outlives it, so its signal may end the new program. */
	good = 0;
	for (int i = 0; i < 10; i++) {
		if (!(child = fork())) {
			pthread_t t;
			for (int k = 0; k < 4; k++)
				pthread_create(&t, NULL, k & 1 ? spinner : waits, NULL);
			dup2(open("/dev/null", O_WRONLY), 1);
			setitimer(ITIMER_REAL, &often, NULL);
			usleep(3000);
			execv(self, argv);
			_exit(126);
		}
		good += waitpid(child, &status, 0) == child && (status == 42 << 8 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM));
	}
	OK(good == 10);
	/* Two threads execute at once: one of them does it. */
	good = 0;
	for (int i = 0; i < 10; i++) {
		if (!(child = fork())) {
			pthread_t t;
			dup2(open("/dev/null", O_WRONLY), 1);
			pthread_create(&t, NULL, executes, argv);
			execv(self, argv);
			_exit(126);
		}
		good += waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42;
	}
	OK(good == 10);
}

int main(int argc, char **argv)
{
	char self[4096];

	if (argc > 2 && !strcmp(argv[1], "echo")) {
		puts(argv[2]);
		return 42;
	}
	if (argc > 2 && !strcmp(argv[1], "among"))
		return executes_among_many(argv[0], atoi(argv[2]));
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(self, sizeof self, "%s", argc > 3 ? argv[3] : argv[0]);
	threads();
	signals();
	if (access(self, X_OK) == 0) {
		spawns(self);
		if (FORKS)
			processes(self);
		waits_under_signals(self);
	}
	return DONE();
}
