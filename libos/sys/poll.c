/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * poll and select. Host files are waited for in the host; all else is ready now or, with one thread, never will be.
 */
#include "libos/sys/sys.h"

#define HOST_MOST 256           /* as many as one host call takes */

int64_t time_get(struct user at, int64_t *ns, int64_t unit)
{
	int64_t t[2];

	*ns = -1;
	if (!at.at)
		return 0;
	if (user_get(t, at, sizeof t))
		return -EFAULT;
	if (t[0] < 0 || t[1] < 0 || t[1] >= 1000000000 / unit)
		return -EINVAL;
	*ns = t[0] > 1ll << 32 ? -1 : t[0] * 1000000000 + t[1] * unit;
	return 0;
}

struct wanted {
	int fd;
	uint16_t events, revents;       /* as poll(2) has it */
};

/* How many are ready at last. */
static int64_t wait_for(struct wanted *list, uint32_t count, int64_t timeout)
{
	struct host_poll waited[HOST_MOST];

	for (;;) {
		uint32_t found = 0, hosts = 0;
		/* Host files are asked together, in one call. */
		for (uint32_t i = 0; i < count; i++) {
			struct file *f = list[i].fd < 0 ? NULL : file_get(list[i].fd);
			list[i].revents = 0;
			if (f && f->handle >= 0 && hosts < HOST_MOST)
				waited[hosts++] = (struct host_poll){(uint32_t)f->handle, list[i].events, 0};
			else if (f)
				list[i].revents = (uint16_t)((f->operations->poll ? f->operations->poll(f) : READY_IN | READY_OUT) &
							     (list[i].events | READY_ERROR | READY_HANGUP));
			else if (list[i].fd >= 0)
				list[i].revents = READY_NONE;
			found += list[i].revents != 0;
		}
		if (!found || hosts) {
			int64_t n = HOST(poll, (uintptr_t)waited, hosts, found ? 0 : timeout);
			if (n < 0)
				return n;
		}
		for (uint32_t i = 0, h = 0; i < count && h < hosts; i++) {
			struct file *f = list[i].fd < 0 ? NULL : file_get(list[i].fd);
			if (f && f->handle >= 0) {
				list[i].revents = waited[h++].revents;
				found += list[i].revents != 0;
			}
		}
		if (found || timeout >= 0)
			return found;
	}
}

static int64_t poll_files(struct user at, uint64_t count, int64_t timeout)
{
	int64_t n = 0;

	if (count > descriptor_limit)
		return -EINVAL;
	size_t size = (count + !count) * sizeof(struct wanted);
	struct wanted *list = heap_allocate(size);
	if (!list)
		return -ENOMEM;
	if (user_get(list, at, count * sizeof *list))
		n = -EFAULT;
	if (!n)
		n = wait_for(list, (uint32_t)count, timeout);
	if (n >= 0 && user_put(at, list, count * sizeof *list))
		n = -EFAULT;
	heap_free(list, size);
	return n;
}

int64_t sys_poll(const uint64_t a[6])
{
	return poll_files(USER(0), a[1], (int)a[2] < 0 ? -1 : (int)a[2] * 1000000ll);
}

int64_t sys_ppoll(const uint64_t a[6])
{
	int64_t timeout, error = time_get(USER(2), &timeout, 1);

	return error ? error : poll_files(USER(0), a[1], timeout);
}

static int64_t select_files(const uint64_t a[6], int64_t timeout)
{
	static const uint16_t events[3] = {READY_IN, READY_OUT, 2};
	static const uint16_t answers[3] = {READY_IN | READY_ERROR | READY_HANGUP, READY_OUT | READY_ERROR, 2};
	uint64_t sets[3][FILES_MOST / 64] = {0};
	uint32_t count = 0, n = (uint32_t)a[0];
	int64_t found = 0;

	if ((int)a[0] < 0)
		return -EINVAL;
	n = n < FILES_MOST ? n : FILES_MOST;
	size_t bytes = (n + 63) / 64 * 8, size = FILES_MOST * sizeof(struct wanted);
	for (int k = 0; k < 3; k++)
		if (a[1 + k] && user_get(sets[k], USER(1 + k), bytes))
			return -EFAULT;
	struct wanted *list = heap_allocate(size);
	if (!list)
		return -ENOMEM;
	for (uint32_t fd = 0; fd < n && found >= 0; fd++) {
		uint16_t asked = 0;
		for (int k = 0; k < 3; k++)
			asked |= (sets[k][fd / 64] >> fd % 64 & 1) ? events[k] : 0;
		if (asked && !file_get((int)fd))
			found = -EBADF;
		else if (asked)
			list[count++] = (struct wanted){(int)fd, asked, 0};
	}
	if (found == 0)
		found = wait_for(list, count, timeout);
	if (found >= 0) {
		found = 0;
		memset(sets, 0, sizeof sets);
		for (uint32_t i = 0; i < count; i++)
			for (int k = 0; k < 3; k++)
				if ((list[i].revents & answers[k]) && (list[i].events & events[k])) {
					sets[k][list[i].fd / 64] |= 1ull << list[i].fd % 64;
					found++;
				}
		for (int k = 0; k < 3; k++)
			if (a[1 + k] && user_put(USER(1 + k), sets[k], bytes))
				found = -EFAULT;
	}
	heap_free(list, size);
	return found;
}

int64_t sys_select(const uint64_t a[6])
{
	int64_t timeout, error = time_get(USER(4), &timeout, 1000);

	return error ? error : select_files(a, timeout);
}

int64_t sys_pselect6(const uint64_t a[6])
{
	int64_t timeout, error = time_get(USER(4), &timeout, 1);

	return error ? error : select_files(a, timeout);
}
