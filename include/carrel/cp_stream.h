/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Stream, for programs (CAP-VMs, OSDI 2022, section 4.3): a stream of bytes, or of messages, between two cVMs of one Intravisor under a name
 * that both were granted. A stream is a file descriptor like any other: read, write, send, recv, poll, epoll, fcntl and
 * close do with it what they do with a connected AF_UNIX socket, and that is what it is: a program that knows nothing of this file gets the
 * same by the socket address "/cap/NAME".
 *
 *   rights    who listens needs `create` of the name; who opens gets the directions that it was granted (read: receives, write: sends);
 *             the other direction gives EACCES.
 *   ordering  what one side sends arrives once and in order, per direction.
 *   blocking  a send waits for room (128 KiB are under way at most), a receive for something to come; O_NONBLOCK: EAGAIN. A receive that waits
 *             lets the sender copy straight into its buffer of 8 KiB and more.
 *   messages  (CP_STREAM_MESSAGES, SOCK_SEQPACKET) arrive whole, one for each receive, at most 131,068 bytes (EMSGSIZE); what does not fit
 *             the receiver's buffer is lost, and recvmsg says so by MSG_TRUNC.
 *   the end   when the other side closes, exits, crashes or is killed: what it had sent can still be read, then 0, or ECONNRESET where it had
 *             not read everything; sending gives EPIPE with SIGPIPE, or ECONNRESET. Never a wait that nobody ends.
 *   no descriptors travel (SCM_RIGHTS gives EOPNOTSUPP), and the peer's credentials are nobody's (uid -1).
 */
#ifndef CARREL_CP_STREAM_H
#define CARREL_CP_STREAM_H
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CP_STREAM_BYTES    SOCK_STREAM
#define CP_STREAM_MESSAGES SOCK_SEQPACKET

/* Internal: a socket and the address of a name of 1..63 characters without '/'. -1 and errno. */
static inline int cp_stream_socket(const char *name, int kind, struct sockaddr_un *address)
{
	size_t length = strlen(name);

	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	if (length < 1 || length > 63 || strchr(name, '/')) {
		errno = EINVAL;
		return -1;
	}
	memcpy(address->sun_path, "/cap/", 5);
	memcpy(address->sun_path + 5, name, length);
	return socket(AF_UNIX, kind | SOCK_CLOEXEC, 0);
}

/* Listens under a name: a descriptor for cp_stream_accept and poll, with up to `backlog` (0..4095) connections that wait. -1 and errno: EACCES
 * not granted, EADDRINUSE somebody listens there. */
static inline int cp_stream_listen(const char *name, int kind, int backlog)
{
	struct sockaddr_un address;
	int fd = cp_stream_socket(name, kind, &address);

	if (fd >= 0 && (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, backlog))) {
		int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* The next connection; waits for it unless O_NONBLOCK is set. */
static inline int cp_stream_accept(int listener)
{
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

/* Connects to who listens under a name. -1 and errno: EACCES, ECONNREFUSED nobody does, EAGAIN too many wait there, EPROTOTYPE it is of the
 * other kind. */
static inline int cp_stream_open(const char *name, int kind)
{
	struct sockaddr_un address;
	int fd = cp_stream_socket(name, kind, &address);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address)) {
		int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}
#endif
