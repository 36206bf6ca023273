/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Open files: data, positions, flags, attributes, locks, pipes, bad pointers. argv[1] is an empty directory.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static void *volatile bad = (void *)8;

static void data(void)
{
	char buffer[64] = "";
	struct stat s;
	int f = open("f", O_CREAT | O_RDWR | O_TRUNC, 0640);

	OK(f >= 0);
	OK(write(f, "hello world", 11) == 11);
	OK(lseek(f, 0, SEEK_CUR) == 11);
	OK(pread(f, buffer, 5, 6) == 5 && !memcmp(buffer, "world", 5));
	OK(lseek(f, 0, SEEK_CUR) == 11);
	OK(pwrite(f, "W", 1, 6) == 1);
	OK(lseek(f, -5, SEEK_END) == 6);
	OK(read(f, buffer, sizeof buffer) == 5 && !memcmp(buffer, "World", 5));
	OK(read(f, buffer, sizeof buffer) == 0);
	FAILS(lseek(f, -1, SEEK_SET), EINVAL);
	FAILS(lseek(f, 0, 99), EINVAL);
	FAILS(pread(f, buffer, 1, -1), EINVAL);
	OK(lseek(f, 100000, SEEK_SET) == 100000 && write(f, "x", 1) == 1);
	OK(!fstat(f, &s) && s.st_size == 100001 && (s.st_mode & 0777) == 0640 && s.st_nlink == 1);
	OK(pread(f, buffer, 4, 50000) == 4 && !memcmp(buffer, "\0\0\0\0", 4));
	OK(ftruncate(f, 5) == 0 && !fstat(f, &s) && s.st_size == 5);
	OK(ftruncate(f, 20) == 0 && pread(f, buffer, 20, 0) == 20 && !memcmp(buffer, "hello\0\0\0", 8));
	FAILS(ftruncate(f, -1), EINVAL);
	OK(truncate("f", 3) == 0 && !stat("f", &s) && s.st_size == 3);
	FAILS(truncate("none", 3), ENOENT);
	struct iovec v[3] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
	OK(lseek(f, 0, SEEK_SET) == 0 && writev(f, v, 3) == 5);
	char x[2], y[8];
	struct iovec r[2] = {{x, 2}, {y, 8}};
	OK(preadv(f, r, 2, 0) == 5 && !memcmp(x, "ab", 2) && !memcmp(y, "cde", 3));
	FAILS(syscall(SYS_writev, f, v, 1025), EINVAL);
	FAILS(syscall(SYS_writev, f, v, -1), EINVAL);
	v[1].iov_len = (size_t)-1;
	FAILS(writev(f, v, 3), EINVAL);
	OK(fsync(f) == 0 && fdatasync(f) == 0);
	close(f);
	f = open("f", O_WRONLY | O_APPEND);
	OK(lseek(f, 0, SEEK_SET) == 0 && write(f, "end", 3) == 3 && !fstat(f, &s) && s.st_size == 8);
	FAILS(read(f, buffer, 1), EBADF);
	close(f);
	f = open("f", O_RDONLY);
	FAILS(write(f, buffer, 1), EBADF);
	FAILS(ftruncate(f, 1), EINVAL);
	close(f);
	FAILS(read(f, buffer, 1), EBADF);
	FAILS(close(f), EBADF);
	FAILS(close(-1), EBADF);
	f = open("f", O_RDWR | O_TRUNC);
	OK(!fstat(f, &s) && s.st_size == 0);
	/* an open file outlives its name */
	OK(write(f, "alive", 5) == 5 && unlink("f") == 0 && pread(f, buffer, 5, 0) == 5 && !fstat(f, &s) && s.st_nlink == 0);
	close(f);
}

static void big(void)
{
	static char block[1 << 16];
	int f = open("big", O_CREAT | O_RDWR, 0600), g = open("copy", O_CREAT | O_RDWR, 0600), ok = 1;
	struct stat s;

	for (int i = 0; i < 64; i++) {
		for (size_t k = 0; k < sizeof block; k++)
			block[k] = (char)(k * 31 + (size_t)i * 7 + k / 253);
		ok &= write(f, block, sizeof block) == (ssize_t)sizeof block;
	}
	OK(ok);
	off_t at = 0, to = 0;
	OK(sendfile(g, f, &at, 1 << 20) == 1 << 20 && at == 1 << 20 && lseek(f, 0, SEEK_CUR) == 64 << 16);
	to = 1 << 20;
	ssize_t n = copy_file_range(f, &at, g, &to, 3 << 20, 0);
	OK(n > 0 && at == (1 << 20) + n && to == (1 << 20) + n);
	while (n > 0 && at < 64 << 16)
		n = copy_file_range(f, &at, g, &to, (64u << 16) - (size_t)at, 0);
	OK(!fstat(g, &s) && s.st_size == 64 << 16);
	ok = 1;
	for (int i = 0; i < 64; i++) {
		ok &= pread(g, block, sizeof block, (off_t)i << 16) == (ssize_t)sizeof block;
		for (size_t k = 0; k < sizeof block; k++)
			ok &= block[k] == (char)(k * 31 + (size_t)i * 7 + k / 253);
	}
	OK(ok);
	OK(fallocate(f, 0, 0, 5 << 20) == 0 && !fstat(f, &s) && s.st_size == 5 << 20);
	OK(fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192) == 0);
	OK(pread(f, block, 1, 4096) == 1 && block[0] == 0 && pread(f, block, 1, 4095) == 1);
	FAILS(fallocate(f, 0, -1, 10), EINVAL);
	FAILS(fallocate(f, 0, 0, 0), EINVAL);
	close(f);
	close(g);
	unlink("big");
	unlink("copy");
}

static void pointers(void)
{
	int f = open("f", O_CREAT | O_RDWR, 0600), p[2];
	struct stat s;

	OK(write(f, "abcdefgh", 8) == 8);
	OK(pipe(p) == 0);
	FAILS(write(f, bad, 4), EFAULT);
	FAILS(pread(f, bad, 4, 0), EFAULT);
	FAILS(write(p[1], bad, 4), EFAULT);
	FAILS(write(f, (void *)-4096L, 100), EFAULT);
	FAILS(open(bad, O_RDONLY), EFAULT);
	FAILS(stat(bad, &s), EFAULT);
	FAILS(syscall(SYS_newfstatat, AT_FDCWD, "f", bad, 0), EFAULT);
	FAILS(syscall(SYS_fstat, f, bad), EFAULT);
	FAILS(syscall(SYS_readlinkat, AT_FDCWD, "f", bad, 8), EINVAL);
	FAILS(syscall(SYS_getcwd, bad, 4096), EFAULT);
	FAILS(syscall(SYS_pipe2, bad, 0), EFAULT);
	FAILS(syscall(SYS_writev, f, bad, 1), EFAULT);
	struct iovec v[2] = {{"12", 2}, {bad, 4}};
	OK(lseek(f, 0, SEEK_SET) == 0);
	OK(writev(f, v, 2) == 2);
	FAILS(syscall(SYS_ppoll, bad, 1, NULL, NULL, 0), EFAULT);
	FAILS(syscall(SYS_pselect6, 1, bad, NULL, NULL, NULL, NULL), EFAULT);
	FAILS(syscall(SYS_uname, bad), EFAULT);
	FAILS(syscall(SYS_getrandom, bad, 16, 0), EFAULT);
	FAILS(syscall(SYS_clock_gettime, 0, bad), EFAULT);
	FAILS(syscall(SYS_nanosleep, bad, NULL), EFAULT);
	FAILS(syscall(SYS_getrlimit, RLIMIT_STACK, bad), EFAULT);
	FAILS(syscall(SYS_rt_sigaction, 10, bad, NULL, 8), EFAULT);
	FAILS(syscall(SYS_statfs, ".", bad), EFAULT);
	FAILS(syscall(SYS_sysinfo, bad), EFAULT);
	FAILS(syscall(SYS_fcntl, f, F_SETLK, bad), EFAULT);
	FAILS(syscall(SYS_utimensat, AT_FDCWD, "f", bad, 0), EFAULT);
	FAILS(syscall(SYS_memfd_create, bad, 0), EFAULT);
	close(f);
	close(p[0]);
	close(p[1]);
	unlink("f");
}

static void descriptors(void)
{
	struct rlimit limit;
	int f = open("f", O_CREAT | O_RDWR, 0600), g = dup(f), many[64], n = 0;

	OK(f >= 0 && g > f);
	OK(write(f, "abc", 3) == 3 && lseek(g, 0, SEEK_CUR) == 3);      /* one position */
	OK(dup2(f, 40) == 40 && fcntl(40, F_GETFD) == 0);
	OK(dup2(f, f) == f);
	FAILS(dup2(99, 41), EBADF);
	FAILS(dup2(f, -1), EBADF);
	FAILS(dup2(f, 1 << 24), EBADF);
	FAILS(dup3(f, f, 0), EINVAL);
	OK(dup3(f, 41, O_CLOEXEC) == 41 && fcntl(41, F_GETFD) == FD_CLOEXEC);
	OK(fcntl(41, F_SETFD, 0) == 0 && fcntl(41, F_GETFD) == 0);
	OK(fcntl(f, F_DUPFD, 50) == 50 && fcntl(f, F_DUPFD, 50) == 51);
	OK(fcntl(f, F_DUPFD_CLOEXEC, 50) == 52 && fcntl(52, F_GETFD) == FD_CLOEXEC);
	FAILS(fcntl(f, F_DUPFD, -1), EINVAL);
	FAILS(fcntl(77, F_GETFD), EBADF);
	FAILS(fcntl(f, 4321), EINVAL);
	OK((fcntl(f, F_GETFL) & (O_ACCMODE | O_APPEND)) == O_RDWR);
	OK(fcntl(f, F_SETFL, O_APPEND) == 0 && (fcntl(g, F_GETFL) & O_APPEND));
	OK(lseek(f, 0, SEEK_SET) == 0 && write(f, "d", 1) == 1 && lseek(f, 0, SEEK_CUR) == 4);
	for (int fd = 40; fd < 53; fd++)
		close(fd);
	OK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	struct rlimit less = {20, limit.rlim_max};
	OK(setrlimit(RLIMIT_NOFILE, &less) == 0);
	while (n < 64 && (many[n] = open("f", O_RDONLY)) >= 0)
		n++;
	OK(n < 64 && errno == EMFILE);
	FAILS(dup(f), EMFILE);
	int p[2];
	FAILS(pipe(p), EMFILE);
	while (n)
		close(many[--n]);
	OK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	less.rlim_cur = less.rlim_max = 30;
	less.rlim_cur++;
	FAILS(setrlimit(RLIMIT_NOFILE, &less), EINVAL);
	close(f);
	close(g);
	unlink("f");
}

static void attributes(void)
{
	struct stat s;
	int f = open("f", O_CREAT | O_RDWR, 0666);
	mode_t before = umask(077);

	OK(umask(before) == 077);
	OK(chmod("f", 0741) == 0 && !stat("f", &s) && (s.st_mode & 07777) == 0741);
	OK(fchmod(f, 0600) == 0 && !stat("f", &s) && (s.st_mode & 07777) == 0600);
	FAILS(chmod("none", 0600), ENOENT);
	struct timespec t[2] = {{1000, 5}, {2000, 7}};
	OK(utimensat(AT_FDCWD, "f", t, 0) == 0 && !stat("f", &s) && s.st_atim.tv_sec == 1000 && s.st_mtim.tv_sec == 2000);
	OK(s.st_mtim.tv_nsec == 7);
	t[0].tv_nsec = UTIME_OMIT;
	t[1] = (struct timespec){3000, 0};
	OK(futimens(f, t) == 0 && !fstat(f, &s) && s.st_atim.tv_sec == 1000 && s.st_mtim.tv_sec == 3000);
	t[1].tv_nsec = UTIME_NOW;
	OK(futimens(f, t) == 0 && !fstat(f, &s) && s.st_mtim.tv_sec > 1000000);
	t[1].tv_nsec = 1000000000;
	FAILS(futimens(f, t), EINVAL);
	struct timeval v[2] = {{11, 0}, {22, 0}};
	OK(utimes("f", v) == 0 && !stat("f", &s) && s.st_mtim.tv_sec == 22);
	OK(symlink("f", "l") == 0);
	OK(utimensat(AT_FDCWD, "l", (struct timespec[2]){{5, 0}, {6, 0}}, AT_SYMLINK_NOFOLLOW) == 0);
	OK(!stat("f", &s) && s.st_mtim.tv_sec == 22 && !lstat("l", &s) && s.st_mtim.tv_sec == 6);
	OK(chown("f", (uid_t)-1, (gid_t)-1) == 0 && fchown(f, getuid(), getgid()) == 0 && lchown("l", getuid(), getgid()) == 0);
	struct statfs fs;
	OK(statfs(".", &fs) == 0 && fs.f_bsize > 0 && fstatfs(f, &fs) == 0 && fs.f_namelen == 255);
	close(f);
	unlink("l");
	unlink("f");
}

static void locks(void)
{
	int f = open("f", O_CREAT | O_RDWR, 0600), g = open("f", O_RDWR);
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 20};

	/* Two descriptors of one process never stand in each other's way. */
	OK(fcntl(f, F_SETLK, &l) == 0);
	OK(fcntl(g, F_SETLK, &l) == 0);
	OK(fcntl(g, F_GETLK, &l) == 0 && l.l_type == F_UNLCK);
	l = (struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET};
	OK(fcntl(g, F_SETLK, &l) == 0);
	l = (struct flock){.l_type = F_RDLCK, .l_whence = SEEK_END, .l_start = -5};
	FAILS(fcntl(f, F_SETLK, &l), EINVAL);
	l = (struct flock){.l_type = 9, .l_whence = SEEK_SET};
	FAILS(fcntl(f, F_SETLK, &l), EINVAL);
	int r = open("f", O_RDONLY);
	l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
	FAILS(fcntl(r, F_SETLK, &l), EBADF);
	l.l_type = F_RDLCK;
	OK(fcntl(r, F_SETLK, &l) == 0);
	l.l_type = F_WRLCK;
	OK(fcntl(f, F_SETLKW, &l) == 0);
	close(r);
	OK(flock(f, LOCK_EX) == 0 && flock(f, LOCK_UN) == 0 && flock(f, LOCK_SH | LOCK_NB) == 0);
	FAILS(flock(f, 77), EINVAL);
	FAILS(flock(99, LOCK_EX), EBADF);
	close(f);
	close(g);
	unlink("f");
}

static int child_says(int (*what)(int), int fd)
{
	int status;
	pid_t child = fork();

	if (!child)
		_exit(what(fd));
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int lock_at(int fd, short type, off_t start, off_t length)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	return fcntl(fd, F_SETLK, &l) ? errno : 0;
}

static int lock_taken(int fd)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	(void)fd;
	int own = open("f", O_RDWR), got = fcntl(own, F_GETLK, &l);
	return !(got == 0 && l.l_type == F_WRLCK && l.l_start == 10 && l.l_len == 5 && l.l_pid == getppid() &&
		 lock_at(own, F_WRLCK, 12, 1) == EAGAIN && lock_at(own, F_WRLCK, 15, 5) == 0 && lock_at(own, F_RDLCK, 0, 10) == 0 &&
		 lock_at(own, F_RDLCK, 0, 11) == EAGAIN);
}

static int lock_given(int fd)
{
	(void)fd;
	return lock_at(open("f", O_RDWR), F_WRLCK, 0, 0);
}

static int flock_taken(int fd)
{
	int own = open("f", O_RDWR);

	/* The inherited open file holds the parent's lock itself; another one does not. */
	return !(flock(fd, LOCK_EX | LOCK_NB) == 0 && flock(own, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK);
}

static void locks_between(void)
{
	int f = open("f", O_CREAT | O_RDWR, 0600), g, status, p[2];
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char byte;

	/* A range cut in its middle: 10..14 stays. */
	OK(lock_at(f, F_WRLCK, 5, 20) == 0 && lock_at(f, F_UNLCK, 15, 0) == 0 && lock_at(f, F_UNLCK, 0, 10) == 0);
	ok(!FORKS || child_says(lock_taken, f) == 0, "another process finds a record locked, and what is beside it free");
	g = open("f", O_RDWR);
	close(g);
	ok(!FORKS || child_says(lock_given, f) == 0, "closing any descriptor of a file gives the process's locks back");
	OK(flock(f, LOCK_EX) == 0);
	ok(!FORKS || child_says(flock_taken, f) == 0, "flock belongs to the open file");
	g = open("f", O_RDWR);
	OK(lock_at(g, F_WRLCK, 0, 0) == 0);
	ok(flock(g, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "and stands in the way in the same process");
	close(f);
	OK(flock(g, LOCK_SH | LOCK_NB) == 0);
	/* F_SETLKW waits for the process that has it, whose end gives it back. */
	if (!FORKS) {
		close(g);
		unlink("f");
		return;
	}
	OK(pipe(p) == 0);
	lock_at(g, F_UNLCK, 0, 0);
	pid_t child = fork();
	if (!child) {
		int own = open("f", O_RDWR);
		if (lock_at(own, F_WRLCK, 0, 0) || write(p[1], "", 1) != 1)
			_exit(1);
		usleep(50000);
		_exit(0);
	}
	OK(read(p[0], &byte, 1) == 1 && lock_at(g, F_WRLCK, 3, 1) == EAGAIN);
	OK(fcntl(g, F_SETLKW, &l) == 0 && waitpid(child, &status, 0) == child && status == 0);
	close(g);
	close(p[0]);
	close(p[1]);
	unlink("f");
}

/* /proc/self/fd has them all: more than a thousand, and those above a limit that was lowered. */
static void descriptors_listed(void)
{
	struct rlimit old, limit;
	int here = open(".", O_RDONLY | O_DIRECTORY), count = 0, last = -1;
	DIR *list;

	getrlimit(RLIMIT_NOFILE, &old);
	limit = (struct rlimit){old.rlim_max < 1500 ? old.rlim_max : 1500, old.rlim_max};
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int n; (n = dup(here)) >= 0 && n < 1400;)
		last = n;
	close(last);
	limit.rlim_cur = 20;
	OK(last > 1000 && setrlimit(RLIMIT_NOFILE, &limit) == 0);
	FAILS(dup(here), EMFILE);
	close(5);
	list = opendir("/proc/self/fd");
	OK(list != NULL);
	while (list && readdir(list))
		count++;
	/* . and .. and the list's own, but neither 5 (which is that) nor `last` */
	ok(count >= last - 10, "all descriptors are listed");
	if (list)
		closedir(list);
	for (int n = last; n > here; n--)
		close(n);
	close(here);
	setrlimit(RLIMIT_NOFILE, &old);
}

static void pipe_sizes(void)
{
	char block[4096] = "block";
	int p[2];

	OK(pipe2(p, O_NONBLOCK) == 0 && fcntl(p[0], F_GETPIPE_SZ) == 65536);
	OK(write(p[1], block, 3000) == 3000 && write(p[1], block, sizeof block) == 4096 && read(p[0], block, 3000) == 3000);
	OK(fcntl(p[1], F_SETPIPE_SZ, 8192) == 8192 && fcntl(p[0], F_GETPIPE_SZ) == 8192);
	OK(write(p[1], block, sizeof block) == 4096);
	FAILS(write(p[1], block, sizeof block), EAGAIN);
	FAILS(fcntl(p[1], F_SETPIPE_SZ, 4096), EBUSY);
	OK(fcntl(p[1], F_SETPIPE_SZ, 9000) == 16384 && write(p[1], block, sizeof block) == 4096);
	OK(read(p[0], block, sizeof block) == 4096 && !strcmp(block, "block"));
	close(p[0]);
	close(p[1]);
}

static void waiting(void)
{
	char buffer[16];
	int p[2];
	uint64_t value = 5;

	OK(pipe2(p, O_NONBLOCK) == 0);
	FAILS(read(p[0], buffer, 1), EAGAIN);
	struct pollfd w[3] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 9}};
	OK(poll(w, 3, 0) == 1 && w[0].revents == 0 && w[1].revents == POLLOUT && w[2].revents == 0);
	OK(write(p[1], "hello", 5) == 5 && poll(w, 3, -1) == 2 && w[0].revents == POLLIN);
	fd_set in, out;
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(p[0], &in);
	FD_SET(p[1], &out);
	struct timeval soon = {0, 1000};
	OK(select(p[1] + 1, &in, &out, NULL, &soon) == 2 && FD_ISSET(p[0], &in) && FD_ISSET(p[1], &out));
	OK(read(p[0], buffer, sizeof buffer) == 5 && !memcmp(buffer, "hello", 5));
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	OK(select(p[0] + 1, &in, NULL, NULL, &soon) == 0 && !FD_ISSET(p[0], &in));
	FAILS(lseek(p[0], 0, SEEK_SET), ESPIPE);
	FAILS(pread(p[0], buffer, 1, 0), ESPIPE);
	int total = 0;
	ssize_t n;
	while ((n = write(p[1], buffer, 16)) > 0)
		total += (int)n;
	OK(n < 0 && errno == EAGAIN && total == 65536);
	close(p[1]);
	w[0].revents = 0;
	OK(poll(w, 1, 0) == 1 && (w[0].revents & POLLHUP));
	while (read(p[0], buffer, sizeof buffer) > 0)
		;
	OK(read(p[0], buffer, 1) == 0);
	close(p[0]);
	w[0].fd = 333;
	OK(poll(w, 1, 0) == 1 && w[0].revents == POLLNVAL);
	FD_ZERO(&in);
	FD_SET(60, &in);
	FAILS(select(61, &in, NULL, NULL, &soon), EBADF);
	FAILS(select(-1, NULL, NULL, NULL, &soon), EINVAL);
	int e = eventfd(3, EFD_NONBLOCK);
	OK(e >= 0 && write(e, &value, 8) == 8 && read(e, &value, 8) == 8 && value == 8);
	FAILS(read(e, &value, 8), EAGAIN);
	FAILS(read(e, &value, 7), EINVAL);
	close(e);
	int m = memfd_create("name", MFD_CLOEXEC);
	OK(m >= 0 && write(m, "mem", 3) == 3 && pread(m, buffer, 3, 0) == 3 && fcntl(m, F_GETFD) == FD_CLOEXEC);
	close(m);
}

static void devices(void)
{
	char buffer[64];
	int n = open("/dev/null", O_RDWR), z = open("/dev/zero", O_RDONLY), u = open("/dev/urandom", O_RDONLY),
	    full = open("/dev/full", O_WRONLY);
	struct stat s;

	OK(n >= 0 && write(n, "x", 1) == 1 && read(n, buffer, 1) == 0);
	memset(buffer, 1, sizeof buffer);
	OK(z >= 0 && read(z, buffer, sizeof buffer) == (ssize_t)sizeof buffer && !buffer[0] && !buffer[63]);
	OK(u >= 0 && read(u, buffer, sizeof buffer) == (ssize_t)sizeof buffer && memcmp(buffer, buffer + 32, 32));
	FAILS(write(full, "x", 1), ENOSPC);
	OK(!fstat(n, &s) && S_ISCHR(s.st_mode) && s.st_rdev == 0x103);
	FAILS(read(z, bad, 8), EFAULT);
	FAILS(open("/dev/none", O_RDONLY), ENOENT);
	OK(!stat("/dev", &s) && S_ISDIR(s.st_mode));
	int me = open("/proc/self/stat", O_RDONLY);
	OK(me >= 0 && read(me, buffer, sizeof buffer) > 10);
	OK(readlink("/proc/self/exe", buffer, sizeof buffer) > 0);
	FAILS(open("/proc/none", O_RDONLY), ENOENT);
	OK(!stat("/proc/self", &s) && S_ISDIR(s.st_mode));
	snprintf(buffer, sizeof buffer, "/proc/self/fd/%d", n);
	char target[64] = "";
	OK(readlink(buffer, target, sizeof target) == 9 && !memcmp(target, "/dev/null", 9));
	close(n);
	close(z);
	close(u);
	close(full);
	close(me);
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]))
		return 2;
	data();
	big();
	pointers();
	descriptors();
	attributes();
	locks();
	locks_between();
	pipe_sizes();
	descriptors_listed();
	waiting();
	devices();
	return DONE();
}
