/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Revocation is exact: race [SECONDS]. One process publishes its memory again and again and takes it back in one of several ways,
 * while threads of another cVM load, store, copy, derive and open as fast as they can, and revoke under each other's feet what they
 * derived. As soon as it is taken back the memory holds a secret, which no load may ever have seen, and which no store may change.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/share/native/guest_carrier.h"
#include "tests/share/native/processes.h"

#define ZONE 40960u
#define OPEN 0x11
#define JUNK 0x33
#define SECRET 0xa5
#define HAMMERS 4 /* two threads of each of two processes */
#define NAMED(p) ((REF_PROGRAM | START) + SPAN - 16)

static int over, leaks, strange;
static int64_t parts[PROCESSES] = {-1, -1, -1, -1, -1, -1};
static long loads, stores, copies, opens, rounds[4], changed;

static uint64_t any(uint64_t *state)
{
	*state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static void expect(int64_t result)
{
	if (result < 0 && result != -EBADF && result != -ENODEV && result != -ENOENT && result != -ENOSPC &&
	    result != -ERANGE) /* a number that its process has given to something shorter meanwhile */
		__atomic_store_n(&strange, (int)result, __ATOMIC_RELAXED);
}

static int64_t add(long *counter, int64_t result)
{
	expect(result);
	if (result > 0)
		__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
	return result;
}

static void *hammer(void *argument)
{
	int number = (int)(long)argument, p = EACH + number / 2;
	uint64_t state = 88172645463325252ull * (uint64_t)(number + 1), place = (uint64_t)(number & 1) * (ZONE / 2),
		 ref = (REF_PROGRAM | START) + 8192 + place;
	uint8_t *own = memory_of(p) + 8192 + place;
	int64_t *common = &parts[p]; /* what one thread derives, and both use and revoke */
	int64_t file = -1, cap = -1, part = -1, mine = call(p, host_capability_derive, 0, CAPABILITY_BOUNDS, START + 8192, ZONE);
	static struct guest_carrier carriers[HAMMERS];  /* so that a copy of what is not there any more is an error, and told */

	carrier_make(&carriers[number]);
	memory_of(p)[SPAN - 16] = 'a';
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		uint64_t length = any(&state) % 8 ? any(&state) % 256 : any(&state) % (ZONE / 2), offset = any(&state) % (ZONE / 2);
		if (file < 0) {
			if ((file = add(&opens, call(p, host_file_open, NAMED(p), 1, GRANT_READ | GRANT_WRITE, 0))) < 0)
				continue;
			cap = call(p, host_capability_derive, 0, CAPABILITY_BOUNDS, 0,
				   1); /* so that it is not always the same number */
			call(p, host_capability_revoke, (uint64_t)cap, 0, 0, 0);
			expect(cap = call(p, host_file_capability, (uint64_t)file, 0, 0, 0));
			part = call(p, host_capability_derive, (uint64_t)cap, CAPABILITY_BOUNDS, 16, ZONE - 16);
			if (part != -EINVAL) /* the number is something shorter's meanwhile: what was there has been revoked */
				expect(part);
		}
		int64_t result = 0;
		uint64_t which = any(&state) % 8, pick = any(&state) % 3;
		uint64_t through = pick == 0   ? (uint64_t)cap
				   : pick == 1 ? (uint64_t)part
					       : (uint64_t)__atomic_load_n(common, __ATOMIC_RELAXED);
		length = length < ZONE / 2 - 16 ? length : ZONE / 2 - 16;
		if (which < 2) {
			memset(own, OPEN, length);
			result = which ? call5(p, host_file_transfer, (uint64_t)file, offset, ref, length, 0)
				       : call5(p, host_capability_access, through, offset, ref, length, 0);
			add(&loads, result);
			if (memchr(own, SECRET, length))
				__atomic_add_fetch(&leaks, 1, __ATOMIC_RELAXED);
		} else if (which < 4) {
			memset(own, JUNK, length);
			result = add(&stores, which == 2 ? call5(p, host_file_transfer, (uint64_t)file, offset, ref, length, 1)
							 : call5(p, host_capability_access, through, offset, ref, length, 1));
		} else if (which == 4) {
			memset(own, OPEN, length);
			result = add(&copies, call5(p, host_capability_copy, (uint64_t)mine, place, through, offset, length));
			if (memchr(own, SECRET, length))
				__atomic_add_fetch(&leaks, 1, __ATOMIC_RELAXED);
		} else if (which == 5) {
			memset(own, JUNK, length);
			result = add(&copies, call5(p, host_capability_copy, through, offset, (uint64_t)mine, place, length));
		} else if (which == 6 && number % 2) {
			call(p, host_capability_revoke, (uint64_t)__atomic_load_n(common, __ATOMIC_RELAXED), 0, 0, 0);
		} else if (which == 6 && any(&state) % 4 == 0) {
			int64_t fresh = call(p, host_capability_derive, (uint64_t)cap, CAPABILITY_PERMISSIONS, ~0ull, 0);
			expect(fresh);
			__atomic_store_n(common, fresh, __ATOMIC_RELAXED);
		} else
			expect(result = call(p, host_file_state, (uint64_t)file, any(&state) % 3, 0, 0));
		if (result < 0 && pick < 2) {
			call(p, host_share_close, (uint64_t)file, 0, 0, 0);
			call(p, host_capability_revoke, (uint64_t)cap, 0, 0, 0);
			file = -1;
		}
	}
	return NULL;
}

static void sleep_some(uint64_t ns)
{
	nanosleep(&(struct timespec){0, (long)ns}, NULL);
}

static int owner(uint64_t end)
{
	uint64_t state = 4711;
	struct timespec now;

	do {
		uint8_t *zone = memory_of(0);
		memset(zone, OPEN, SPAN);
		zone[SPAN - 16] = 'a';
		int64_t whole = call(0, host_capability_derive, 0, CAPABILITY_BOUNDS, START, ZONE + 64);
		int64_t part = call(0, host_capability_derive, (uint64_t)whole, CAPABILITY_BOUNDS, 64, ZONE);
		int64_t file = call(0, host_file_create, NAMED(0), 1, (uint64_t)part, 0xff);
		if (whole < 0 || part < 0 || file < 0) {
			printf("# owner: %lld %lld %lld\n", (long long)whole, (long long)part, (long long)file);
			return 1;
		}
		sleep_some(any(&state) % 1500000);
		unsigned way = (unsigned)(any(&state) % 4);
		int64_t result = 0;
		if (way == 0)
			result = call(0, host_capability_revoke, (uint64_t)part, 0, 0, 0);
		else if (way == 1)
			result = call(0, host_capability_revoke, (uint64_t)whole, 0, 0, 0);
		else if (way == 2)
			result = call(0, host_share_close, (uint64_t)file, 0, 0, 0);
		else {
			process_renew(0); /* the same place, or not */
			zone = memory_of(0);
		}
		memset(zone, SECRET, SPAN);
		for (int i = 0; i < 3; i++) {
			sleep_some(20000);
			for (unsigned k = 0; k < SPAN; k++)
				changed += zone[k] != SECRET;
		}
		rounds[way]++;
		if (result)
			printf("# way %u: %lld\n", way, (long long)result);
		memset(zone, OPEN, SPAN);
		call(0, host_share_close, (uint64_t)file, 0, 0, 0);
		call(0, host_capability_revoke, (uint64_t)whole, 0, 0, 0);
		if (result)
			return 1;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((uint64_t)now.tv_sec < end);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[HAMMERS];
	struct timespec now;

	alarm(120);
	if (processes_make())
		return 1;
	for (long i = 0; i < HAMMERS; i++)
		if (pthread_create(&threads[i], NULL, hammer, (void *)i))
			return 1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int bad = owner((uint64_t)now.tv_sec + (argc > 1 ? strtoul(argv[1], NULL, 0) : 4));
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < HAMMERS; i++)
		pthread_join(threads[i], NULL);
	processes_end();
	printf("# %ld loads, %ld stores, %ld copies; taken back %ld, %ld, %ld and %ld times\n", loads, stores, copies, rounds[0],
	       rounds[1], rounds[2], rounds[3]);
	printf("%sok 1 - no load ever saw what came after a revocation\n", leaks ? "not " : "");
	printf("%sok 2 - no store changed it\n", changed ? "not " : "");
	printf("%sok 3 - no other errors than those of what is gone (%d)\n", strange || bad ? "not " : "", strange);
	int ran = loads > 1000 && stores > 1000 && copies > 1000 && opens > 50 && rounds[0] > 9 && rounds[1] > 9 && rounds[2] > 9 &&
		  rounds[3] > 9;
	printf("%sok 4 - all of it happened\n1..4\n", ran ? "" : "not ");
	return leaks || changed || strange || bad || !ran;
}
