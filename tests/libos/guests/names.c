/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Names: links, dots, slashes, directories, renames. argv[1] is an empty directory.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tap.h"

static void touch(const char *name)
{
	close(open(name, O_CREAT | O_WRONLY, 0644));
}

static int is(const char *path, unsigned type)
{
	struct stat s;

	return !lstat(path, &s) && (s.st_mode & S_IFMT) == type;
}

static void basic(void)
{
	char text[PATH_MAX];

	OK(mkdir("d", 0755) == 0);
	FAILS(mkdir("d", 0755), EEXIST);
	FAILS(mkdir("d/.", 0755), EEXIST);
	FAILS(mkdir("no/d", 0755), ENOENT);
	OK(mkdir("d/e/", 0755) == 0);
	touch("f");
	FAILS(mkdir("f", 0755), EEXIST);
	FAILS(mkdir("f/x", 0755), ENOTDIR);
	FAILS(open("f/", O_RDONLY), ENOTDIR);
	FAILS(open("f/x", O_RDONLY), ENOTDIR);
	FAILS(open("", O_RDONLY), ENOENT);
	FAILS(open("none", O_RDONLY), ENOENT);
	FAILS(open("new/", O_CREAT | O_WRONLY, 0644), EISDIR);
	FAILS(open("d", O_WRONLY), EISDIR);
	FAILS(open("d", O_CREAT | O_RDONLY, 0644), EISDIR);
	FAILS(open("f", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
	FAILS(open("f", O_DIRECTORY | O_RDONLY), ENOTDIR);
	FAILS(access("none/../f", F_OK), ENOENT);
	FAILS(access("f/../f", F_OK), ENOTDIR);
	OK(access("d/../f", R_OK | W_OK) == 0);
	OK(access("d/e/../../f", F_OK) == 0);
	FAILS(access("f", X_OK), EACCES);
	FAILS(access("f", 8), EINVAL);
	OK(access("./././f", F_OK) == 0);
	OK(access("d//e", F_OK) == 0);
	memset(text, 'a', 300);
	text[300] = 0;
	FAILS(open(text, O_RDONLY), ENAMETOOLONG);
	FAILS(mkdir(text, 0755), ENAMETOOLONG);
	memset(text, '/', sizeof text - 1);
	text[sizeof text - 1] = 0;
	OK(access(text, F_OK) == 0);
	FAILS(readlink("f", text, sizeof text), EINVAL);
	FAILS(rmdir("f"), ENOTDIR);
	FAILS(rmdir("d"), ENOTEMPTY);
	FAILS(rmdir("d/e/."), EINVAL);
	FAILS(rmdir("d/e/.."), ENOTEMPTY);
	FAILS(unlink("f/"), ENOTDIR);
	FAILS(unlink("d"), EISDIR);
	FAILS(unlink("none"), ENOENT);
	OK(rmdir("d/e/") == 0);
	OK(rmdir("d") == 0);
	OK(unlink("f") == 0);
}

static void links(void)
{
	char text[64];
	struct stat s;

	OK(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
	touch("d/e/f");
	OK(symlink("d/e", "l") == 0);
	FAILS(symlink("x", "l"), EEXIST);
	FAILS(symlink("", "x"), ENOENT);
	FAILS(symlink("x", "new/"), ENOENT);
	OK(readlink("l", text, sizeof text) == 3 && !memcmp(text, "d/e", 3));
	OK(readlink("l", text, 2) == 2);
	FAILS(syscall(SYS_readlinkat, AT_FDCWD, "l", text, 0), EINVAL);
	OK(access("l/f", F_OK) == 0);
	OK(access("l/../e/f", F_OK) == 0);      /* ".." of what the link names */
	FAILS(access("l/../../x", F_OK), ENOENT);
	OK(is("l", S_IFLNK));
	OK(is("l/", S_IFDIR));
	OK(is("l/.", S_IFDIR));
	OK(!lstat("l", &s) && s.st_size == 3);
	FAILS(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(open("l", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
	FAILS(open("l", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
	FAILS(mkdir("l", 0755), EEXIST);
	FAILS(rmdir("l"), ENOTDIR);
	FAILS(rmdir("l/"), ENOTDIR);
	FAILS(unlink("l/"), ENOTDIR);
	OK(symlink("nowhere", "dangling") == 0);
	FAILS(open("dangling", O_RDONLY), ENOENT);
	FAILS(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
	OK(close(open("dangling", O_CREAT | O_WRONLY, 0644)) == 0);
	OK(is("nowhere", S_IFREG));
	OK(symlink("loop", "loop") == 0);
	FAILS(open("loop", O_RDONLY), ELOOP);
	FAILS(stat("loop", &s), ELOOP);
	FAILS(access("loop/x", F_OK), ELOOP);
	OK(symlink("b", "a") == 0 && symlink("a", "b") == 0);
	FAILS(chdir("a"), ELOOP);
	OK(unlink("loop") == 0 && unlink("a") == 0 && unlink("b") == 0 && unlink("dangling") == 0 && unlink("nowhere") == 0);
	/* chains of 40 are followed, of 41 not */
	touch("end");
	for (int i = 0, ok = 1; i <= 40; i++) {
		char from[16], to[16];
		snprintf(from, sizeof from, "c%d", i);
		snprintf(to, sizeof to, i ? "c%d" : "end", i - 1);
		ok &= symlink(to, from) == 0;
		if (i == 40)
			OK(ok);
	}
	OK(access("c39", F_OK) == 0);
	FAILS(access("c40", F_OK), ELOOP);
	for (int i = 0; i <= 40; i++) {
		char from[16];
		snprintf(from, sizeof from, "c%d", i);
		unlink(from);
	}
	/* absolute links */
	char here[PATH_MAX], target[PATH_MAX + 32];
	OK(getcwd(here, sizeof here) != NULL);
	snprintf(target, sizeof target, "%s/d/e", here);
	OK(symlink(target, "abs") == 0 && access("abs/f", F_OK) == 0);
	OK(symlink("/", "root") == 0);
	snprintf(target, sizeof target, "root%s/d/e/f", here);
	OK(access(target, F_OK) == 0);
	snprintf(target, sizeof target, "root/../../..%s/d/e/f", here);
	OK(access(target, F_OK) == 0);
	OK(realpath("abs/../e/f", target) && strlen(target) > 6 && !strcmp(target + strlen(target) - 6, "/d/e/f"));
	/* hard links */
	OK(link("end", "d/hard") == 0);
	FAILS(link("end", "d/hard"), EEXIST);
	FAILS(link("d", "d2"), EPERM);
	FAILS(link("none", "x"), ENOENT);
	FAILS(link("end", "new/"), ENOENT);
	OK(!stat("end", &s) && s.st_nlink == 2);
	OK(link("abs", "abs2") == 0 && is("abs2", S_IFLNK));
	OK(linkat(AT_FDCWD, "l/f", AT_FDCWD, "f2", AT_SYMLINK_FOLLOW) == 0 && is("f2", S_IFREG));
	FAILS(linkat(AT_FDCWD, "end", AT_FDCWD, "y", 0x100000), EINVAL);
	OK(unlink("end") == 0 && !stat("d/hard", &s) && s.st_nlink == 1);
	OK(!unlink("d/hard") && !unlink("abs") && !unlink("abs2") && !unlink("root") && !unlink("f2") && !unlink("l"));
	OK(!unlink("d/e/f") && !rmdir("d/e") && !rmdir("d"));
}

static void renames(void)
{
	struct stat s;

	touch("f");
	touch("g");
	mkdir("d", 0755);
	mkdir("e", 0755);
	mkdir("e/sub", 0755);
	OK(rename("f", "f") == 0 && is("f", S_IFREG));
	OK(rename("f", "h") == 0 && !is("f", S_IFREG) && is("h", S_IFREG));
	OK(rename("h", "g") == 0 && !is("h", S_IFREG));
	FAILS(rename("none", "x"), ENOENT);
	FAILS(rename("g", "d"), EISDIR);
	FAILS(rename("d", "g"), ENOTDIR);
	FAILS(rename("d", "e"), ENOTEMPTY);
	FAILS(rename("e", "e/sub/x"), EINVAL);
	FAILS(rename("g", "none/x"), ENOENT);
	FAILS(rename("g/", "x"), ENOTDIR);
	FAILS(rename("g", "x/"), ENOTDIR);
	FAILS(rename(".", "x"), EBUSY);
	FAILS(rename("e/..", "x"), EBUSY);
	OK(rename("d/", "d2/") == 0 && is("d2", S_IFDIR));
	OK(rename("e/sub", "d2") == 0);
	OK(!stat("e", &s) && s.st_nlink <= 2);
	OK(link("g", "g2") == 0 && rename("g", "g2") == 0 && is("g", S_IFREG));       /* the same file: nothing happens */
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "g", AT_FDCWD, "g2", 1), EEXIST);       /* RENAME_NOREPLACE */
	OK(syscall(SYS_renameat2, AT_FDCWD, "g", AT_FDCWD, "d2", 2) == 0 && is("g", S_IFDIR) && is("d2", S_IFREG));
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "g", AT_FDCWD, "none", 2), ENOENT);
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "g", AT_FDCWD, "none", 3), EINVAL);
	OK(symlink("g", "l") == 0 && rename("l", "l2") == 0 && is("l2", S_IFLNK) && is("g", S_IFDIR));
	OK(!unlink("l2") && !unlink("d2") && !unlink("g2") && !rmdir("g") && !rmdir("e"));
}

/* A listing goes on where it stopped, whatever is removed meanwhile. */
static void listing(void)
{
	int found = 0, removed = 0, dots = 0;

	OK(mkdir("many", 0755) == 0 && chdir("many") == 0);
	for (int i = 0; i < 3000; i++) {
		char name[32];
		snprintf(name, sizeof name, "file-with-a-name-%d", i);
		touch(name);
	}
	DIR *d = opendir(".");
	OK(d != NULL);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.') {
			dots++;
			continue;
		}
		found += e->d_type == DT_REG || e->d_type == DT_UNKNOWN;
		removed += unlink(e->d_name) == 0;
	}
	OK(dots == 2);
	OK(found == 3000);
	OK(removed == 3000);
	rewinddir(d);
	found = 0;
	while (readdir(d))
		found++;
	OK(found == 2);
	closedir(d);
	OK(chdir("..") == 0 && rmdir("many") == 0);
	char buffer[8];
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	FAILS(syscall(SYS_getdents64, fd, buffer, sizeof buffer), EINVAL);
	FAILS(read(fd, buffer, 1), EISDIR);
	close(fd);
	touch("f");
	fd = open("f", O_RDONLY);
	FAILS(syscall(SYS_getdents64, fd, buffer, sizeof buffer), ENOTDIR);
	close(fd);
	unlink("f");
}

static void descriptors(void)
{
	char here[PATH_MAX], now[PATH_MAX];

	OK(getcwd(here, sizeof here) != NULL);
	FAILS(syscall(SYS_getcwd, now, 1), ERANGE);
	OK(mkdir("d", 0755) == 0);
	int d = open("d", O_RDONLY | O_DIRECTORY), p = open("d", O_PATH);
	OK(d >= 0 && p >= 0);
	int f = openat(d, "f", O_CREAT | O_RDWR, 0600);
	OK(f >= 0 && is("d/f", S_IFREG));
	FAILS(openat(f, "x", O_RDONLY), ENOTDIR);
	FAILS(openat(12345, "x", O_RDONLY), EBADF);
	OK(faccessat(12345, here, F_OK, 0) == 0);       /* absolute: the descriptor does not matter */
	OK(close(openat(p, "f", O_RDONLY)) == 0);
	FAILS(read(p, now, 1), EBADF);
	OK(mkdirat(d, "e", 0700) == 0 && renameat(d, "f", p, "e/f") == 0 && unlinkat(d, "e/f", 0) == 0);
	FAILS(unlinkat(d, "e", 0), EISDIR);
	OK(fchdir(d) == 0 && access("e", F_OK) == 0 && access("../d", F_OK) == 0);
	OK(getcwd(now, sizeof now) && strlen(now) == strlen(here) + 2);
	OK(unlinkat(d, "e", AT_REMOVEDIR) == 0);
	FAILS(fchdir(f), ENOTDIR);
	FAILS(fchdir(999), EBADF);
	OK(chdir("..") == 0 && getcwd(now, sizeof now) && !strcmp(now, here));
	FAILS(chdir("none"), ENOENT);
	OK(chdir("/../..") == 0 && getcwd(now, sizeof now) && !strcmp(now, "/"));
	OK(chdir(here) == 0);
	close(d);
	close(p);
	close(f);
	OK(rmdir("d") == 0);
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]))
		return 2;
	basic();
	links();
	renames();
	listing();
	descriptors();
	return DONE();
}
