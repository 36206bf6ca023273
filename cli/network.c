/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the command line grants of the host's network: published ports, bound before the process locks itself in, and the
 * addresses of its name servers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"
#include "intravisor/cvm/cvm.h"

/* A port's number, whole; -1 if it is none. Host port 0 would be any: nobody could know which. */
static int number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return *text < '0' || *text > '9' || *end || !n || n > 65535 ? -1 : (int)n;
}

int port_publish(const char *text, struct cvm_port *port, char *why, size_t room)
{
	char copy[128], *address = NULL, *host = copy, *guest, *protocol;
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	int type = SOCK_STREAM, six = 0, one = 1, host_port, guest_port;

	snprintf(copy, sizeof copy, "%s", text);
	protocol = strchr(copy, '/');
	if (protocol) {
		*protocol++ = 0;
		type = !strcmp(protocol, "udp") ? SOCK_DGRAM : SOCK_STREAM;
		if (type == SOCK_STREAM && strcmp(protocol, "tcp")) {
			snprintf(why, room, "`%s` is not tcp or udp", protocol);
			return -1;
		}
	}
	guest = strrchr(copy, ':');
	if (guest) {
		*guest++ = 0;
		char *colon = strrchr(copy, ':');
		if (colon) {
			*colon = 0;
			address = copy;
			host = colon + 1;
		}
	}
	if (!guest || (host_port = number(host)) < 0 || (guest_port = number(guest)) < 0) {
		snprintf(why, room, "give it as [ADDRESS:]PORT:GUEST[/udp], ports from 1 to 65535");
		return -1;
	}
	if (address && *address == '[' && address[strlen(address) - 1] == ']') {
		six = 1;
		address[strlen(address) - 1] = 0;
		address++;
	}
	if (address && inet_pton(six ? AF_INET6 : AF_INET, address, six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr) != 1) {
		snprintf(why, room, "`%s` is not an address (like 0.0.0.0, or [::] for IPv6)", address);
		return -1;
	}
	if (!port)
		return 0;
	in.sin_port = in6.sin6_port = htons((uint16_t)host_port);
	int fd = socket(six ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one)) ||
	    bind(fd, six ? (void *)&in6 : (void *)&in, six ? sizeof in6 : sizeof in)) {
		snprintf(why, room, "the host's port %d cannot be had: %s", host_port, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = (struct cvm_port){fd, (uint16_t)guest_port, type == SOCK_DGRAM ? 17 : 6};
	return 0;
}

void resolvers_read(struct host_address *resolvers)
{
	FILE *file = fopen("/etc/resolv.conf", "re");
	char line[512], name[256];
	int count = 0;

	while (file && count < 3 && fgets(line, sizeof line, file)) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(53)};
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
		if (sscanf(line, "nameserver %255s", name) != 1)
			continue;
		struct host_address *to = &resolvers[count];
		if (inet_pton(AF_INET, name, &in.sin_addr) == 1) {
			to->length = sizeof in;
			memcpy(to->bytes, &in, sizeof in);
			count++;
		} else if (inet_pton(AF_INET6, name, &in6.sin6_addr) == 1) {
			to->length = sizeof in6;
			memcpy(to->bytes, &in6, sizeof in6);
			count++;
		}
	}
	if (file)
		fclose(file);
}
