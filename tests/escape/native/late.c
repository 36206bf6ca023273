/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Handles that another thread closes in the middle of a fast host call, just before its system call (--wrap=machine_system): it goes to the
 * socket that the handle named, and to nothing that has got the descriptor's number since; and the socket is closed by the next slow
 * call, or with the cVM. And in the middle of a close, just before the lock (between.h): nothing is closed under the handles' lock.
 * TAP on standard output. A test's tool, not trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <carrel/host.h>
#include "intravisor/host/host.h"
#include "tests/share/native/between.h"

static int said, bystander[2];
static struct cvm *cvm;
static struct caller caller;
static int64_t closing = -1;    /* a handle that goes meanwhile */
static uint8_t window[1 << 20];

int64_t __real_machine_system(long number, long a, long b, long c, long d, long e, long f);
int64_t __wrap_machine_system(long number, long a, long b, long c, long d, long e, long f);
int64_t __wrap_machine_system(long number, long a, long b, long c, long d, long e, long f)
{
	if ((number == SYS_sendto || number == SYS_recvfrom) && closing >= 0) {
		host_close(&caller, (const uint64_t[6]){(uint64_t)closing});
		closing = -1;
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bystander);
		if (write(bystander[1], "other", 5) != 5)
			abort();
	}
	return __real_machine_system(number, a, b, c, d, e, f);
}

static int64_t pair(int *peer);

static int64_t again = -1;      /* a handle that goes, and is another socket's at once */
static int locks, peer_again, closed_under_lock;

void between_lock(struct fast_lock *lock)
{
	if (again >= 0 && ++locks == 2) {
		const int64_t handle = again;
		again = -1;
		host_close(&caller, (const uint64_t[6]){(uint64_t)handle});
		if (pair(&peer_again) != handle)
			abort();
	}
	fast_lock(lock);
}

void between_unlock(struct fast_lock *lock)
{
	fast_unlock(lock);
}

void between_step(void)
{
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	closed_under_lock += cvm->handles.word != 0;
	return __real_close(fd);
}

static void say(int ok, const char *name)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++said, name);
}

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int64_t pair(int *peer)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		abort();
	*peer = fds[1];
	return resource_make_socket(cvm, fds[0], 0);
}

static int untouched(void)
{
	char got[8];
	int ok = recv(bystander[0], got, sizeof got, MSG_DONTWAIT) == 5 && recv(bystander[1], got, sizeof got, MSG_DONTWAIT) < 0;

	close(bystander[0]);
	close(bystander[1]);
	return ok;
}

int main(void)
{
	static struct cvm_config config = {.standard_fds = {-1, -1, -1}};
	static struct window program;
	struct cvm_error error;
	char got[16];
	int peer;

	cvm = calloc(1, sizeof *cvm);
	if (!cvm)
		return 1;
	cvm->config = &config;
	cvm->libos.base = window;
	caller = (struct caller){.cvm = cvm, .program = &program};
	host_init();
	if (host_table_create(cvm, &error))
		return 1;
	const unsigned before = descriptors();
	const uint64_t at = WINDOW_ARENA_START;
	memcpy(window + at, "abc", 4);

	int64_t handle = closing = pair(&peer);
	say(host_socket_put(&caller, (const uint64_t[6]){(uint64_t)handle, at, 3}) == 3, "what is sent by a handle that goes meanwhile is sent");
	say(recv(peer, got, sizeof got, MSG_DONTWAIT) == 3 && !memcmp(got, "abc", 3), "to whom it was meant for");
	say(untouched(), "not to who has that descriptor now");
	say(recv(peer, got, sizeof got, MSG_DONTWAIT) < 0 && descriptors() == before + 2, "the socket is open as long as no slow call was made");
	host_call_dispatch(&caller, HOST_processors, (const uint64_t[6]){0});
	say(recv(peer, got, sizeof got, MSG_DONTWAIT) == 0 && descriptors() == before + 1, "and closed by that");
	say(host_socket_put(&caller, (const uint64_t[6]){(uint64_t)handle, at, 3}) == -EBADF, "the handle is gone");
	close(peer);

	handle = again = pair(&peer);
	say(host_close(&caller, (const uint64_t[6]){(uint64_t)handle}) == -EBADF && locks == 2, "a handle that was closed meanwhile is not closed");
	say(recv(peer, got, sizeof got, MSG_DONTWAIT) == 0 && recv(peer_again, got, sizeof got, MSG_DONTWAIT) < 0,
	    "nor is another that has its number now");
	say(!host_close(&caller, (const uint64_t[6]){(uint64_t)handle}) && !closed_under_lock, "nothing was closed under the lock");
	close(peer);
	close(peer_again);

	handle = closing = pair(&peer);
	if (write(peer, "xyz", 3) != 3)
		return 1;
	say(host_socket_take(&caller, (const uint64_t[6]){(uint64_t)handle, at, 16}) == 3 && !memcmp(window + at, "xyz", 3),
	    "what is received by a handle that goes meanwhile is that socket's");
	say(untouched(), "not of who has that descriptor now");
	host_table_destroy(cvm);
	say(recv(peer, got, sizeof got, MSG_DONTWAIT) == 0, "the cVM's end closes the socket");
	close(peer);
	say(descriptors() == before - 3, "nothing is left open");
	printf("1..%d\n", said);
	return 0;
}
