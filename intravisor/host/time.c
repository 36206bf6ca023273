/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Host calls for time, randomness, figures and lines on the Intravisor's own stream. Trusted.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <carrel/host.h>
#include "intravisor/host/host.h"

int64_t host_clock_resolution(struct caller *caller, const uint64_t a[6])
{
	struct timespec t;

	if (a[0] > CLOCK_BOOTTIME || clock_getres((clockid_t)a[0], &t))
		return -EINVAL;
	return cvm_copy_out(caller, a[1], &t, sizeof t);
}

int64_t host_clock_sleep(struct caller *caller, const uint64_t a[6])
{
	struct timespec t;

	if (a[0] > CLOCK_BOOTTIME || (a[1] & ~(uint64_t)TIMER_ABSTIME))
		return -EINVAL;
	if (cvm_copy_in(caller, &t, a[2], sizeof t))
		return -EFAULT;
	struct timespec left = t;       /* also where the kernel was never asked: an interruption came before */
	int64_t result = machine_blocking(caller->thread, SYS_clock_nanosleep, (long)a[0], (long)a[1], (long)&t, (long)&left, 0, 0);
	/* What is left of a relative sleep goes back to the same place. */
	return result == -EINTR && !a[1] && cvm_copy_out(caller, a[2], &left, sizeof left) ? -EFAULT : result;
}

int64_t host_random(struct caller *caller, const uint64_t a[6])
{
	void *guest = cvm_reference(caller, a[0], a[1]);

	if (!guest)
		return -EFAULT;
	ssize_t n = getrandom(guest, a[1], 0);
	return n < 0 ? -errno : n;
}

int64_t host_usage(struct caller *caller, const uint64_t a[6])
{
	struct rusage usage;

	if (a[1] > 1)
		return -EINVAL;
	return getrusage(a[1] ? RUSAGE_THREAD : RUSAGE_SELF, &usage) ? -errno : cvm_copy_out(caller, a[0], &usage, sizeof usage);
}

int64_t host_processors(struct caller *caller, const uint64_t a[6])
{
	cpu_set_t mine;         /* the owner may have confined this cVM's threads to some */

	(void)caller;
	(void)a;
	return sched_getaffinity(0, sizeof mine, &mine) ? sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&mine);
}

/* One line, control characters made harmless, whole in one write. */
static int64_t line(struct caller *caller, const uint64_t a[6], const char *head)
{
	char text[1200];
	size_t length = a[1] < 1024 ? (size_t)a[1] : 1024, at = (size_t)snprintf(text, 64, "%s", head);

	if (cvm_copy_in(caller, text + at, a[0], length))
		return -EFAULT;
	for (size_t i = at; i < at + length; i++)
		if ((unsigned char)text[i] < 32 || (unsigned char)text[i] > 126)        /* terminals obey U+0080... too */
			text[i] = '?';
	text[at + length] = '\n';
	return write(2, text, at + length + 1) < 0 ? -errno : 0;
}

int64_t host_trace(struct caller *caller, const uint64_t a[6])
{
	const char *name = caller->cvm->config->name;
	char head[64] = "";

	if (!caller->cvm->config->trace)
		return 0;
	if (name)               /* one of several */
		snprintf(head, sizeof head, "%.40s: ", name);
	return line(caller, a, head);
}

int64_t host_report(struct caller *caller, const uint64_t a[6])
{
	return line(caller, a, "carrel: library OS: ");
}
