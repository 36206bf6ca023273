/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls of epoll, timerfd and signalfd.
 */
#include "libos/event/event.h"
#include "libos/sys/sys.h"
#include "libos/machine/machine.h"

#define EVENTS_MOST 128u        /* on the stack; for more of them memory is taken */

int64_t sys_epoll_create1(const uint64_t a[6])
{
	return a[0] & ~(uint64_t)O_CLOEXEC ? -EINVAL : epoll_make(a[0] != 0);
}

int64_t sys_epoll_create(const uint64_t a[6])
{
	return (int)a[0] <= 0 ? -EINVAL : epoll_make(0);
}

int64_t sys_epoll_ctl(const uint64_t a[6])
{
	struct wire_event event = {0};
	HELD struct file *set = file_hold((int)a[0]);
	HELD struct file *f = file_hold((int)a[2]);

	if (!set || !f || (f->flags & O_PATH))
		return -EBADF;
	if ((int)a[1] != EPOLL_CTL_DEL && user_get(&event, USER(3), sizeof event))
		return -EFAULT;
	return epoll_change(set, (int)a[1], (int)a[2], f, event.events, event.data);
}

static int64_t wait_events(struct file *set, struct user at, int most, int64_t timeout)
{
	struct event few[EVENTS_MOST], *events = few;
	uint32_t room = epoll_size(set);

	if (most <= 0)
		return -EINVAL;
	if (!user_ok(at, (uint64_t)most * sizeof(struct wire_event)))
		return -EFAULT;
	room = room < EVENTS_MOST ? EVENTS_MOST : room;
	room = room < (uint32_t)most ? room : (uint32_t)most;
	if (room > EVENTS_MOST && !(events = heap_allocate(room * sizeof *events))) {
		events = few;
		room = EVENTS_MOST;
	}
	int64_t n = epoll_wait(set, events, room, timeout);
	for (int64_t i = 0; i < n; i++) {
		const struct wire_event one = {.events = events[i].events, .data = events[i].data};
		if (user_put((struct user){at.at + (uint64_t)i * sizeof one}, &one, sizeof one)) {
			n = -EFAULT;
			break;
		}
	}
	if (events != few)
		heap_free(events, room * sizeof *events);
	return n;
}

int64_t sys_epoll_wait(const uint64_t a[6])
{
	HELD struct file *set = file_hold((int)a[0]);

	return !set ? -EBADF : wait_events(set, USER(1), (int)a[2], (int)a[3] < 0 ? -1 : (int)a[3] * 1000000ll);
}

int64_t sys_epoll_pwait(const uint64_t a[6])
{
	HELD struct file *set = file_hold((int)a[0]);
	int64_t error = !set ? -EBADF : signal_mask_for(USER(4), a[5]);

	return error ? error : mask_back(wait_events(set, USER(1), (int)a[2], (int)a[3] < 0 ? -1 : (int)a[3] * 1000000ll));
}

int64_t sys_epoll_pwait2(const uint64_t a[6])
{
	HELD struct file *set = file_hold((int)a[0]);
	int64_t timeout, error = !set ? -EBADF : time_get(USER(3), &timeout, 1);

	if (!error)
		error = signal_mask_for(USER(4), a[5]);
	return error ? error : mask_back(wait_events(set, USER(1), (int)a[2], timeout));
}

/* ---- timerfd ---- */
#define TIMER_ABSOLUTE 1

static int64_t clock_now(int clock)
{
	int64_t t[2] = {0, 0};

	HOST_FAST(clock_get, clock, own_ref(t));
	return t[0] * 1000000000 + t[1];
}

int64_t sys_timerfd_create(const uint64_t a[6])
{
	int clock = (int)a[0];

	if ((clock != 0 && clock != 1 && clock != 7 && clock != 8 && clock != 9) || (a[1] & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK)))
		return -EINVAL;
	return timer_file_make(clock == 8 ? 0 : clock == 9 ? 7 : clock, (int)a[1]);
}

static int64_t value_put(struct user at, struct file *f)
{
	int64_t when, every;
	int clock;
	int64_t error = timer_file_get(f, &clock, &when, &every);

	if (error)
		return error;
	int64_t left = when ? when - now() : 0;
	left = when && left <= 0 ? 1 : left;
	const int64_t out[4] = {every / 1000000000, every % 1000000000, left / 1000000000, left % 1000000000};
	return user_put(at, out, sizeof out);
}

int64_t sys_timerfd_gettime(const uint64_t a[6])
{
	FILE_ARGUMENT(f, 0);
	return value_put(USER(1), f);
}

int64_t sys_timerfd_settime(const uint64_t a[6])
{
	int64_t in[4], when, every, at;
	int clock;
	FILE_ARGUMENT(f, 0);

	if (user_get(in, USER(2), sizeof in))
		return -EFAULT;
	for (int i = 0; i < 4; i += 2)
		if (in[i] < 0 || in[i + 1] < 0 || in[i + 1] >= 1000000000)
			return -EINVAL;
	if (a[1] & ~3ull)
		return -EINVAL;
	int64_t error = timer_file_get(f, &clock, &when, &every);
	if (error || (a[3] && (error = value_put(USER(3), f))))
		return error;
	for (int i = 0; i < 4; i += 2)
		in[i] = in[i] < 1ll << 32 ? in[i] : 1ll << 32;
	at = in[2] * 1000000000 + in[3];
	if (at && (a[1] & TIMER_ABSOLUTE) && clock != 1)
		at -= clock_now(clock);
	if (at && (!(a[1] & TIMER_ABSOLUTE) || clock != 1))
		at += now();
	return timer_file_set(f, at > 0 || !(in[2] | in[3]) ? at : 1, in[0] * 1000000000 + in[1]);
}

/* ---- signalfd ---- */
int64_t sys_signalfd4(const uint64_t a[6])
{
	uint64_t mask;

	if (a[2] != 8 || (a[3] & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK)))
		return -EINVAL;
	if (user_get(&mask, USER(1), 8))
		return -EFAULT;
	if ((int)a[0] == -1)
		return signal_file_make(mask, (int)a[3]);
	FILE_ARGUMENT(f, 0);
	int64_t error = signal_file_mask(f, mask);
	return error ? error : (int)a[0];
}

int64_t sys_signalfd(const uint64_t a[6])
{
	const uint64_t b[6] = {a[0], a[1], a[2], 0};

	return sys_signalfd4(b);
}
