/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The second box: after host_lockdown, which code that escaped a window would find itself in, what leads out is refused. Each
 * call would have an effect or another error without the filter; EPERM (ENOSYS for clone3) is the filter's. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intravisor/host/host.h"

#define CALL(name, error, ...) {#name, SYS_##name, error, {__VA_ARGS__}}
static char page[8192] __attribute__((aligned(4096)));
static struct iovec piece = {page, 16};
static const char *const arguments[] = {"/bin/true", NULL};

/* In a process of its own: with the network, and no more sockets than that. */
static int network_holds(void)
{
	const struct cvm_config config = {.network = 1};
	const int ordinary = SOCK_NONBLOCK | SOCK_CLOEXEC;
	const int sockets[][3] = {
		{AF_INET, SOCK_RAW | ordinary, 1}, {AF_INET, SOCK_STREAM | ordinary, 262 /* MPTCP */}, {AF_INET, SOCK_STREAM | ordinary, 132},
		{AF_INET6, SOCK_RAW | ordinary, 58}, {AF_UNIX, SOCK_STREAM | ordinary, 0}, {AF_NETLINK, SOCK_DGRAM | ordinary, 0},
		{AF_PACKET, SOCK_DGRAM | ordinary, 0}, {AF_VSOCK, SOCK_STREAM | ordinary, 0},
	};
	int status;
	pid_t child = fork();

	if (child)
		return waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status);
	if (host_lockdown(&(const struct cvm_config *){&config}, 1, -1))
		_exit(99);
	for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
		if (socket(sockets[i][0], sockets[i][1], sockets[i][2]) >= 0 || errno != EPERM)
			_exit((int)i + 1);
	int fd = socket(AF_INET, SOCK_DGRAM | ordinary, 0), on = 1;
	_exit(fd < 0 ? 50 : setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) ? 51 : bind(fd, (void *)page, 16) == 0 ? 52 : errno != EPERM);
}

static void *thread(void *argument)
{
	return argument;
}

/* What host calls and the Intravisor itself need: a rule less would show here. */
static int needed_works(void)
{
	char *fresh = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t one;
	int status = 1;

	if (fresh == MAP_FAILED || code == MAP_FAILED || mprotect(fresh, 4096, PROT_NONE) || mprotect(fresh, 4096, PROT_READ | PROT_WRITE))
		return 0;
	*fresh = 1;
	if (pthread_create(&one, NULL, thread, NULL) || pthread_join(one, NULL))
		return 0;
	long child = syscall(SYS_clone, CLONE_FILES | CLONE_FS, NULL, NULL, NULL, NULL);       /* what a fork is made of: snapshot.c */
	if (!child)
		syscall(SYS_exit_group, 7);
	return child > 0 && wait4((pid_t)child, &status, __WALL, NULL) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

int main(void)
{
	const struct {
		const char *name;
		long number;
		int error;
		long a[6];
	} calls[] = {
		CALL(execve, EPERM, (long)arguments[0], (long)arguments, (long)(arguments + 1)),
		CALL(execveat, EPERM, -100, (long)arguments[0], (long)arguments, (long)(arguments + 1)),
		CALL(fork, EPERM), CALL(vfork, EPERM), CALL(clone, EPERM, SIGCHLD), CALL(clone, EPERM, CLONE_VM | SIGCHLD),
		CALL(clone, EPERM, CLONE_NEWUSER | SIGCHLD), CALL(clone, EPERM, CLONE_FILES | CLONE_FS | SIGCHLD),
		CALL(clone, EPERM, CLONE_FILES | CLONE_FS | CLONE_NEWPID), CALL(clone, EPERM, CLONE_FILES | CLONE_FS | CLONE_PARENT), CALL(clone3, ENOSYS, (long)page, 64),
		CALL(socket, EPERM, 1, 1), CALL(socketpair, EPERM, 1, 1, 0, (long)page),
		CALL(ptrace, EPERM, 16, getppid()), CALL(process_vm_writev, EPERM, getpid(), (long)&piece, 1, (long)&piece, 1),
		CALL(process_vm_readv, EPERM, getpid(), (long)&piece, 1, (long)&piece, 1),
		CALL(mmap, EPERM, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1),
		CALL(mmap, EPERM, 0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1),
		CALL(mmap, EPERM, 0, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1),
		CALL(mprotect, EPERM, (long)page, 4096, PROT_READ | PROT_EXEC),
		CALL(mprotect, EPERM, (long)page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC),
		CALL(pkey_mprotect, EPERM, (long)page, 4096, PROT_READ | PROT_EXEC, -1), CALL(remap_file_pages, EPERM, (long)page, 4096),
		CALL(kill, EPERM, getpid(), 0), CALL(tkill, EPERM, getpid(), 0), CALL(prctl, EPERM, 3), CALL(arch_prctl, EPERM, 0x1003, (long)page),
		CALL(unshare, EPERM, CLONE_NEWUSER), CALL(setns, EPERM, 0), CALL(mount, EPERM), CALL(umount2, EPERM), CALL(chroot, EPERM, (long)"/"),
		CALL(pivot_root, EPERM), CALL(open, EPERM, (long)"/"), CALL(rename, EPERM), CALL(unlink, EPERM), CALL(chdir, EPERM, (long)"/"),
		CALL(setuid, EPERM, getuid()), CALL(setrlimit, EPERM), CALL(prlimit64, EPERM, 0, 7, 0, (long)page), CALL(bpf, EPERM),
		CALL(io_uring_setup, EPERM, 8, (long)page), CALL(userfaultfd, EPERM), CALL(perf_event_open, EPERM), CALL(keyctl, EPERM),
		CALL(open_by_handle_at, EPERM), CALL(pidfd_open, EPERM, getpid()), CALL(pidfd_getfd, EPERM), CALL(shmget, EPERM, 0, 4096, 01600),
		CALL(personality, EPERM, -1), CALL(reboot, EPERM), CALL(init_module, EPERM), CALL(kexec_load, EPERM), CALL(modify_ldt, EPERM),
		CALL(iopl, EPERM), CALL(seccomp, EPERM, 1),
		CALL(ioctl, EPERM, 0, 0x5412 /* TIOCSTI: types */, (long)page), CALL(fcntl, EPERM, 0, F_SETOWN, getppid()),
		CALL(fcntl, EPERM, 0, F_DUPFD, 0), CALL(mknodat, EPERM, -100, (long)"/tmp/carrel-device", S_IFCHR | 0600, 0x103),
		CALL(tgkill, EPERM, getppid(), getppid(), 0), CALL(connect, EPERM, 0, (long)page, 16), CALL(sendmsg, EPERM, 0, (long)page, 0),
		CALL(setsockopt, EPERM, 0, 0, 0, (long)page, 4),
	};
	size_t count = sizeof calls / sizeof *calls;

	printf("1..%zu\n", count + 2);
	fflush(stdout);
	int network = network_holds();
	const struct cvm_config config = {0};       /* without a network: sockets are refused */
	if (host_lockdown(&(const struct cvm_config *){&config}, 1, -1))
		return 99;
	for (size_t i = 0; i < count; i++) {
		const long *a = calls[i].a;
		long result = syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
		int good = result == -1 && errno == calls[i].error;
		printf("%sok %zu - %s (%#lx, %#lx, %#lx...) is refused\n", good ? "" : "not ", i + 1, calls[i].name, a[0], a[1], a[2]);
		fflush(stdout);
	}
	printf("%sok %zu - memory, a thread and what forks need are not\n", needed_works() ? "" : "not ", count + 1);
	printf("%sok %zu - a network adds TCP and UDP, and no other sockets\n", network ? "" : "not ", count + 2);
	return 0;
}
