/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * poll and select. What the library OS has itself wakes the thread by its queues; host files are waited for in the host, where a
 * kick ends the wait.
 */
#include "libos/event/event.h"
#include "libos/process/bell.h"
#include "libos/sys/sys.h"

#define SELECT_MOST 1024        /* FD_SETSIZE */
#define HOST_MOST 254           /* as many as one host call takes, but for the bell and the set of all further ones */
#define PART_MOST 64            /* further ones are asked about so many at a time */

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

unsigned file_ready(struct file *f)
{
	return f->operations->poll ? f->operations->poll(f) : f->handle >= 0 ? 0 : READY_IN | READY_OUT;
}

int64_t file_deadline(struct file *f)
{
	return f->operations->deadline ? f->operations->deadline(f) : FOR_EVER;
}

static int in_host(struct file *f)
{
	return f && f->handle >= 0;
}

/* What the host says now of its files from list[from] on, and of how many more it says something. */
static uint32_t ask(struct wanted *list, struct file **files, uint32_t from, uint32_t count)
{
	struct host_poll part[PART_MOST];
	uint32_t found = 0;

	while (from < count) {
		uint32_t n = 0, next = from;
		for (; next < count && n < PART_MOST; next++)
			if (in_host(files[next]))
				part[n++] = (struct host_poll){(uint32_t)files[next]->handle, list[next].events, 0};
		if (n)
			HOST(poll, own_ref(part), n, 0);
		for (n = 0; from < next; from++)
			if (in_host(files[from])) {
				found += part[n].revents && !list[from].revents;
				list[from].revents |= part[n++].revents;
			}
	}
	return found;
}

/* A set in the host that is readable when one of its files from list[from] on is ready. A file may be there more than once. What cannot be
 * in a set is always ready, so nobody waits for it. */
static int64_t set_of(struct wanted *list, struct file **files, uint32_t from, uint32_t count)
{
	int64_t set = HOST(events_make), error = set < 0 ? set : 0;

	for (uint32_t i = from; i < count && !error; i++) {
		if (!in_host(files[i]))
			continue;
		error = HOST(events_change, set, EPOLL_CTL_ADD, files[i]->handle, list[i].events, 0);
		if (error == -EEXIST) {
			unsigned events = 0;
			for (uint32_t k = from; k <= i; k++)
				events |= in_host(files[k]) && files[k]->handle == files[i]->handle ? list[k].events : 0u;
			error = HOST(events_change, set, EPOLL_CTL_MOD, files[i]->handle, events, 0);
		}
		if (error == -EPERM)
			error = 0;
	}
	if (error && set >= 0)
		HOST(close, set);
	return error ? error : set;
}

/* One look at all of them; host files together, in one call that waits for `timeout` if none is ready. Without the lock then. *set: of
 * those that are too many for the call; made when it first waits. */
static int64_t look(struct wanted *list, struct file **files, uint32_t count, int64_t timeout, int64_t *set)
{
	struct host_poll waited[HOST_MOST + 2];
	uint32_t found = 0, hosts = 0, direct = 0;      /* list[direct] and on: too many */

	for (uint32_t i = 0; i < count; i++) {
		struct file *f = files[i];
		list[i].revents = 0;
		if (f)
			list[i].revents = (uint16_t)(file_ready(f) & (list[i].events | READY_ERROR | READY_HANGUP));
		else if (list[i].fd >= 0)
			list[i].revents = READY_NONE;
		if (in_host(f) && hosts < HOST_MOST) {
			waited[hosts++] = (struct host_poll){(uint32_t)f->handle, list[i].events, 0};
			direct = i + 1;
		}
		found += list[i].revents != 0;
	}
	if (!hosts)
		return found;
	uint32_t further = 0;
	for (uint32_t i = direct; i < count && !further; i++)
		further = in_host(files[i]);
	if (further)
		found += ask(list, files, direct, count);
	if (further && timeout && !found) {
		if (*set < 0 && (*set = set_of(list, files, direct, count)) < 0)
			return *set;
		waited[hosts] = (struct host_poll){(uint32_t)*set, READY_IN, 0};
	} else
		further = 0;
	int bell = bells_used && timeout && !found;
	if (bell) {
		wait_spin();
		waited[hosts + further] = (struct host_poll){(uint32_t)bell_host_handle(), READY_IN, 0};
		if (HOST(bell_arm))
			timeout = 0;
	}
	int64_t n = found || !timeout || thread_current()->wake ? HOST(poll, own_ref(waited), hosts, 0)
								: HOST_BLOCKING(poll, own_ref(waited), hosts + further + (unsigned)bell, timeout);
	if (bell && n > 0 && waited[hosts + further].revents)
		bell_quiet();
	if (n < 0)
		return found ? found : n;
	for (uint32_t i = 0, h = 0; i < direct; i++)
		if (in_host(files[i])) {
			uint16_t before = list[i].revents;
			list[i].revents |= waited[h++].revents;
			found += list[i].revents && !before;
		}
	return found;
}

/* How many are ready at last, with the files and one more waiter than there are of them. */
static int64_t wait_files(struct wanted *list, struct file **files, struct waiter *waiters, uint32_t count, int64_t until, int wait)
{
	struct thread *t = thread_current();
	struct wait_queue none = {0};
	int64_t n, set = -1;
	int hosts = 0;

	wait_begin(&waiters[count], &none);
	for (uint32_t i = 0; i < count; i++) {
		struct file *f = files[i];
		hosts += f && f->handle >= 0;
		if (wait && f && f->operations->queue)
			wait_begin(&waiters[i], f->operations->queue(f));
	}
	for (;;) {
		int64_t wake_at = until;
		for (uint32_t i = 0; wait && i < count; i++)
			if (files[i] && files[i]->operations->deadline) {
				int64_t one = file_deadline(files[i]);
				wake_at = one < wake_at ? one : wake_at;
			}
		int64_t time = wake_at == FOR_EVER ? 0 : now(), left = wake_at == FOR_EVER ? -1 : wait && wake_at > time ? wake_at - time : 0;
		int over = !wait || (until != FOR_EVER && time >= until);
		n = look(list, files, count, left, &set);
		if (n > 0 || (n < 0 && n != -RESTART) || over)
			break;
		if (n == -RESTART && (signal_waits(t) || t->process->ending || t->leaving))
			break;
		if (hosts) {            /* it slept there, or was woken on the way there */
			t->wake = 0;
			continue;
		}
		n = wait_sleep_listening(wake_at);
		if (n == -RESTART)
			break;
		n = 0;
	}
	if (set >= 0)
		HOST(close, set);
	for (uint32_t i = 0; i <= count; i++)
		wait_end(&waiters[i]);
	return n;
}

static int64_t wait_for(struct wanted *list, uint32_t count, int64_t timeout)
{
	size_t size = (count + 1) * (sizeof(struct file *) + sizeof(struct waiter));
	struct file **files = heap_allocate(size);
	struct waiter *waiters;
	int64_t n, until = timeout < 0 ? FOR_EVER : timeout ? now() + timeout : 0;

	if (!files)
		return -ENOMEM;
	waiters = (struct waiter *)((uint8_t *)files + (count + 1) * sizeof *files);
	for (uint32_t i = 0; i < count; i++)
		files[i] = list[i].fd < 0 ? NULL : file_hold(list[i].fd);
	n = wait_files(list, files, waiters, count, until, timeout != 0);
	for (uint32_t i = 0; i < count; i++)
		if (files[i])
			file_release(files[i]);
	heap_free(files, size);
	return n == -RESTART ? -EINTR : n;
}

int64_t file_wait(struct file *f, unsigned events, int64_t deadline)
{
	struct wanted one = {0, (uint16_t)events, 0};
	struct waiter waiters[2] = {{0}, {0}};
	int64_t n;

	f->references++;
	n = wait_files(&one, &f, waiters, 1, deadline, 1);
	file_release(f);
	return n > 0 ? 0 : n == 0 ? -ETIMEDOUT : n;
}

static int64_t poll_files(struct user at, uint64_t count, int64_t timeout)
{
	int64_t n = 0;

	if (count > descriptor_limit())
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

/* Without a handler to run the old mask comes back at once. */
int64_t mask_back(int64_t result)
{
	struct thread *t = thread_current();

	if (t->mask_saved && result != -EINTR) {
		t->mask = t->saved_mask;
		t->mask_saved = 0;
		signal_state(t);
	} else if (t->mask_saved)
		t->attention = 1;
	return result;
}

int64_t sys_poll(const uint64_t a[6])
{
	return poll_files(USER(0), a[1], (int)a[2] < 0 ? -1 : (int)a[2] * 1000000ll);
}

int64_t sys_ppoll(const uint64_t a[6])
{
	int64_t timeout, error = time_get(USER(2), &timeout, 1);

	if (!error)
		error = signal_mask_for(USER(3), a[4]);
	return error ? error : mask_back(poll_files(USER(0), a[1], timeout));
}

static int64_t select_files(const uint64_t a[6], int64_t timeout)
{
	static const uint16_t events[3] = {READY_IN, READY_OUT, READY_URGENT};
	static const uint16_t answers[3] = {READY_IN | READY_ERROR | READY_HANGUP, READY_OUT | READY_ERROR, READY_URGENT};
	uint64_t sets[3][SELECT_MOST / 64] = {0};
	uint32_t count = 0, n = (uint32_t)a[0];
	int64_t found = 0;

	if ((int)a[0] < 0)
		return -EINVAL;
	n = n < SELECT_MOST ? n : SELECT_MOST;
	size_t bytes = (n + 63) / 64 * 8, size = SELECT_MOST * sizeof(struct wanted);
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
	uint64_t set[2] = {0, 8};

	if (!error && a[5] && user_get(set, USER(5), sizeof set))
		error = -EFAULT;
	if (!error)
		error = signal_mask_for((struct user){set[0]}, set[1]);
	return error ? error : mask_back(select_files(a, timeout));
}
