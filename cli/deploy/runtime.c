/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The runtime directory. Others on the host may try to be there first: it must be a directory, this user's, closed to all others.
 * A lock file, held by the supervisor as long as it lives, says whether a socket is stale: the kernel gives it up with the process.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/deploy/runtime.h"

static int own(const char *path)
{
	struct stat s;

	return !lstat(path, &s) && S_ISDIR(s.st_mode) && s.st_uid == geteuid();
}

int runtime_directory(char *path, size_t room)
{
	const char *given = getenv("XDG_RUNTIME_DIR");
	char system[64];
	struct stat s;
	int n;

	snprintf(system, sizeof system, "/run/user/%u", geteuid());
	if (given && *given == '/')
		n = snprintf(path, room, "%s/carrel", given);
	else if (own(system))
		n = snprintf(path, room, "%s/carrel", system);
	else
		n = snprintf(path, room, "/tmp/carrel-%u", geteuid());
	if (n < 0 || (size_t)n >= room) {
		fprintf(stderr, "carrel: the runtime directory's path is too long; set XDG_RUNTIME_DIR to a shorter one\n");
		return -1;
	}
	if (mkdir(path, 0700) && errno != EEXIST) {
		fprintf(stderr, "carrel: runtime directory %s: %s\n", path, strerror(errno));
		return -1;
	}
	if (lstat(path, &s) || !S_ISDIR(s.st_mode) || s.st_uid != geteuid() || (s.st_mode & 077)) {
		fprintf(stderr, "carrel: runtime directory %s: must be a directory of yours with mode 0700; remove it or set XDG_RUNTIME_DIR\n",
			path);
		return -1;
	}
	return 0;
}

static int paths(const char *project, struct sockaddr_un *address, char *lock, size_t room)
{
	char directory[RUNTIME_PATH_MOST];

	if (runtime_directory(directory, sizeof directory))
		return -1;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if ((size_t)snprintf(address->sun_path, sizeof address->sun_path, "%s/%s.sock", directory, project) >= sizeof address->sun_path) {
		fprintf(stderr, "carrel: %s/%s.sock: too long for a socket's name; set XDG_RUNTIME_DIR to a shorter directory\n", directory,
			project);
		return -1;
	}
	snprintf(lock, room, "%s/%s.lock", directory, project);
	return 0;
}

int runtime_claim(const char *project, int *lock)
{
	char lock_path[RUNTIME_PATH_MOST + 8];
	struct sockaddr_un address;

	if (paths(project, &address, lock_path, sizeof lock_path))
		return -1;
	*lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*lock < 0) {
		fprintf(stderr, "carrel: %s: %s\n", lock_path, strerror(errno));
		return -1;
	}
	if (flock(*lock, LOCK_EX | LOCK_NB)) {
		fprintf(stderr, "carrel: project `%s` runs already; `carrel down --project %s` ends it\n", project, project);
		return -1;
	}
	unlink(address.sun_path);       /* of one that was killed: nobody holds its lock */
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t before = umask(0177);
	int failed = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 64);
	umask(before);
	if (failed) {
		fprintf(stderr, "carrel: %s: %s\n", address.sun_path, strerror(errno));
		return -1;
	}
	return fd;
}

void runtime_release(const char *project)
{
	char lock_path[RUNTIME_PATH_MOST + 8];
	struct sockaddr_un address;

	/* The lock's file stays: who has it open, waiting, must not get a lock that nobody else sees. */
	if (!paths(project, &address, lock_path, sizeof lock_path))
		unlink(address.sun_path);
}

int runtime_connect(const char *project)
{
	char lock_path[RUNTIME_PATH_MOST + 8];
	struct sockaddr_un address;

	if (paths(project, &address, lock_path, sizeof lock_path))
		return -1;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof address))
		return fd;
	int error = errno;
	if (fd >= 0)
		close(fd);
	if (error == ENOENT || error == ECONNREFUSED)
		return -ECONNREFUSED;
	fprintf(stderr, "carrel: %s: %s\n", address.sun_path, strerror(error));
	return -1;
}

int runtime_only(char *name, size_t room, char *all, size_t all_room)
{
	char directory[RUNTIME_PATH_MOST], found[NAME_MAX + 1] = "";
	size_t at = 0;
	int count = 0;

	*all = 0;
	if (runtime_directory(directory, sizeof directory))
		return -1;
	DIR *list = opendir(directory);
	for (const struct dirent *e; list && (e = readdir(list));) {
		size_t n = strlen(e->d_name);
		char one[NAME_MAX + 1];
		if (n <= 5 || strcmp(e->d_name + n - 5, ".sock"))
			continue;
		snprintf(one, sizeof one, "%.*s", (int)(n - 5), e->d_name);
		int fd = runtime_connect(one);
		if (fd < 0)
			continue;       /* stale */
		close(fd);
		count++;
		snprintf(found, sizeof found, "%s", one);
		if (at < all_room)
			at += (size_t)snprintf(all + at, all_room - at, "%s%s", count > 1 ? ", " : "", one);
	}
	if (list)
		closedir(list);
	if (count == 1)
		snprintf(name, room, "%s", found);
	return count == 1 ? 0 : count ? count : -1;
}
