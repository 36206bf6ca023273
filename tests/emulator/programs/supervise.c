/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * What a supervisor of processes does: descriptors and credentials over sockets, signals as data, locks that end with their holder, a
 * child that goes with its parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Three descriptors and a message, received into less than it takes. */
static void descriptors(void)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))] = {0};
	char text[16] = "nine bytes";
	struct iovec vector = {text, 10};
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	int pair[2], ends[2], fds[3], got[3];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) || pipe2(ends, O_CLOEXEC))
		return;
	fds[0] = fds[1] = fds[2] = ends[1];
	if (!head)
		return;
	*head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fds)};
	memcpy(CMSG_DATA(head), fds, sizeof fds);
	printf("sent %zd\n", sendmsg(pair[0], &message, MSG_NOSIGNAL));
	memset(control, 0, sizeof control);
	vector.iov_len = 4;
	ssize_t n = recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	head = CMSG_FIRSTHDR(&message);
	if (!head)
		return;
	memcpy(got, CMSG_DATA(head), sizeof got);
	printf("got %zd, cut %d, %zu bytes of descriptors, close on exec %d\n", n, !!(message.msg_flags & MSG_TRUNC),
	       (size_t)head->cmsg_len - CMSG_LEN(0), fcntl(got[2], F_GETFD) & FD_CLOEXEC);
	printf("through it %zd\n", write(got[2], "x", 1) == 1 ? read(ends[0], text, sizeof text) : -1);
	n = recvmsg(pair[1], &message, MSG_DONTWAIT);
	printf("no more: %d\n", n < 0 && errno == EAGAIN);
	close(pair[0]);
	printf("the other end: %zd\n", recv(pair[1], text, 1, 0));
}

static void credentials(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred who = {0};
	socklen_t length = sizeof who;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	    client = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	printf("nobody: %d\n", connect(client, (void *)&address, sizeof address) && errno == ENOENT);
	if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4) ||
	    connect(client, (void *)&address, sizeof address))
		printf("no socket\n");
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	printf("asked %d", getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length));
	printf(" it is %d %d\n", who.pid == getpid(), who.uid == geteuid() && who.gid == getegid());
	close(listener);
	printf("stale: %d\n",
	       connect(socket(AF_UNIX, SOCK_SEQPACKET, 0), (void *)&address, sizeof address) && errno == ECONNREFUSED);
	unlink(name);
}

static void signals(void)
{
	struct signalfd_siginfo info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), status = 0;
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	printf("none: %d\n", read(fd, &info, sizeof info) < 0 && errno == EAGAIN);
	pid_t child = fork();
	if (!child)
		_exit(5);
	printf("told %d", poll(&polled, 1, 20000));
	printf(" %zd of %d\n", read(fd, &info, sizeof info),
	       info.ssi_signo == SIGCHLD && info.ssi_pid == (unsigned)child);
	waitpid(child, &status, 0);
	printf("status %d\n", WEXITSTATUS(status));
	kill(getpid(), SIGTERM);
	printf("%zd is %u\n", read(fd, &info, sizeof info), info.ssi_signo);
	close(fd);
}

/* A lock's holder is killed, and with it its own child. */
static void holders(const char *name)
{
	int ends[2], alive[2];
	char one;

	if (pipe(ends) || pipe(alive))
		return;
	pid_t child = fork();
	if (!child) {
		int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (flock(fd, LOCK_EX | LOCK_NB))
			_exit(1);
		pid_t parent = getpid();
		if (!fork()) {
			close(fd);
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent && write(ends[1], "x", 1) == 1)
				for (;;)
					pause();
			_exit(1);
		}
		for (;;)
			pause();
	}
	close(alive[1]);
	if (read(ends[0], &one, 1) != 1)
		return;
	int fd = open(name, O_RDWR | O_CLOEXEC);
	printf("held: %d\n", flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK);
	close(ends[1]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	printf("free: %d\n", flock(fd, LOCK_EX));
	printf("nobody writes: %zd %zd\n", read(alive[0], &one, 1), read(ends[0], &one, 1));
	unlink(name);
}

int main(int argc, char **argv)
{
	char name[100];

	setvbuf(stdout, NULL, _IONBF, 0);
	descriptors();
	snprintf(name, sizeof name, "%s.socket", argv[0]);
	credentials(name);
	signals();
	snprintf(name, sizeof name, "%s.lock", argv[0]);
	holders(name);
	return argc - 1;
}
