/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The cVM around the image library: exports `decode`, copies the file in and the pixels out. It has no files, no network, and the memory that
 * carrel.yaml gives it. A request that takes too long ends it, and carrel starts another one.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <carrel/cp_call.h>

#include "decode.h"

#define PIXELS_MOST (16 << 20)
#define TOO_LONG_MS (2 * LIMIT_MS)

static unsigned char file[FILE_MOST], *pixels;
static atomic_long began;       /* of the request under way, ms; 0: none */

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *watch(void *unused)
{
	for (;;) {
		long since = atomic_load(&began);
		if (since && now() - since > TOO_LONG_MS)
			_exit(3);
		usleep(50000);
	}
	return unused;
}

static long serve(long length, long room, long c, long d, long e, long f)
{
	struct picture p;
	long result = -1;

	(void)c, (void)d, (void)e, (void)f;
	if (length < 0 || length > FILE_MOST || room < 0 || cp_call_read(0, 0, file, (size_t)length) < 0)
		return -1;
	atomic_store(&began, now());
	result = decode(file, (size_t)length, pixels, room < PIXELS_MOST ? (size_t)room : PIXELS_MOST, &p);
	atomic_store(&began, 0);
	if (!result && cp_call_write(1, 0, pixels, (size_t)p.width * (size_t)p.height * 4) < 0)
		return -1;
	return cp_call_write(2, 0, &p, sizeof p) < 0 ? -1 : result;
}

/* What a library that was taken over could reach. */
static void outside(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x09090909)};
	int s = socket(AF_INET, SOCK_STREAM, 0);

	printf("/pictures: %s\n", open("/pictures", O_RDONLY) < 0 ? strerror(errno) : "there");
	printf("/usr: %s\n", open("/usr", O_RDONLY) < 0 ? strerror(errno) : "there");
	printf("the network: %s\n", connect(s, (void *)&name, sizeof name) ? strerror(errno) : "there");
	fflush(stdout);
	close(s);
}

int main(void)
{
	pthread_t thread;
	int slot;

	outside();
	pixels = malloc(PIXELS_MOST);
	slot = cp_call_export("decode", serve);
	if (!pixels || slot < 0 || pthread_create(&thread, NULL, watch, NULL)) {
		perror("library");
		return 1;
	}
	cp_call_serve(slot);
	perror("library: serve");
	return 1;
}
