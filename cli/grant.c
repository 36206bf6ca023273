/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a person writes to grant a cVM something of the host, in words that `carrel run` and files of `carrel up` share: volumes,
 * sizes, variables; and what was installed beside this program. Every function that can fail says why in one clause.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "intravisor/cvm/cvm.h"

char *path_normalised(const char *path)
{
	char *out = malloc(strlen(path) + 2), *end = out;

	if (!out || *path != '/') {
		free(out);
		return NULL;
	}
	while (*path) {
		path += strspn(path, "/");
		size_t n = strcspn(path, "/");
		if (n == 2 && !strncmp(path, "..", 2)) {
			while (end > out && *--end != '/')
				;
		} else if (n && !(n == 1 && *path == '.')) {
			*end++ = '/';
			memcpy(end, path, n);
			end += n;
		}
		path += n;
	}
	if (end == out)
		*end++ = '/';
	*end = 0;
	return out;
}

int mounted(const struct cvm_config *config, const char *guest)
{
	for (size_t i = 0; i < config->mount_count; i++)
		if (!strcmp(config->mounts[i].guest_path, guest))
			return 1;
	return 0;
}

static int host_open(const char *host)
{
	struct stat status;
	int fd = open(host, O_PATH | O_CLOEXEC);

	if (fd >= 0 && !fstat(fd, &status) && S_ISDIR(status.st_mode)) {
		int directory = open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (directory >= 0) {
			close(fd);
			return directory;
		}
	}
	return fd;
}

struct cvm_mount *mount_add(struct cvm_config *config, const char *host, const char *guest, int read_only, char *why, size_t room)
{
	struct cvm_mount mount = {.host_fd = -1, .upper_fd = -1, .read_only = read_only, .guest_path = path_normalised(guest)};

	if (!mount.guest_path) {
		snprintf(why, room, "the path in the cVM must be absolute, and `%s` is not", guest);
		return NULL;
	}
	if (config->mount_count == BOOT_MOUNTS) {
		snprintf(why, room, "more than %d volumes", BOOT_MOUNTS);
		return NULL;
	}
	if (host && (mount.host_fd = host_open(host)) < 0) {
		snprintf(why, room, "%s: %s", host, strerror(errno));
		return NULL;
	}
	/* Sorted by guest path, so that parents come first; the same path again replaces. */
	size_t at = 0;
	while (at < config->mount_count && strcmp(config->mounts[at].guest_path, mount.guest_path) < 0)
		at++;
	if (at < config->mount_count && !strcmp(config->mounts[at].guest_path, mount.guest_path)) {
		config->mounts[at] = mount;
		return &config->mounts[at];
	}
	memmove(config->mounts + at + 1, config->mounts + at, (config->mount_count - at) * sizeof mount);
	config->mounts[at] = mount;
	config->mount_count++;
	return &config->mounts[at];
}

int volume_grant(struct cvm_config *config, const char *text, char *why, size_t room)
{
	char *host = strdup(text), *guest = strchr(host, ':');
	int read_only = 0, overlay = 0, code = -1;
	struct stat status;

	if (!guest || guest == host) {
		snprintf(why, room, "give it as HOST:GUEST[:ro|:overlay[=UPPER]]");
		goto out;
	}
	*guest++ = 0;
	char *mode = strchr(guest, ':');
	if (mode) {
		*mode++ = 0;
		read_only = !strcmp(mode, "ro");
		overlay = !strncmp(mode, "overlay", 7) && (!mode[7] || mode[7] == '=');
		if (!read_only && !overlay && strcmp(mode, "rw")) {
			snprintf(why, room, "`%s` is not ro, rw or overlay", mode);
			goto out;
		}
	}
	struct cvm_mount *mount = mount_add(config, host, guest, read_only, why, room);
	if (!mount)
		goto out;
	if ((mount->overlay = overlay)) {
		if (fstat(mount->host_fd, &status) || !S_ISDIR(status.st_mode)) {
			snprintf(why, room, "%s: an overlay needs a directory", host);
			goto out;
		}
		if (mode[7] && (mount->upper_fd = open(mode + 8, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
			snprintf(why, room, "%s: %s", mode + 8, strerror(errno));
			goto out;
		}
	}
	code = 0;
out:
	free(host);
	return code;
}

int names_grant(struct cvm_config *config, char *why, size_t room)
{
	resolvers_read(config->resolvers);
	for (size_t i = 0; i < 2; i++) {
		const char *file = i ? "/etc/hosts" : "/etc/resolv.conf";
		if (!mounted(config, file) && !mounted(config, "/etc") && !mounted(config, "/") && !access(file, R_OK) &&
		    !mount_add(config, file, file, 1, why, room))
			return -1;
	}
	return 0;
}

int size_parse(const char *text, uint64_t *size)
{
	char *end;

	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	unsigned shift = *end == 'K' || *end == 'k' ? 10 : *end == 'M' || *end == 'm' ? 20 : *end == 'G' || *end == 'g' ? 30 : 0;
	if (end == text || *text < '0' || *text > '9' || errno || (*end && (!shift || end[1])) || n > UINT64_MAX >> shift || !n)
		return -1;
	*size = n << shift;
	return 0;
}

void environment_add(struct environment *e, const char *given)
{
	size_t name = strcspn(given, "=");
	char *text = strdup(given);

	if (text && !text[name]) {
		char *value = getenv(text), *both;
		if (!value) {
			free(text);
			return;
		}
		if (asprintf(&both, "%s=%s", text, value) < 0)
			exit(EXIT_CARREL);
		free(text);
		text = both;
	}
	for (size_t i = 0; text && i < e->count; i++)
		if (!strncmp(e->list[i], text, name + 1)) {
			e->list[i] = text;
			return;
		}
	e->list = realloc(e->list, (e->count + 2) * sizeof *e->list);
	if (!e->list || !text)
		exit(EXIT_CARREL);
	e->list[e->count++] = text;
	e->list[e->count] = NULL;
}

const char *beside(const char *name)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);

	path[n > 0 ? n : 0] = 0;
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(path, '/');
		if (slash)
			*slash = 0;
	}
	return strcat(strcat(path, "/lib/carrel/"), name);
}

const char *libos_default(void)
{
	const char *chosen = getenv("CARREL_LIBOS");

	return chosen ? chosen : strdup(beside("libos"));
}
