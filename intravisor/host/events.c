/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Host calls on epoll sets: many host resources watched at once. The data that comes with an event is the guest's own word.
 * Trusted.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

#include "intravisor/host/host.h"

/* The host's kernel bounds watches for all processes of a user together: one cVM must not take them all. */
static int watches_take(struct cvm *cvm)
{
	if (__atomic_add_fetch(&cvm->watches, 1, __ATOMIC_RELAXED) <= WATCHES_MOST)
		return 1;
	__atomic_sub_fetch(&cvm->watches, 1, __ATOMIC_RELAXED);
	return 0;
}

int64_t host_events_make(struct caller *caller, const uint64_t a[6])
{
	(void)a;
	if (!watches_take(caller->cvm))
		return -EMFILE;
	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0) {
		__atomic_sub_fetch(&caller->cvm->watches, 1, __ATOMIC_RELAXED);
		return -errno;
	}
	return resource_make_kind(caller->cvm, fd, RESOURCE_EVENTS);
}

int64_t host_events_change(struct caller *caller, const uint64_t a[6])
{
	struct epoll_event event = {.events = (uint32_t)a[3], .data.u64 = a[4]};
	int64_t error = 0;
	HELD *events = resource_get_kind(caller, a[0], 0, RESOURCE_EVENTS, &error);
	HELD *watched = events ? resource_get(caller, a[2], 0, NULL, &error) : NULL;

	if (!watched)
		return error;
	if (watched->kind == RESOURCE_NETWORK)  /* sets in sets: the kernel refuses circles, depth and too many paths */
		return -EINVAL;
	if (a[1] != EPOLL_CTL_ADD && a[1] != EPOLL_CTL_DEL && a[1] != EPOLL_CTL_MOD)
		return -EINVAL;
	event.events &= ~(uint32_t)EPOLLWAKEUP;         /* keeps the machine from sleeping */
	/* A watch that goes with its handle, unsaid, counts until its set is closed. */
	if (a[1] == EPOLL_CTL_ADD && !watches_take(caller->cvm))
		return -ENOSPC;
	int failed = epoll_ctl(events->fd, (int)a[1], watched->fd, &event) ? -errno : 0;
	if (!failed && a[1] == EPOLL_CTL_ADD)
		__atomic_add_fetch(&events->bytes, 1, __ATOMIC_RELAXED);
	if (failed ? a[1] == EPOLL_CTL_ADD : a[1] == EPOLL_CTL_DEL)
		__atomic_sub_fetch(&caller->cvm->watches, 1, __ATOMIC_RELAXED);
	if (!failed && a[1] == EPOLL_CTL_DEL)
		__atomic_sub_fetch(&events->bytes, 1, __ATOMIC_RELAXED);
	return failed;
}

int64_t host_events_wait(struct caller *caller, const uint64_t a[6])
{
	struct epoll_event events[HOST_EVENTS_MOST];
	struct host_event out[HOST_EVENTS_MOST];
	struct timespec timeout = {.tv_sec = (time_t)(a[3] / 1000000000u), .tv_nsec = (long)(a[3] % 1000000000u)};
	RESOURCE(set, 0, RESOURCE_EVENTS);

	if (!a[2] || a[2] > HOST_EVENTS_MOST)
		return -EINVAL;
	void *to = cvm_reference(caller, a[1], a[2] * sizeof *out);
	if (!to)
		return -EFAULT;
	int64_t n = machine_blocking(caller->thread, SYS_epoll_pwait2, set->fd, (long)events, (long)a[2],
				     a[3] == UINT64_MAX ? 0 : (long)&timeout, 0, 0);
	for (int64_t i = 0; i < n; i++)
		out[i] = (struct host_event){events[i].data.u64, events[i].events, 0};
	return n > 0 && machine_copy_out(to, out, (size_t)n * sizeof *out) ? -EFAULT : n;
}
