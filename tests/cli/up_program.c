/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the cVMs of tests/cli/up*.t do: words are done one after another.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void handler(int signal)
{
	printf("signal %d\n", signal);
	fflush(stdout);
	_exit(0);
}

static int tcp(const char *port, struct sockaddr_in *address)
{
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int word(const char *verb, const char *value)
{
	struct timespec t = {atol(value) / 1000, atol(value) % 1000 * 1000000};
	struct sockaddr_in address;
	char text[4096];
	struct stat s;
	ssize_t n;
	int fd;

	if (!strcmp(verb, "say"))
		puts(value);
	else if (!strcmp(verb, "err"))
		fprintf(stderr, "%s\n", value);
	else if (!strcmp(verb, "sleep"))
		nanosleep(&t, NULL);
	else if (!strcmp(verb, "exit"))
		exit(atoi(value));
	else if (!strcmp(verb, "crash"))
		*(volatile int *)8 = 1;
	else if (!strcmp(verb, "spin"))
		for (;;)
			;
	else if (!strcmp(verb, "ignore"))
		signal(atoi(value), SIG_IGN);
	else if (!strcmp(verb, "catch"))
		signal(atoi(value), handler);
	else if (!strcmp(verb, "env"))
		printf("%s=%s\n", value, getenv(value) ? getenv(value) : "(unset)");
	else if (!strcmp(verb, "host")) {
		gethostname(text, sizeof text);
		printf("host %s uid %u gid %u pid %d\n", text, getuid(), getgid(), getpid());
	} else if (!strcmp(verb, "where"))
		puts(getcwd(text, sizeof text));
	else if (!strcmp(verb, "write")) {
		fd = open(value, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (fd < 0 || write(fd, "x\n", 2) != 2)
			exit(9);
		close(fd);
	} else if (!strcmp(verb, "count")) {       /* how often it was here: a file with a byte for each */
		fd = open(value, O_RDWR | O_CREAT | O_APPEND, 0644);
		if (fd < 0 || write(fd, "x", 1) != 1 || fstat(fd, &s))
			exit(9);
		close(fd);
		printf("time %d\n", (int)s.st_size);
	} else if (!strcmp(verb, "exists"))
		printf("%s %s\n", value, access(value, F_OK) ? "no" : "yes");
	else if (!strcmp(verb, "need"))
		access(value, F_OK) ? exit(1) : (void)0;
	else if (!strcmp(verb, "remove"))
		unlink(value);
	else if (!strcmp(verb, "cat")) {
		fd = strcmp(value, "-") ? open(value, O_RDONLY) : 0;
		while (fd >= 0 && (n = read(fd, text, sizeof text)) > 0)
			if (write(1, text, (size_t)n) != n)
				exit(9);
	} else if (!strcmp(verb, "listen")) {
		int one = 1;
		fd = tcp(value, &address);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(fd, (void *)&address, sizeof address) || listen(fd, 8))
			exit(9);
		printf("listens on %s\n", value);
	} else if (!strcmp(verb, "serve")) {
		word("listen", value);
		fflush(stdout);
		for (fd = 3; fd < 16; fd++) {
			int c = accept(fd, NULL, NULL);
			if (c >= 0) {
				gethostname(text, sizeof text);
				n = write(c, text, strlen(text));
				close(c);
				fd--;
			}
		}
	} else if (!strcmp(verb, "ask")) {        /* NAME:PORT */
		char name[64];
		struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
		snprintf(name, sizeof name, "%.*s", (int)strcspn(value, ":"), value);
		int error = getaddrinfo(name, strchr(value, ':') + 1, &hints, &found);
		if (error) {
			puts(gai_strerror(error));
			exit(7);
		}
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, found->ai_addr, found->ai_addrlen)) {
			perror(value);
			exit(6);
		}
		while ((n = read(fd, text, sizeof text)) > 0)
			printf("answer %.*s\n", (int)n, text);
	} else if (!strcmp(verb, "lines"))
		for (int i = 1; i <= atoi(value); i++)
			printf("line %d\n", i);
	else if (!strcmp(verb, "cpus"))
		printf("cpus %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
	else if (!strcmp(verb, "tty")) {
		struct termios terminal;
		printf("terminal %s\n", isatty(0) && isatty(1) && !tcgetattr(0, &terminal) ? "yes" : "no");
	} else
		exit(8);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2)
		word(argv[i], argv[i + 1]);
	return 0;
}
