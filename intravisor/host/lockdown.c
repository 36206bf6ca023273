/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The second box: once the cVM is loaded the process allows itself only what host calls, faults and the end of the
 * process need. libseccomp writes the filter: it knows every argument layout and is what container runtimes use. No exec, no
 * sockets but where the network is granted, no ptrace, no process_vm_*, nothing that is writable and executable. Trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intravisor/host/host.h"

static const int allowed[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(fstatfs), SCMP_SYS(ftruncate), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync), SCMP_SYS(fallocate), SCMP_SYS(getdents64), SCMP_SYS(readlinkat),
	SCMP_SYS(mkdirat), SCMP_SYS(unlinkat), SCMP_SYS(renameat2), SCMP_SYS(linkat), SCMP_SYS(symlinkat), SCMP_SYS(fchmodat),
	SCMP_SYS(chmod), SCMP_SYS(chown), SCMP_SYS(fchownat), SCMP_SYS(utimensat), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(ppoll), SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(getrandom),
	SCMP_SYS(getrusage), SCMP_SYS(sched_getaffinity), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(msync),
	SCMP_SYS(brk), SCMP_SYS(futex), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(sigaltstack), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(restart_syscall), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sched_yield),
	SCMP_SYS(timer_create), SCMP_SYS(timer_settime), SCMP_SYS(timer_delete), SCMP_SYS(memfd_create),
	SCMP_SYS(sendfile), SCMP_SYS(flock), SCMP_SYS(eventfd2), SCMP_SYS(wait4),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait2),
	SCMP_SYS(futex_waitv),
};
/* With published ports or the network. */
static const int on_sockets[] = {
	SCMP_SYS(accept4), SCMP_SYS(listen), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
	SCMP_SYS(shutdown), SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
};
/* With these values of one argument only: of ioctl what terminals are asked (never TIOCSTI, which types), of fcntl what names no
 * process to signal, no device nodes, no signals to other processes, no raw sockets, no options of the network itself. */
struct value {
	int call;
	unsigned argument;
	uint64_t mask, value;
};
static const struct value values[] = {
	{SCMP_SYS(ioctl), 1, ~0ull, TCGETS}, {SCMP_SYS(ioctl), 1, ~0ull, TCSETS}, {SCMP_SYS(ioctl), 1, ~0ull, TCSETSW},
	{SCMP_SYS(ioctl), 1, ~0ull, TCSETSF}, {SCMP_SYS(ioctl), 1, ~0ull, TIOCGWINSZ}, {SCMP_SYS(ioctl), 1, ~0ull, TIOCGPGRP},
	{SCMP_SYS(ioctl), 1, ~0ull, FIONREAD},
	{SCMP_SYS(fcntl), 1, ~0ull, F_DUPFD_CLOEXEC}, {SCMP_SYS(fcntl), 1, ~0ull, F_GETFD}, {SCMP_SYS(fcntl), 1, ~0ull, F_GETFL},
	{SCMP_SYS(fcntl), 1, ~0ull, F_SETFL}, {SCMP_SYS(fcntl), 1, ~0ull, F_ADD_SEALS}, {SCMP_SYS(fcntl), 1, ~0ull, F_GET_SEALS},
	{SCMP_SYS(fcntl), 1, ~0ull, F_OFD_GETLK}, {SCMP_SYS(fcntl), 1, ~0ull, F_OFD_SETLK}, {SCMP_SYS(fcntl), 1, ~0ull, F_OFD_SETLKW},
	{SCMP_SYS(mknodat), 2, S_IFMT, S_IFREG}, {SCMP_SYS(mknodat), 2, S_IFMT, S_IFIFO}, {SCMP_SYS(mknodat), 2, S_IFMT, S_IFSOCK},
	/* Threads; no processes but those that keep what a forked window held (snapshot.c). */
	{SCMP_SYS(clone), 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM}, {SCMP_SYS(clone), 0, ~0ull, CLONE_FILES | CLONE_FS},
	/* Memory, but executable only where it is not writable: images that a program executes are judged and mapped later. */
	{SCMP_SYS(mmap), 2, PROT_EXEC, 0}, {SCMP_SYS(mmap), 2, ~0ull, PROT_READ | PROT_EXEC}, {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
};
static const struct value socket_values[] = {
	{SCMP_SYS(setsockopt), 1, ~0ull, SOL_SOCKET}, {SCMP_SYS(setsockopt), 1, ~0ull, IPPROTO_TCP},
};

static int values_allow(scmp_filter_ctx filter, const struct value *list, size_t count)
{
	int code = 0;

	for (size_t i = 0; !code && i < count; i++)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, list[i].call, 1,
					SCMP_CMP(list[i].argument, SCMP_CMP_MASKED_EQ, list[i].mask, list[i].value));
	return code;
}

int host_lockdown(const struct cvm_config *const *configs, size_t count, int control)
{
	int network = 0, sockets = 0;

	for (size_t i = 0; i < count; i++) {
		network |= configs[i]->network;
		sockets |= configs[i]->network || configs[i]->port_count;
	}
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	/* Of all threads: those that carry cVMs may be there already. */
	int code = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

	for (size_t i = 0; !code && i < sizeof allowed / sizeof *allowed; i++)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; !code && sockets && i < sizeof on_sockets / sizeof *on_sockets; i++)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, on_sockets[i], 0);
	if (!code)
		code = values_allow(filter, values, sizeof values / sizeof *values);
	if (!code && sockets)
		code = values_allow(filter, socket_values, sizeof socket_values / sizeof *socket_values);
	if (!code)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid()));
	for (int n = 0; !code && network && n < 4; n++)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3, SCMP_A0(SCMP_CMP_EQ, n & 1 ? AF_INET6 : AF_INET),
					SCMP_A1(SCMP_CMP_EQ, (n & 2 ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC),
					SCMP_A2(SCMP_CMP_EQ, 0));
	if (!code && network)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);
	if (!code && control >= 0)
		code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(recvmsg), 1, SCMP_A0(SCMP_CMP_EQ, (uint64_t)control));
	/* clone3 hides its flags from the filter; without it the C library takes clone. */
	if (!code)
		code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (!code)
		code = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return code;
}
