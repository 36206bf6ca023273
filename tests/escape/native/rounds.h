/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Rounds of one host call each, on fresh handles, that fails at another place each time, and what is compared around them: descriptors,
 * and what the cVM is charged. A test's tool, not trusted.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <carrel/host.h>
#include "intravisor/host/host.h"
#include "intravisor/load/load.h"
#include "intravisor/share/share.h"
#include "tests/escape/native/failing.h"

#define FILES   600             /* the process's limit; the last quarter is for no cVM (host_init) */
#define HANDLES 220
#define M       0x50000000u     /* memory of the library OS's: the strings at its start */
#define BEYOND  0xfffffff0u
enum scarce { NOTHING, IN_TABLE, FOR_GUESTS, AT_ALL, SCARCITIES };
static const char *const scarcities[] = {"", ", all handles taken", ", none left for guests", ", none left"};
enum makes { NONE, HANDLE, SHARE };

static struct cvm *cvm;
static struct caller *caller;
static enum scarce scarce;
static int said, filler[FILES], filled, listening, client;
static char text[256];
static const char *at_folder;

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < FILES; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int64_t call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	return host_call_dispatch(caller, number, (const uint64_t[6]){a, b, c, d, e, f});
}

/* A string in the library OS's memory, and its length: two words. */
static uint64_t put(const char *string)
{
	static uint64_t next;

	next = (next + 64) % 4096;
	strcpy((char *)cvm->libos.base + M + next, string);
	return M + next;
}
#define S(string) put(string), strlen(string)

/* What a round's calls are made on: fresh handles, so that a reference that is kept shows as a descriptor that stays. */
static uint64_t file, folder, memory, events, window;

static void begin(void)
{
	struct sockaddr_in to;
	socklen_t length = sizeof to;

	folder = (uint64_t)call(HOST_open, 3, S("."), O_RDONLY | O_DIRECTORY, 0, 0);
	file = (uint64_t)call(HOST_open, 3, S("image"), O_RDWR, 0, 0);
	memory = (uint64_t)call(HOST_memory_object, 8192, 1, 0, 0, 0, 0);
	events = (uint64_t)call(HOST_events_make, 0, 0, 0, 0, 0, 0);
	window = (uint64_t)call(HOST_window_open, 0, 0, 0, 0, 0, 0);
	getsockname(listening, (void *)&to, &length);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client < 0 || connect(client, (void *)&to, length) || (int64_t)(file | folder | memory | events | window) < 0) {
		printf("Bail out! a round cannot begin\n");
		exit(1);
	}
	filled = 0;
	if (scarce == IN_TABLE)
		while (call(HOST_open, 3, S("."), O_RDONLY, 0, 0) >= 0)
			;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (scarce >= FOR_GUESTS && null >= 0 && (scarce == AT_ALL || null < FILES - FILES / 4)) {
		filler[filled++] = null;
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	if (null >= 0)
		close(null);
}

static void end(void)
{
	while (filled)
		close(filler[--filled]);
	for (uint64_t handle = 7; handle < HANDLES; handle++)          /* 0..6 are the configuration's; the round's are among the others */
		call(HOST_close, handle, 0, 0, 0, 0, 0);
	call(HOST_window_close, window, 0, 0, 0, 0, 0);
	close(client);
	for (int fd; (fd = accept4(listening, NULL, NULL, 0)) >= 0;)
		close(fd);
	if (cvm->shares->bell.event_fd >= 0)            /* kept by the bell for good: made anew */
		close(cvm->shares->bell.event_fd);
	cvm->shares->bell.event_fd = -1;
	image_budget_take(&(struct image_budget){0}, 1);        /* fails, and lets go of copies that nobody uses */
	snprintf(text, sizeof text, "%s/new", at_folder);
	unlink(text);
	rmdir(text);
}

struct tried {
	const char *name;
	long failing;                   /* the round's; -1: over */
	unsigned rounds, wrong, held;
	uint64_t bytes, watches;
};

static int again(struct tried *t)
{
	if (t->failing < 0)
		return 0;
	t->held = descriptors();
	t->bytes = cvm->object_bytes;
	t->watches = cvm->watches;
	begin();
	return 1;
}

static void seen(struct tried *t, enum makes makes, int64_t result)
{
	long at = failing_in;

	failing_in = -1;
	if (result >= 0 && makes == SHARE)
		call(HOST_share_close, (uint64_t)result, 0, 0, 0, 0, 0);
	end();
	unsigned after = descriptors();
	if (after != t->held || cvm->object_bytes != t->bytes || cvm->watches != t->watches) {
		if (!t->wrong++)
			printf("# round %ld (%ld left), result %ld: %u descriptors of %u, %+ld bytes, %+ld watches\n", t->failing, at, (long)result,
			       after, t->held, (long)(cvm->object_bytes - t->bytes), (long)(cvm->watches - t->watches));
	}
	t->rounds++;
	t->failing = failed ? t->failing + 1 : -1;
	failed = 0;
}

static void judged(const struct tried *t)
{
	printf("%sok %d - %s: %u ways%s\n", t->wrong ? "not " : "", ++said, t->name, t->rounds, scarcities[scarce]);
}

/* Arguments are worked out before anything fails. */
#define TRY(what, makes, number, ...)                                                    \
	do {                                                                             \
		struct tried t = {.name = what};                                         \
		while (again(&t)) {                                                      \
			const uint64_t a[6] = {__VA_ARGS__};                             \
			failing_in = t.failing;                                          \
			seen(&t, makes, host_call_dispatch(caller, number, a));          \
		}                                                                        \
		judged(&t);                                                              \
	} while (0)
