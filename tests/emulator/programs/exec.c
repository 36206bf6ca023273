/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Exec: itself, by its path and by /proc/self/exe, through posix_spawn; a program of the host's; nothing. qemu-user cannot.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int wait_for(pid_t child)
{
	int status;
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "child")) {
		printf("%s %d %s\n", argv[0], argc, argv[2]);
		return 3;
	}
	pid_t child = fork();
	if (!child) {
		execl("/proc/self/exe", "renamed", "child", "two words", (char *)NULL);
		_exit(99);
	}
	printf("%d\n", wait_for(child));
	fflush(stdout);
	char *arguments[] = {argv[0], "child", "spawned", NULL};
	if (posix_spawn(&child, argv[0], NULL, NULL, arguments, environ))
		return 1;
	printf("%d\n", wait_for(child));
	fflush(stdout);
	child = fork();
	if (!child) {
		execl("/bin/echo", "echo", "of the host", (char *)NULL);
		_exit(99);
	}
	printf("%d\n", wait_for(child));
	printf("%d %d\n", execl("/nothing", "nothing", (char *)NULL), errno == ENOENT);
	return 0;
}
