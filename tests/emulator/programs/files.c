/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Files, directories, memory, pipes and processes; prints what must be the same natively, under qemu and under carrel-cheri.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHOW(format, ...) (printf("%d: " format "\n", __LINE__, __VA_ARGS__), fflush(stdout))

static void memory(void)
{
	char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(p, "moved");
	char *q = mremap(p, 16384, 1 << 20, MREMAP_MAYMOVE);
	SHOW("%s %d", q, q[(1 << 20) - 1]);
	q = mremap(q, 1 << 20, 4096, 0);
	SHOW("%s", q);
	SHOW("%d", munmap(q, 4096));
	SHOW("%d", (int)(mmap((void *)((uintptr_t)q + 1), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			      0) == MAP_FAILED));
	char *r = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	if (!child) {
		strcpy(r, "from the child");
		_exit(7);
	}
	int status;
	waitpid(child, &status, 0);
	SHOW("%s, %d", r, WEXITSTATUS(status));
	SHOW("%d %d", mprotect(r, 4096, PROT_READ), madvise(r, 4096, MADV_DONTNEED));
	char *big = malloc(100 << 20);
	memset(big, 1, 1 << 20);
	free(big);
	void *blocks[1000];
	for (int n = 0; n < 1000; n++)
		memset(blocks[n] = malloc((size_t)n * 37 % 5000 + 1), n, (size_t)n * 37 % 5000 + 1);
	for (int n = 0; n < 1000; n++)
		free(blocks[(n * 7) % 1000]);
}

static void events(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x123456789abcdef0}, out[4];
	int e = epoll_create1(0), v = eventfd(0, 0), pair[2];
	uint64_t one = 1;
	epoll_ctl(e, EPOLL_CTL_ADD, v, &event);
	SHOW("%d", epoll_wait(e, out, 4, 0));
	SHOW("%zd", write(v, &one, 8));
	SHOW("%d %lx %x", epoll_wait(e, out, 4, 1000), out[0].data.u64, out[0].events);
	SHOW("%d", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	struct iovec vector[2] = {{"scatter ", 8}, {"gather", 7}};
	struct msghdr header = {.msg_iov = vector, .msg_iovlen = 2};
	SHOW("%zd", sendmsg(pair[0], &header, 0));
	char a[4], b[20];
	struct iovec into[2] = {{a, 4}, {b, 20}};
	SHOW("%zd %.4s|%s", readv(pair[1], into, 2), a, b);
	struct pollfd poll_fd = {pair[1], POLLIN, 0};
	SHOW("%d %d", poll(&poll_fd, 1, 10), poll_fd.revents);
	fd_set set;
	struct timeval none = {0, 1000};
	FD_ZERO(&set);
	FD_SET(pair[1], &set);
	SHOW("%d", select(pair[1] + 1, &set, NULL, NULL, &none));
}

static void processes(char **argv)
{
	int pipe_fd[2], status;
	char text[100] = "";
	if (pipe(pipe_fd))
		return;
	pid_t child = fork();
	if (!child) {
		dup2(pipe_fd[1], 1);
		puts("by way of a pipe");
		fflush(stdout);
		_exit(3);
	}
	close(pipe_fd[1]);
	ssize_t n = 0, total = 0;
	while ((n = read(pipe_fd[0], text + total, sizeof text - 1 - (size_t)total)) > 0)
		total += n;
	waitpid(child, &status, 0);
	SHOW("%s(%d)", text, WEXITSTATUS(status));
	fflush(stdout);
	SHOW("%d", WEXITSTATUS(system("echo from a shell; exit 5")));
	FILE *f = popen("cat", "w");
	fputs("through cat\n", f);
	SHOW("%d", pclose(f));
	child = fork();
	if (!child)
		abort();
	waitpid(child, &status, 0);
	SHOW("%d", WTERMSIG(status));
	char self[4096] = "";
	n = readlink("/proc/self/exe", self, sizeof self - 1);
	SHOW("%d", n > 0 && strstr(argv[0], strrchr(self, '/')) != NULL);
}

int main(int argc, char **argv)
{
	(void)argc;
	char directory[] = "/tmp/carrel-test.XXXXXX", text[64] = "", path[200];
	SHOW("%d", mkdtemp(directory) != NULL);
	SHOW("%d", chdir(directory));
	FILE *f = fopen("file", "w+");
	fprintf(f, "%s %d %g", "text", 42, 2.5);
	rewind(f);
	SHOW("%s", fgets(text, sizeof text, f));
	fclose(f);
	struct stat s;
	SHOW("%d %ld %o %ld", stat("file", &s), (long)s.st_size, (unsigned)s.st_mode, (long)s.st_nlink);
	SHOW("%d %ld %d", lstat("file", &s), (long)s.st_blksize, s.st_mtime > 1600000000);
	SHOW("%d %s", stat("nothing", &s), strerror(errno));
	SHOW("%d", mkdir("d", 0755));
	SHOW("%d", symlink("file", "link"));
	SHOW("%d", rename("link", "d/link"));
	SHOW("%zd", readlink("d/link", path, sizeof path));
	DIR *d = opendir(".");
	int entries = 0;
	for (struct dirent *entry; (entry = readdir(d));)
		entries++;
	closedir(d);
	SHOW("%d", entries);
	void *volatile nowhere = (void *)8;
	int fd = open("file", O_RDWR);
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map[0] = 'T';
	SHOW("%zd %.4s", pread(fd, text, 4, 0), text);
	SHOW("%d %ld", ftruncate(fd, 100), (long)lseek(fd, 0, SEEK_END));
	SHOW("%d", fcntl(fd, F_GETFL) & O_ACCMODE);
	SHOW("%zd %s", pread(fd, nowhere, 4, 0), strerror(errno));
	SHOW("%d %s", close(99), strerror(errno));
	memory();
	events();
	processes(argv);
	unlink("d/link");
	rmdir("d");
	unlink("file");
	struct timespec now;
	SHOW("%d", clock_gettime(CLOCK_MONOTONIC, &now));
	SHOW("%d %s", rmdir(directory), getenv("HOME") ? "home" : "no home");
	return 9;
}
