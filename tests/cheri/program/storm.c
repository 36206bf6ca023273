/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls in a tight loop while a timer interrupts every 200 us: wherever the program is on its way through a gate, it goes on
 * as if nothing had come. (A sealed entry that was in a register when it came was lost: seen.)
 */
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t came;

static void on(int signal)
{
	(void)signal;
	came++;
	syscall(SYS_getpid);
}

int main(void)
{
	struct itimerval often = {{0, 200}, {0, 200}}, none = {{0, 0}, {0, 0}};
	long wrong = 0;
	double x = 1;

	signal(SIGALRM, on);
	setitimer(ITIMER_REAL, &often, NULL);
	for (long i = 0; came < 3000; i++) {
		wrong += syscall(SYS_getpid) != 1;
		x = x * 1.5 - 0.5;      /* stays 1 */
	}
	setitimer(ITIMER_REAL, &none, NULL);
	printf("%ld wrong, %g\n", wrong, x);
	return 0;
}
