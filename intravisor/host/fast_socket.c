/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * One piece of data to or from a socket of the host's, as fast host calls: servers make two of them a request. A library OS controls every
 * argument. They never wait for the network. Trusted.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "cap/cap.h"
#include "intravisor/host/host.h"

static int64_t move(struct caller *caller, const uint64_t a[6], long number, uint32_t need, long flags)
{
	const void *at = cvm_reference_plain(caller, a[1], a[2]);
	int64_t result = -EFAULT;

	if (!at)
		return result;
	struct resource *socket = resource_get_kind(caller, a[0], need, RESOURCE_SOCKET, &result);
	if (!socket)
		return result;
	result = machine_system(number, socket->fd, (long)at, (long)a[2], flags, 0, 0);
	resource_put_later(socket);
	return result;
}

int64_t host_socket_put(struct caller *caller, const uint64_t a[6])
{
	if (a[3] & ~(uint64_t)SOCKET_SEND_FLAGS)
		return -EOPNOTSUPP;
	return move(caller, a, SYS_sendto, CAP_STORE, (long)a[3] | MSG_NOSIGNAL | MSG_DONTWAIT);
}

int64_t host_socket_take(struct caller *caller, const uint64_t a[6])
{
	if (a[3] & ~(uint64_t)SOCKET_RECEIVE_FLAGS)
		return -EOPNOTSUPP;
	return move(caller, a, SYS_recvfrom, CAP_LOAD, (long)a[3] | MSG_DONTWAIT);
}
