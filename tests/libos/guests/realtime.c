/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Processor time, usage figures, scheduling policies, memory locks, overruns of timers, stops, alternate stacks, owned futexes: what POSIX'
 * realtime options ask for, as Linux has it. sched_* are called by number: musl has none.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static long long nanoseconds(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) ? -1 : t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void burn(long long ns)
{
	for (long long end = nanoseconds(CLOCK_THREAD_CPUTIME_ID) + ns; nanoseconds(CLOCK_THREAD_CPUTIME_ID) < end;)
		;
}

static volatile int stop;
static clockid_t thread_clock;
static void *burner(void *unused)
{
	(void)unused;
	pthread_getcpuclockid(pthread_self(), &thread_clock);
	burn(20000000);
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	while (stop != 2)
		usleep(1000);
	return NULL;
}

static void processor_time(void)
{
	clockid_t clock;
	struct timespec resolution;
	pthread_t thread;

	burn(10000000);
	OK(!clock_getcpuclockid(0, &clock) && nanoseconds(clock) >= 10000000);
	OK(!clock_getcpuclockid(getpid(), &clock) && nanoseconds(clock) >= 10000000 && !clock_getres(clock, &resolution));
	int none = clock_getcpuclockid(999999, &clock); /* musl passes the kernel's EINVAL on */
	OK(none == ESRCH || none == EINVAL);
	long long before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), own = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
	pthread_create(&thread, NULL, burner, NULL);
	while (!stop)
		usleep(1000);
	long long its = nanoseconds(thread_clock);
	ok(its >= 20000000 && its < 5000000000ll, "another thread's processor time");
	ok(nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before >= 20000000, "is the process's too");
	ok(nanoseconds(CLOCK_THREAD_CPUTIME_ID) - own < its, "and not the caller's");
	stop = 2;
	pthread_join(thread, NULL);
	ok(nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before >= 20000000, "also when it has ended");
	/* Linux has it joined before it is quite gone. */
	for (int i = 0; i < 1000 && !clock_gettime(thread_clock, &resolution); i++)
		usleep(1000);
	FAILS(clock_gettime(thread_clock, &resolution), EINVAL);
	struct timespec t = {.tv_nsec = 1000000};
	OK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL) == EINVAL);
	stop = 0;
	pthread_create(&thread, NULL, burner, NULL);
	long long from = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
	t.tv_nsec = 10000000;
	OK(!clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &t, NULL) && nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - from >= 10000000);
	while (stop != 1)
		usleep(1000);
	stop = 2;
	pthread_join(thread, NULL);
}

static void usage(void)
{
	struct tms before, after;
	struct rusage own, waited, children;
	int status;

	getrusage(RUSAGE_CHILDREN, &children);
	OK(times(&before) != -1 && before.tms_cutime == 0 && children.ru_utime.tv_sec == 0 && children.ru_utime.tv_usec == 0);
	if (!FORKS)
		return;
	pid_t child = fork();
	if (!child) {
		struct tms t;
		times(&t);
		long long start = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
		burn(60000000);
		getrusage(RUSAGE_SELF, &own);
		long long used = own.ru_utime.tv_usec + own.ru_stime.tv_usec + 1000000ll * (own.ru_utime.tv_sec + own.ru_stime.tv_sec);
		_exit((t.tms_cutime || t.tms_cstime) | (start > 50000000) << 1 | (used < 60000) << 2);
	}
	OK(wait4(child, &status, 0, &waited) == child && status == 0);
	long long used = waited.ru_utime.tv_usec + waited.ru_stime.tv_usec + 1000000ll * (waited.ru_utime.tv_sec + waited.ru_stime.tv_sec);
	ok(used >= 60000 && used < 5000000, "wait4 says what the child has used");
	getrusage(RUSAGE_CHILDREN, &children);
	OK(children.ru_utime.tv_sec == waited.ru_utime.tv_sec && children.ru_utime.tv_usec == waited.ru_utime.tv_usec && children.ru_maxrss > 0);
	OK(times(&after) != -1 && after.tms_cutime + after.tms_cstime >= 5);
	OK(!getrusage(RUSAGE_THREAD, &own) && own.ru_utime.tv_usec + own.ru_stime.tv_usec > 0);
}

static volatile sig_atomic_t ticks, overruns;
static void tick(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	ticks++;
	overruns = info->si_overrun;
}

static void timers(void)
{
	struct sigaction a = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO};
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
	struct itimerspec s = {{0, 10000000}, {0, 10000000}}, none = {{0, 0}, {0, 0}};
	sigset_t set;
	timer_t timer;

	sigaction(SIGRTMIN + 1, &a, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	OK(!timer_create(CLOCK_MONOTONIC, &e, &timer) && !timer_settime(timer, 0, &s, NULL));
	usleep(105000);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	ok(ticks >= 1 && timer_getoverrun(timer) >= 0, "a signal that waited comes once");
	timer_settime(timer, 0, &none, NULL);
	ticks = 0;
	/* 2 ns: as often as that nobody is told, but counted. */
	s = (struct itimerspec){{0, 2}, {0, 10000000}};
	sigprocmask(SIG_BLOCK, &set, NULL);
	timer_settime(timer, 0, &s, NULL);
	usleep(60000);
	struct timespec now = {0, 0};
	siginfo_t info;
	OK(sigtimedwait(&set, &info, &now) == SIGRTMIN + 1 && info.si_code == SI_TIMER && info.si_overrun > 10000000);
	timer_settime(timer, 0, &none, NULL);
	timer_delete(timer);
	while (sigtimedwait(&set, NULL, &now) > 0)
		;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* Processor time of this thread alone: another one's does not count. */
	clockid_t clock;
	pthread_getcpuclockid(pthread_self(), &clock);
	ticks = 0;
	s = (struct itimerspec){{0, 0}, {0, 20000000}};
	OK(!timer_create(clock, &e, &timer) && !timer_settime(timer, 0, &s, NULL));
	burn(5000000);
	int early = ticks;
	burn(40000000);
	usleep(2000);
	ok(!early && ticks == 1, "a timer on a thread's processor time");
	timer_delete(timer);
}

static void policies(void)
{
	int priority = 0;
	struct timespec t;
	struct sched_param p;

	OK(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER && !syscall(SYS_sched_getparam, 0, &p) && p.sched_priority == 0);
	OK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_RR) == 1 && sched_get_priority_max(SCHED_OTHER) == 0);
	FAILS(sched_get_priority_max(77), EINVAL);
	FAILS(syscall(SYS_sched_setscheduler, 0, 77, &priority), EINVAL);
	FAILS(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL);
	priority = 3;
	FAILS(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &priority), EINVAL);
	FAILS(syscall(SYS_sched_setscheduler, 9999999, SCHED_OTHER, &priority), ESRCH);
	FAILS(syscall(SYS_sched_getscheduler, -1), EINVAL);
	priority = 0;
	FAILS(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &priority), EINVAL);
	OK(!syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &priority) && syscall(SYS_sched_getscheduler, 0) == SCHED_BATCH);
	OK(!syscall(SYS_sched_setparam, 0, &priority) && !syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &priority));
	OK(!sched_rr_get_interval(0, &t) && t.tv_sec == 0);
	FAILS(sched_rr_get_interval(-1, &t), EINVAL);
	FAILS(getpriority(9, 0), EINVAL);
	if (!FORKS)
		return;
	pid_t child = fork();
	if (!child)
		_exit(!(setpriority(PRIO_PROCESS, 0, 5) == 0 && getpriority(PRIO_PROCESS, 0) == 5 && nice(2) == 7));
	int status;
	OK(waitpid(child, &status, 0) == child && status == 0 && getpriority(PRIO_PROCESS, 0) == 0);
}

static void locks(void)
{
	char *m = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	OK(!mlock(m + 100, 4096) && !munlock(m, 8 * 4096));
	OK(!mlock(m, 4096));
	FAILS(msync(m, 4096, MS_SYNC | MS_INVALIDATE), EBUSY);
	OK(!msync(m + 4096, 4096, MS_SYNC | MS_INVALIDATE) && !munlock(m, 4096) && !msync(m, 4096, MS_SYNC | MS_INVALIDATE));
	munmap(m + 2 * 4096, 4096);
	FAILS(mlock(m, 8 * 4096), ENOMEM);
	FAILS(mlock((void *)(LONG_MAX / 4096 * 4096), 100), ENOMEM);
	FAILS(mlockall(0), EINVAL);
	FAILS(mlockall(64), EINVAL);
	static char data[100];
	char here[100];
	OK(!mlock(data, sizeof data) && !mlock(here, sizeof here) && !munlock(data, sizeof data) && !munlock(here, sizeof here));
	munmap(m, 8 * 4096);
}

static volatile sig_atomic_t child_code, child_signals;
static void child_handler(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	child_code = info->si_code;
	child_signals++;
}

static void stops(void)
{
	struct sigaction a = {.sa_sigaction = child_handler, .sa_flags = SA_SIGINFO | SA_RESTART};
	int status;

	if (!FORKS)
		return;
	sigaction(SIGCHLD, &a, NULL);
	pid_t child = fork();
	if (!child) {
		struct timespec t = {.tv_nsec = 200000000};
		long long from = nanoseconds(CLOCK_MONOTONIC);
		_exit(nanosleep(&t, NULL) || nanoseconds(CLOCK_MONOTONIC) - from < 200000000);
	}
	usleep(50000);
	kill(child, SIGSTOP);
	OK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && child_code == CLD_STOPPED);
	kill(child, SIGCONT);
	OK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
	for (int i = 0; child_code != CLD_CONTINUED && i < 100; i++)
		usleep(1000);
	OK(child_code == CLD_CONTINUED);
	OK(waitpid(child, &status, 0) == child && status == 0);         /* the sleep went on */
	a.sa_flags |= SA_NOCLDSTOP;
	sigaction(SIGCHLD, &a, NULL);
	child = fork();
	if (!child)
		for (;;)
			pause();
	int before = child_signals;
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGCONT);
	waitpid(child, &status, WCONTINUED);
	ok(child_signals == before, "SA_NOCLDSTOP");
	kill(child, SIGKILL);
	OK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
	signal(SIGCHLD, SIG_DFL);
}

static char alternate[65536] __attribute__((aligned(16))), another[65536];
static sigjmp_buf out;
static stack_t seen;
static int refused;
static void on_stack(int signal)
{
	stack_t new = {.ss_sp = another, .ss_size = sizeof another};

	sigaltstack(NULL, &seen);
	refused = sigaltstack(&new, NULL) == -1 && errno == EPERM;
	if (signal == SIGUSR2)
		siglongjmp(out, 1);
}

static void stacks(void)
{
	stack_t s = {.ss_sp = alternate, .ss_size = sizeof alternate}, old;
	struct sigaction a = {.sa_handler = on_stack, .sa_flags = SA_ONSTACK};

	OK(!sigaltstack(&s, &old) && (old.ss_flags & SS_DISABLE));
	OK(!sigaltstack(NULL, &old) && old.ss_sp == alternate && old.ss_flags == 0);
	sigaction(SIGUSR1, &a, NULL);
	sigaction(SIGUSR2, &a, NULL);
	raise(SIGUSR1);
	ok(seen.ss_flags == SS_ONSTACK && seen.ss_sp == alternate && refused, "a handler on its stack knows, and cannot take it away");
	if (!sigsetjmp(out, 1))
		raise(SIGUSR2);
	OK(!sigaltstack(NULL, &old) && old.ss_flags == 0);
	s.ss_size = 100;
	FAILS(sigaltstack(&s, NULL), ENOMEM);
	s.ss_flags = SS_DISABLE;
	OK(!sigaltstack(&s, &old) && old.ss_sp == alternate && !sigaltstack(NULL, &old) && old.ss_flags == SS_DISABLE);
}

/* Words that name their owner. */
#define LOCK_PI   (6 | 128)
#define UNLOCK_PI (7 | 128)
#define TRY_PI    (8 | 128)
static uint32_t word;
static int inside, most, turns;
static void *owner(void *unused)
{
	(void)unused;
	for (int i = 0; i < 200; i++) {
		uint32_t none = 0, self = (uint32_t)syscall(SYS_gettid);
		if (!__atomic_compare_exchange_n(&word, &none, self, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			syscall(SYS_futex, &word, LOCK_PI, 0, NULL);
		inside++;
		most = inside > most ? inside : most;
		turns++;
		if (i % 16 == 0)
			sched_yield();
		inside--;
		if (!__atomic_compare_exchange_n(&word, &self, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			syscall(SYS_futex, &word, UNLOCK_PI);
	}
	return NULL;
}

static pthread_mutex_t inheriting;
static void *dies(void *unused)
{
	pthread_mutex_lock(&inheriting);
	__atomic_store_n(&stop, 3, __ATOMIC_SEQ_CST);
	while (stop != 4)
		usleep(1000);
	usleep(20000);
	return unused;
}

static void owners(void)
{
	pthread_t threads[4];
	struct timespec soon;
	uint32_t self = (uint32_t)syscall(SYS_gettid);

	OK(!syscall(SYS_futex, &word, LOCK_PI, 0, NULL) && word == self);
	FAILS(syscall(SYS_futex, &word, LOCK_PI, 0, NULL), EDEADLK);
	OK(!syscall(SYS_futex, &word, UNLOCK_PI) && word == 0);
	FAILS(syscall(SYS_futex, &word, UNLOCK_PI), EPERM);
	word = 0x1ffffff;       /* nobody */
	FAILS(syscall(SYS_futex, &word, LOCK_PI, 0, NULL), ESRCH);
	word = 0;
	OK(!syscall(SYS_futex, &word, TRY_PI) && word == self && !syscall(SYS_futex, &word, UNLOCK_PI));
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, owner, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ok(most == 1 && turns == 800 && word == 0, "one owner at a time");
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	OK(!pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT) && !pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST));
	OK(!pthread_mutex_init(&inheriting, &a));
	pthread_create(threads, NULL, dies, NULL);
	while (stop != 3)
		usleep(1000);
	clock_gettime(CLOCK_REALTIME, &soon);
	OK(pthread_mutex_timedlock(&inheriting, &soon) == ETIMEDOUT && pthread_mutex_trylock(&inheriting) == EBUSY);
	stop = 4;
	OK(pthread_mutex_lock(&inheriting) == EOWNERDEAD && !pthread_mutex_consistent(&inheriting) && !pthread_mutex_unlock(&inheriting));
	pthread_join(threads[0], NULL);
	OK(!pthread_mutex_lock(&inheriting) && !pthread_mutex_unlock(&inheriting) && !pthread_mutex_destroy(&inheriting));
}

/* A user that may not do everything: permissions of files. */
static void permissions(const char *directory)
{
	char name[300], inside[320];

	if (!geteuid())
		return;
	snprintf(name, sizeof name, "%s/locked", directory);
	snprintf(inside, sizeof inside, "%s/x", name);
	int f = open(name, O_CREAT | O_RDWR, 0400);
	ok(f >= 0 && write(f, "x", 1) == 1, "who makes a file writes it whatever its mode is");
	FAILS(open(name, O_RDWR), EACCES);
	FAILS(open(name, O_RDONLY | O_TRUNC), EACCES);
	FAILS(access(name, W_OK), EACCES);
	OK(open(name, O_RDONLY) >= 0 && !access(name, R_OK) && !chmod(name, 0) && !unlink(name));
	OK(!mkdir(name, 0500));
	FAILS(open(inside, O_CREAT | O_RDWR, 0600), EACCES);
	FAILS(mkdir(inside, 0700), EACCES);
	OK(!chmod(name, 0300) && close(open(inside, O_CREAT | O_RDWR, 0600)) == 0);
	FAILS(open(name, O_RDONLY | O_DIRECTORY), EACCES);
	OK(!chmod(name, 0600));
	FAILS(open(inside, O_RDONLY), EACCES);
	OK(!chmod(name, 0700) && !unlink(inside) && !rmdir(name));
}

int main(int argc, char **argv)
{
	usage();
	processor_time();
	timers();
	policies();
	locks();
	stops();
	stacks();
	owners();
	permissions(argc > 1 ? argv[1] : "/tmp");
	return DONE();
}
