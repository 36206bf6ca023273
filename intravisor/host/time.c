/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Host calls for time, randomness, figures and lines on the Intravisor's own stream. Trusted.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <carrel/host.h>
#include "intravisor/host/host.h"

static int64_t out(struct cvm *cvm, uint64_t ref, const void *from, size_t length)
{
	void *guest = cvm_reference(cvm, ref, length);

	return !guest || machine_copy_out(guest, from, length) ? -EFAULT : 0;
}

static int clock_allowed(uint64_t clock)
{
	return clock <= CLOCK_BOOTTIME;
}

int64_t host_clock_get(struct cvm *cvm, const uint64_t a[6])
{
	struct timespec t;

	if (!clock_allowed(a[0]) || clock_gettime((clockid_t)a[0], &t))
		return -EINVAL;
	return out(cvm, a[1], &t, sizeof t);
}

int64_t host_clock_resolution(struct cvm *cvm, const uint64_t a[6])
{
	struct timespec t;

	if (!clock_allowed(a[0]) || clock_getres((clockid_t)a[0], &t))
		return -EINVAL;
	return out(cvm, a[1], &t, sizeof t);
}

int64_t host_clock_sleep(struct cvm *cvm, const uint64_t a[6])
{
	struct timespec t;
	const void *guest = cvm_reference(cvm, a[2], sizeof t);

	if (!clock_allowed(a[0]) || (a[1] & ~(uint64_t)TIMER_ABSTIME))
		return -EINVAL;
	if (!guest || machine_copy_in(&t, guest, sizeof t))
		return -EFAULT;
	return -clock_nanosleep((clockid_t)a[0], (int)a[1], &t, NULL);
}

int64_t host_random(struct cvm *cvm, const uint64_t a[6])
{
	void *guest = cvm_reference(cvm, a[0], a[1]);

	if (!guest)
		return -EFAULT;
	ssize_t n = getrandom(guest, a[1], 0);
	return n < 0 ? -errno : n;
}

int64_t host_usage(struct cvm *cvm, const uint64_t a[6])
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) ? -errno : out(cvm, a[0], &usage, sizeof usage);
}

int64_t host_processors(struct cvm *cvm, const uint64_t a[6])
{
	(void)cvm;
	(void)a;
	return sysconf(_SC_NPROCESSORS_ONLN);
}

/* One line, control characters made harmless, whole in one write. */
static int64_t line(struct cvm *cvm, const uint64_t a[6], const char *head)
{
	char text[1200];
	const void *guest;
	size_t length = a[1] < 1024 ? (size_t)a[1] : 1024, at = (size_t)snprintf(text, 64, "%s", head);

	guest = cvm_reference(cvm, a[0], length);
	if (!guest || machine_copy_in(text + at, guest, length))
		return -EFAULT;
	for (size_t i = at; i < at + length; i++)
		if ((unsigned char)text[i] < 32 || text[i] == 127)
			text[i] = '?';
	text[at + length] = '\n';
	return write(2, text, at + length + 1) < 0 ? -errno : 0;
}

int64_t host_trace(struct cvm *cvm, const uint64_t a[6])
{
	return cvm->config->trace ? line(cvm, a, "") : 0;
}

int64_t host_report(struct cvm *cvm, const uint64_t a[6])
{
	return line(cvm, a, "carrel: library OS: ");
}
