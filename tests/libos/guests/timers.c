/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Timers that send signals, real-time signals, and shared memory by name, as Linux has them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static volatile sig_atomic_t count, last_value;
static volatile long order;

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)context;
	count++;
	last_value = info->si_value.sival_int;
	order = order * 10 + (signal >= SIGRTMIN ? info->si_value.sival_int : 9);
}

static void set_handler(int signal)
{
	struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigaction(signal, &a, NULL);
}

static long long ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static void wait_count(int n, int most)
{
	for (long long from = ms(); count < n && ms() - from < most;)
		usleep(1000);
}

static void notified(union sigval v)
{
	__atomic_add_fetch((int *)v.sival_ptr, 1, __ATOMIC_SEQ_CST);
}

static void *arms(void *a)
{
	const struct itimerspec s = {.it_value = {0, 40000000}};

	timer_settime(a, 0, &s, NULL);
	return NULL;
}

static void timers(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
	struct itimerspec s = {.it_value = {0, 20000000}}, got;
	timer_t t, u;

	set_handler(SIGUSR1);
	ok(!timer_create(CLOCK_MONOTONIC, &e, &t) && !timer_create(CLOCK_REALTIME, &e, &u), "timer_create");
	ok(!timer_settime(t, 0, &s, NULL) && !timer_gettime(t, &got) && got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 20000000, "armed");
	long long from = ms();
	wait_count(1, 3000);
	ok(count == 1 && last_value == 42 && ms() - from >= 15, "it sends its signal with its value");
	ok(!timer_gettime(t, &got) && got.it_value.tv_nsec == 0, "and is disarmed");
	clock_gettime(CLOCK_REALTIME, &s.it_value);
	s.it_value.tv_nsec += 20000000;
	if (s.it_value.tv_nsec >= 1000000000)
		s.it_value.tv_nsec -= 1000000000, s.it_value.tv_sec++;
	count = 0;
	ok(!timer_settime(u, TIMER_ABSTIME, &s, NULL), "an absolute time");
	wait_count(1, 3000);
	ok(count == 1, "comes");
	sigset_t set, before;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &before);
	s = (struct itimerspec){{0, 2000000}, {0, 2000000}};
	count = 0;
	timer_settime(t, 0, &s, NULL);
	usleep(30000);
	sigprocmask(SIG_SETMASK, &before, NULL);
	ok(count >= 1, "one that comes again and again");
	wait_count(3, 3000);
	ok(count >= 3, "does");
	ok(!timer_delete(t) && timer_delete(t) != 0 && timer_gettime(t, &got) == -1 && errno == EINVAL, "timer_delete");
	int called = 0;
	struct sigevent thread = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notified, .sigev_value.sival_ptr = &called};
	s = (struct itimerspec){{0, 5000000}, {0, 5000000}};
	ok(!timer_create(CLOCK_MONOTONIC, &thread, &t) && !timer_settime(t, 0, &s, NULL), "SIGEV_THREAD");
	for (int i = 0; i < 3000 && __atomic_load_n(&called, __ATOMIC_SEQ_CST) < 3; i++)
		usleep(1000);
	ok(called >= 3, "calls its function");
	timer_delete(t);
	/* The thread that armed it is gone when it is due. */
	pthread_t p;
	count = 0;
	pthread_create(&p, NULL, arms, u);
	pthread_join(p, NULL);
	sigset_t none;
	sigemptyset(&none);
	alarm(5);
	while (!count)
		sigsuspend(&none);
	alarm(0);
	ok(count == 1, "outlives the thread that armed it");
	timer_delete(u);
	struct itimerval v = {.it_value = {0, 20000}};
	set_handler(SIGPROF);
	count = 0;
	ok(!setitimer(ITIMER_PROF, &v, NULL), "ITIMER_PROF");
	for (long long start = ms(); !count && ms() - start < 5000;)
		;
	ok(count == 1, "comes to who computes");
	ok(timer_create(77, &e, &t) == -1 && errno == EINVAL && setitimer(7, &v, NULL) == -1 && errno == EINVAL, "EINVAL");
}

static void realtime(void)
{
	sigset_t set, before;
	union sigval v;
	siginfo_t info;
	int r = SIGRTMIN + 1;

	set_handler(r);
	set_handler(r + 1);
	sigemptyset(&set);
	sigaddset(&set, r);
	sigaddset(&set, r + 1);
	sigprocmask(SIG_BLOCK, &set, &before);
	count = 0, order = 0;
	for (int i = 1; i <= 3; i++) {
		v.sival_int = i + 3;
		sigqueue(getpid(), r + 1, v);
		v.sival_int = i;
		sigqueue(getpid(), r, v);
	}
	sigset_t pending;
	sigpending(&pending);
	ok(sigismember(&pending, r) && sigismember(&pending, r + 1), "two real-time signals wait");
	ok(sigwaitinfo(&set, &info) == r && info.si_value.sival_int == 1 && info.si_code == SI_QUEUE && info.si_pid == getpid(), "sigwaitinfo takes the first");
	sigprocmask(SIG_SETMASK, &before, NULL);
	/* The handler of the lower number runs first, in the frame of the higher's: its last. */
	ok(count == 5, "each that was sent is delivered");
	int seen[10] = {0};
	for (long o = order; o; o /= 10)
		seen[o % 10]++;
	ok(seen[2] == 1 && seen[3] == 1 && seen[4] == 1 && seen[5] == 1 && seen[6] == 1, "with its value");
	signal(r, SIG_IGN);
	sigqueue(getpid(), r, v);
	ok(count == 5, "unless ignored");
}

static void shared(const char *folder)
{
	char name[300];
	int fd;

	snprintf(name, sizeof name, "%s/shared", folder);
	fd = open(name, O_CREAT | O_RDWR, 0600);
	ok(fd >= 0 && !ftruncate(fd, 3 * 4096) && pwrite(fd, "start", 5, 0) == 5, "a file");
	char *m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *n = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	ok(m != MAP_FAILED && n != MAP_FAILED && !memcmp(m, "start", 5), "mapped, twice");
	if (m == MAP_FAILED || n == MAP_FAILED)
		return;
	strcpy(m + 4096, "through memory");
	char text[32] = {0};
	ok(!strcmp(n, "through memory") && pread(fd, text, 14, 4096) == 14 && !strcmp(text, "through memory"), "stores are seen by the other, and by read");
	ok(pwrite(fd, "THROUGH", 7, 4096) == 7 && !memcmp(n, "THROUGH memory", 14), "and writes by both");
	pid_t child = FORKS ? fork() : -1;
	if (!child) {
		strcpy(m + 8192, "child");
		_exit(0);
	}
	if (FORKS)
		waitpid(child, NULL, 0);
	ok(!FORKS || !strcmp(m + 8192, "child"), "and a child's");
	ok(!ftruncate(fd, 5 * 4096), "it grows");
	char *k = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ok(k != MAP_FAILED && !memcmp(k + 4096, "THROUGH", 7) && k[4 * 4096] == 0, "and is mapped again, all of it");
	if (k == MAP_FAILED)
		return;
	k[4 * 4096] = 'x';
	ok(pread(fd, text, 1, 4 * 4096) == 1 && text[0] == 'x' && (strcpy(k + 100, "both"), !strcmp(m + 100, "both")), "the new part too");
	struct stat st;
	ok(!fstat(fd, &st) && st.st_size == 5 * 4096, "its size");
	close(fd);
	strcpy(k + 200, "still");
	fd = open(name, O_RDONLY);
	ok(pread(fd, text, 6, 200) == 6 && !strcmp(text, "still"), "a mapping outlives its descriptor");
	char *priv = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ok(priv != MAP_FAILED && !strcmp(priv + 200, "still") && (priv[200] = 'S', !strcmp(k + 200, "still")), "a private one keeps its stores to itself");
	ok(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES, "read-only files are not mapped for writing");
	munmap(m, 3 * 4096), munmap(n, 4096), munmap(k, 5 * 4096), munmap(priv, 4096);
	close(fd);
	unlink(name);
	/* By name, as POSIX has it. */
	fd = shm_open("/carrel-test", O_CREAT | O_RDWR, 0600);
	ok(fd >= 0 && !ftruncate(fd, 4096), "shm_open");
	int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ok(word != MAP_FAILED, "is mapped");
	sem_t *semaphore = sem_open("/carrel-semaphore", O_CREAT, 0600, 0);
	ok(semaphore != SEM_FAILED, "sem_open");
	if (word == MAP_FAILED || semaphore == SEM_FAILED)
		return;
	child = FORKS ? fork() : 0;
	if (!child) {
		*word = 17;
		sem_post(semaphore);
		if (FORKS)
			_exit(0);
	}
	ok(!sem_wait(semaphore) && *word == 17, "two processes meet at a semaphore");
	if (FORKS)
		waitpid(child, NULL, 0);
	sem_close(semaphore);
	ok(!shm_unlink("/carrel-test") && !sem_unlink("/carrel-semaphore"), "both are unlinked");
}

int main(int argc, char **argv)
{
	timers();
	realtime();
	shared(argc > 1 ? argv[1] : "/tmp");
	return DONE();
}
