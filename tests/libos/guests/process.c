/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Identity, time, signals as far as they go, limits, and calls that do not exist.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

static void identity(void)
{
	struct utsname u;
	struct sysinfo s;
	char name[16];
	cpu_set_t set;

	OK(getpid() > 0 && syscall(SYS_gettid) == getpid());
	OK(kill(getpid(), 0) == 0);
	FAILS(kill(getpid(), 65), EINVAL);
	FAILS(kill(getpid(), -1), EINVAL);
	FAILS(kill(1 << 21, 0), ESRCH);
	OK(getuid() == geteuid() && getgid() == getegid());
	OK(setuid(getuid()) == 0 && setgid(getgid()) == 0);
	gid_t groups[4] = {9, 3, 7}, had[64];
	int count = getgroups(64, had);
	OK(count >= 0 && getgroups(0, NULL) == count);
	if (getuid() == 0) {
		OK(setgroups(3, groups) == 0 && getgroups(0, NULL) == 3);
		OK(getgroups(4, groups) == 3 && groups[0] == 3 && groups[1] == 7 && groups[2] == 9);
		FAILS(getgroups(2, groups), EINVAL);
		FAILS(setgroups(70000, groups), EINVAL);
		OK(setgroups((size_t)count, had) == 0 && getgroups(64, had) == count);
	}
	OK(uname(&u) == 0 && !strcmp(u.sysname, "Linux") && *u.nodename && (!strcmp(u.machine, "x86_64") || !strcmp(u.machine, "riscv64")));
	OK(sysinfo(&s) == 0 && s.totalram > 0 && s.mem_unit > 0 && s.uptime > 0);
	OK(prctl(PR_SET_NAME, "a-name-that-is-too-long") == 0 && prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "a-name-that-is-"));
	FAILS(prctl(123456, 0), EINVAL);
	OK(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0);
	cpu_set_t one, all = set;
	int first = 0;
	while (!CPU_ISSET(first, &set))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	OK(sched_setaffinity(0, sizeof one, &one) == 0 && sched_getaffinity(0, sizeof set, &set) == 0 && CPU_EQUAL(&set, &one));
	CPU_ZERO(&one);
	FAILS(sched_setaffinity(0, sizeof one, &one), EINVAL);
	FAILS(sched_setaffinity(-1, sizeof all, &all), ESRCH);
	OK(sched_setaffinity(0, sizeof all, &all) == 0 && sched_getaffinity(0, sizeof set, &set) == 0 && CPU_EQUAL(&set, &all));
	OK(sched_yield() == 0);
	OK(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
	FAILS(syscall(100000), ENOSYS);
	FAILS(syscall(-1), ENOSYS);
	FAILS(syscall(SYS_wait4, -1, NULL, 0, NULL), ECHILD);
}

static void clocks(void)
{
	/* Nobody may set the clock here: in a cVM it is the host's; these times would not do anywhere. */
	FAILS(clock_settime(CLOCK_MONOTONIC, &(struct timespec){1, 0}), EINVAL);
	FAILS(clock_settime(CLOCK_REALTIME, &(struct timespec){1, 1000000000}), EINVAL);

	struct timespec a, b, t = {0, 3000000};
	struct timeval v;
	struct tms ticks;

	OK(clock_gettime(CLOCK_MONOTONIC, &a) == 0);
	OK(nanosleep(&t, NULL) == 0 && clock_gettime(CLOCK_MONOTONIC, &b) == 0);
	OK((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 3000000);
	t.tv_nsec = 1000000000;
	FAILS(nanosleep(&t, NULL), EINVAL);
	t = (struct timespec){-1, 0};
	FAILS(nanosleep(&t, NULL), EINVAL);
	OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL) == 0);
	OK(clock_nanosleep(99, 0, &a, NULL) == EINVAL);
	FAILS(syscall(SYS_clock_gettime, 77, &a), EINVAL);
	OK(clock_getres(CLOCK_REALTIME, &a) == 0 && a.tv_sec == 0);
	OK(gettimeofday(&v, NULL) == 0 && v.tv_sec > 1000000000 && v.tv_usec < 1000000);
	OK(llabs((long long)time(NULL) - v.tv_sec) <= 1);
	OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a) == 0 && clock() != (clock_t)-1 && times(&ticks) != (clock_t)-1);
	struct rusage usage;
	OK(getrusage(RUSAGE_SELF, &usage) == 0 && getrusage(RUSAGE_CHILDREN, &usage) == 0 && usage.ru_utime.tv_sec == 0);
	FAILS(getrusage(99, &usage), EINVAL);
	char random[32] = "";
	OK(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random && memcmp(random, random + 16, 16));
	FAILS(getrandom(random, 1, 0xff00), EINVAL);
}

static void signals(void)
{
	sigset_t set, old, pending;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	OK(sigaction(SIGUSR1, &ignore, &before) == 0 && before.sa_handler == SIG_DFL);
	OK(sigaction(SIGUSR1, NULL, &before) == 0 && before.sa_handler == SIG_IGN);
	OK(raise(SIGUSR1) == 0);
	OK(raise(SIGCHLD) == 0 && raise(SIGWINCH) == 0 && raise(SIGURG) == 0);
	FAILS(sigaction(SIGKILL, &ignore, NULL), EINVAL);
	FAILS(sigaction(0, &ignore, NULL), EINVAL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	OK(sigprocmask(SIG_BLOCK, &set, &old) == 0 && !sigismember(&old, SIGUSR2));
	OK(raise(SIGUSR2) == 0);
	OK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2));
	OK(sigaction(SIGUSR2, &ignore, NULL) == 0 && sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR2));
	OK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
	FAILS(sigprocmask(99, &set, NULL), EINVAL);
	stack_t s;
	OK(sigaltstack(NULL, &s) == 0 && (s.ss_flags & SS_DISABLE));
}

static void futexes(void)
{
	uint32_t word = 1;
	struct timespec soon = {0, 1000000};

	OK(syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0);
	FAILS(syscall(SYS_futex, &word, FUTEX_WAIT, 2, &soon, NULL, 0), EAGAIN);
	FAILS(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &soon, NULL, 0), ETIMEDOUT);
	FAILS(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 1, &soon, NULL, 0), EINVAL);
	FAILS(syscall(SYS_futex, (void *)8, FUTEX_WAIT, 1, &soon, NULL, 0), EFAULT);
}

int main(void)
{
	identity();
	clocks();
	signals();
	futexes();
	return DONE();
}
