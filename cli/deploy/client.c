/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A client's side of the control socket (control.c).
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/deploy/client.h"
#include "cli/deploy/project.h"
#include "cli/deploy/runtime.h"
#include "cli/deploy/terminal.h"

void message_add(struct message *m, const char *text)
{
	size_t n = strlen(text) + 1;

	if (n > sizeof m->text - m->length) {
		fprintf(stderr, "carrel: the arguments are longer than 64 KiB\n");
		exit(EXIT_CARREL);
	}
	memcpy(m->text + m->length, text, n);
	m->length += n;
}

int client_connect(const char *name)
{
	char own[PROJECT_NAME_MOST + 1] = "", all[1024], only[256];
	char *here = getcwd(NULL, 0);
	int fd = -ECONNREFUSED;

	if (name && !name_ok(name)) {
		fprintf(stderr, "carrel: `%s` is not a project's name\n", name);
		return -1;
	}
	if (name)
		fd = runtime_connect(name);
	else if (here) {
		project_name_default(own, here);
		fd = *own ? runtime_connect(own) : -ECONNREFUSED;
	}
	free(here);
	if (fd != -ECONNREFUSED)
		return fd;
	if (name) {
		fprintf(stderr, "carrel: no project `%s` runs\n", name);
		return -1;
	}
	int others = runtime_only(only, sizeof only, all, sizeof all);
	if (!others)
		return runtime_connect(only);
	if (others > 0)
		fprintf(stderr, "carrel: which project? say --project; these run: %s\n", all);
	else
		fprintf(stderr, "carrel: no project runs; `carrel up FILE.yaml` starts one\n");
	return -1;
}

int client_send(int fd, const struct message *m, int streams)
{
	struct iovec vector = {(void *)m->text, m->length};
	_Alignas(struct cmsghdr) char ancillary[CMSG_SPACE(3 * sizeof(int))] = {0};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	const int fds[3] = {0, 1, 2};

	if (streams) {
		message.msg_control = ancillary;
		message.msg_controllen = sizeof ancillary;
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		*head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fds)};
		memcpy(CMSG_DATA(head), fds, sizeof fds);
	}
	if (sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)m->length)
		return 0;
	fprintf(stderr, "carrel: the project's supervisor does not answer: %s\n", strerror(errno));
	return -1;
}

static int put(const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(1, text, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		text += n;
		length -= (size_t)n;
	}
	return 0;
}

int client_wait(int fd, int signals)
{
	static char buffer[65536];
	struct signalfd_siginfo info;
	int terminal = isatty(1);

	for (;;) {
		struct pollfd polled[2] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
		if (poll(polled, 2, -1) < 0 && errno != EINTR)
			return EXIT_CARREL;
		if (polled[1].revents && read(signals, &info, sizeof info) == sizeof info) {
			struct message m = {.length = 0};
			char text[16];
			snprintf(text, sizeof text, "s%u", info.ssi_signo);
			message_add(&m, text);
			client_send(fd, &m, 0);
		}
		if (!polled[0].revents)
			continue;
		ssize_t n = recv(fd, buffer, sizeof buffer - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fprintf(stderr, "carrel: the project's supervisor is gone\n");
			return EXIT_CARREL;
		}
		buffer[n] = 0;
		if (*buffer == 'x')
			return atoi(buffer + 1);
		if (terminal)
			terminal_tame(buffer + 1, (size_t)n - 1);
		if (*buffer == 'e')
			fprintf(stderr, "carrel: %s\n", buffer + 1);
		else if (put(buffer + 1, (size_t)n - 1))
			return EXIT_CARREL;
	}
}
