/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What Linux' vDSO is for: clock_gettime of CLOCK_REALTIME and CLOCK_MONOTONIC without a system call. musl asks __vdsosym for it
 * (src/time/clock_gettime.c). Between two readings of the host's clock, at most SPAN apart, the time is worked out from the
 * processor's counter along a line: the last reading, and the rate seen between readings. Only where the host's own clock is that counter
 * (AT_TICKS, from the library OS).
 *
 * Times never go back where the host's do not, whichever threads of the process look:
 * - all use one line, which is not followed beyond its end; so there is one time for each count;
 * - a line is never ahead of the host's clock: it begins with a reading and a count taken *after* that, and its slope is a little less
 *   than what was measured; so a reading that is begun behind a line's end is not before what the line said (and is moved up by the
 *   nanoseconds that a wrong slope can make).
 * - what is told without a line is told when no line is before it any more.
 * A line lags by what a reading takes, below 100 ns mostly, a part of SPAN (RUSHED) at most. After a sleep longer than SPAN the next time
 * is a reading, so no sleep seems too short.
 */
#include <stdint.h>
#include <time.h>
#include "libc.h"
#include "syscall.h"

#define AT_TICKS 0x43415201     /* BOOT_AT_TICKS of Carrel's include/carrel/boot.h */
#define SPAN     100000ull      /* nanoseconds */
#define RUSHED   50             /* a reading that took more than this part of SPAN was interrupted: no line starts there */
#define LEAST    10000000       /* between the readings that give the rate, nanoseconds, */
#define MOST     2000000000ll   /* and at most: (MOST << 32) is below 2^64 */
#define SLOWER   15             /* the slope is this many bits below what was measured: 30 millionths */
#define LEAP     10             /* so many bits below the rate is what two measurements of it may differ by */
#define BACK     1000           /* further than this back, nanoseconds, and the host's clock was set */
#define QUICK    5000           /* ticks: the same as RUSHED, where the rate is not known yet; else it would be measured from a wrong start */
#define LAG      20000          /* ticks: more than any line lags behind, of a counter below 10 GHz */

struct line {
	unsigned turn;          /* odd: it is being written */
	uint64_t span;          /* SPAN in ticks; 0: there is no line yet */
	uint64_t rate;          /* nanoseconds a tick, 32 bits behind the point */
	uint64_t ticks;         /* where it starts: the count, */
	int64_t seconds;        /* the time then */
	int64_t nanoseconds;
	uint64_t first_ticks;   /* where the rate is measured from; 0: nowhere yet */
	int64_t first_time;
};

static struct line lines[2];

/* Behind all loads before it: what another thread did before it said so lies in the past. */
static inline __attribute__((always_inline)) uint64_t count(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* A rate that is far from the one before (the counter went on while the machine slept; it is another machine's now) is none: no line,
 * until it has been measured anew. */
static void measure(struct line *l, uint64_t ticks, int64_t time)
{
	int64_t passed = time - l->first_time;
	int leaps = 0;

	if (l->first_ticks && ticks > l->first_ticks && passed >= LEAST && passed <= MOST) {
		uint64_t rate = ((uint64_t)passed << 32) / (ticks - l->first_ticks), before = l->rate;
		leaps = !rate || (l->span && (rate > before + (before >> LEAP) || rate < before - (before >> LEAP)));
		l->rate = rate - (rate >> SLOWER);
		l->span = leaps ? 0 : (SPAN << 32) / rate;
	}
	if (!l->first_ticks || ticks <= l->first_ticks || passed < 0 || passed > MOST / 2 || leaps) {
		l->first_ticks = ticks;
		l->first_time = time;
	}
}

static inline __attribute__((always_inline)) void told(int64_t seconds, int64_t nanoseconds, struct timespec *out)
{
	int more = nanoseconds >= 1000000000;

	out->tv_sec = seconds + more;
	out->tv_nsec = more ? nanoseconds - 1000000000 : nanoseconds;
}

static void along(const struct line *l, uint64_t passed, struct timespec *out)
{
	told(l->seconds, l->nanoseconds + (int64_t)(passed * l->rate >> 32), out);
}

static int64_t whole(const struct timespec *t)
{
	return t->tv_sec * 1000000000ll + t->tv_nsec;
}

/* The line is this thread's to write, and the one before came to its end before the reading `out` was begun. */
static void begin(struct line *l, uint64_t ticks, struct timespec *out)
{
	struct timespec end = {0};

	if (l->ticks)
		along(l, l->span, &end);
	measure(l, ticks, whole(out));
	if (whole(&end) > whole(out) && whole(&end) - whole(out) < BACK)
		*out = end;
	l->ticks = ticks;
	l->seconds = out->tv_sec;
	l->nanoseconds = out->tv_nsec;
}

/* The time by a reading of the host's clock, from which a new line begins; or by the line that another thread began meanwhile. */
static __attribute__((noinline, cold)) int again(struct line *l, clockid_t clock, struct timespec *out)
{
	uint64_t after = 0;

	for (int tries = 0; tries < 4; tries++) {
		uint64_t before = count();
		int error = __syscall(SYS_clock_gettime, clock, out);
		after = count();
		unsigned turn = __atomic_load_n(&l->turn, __ATOMIC_RELAXED);

		if (error)
			return error;
		if (turn & 1 || !__atomic_compare_exchange_n(&l->turn, &turn, turn + 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;       /* another thread writes it, or what this signal's handler interrupted */
		int leapt = count() < l->ticks;         /* the counter has gone back since: it is another machine's */
		int other = before - l->ticks < l->span;
		int rushed = (before < l->ticks && !leapt) || after - before > (l->span ? l->span / RUSHED : QUICK);
		if (other)
			along(l, before - l->ticks, out);
		else if (!rushed)
			begin(l, after, out);
		__atomic_store_n(&l->turn, turn + 2, __ATOMIC_RELEASE);
		if (other || !rushed)
			return 0;
	}
	/* The reading itself. A line that another thread began may lag behind it: it is told when no line does any more. */
	while (count() - after < LAG)
		;
	return 0;
}

static int clock_now(clockid_t clock, struct timespec *out)
{
	if ((unsigned)clock > CLOCK_MONOTONIC)
		return -ENOSYS;
	struct line *l = &lines[clock];
	unsigned turn = __atomic_load_n(&l->turn, __ATOMIC_ACQUIRE);
	uint64_t span = l->span, rate = l->rate, ticks = l->ticks;
	int64_t seconds = l->seconds, nanoseconds = l->nanoseconds;
	uint64_t passed = count() - ticks;

	/* The loads above are over before the count is taken, and so before this one. */
	if (turn & 1 || passed >= span || __atomic_load_n(&l->turn, __ATOMIC_RELAXED) != turn)
		return again(l, clock, out);
	told(seconds, nanoseconds + (int64_t)(passed * rate >> 32), out);
	return 0;
}

void *__vdsosym(const char *version, const char *name)
{
	for (size_t *entry = libc.auxv; *entry; entry += 2)
		if (*entry == AT_TICKS)
			return entry[1] ? (void *)clock_now : 0;
	return 0;
}
