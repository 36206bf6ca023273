/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Serves depart_client.c with more threads than it has.
 */
#include <pthread.h>
#include <unistd.h>
#include <carrel/cp_call.h>

static long first(long a, long b, long c, long d, long e, long f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return a;
}

static void *serve(void *slot)
{
	cp_call_serve((int)(long)slot);
	return slot;
}

int main(void)
{
	long slot = cp_call_export("words", first);
	pthread_t thread;

	for (int i = 0; i < 16; i++)
		pthread_create(&thread, NULL, serve, (void *)slot);
	for (;;)
		sleep(1);
}
