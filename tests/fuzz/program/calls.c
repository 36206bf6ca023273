/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program that calls every system call of the table, and numbers beyond it, with boundary, random and valid-looking arguments:
 * what an argument is (descriptor, name, address...) comes from the table itself. Several children at once, each with several
 * threads over the same descriptors and memory. Nothing it does may stop its library OS, let alone the Intravisor; that children
 * of it die is as it should be.
 *
 *   calls SEED ROUNDS [CHILD]     the same seed gives every thread the same calls; CHILD: only that one, in this process
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN 3              /* at once */
#define THREADS  3              /* in each */
#define CALLS    3000           /* of each thread */
#define POOL     65536
#define LAND     (1 << 20)      /* for calls that change mappings */
#define ENTRIES  (sizeof table / sizeof *table)

static const struct entry {
	short number;
	const char *kinds;      /* f descriptor, d number, s string, o mode, p address, x flags */
} table[] = {
#define SYSTEM_CALL(name, kinds, state, note) {SYS_##name, kinds},
#include "libos/sys/table.def"
#define PRIVATE_CALL(number, name, kinds, note) {number, kinds},
#include "libos/sys/private.def"
};
#define CP_FILE_WAIT 4170

struct random {
	uint64_t state;
	char *pool, *land;      /* memory of this thread: structures; what may be unmapped */
};

static char *pools[THREADS], *lands[THREADS];

static uint64_t word(struct random *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state * 0x2545f4914f6cdd1du;
}

static uint64_t below(struct random *r, uint64_t n)
{
	return (word(r) >> 16) % n;
}

static int one_in(struct random *r, unsigned n)
{
	return !below(r, n);
}

static long number(struct random *r)
{
	uint64_t w = word(r);

	switch (w >> 32 & 15) {
	case 0: return (long)word(r);
	case 1: return -1;
	case 2: return -(long)(w & 4095);
	case 3: case 4: case 5: return (long)(w & 7);
	case 6: return 1L << (w & 63);
	case 7: return (1L << (w & 63)) - 1;
	case 8: return -(1L << (w & 63));
	case 9: return (long)(w & 0xffff);
	case 10: return 4096;
	case 11: return (long)(w & 15) * 4096;
	case 12: return getpid();
	case 13: return (long)(w & 255);
	case 14: return 0x7fffffff;
	default: return 0;
	}
}

static long flags(struct random *r)
{
	long w = 0;

	if (one_in(r, 3))
		return number(r);
	for (uint64_t n = below(r, 4); n; n--)
		w |= 1L << below(r, 32);
	return w;
}

static int descriptor(struct random *r)
{
	switch (below(r, 12)) {
	case 0: return -1;
	case 1: return AT_FDCWD;
	case 2: return (int)word(r);
	case 3: return (int)below(r, 1100);
	default: return (int)below(r, 36);
	}
}

static const char *const names[] = {
	"f0", "f1", "f2", "d0", "d0/f0", "d0/../f1", "link", "loop", "fifo", "sock", "/data/f0", "/data/d0", "/data/d0/x", "/data/link",
	"/data", "/", "s0", "/cap/s0", "/cap", ".", "..", "", "/tmp/f0", "/tmp/d0", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/tty", "/dev/shm/x", "/dev/fd/5",
	"/proc/self/maps", "/proc/self/fd/4", "/proc/self/exe", "/proc/1/cmdline", "/proc/self/mem", "/etc/passwd", "/data/true",
	"/data/none/none", "f0/f1", "/data/../data/./f1//", "/lib/carrel/libc.so", "/proc/self/cwd/f0", "/proc/self/status",
};

static void string_fill(struct random *r, char *at, size_t room)
{
	if (one_in(r, 12)) {            /* long, without an end perhaps */
		size_t n = one_in(r, 2) ? room - 1 : below(r, room);
		memset(at, one_in(r, 3) ? '/' : 'a', n);
		at[n] = 0;
		for (size_t i = 0; one_in(r, 2) && i < n; i += 2)
			at[i] = '/';
		return;
	}
	strcpy(at, names[below(r, sizeof names / sizeof *names)]);
	if (one_in(r, 16) && strlen(at))
		at[below(r, strlen(at))] = (char)word(r);
}

static void *address(struct random *r, int depth);

static size_t internet_fill(struct random *r, void *at)
{
	static const uint32_t four[] = {0x7f000001, 0, 0xffffffff, 0x0a000001, 0x7fffffff, 0xe0000001, 0xa9fea9fe};
	static const uint16_t ports[] = {0, 7777, 7778, 1, 53, 65535, 8899, 80};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(ports[below(r, 8)]), .sin_addr.s_addr = htonl(four[below(r, 7)])};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = in.sin_port};

	if (one_in(r, 3)) {
		if (one_in(r, 2))
			in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
		memcpy(in6.sin6_addr.s6_addr + 12, &in.sin_addr, 4);
		if (one_in(r, 3))
			memset(&in6.sin6_addr, 0, 15), in6.sin6_addr.s6_addr[15] = 1;
		memcpy(at, &in6, sizeof in6);
		return sizeof in6;
	}
	memcpy(at, &in, sizeof in);
	return sizeof in;
}

static void message_fill(struct random *r, void *at, int depth)
{
	struct msghdr m = {.msg_name = address(r, depth), .msg_namelen = (socklen_t)number(r), .msg_iov = address(r, depth),
			   .msg_iovlen = one_in(r, 8) ? (size_t)number(r) : below(r, 5), .msg_control = address(r, depth),
			   .msg_controllen = one_in(r, 4) ? (size_t)number(r) : below(r, 128), .msg_flags = (int)flags(r)};

	if (one_in(r, 2)) {
		struct cmsghdr *c = m.msg_control;
		if ((char *)c >= r->pool && (char *)c < r->pool + POOL - 64 && !((uintptr_t)c & 7)) {
			*c = (struct cmsghdr){.cmsg_len = one_in(r, 4) ? (socklen_t)number(r) : (socklen_t)CMSG_LEN(4 * below(r, 9)),
					      .cmsg_level = SOL_SOCKET, .cmsg_type = (int)below(r, 4)};
			for (int i = 0; i < 8; i++)
				((int *)CMSG_DATA(c))[i] = descriptor(r);
		}
	}
	if (one_in(r, 2)) {
		m.msg_namelen = 28;
		m.msg_controllen = 64;
	}
	memcpy(at, &m, sizeof m);
}

/* 512 bytes that look like something. */
static void structure_fill(struct random *r, char *at, int depth)
{
	uint64_t *w = (uint64_t *)at;

	switch (below(r, 15)) {
	case 0: string_fill(r, at, 500); break;
	case 1:         /* a short time, or an odd one; intervals likewise */
		for (int i = 0; i < 4; i++)
			w[i] = i & 1 ? below(r, 2000000) : 0;
		if (one_in(r, 6))
			w[below(r, 4)] = (uint64_t)number(r);
		break;
	case 2: case 3:
		for (int i = 0; i < 8; i++) {
			w[2 * i] = (uint64_t)address(r, depth);
			w[2 * i + 1] = one_in(r, 4) ? (uint64_t)number(r) : below(r, 600);
		}
		break;
	case 4: internet_fill(r, at); break;
	case 5: {
		struct sockaddr_un un = {.sun_family = AF_UNIX};
		string_fill(r, un.sun_path, sizeof un.sun_path);
		if (one_in(r, 3))
			un.sun_path[0] = 0;
		memcpy(at, &un, sizeof un);
		break;
	}
	case 6:
		for (int i = 0; i < 32; i++)
			((struct pollfd *)at)[i] = (struct pollfd){descriptor(r), (short)word(r), (short)word(r)};
		break;
	case 7:
		*(struct epoll_event *)at = (struct epoll_event){(uint32_t)flags(r), {.u64 = word(r)}};
		break;
	case 8: message_fill(r, at, depth); break;
	case 9:
		for (int i = 0; i < 8; i++)
			w[i] = (uint64_t)number(r);
		break;
	case 10:
		for (int i = 0; i < 16; i++)
			((int *)at)[i] = one_in(r, 3) ? (int)number(r) : descriptor(r);
		break;
	case 11: {      /* argument lists of exec, with an end */
		uint64_t n = below(r, 6);
		for (uint64_t i = 0; i < n; i++)
			w[i] = (uint64_t)address(r, depth);
		w[n] = 0;
		break;
	}
	case 12: memset(at, 0, 512); break;
	case 13: memset(at, 0xff, 512); break;
	default:
		for (int i = 0; i < 64; i++)
			w[i] = word(r);
	}
}

static char text_of_mine(void)
{
	return 1;
}

static void *address(struct random *r, int depth)
{
	uint64_t w = word(r);
	char *slot = r->pool + (w >> 8) % (POOL / 512) * 512;

	switch (w >> 40 & 31) {
	case 0: return NULL;
	case 1: return (void *)(w & 0xffff);
	case 2: return (void *)(0xfffbffff - (w & 4095));
	case 3: return (void *)(0xfffffff0 + (w & 31));
	case 4: return (void *)word(r);
	case 5: return (void *)(0x100000000 + (uint64_t)slot);
	case 6: return (void *)(0x8000000000000000 + (uint64_t)slot);
	case 7: return r->pool + POOL - (w & 63);               /* runs into what is not mapped */
	case 8: return (void *)text_of_mine;
	case 9: return (void *)names[0];
	case 10: return (void *)-(w & 4095);
	case 11: return r->land + (w & (LAND - 1));
	case 12: return pools[w % THREADS] + (w >> 8) % (POOL - 512);
	case 13: return slot + (w & 511);
	case 14: return (char *)__builtin_frame_address(0) - 32768;     /* where no frame of ours lies */
	default:
		if (depth < 3)
			structure_fill(r, slot, depth + 1);
		return slot;
	}
}

static long argument(struct random *r, char kind)
{
	char *slot;

	if (one_in(r, 24))
		return one_in(r, 2) ? number(r) : (long)address(r, 0);
	switch (kind) {
	case 'f': return descriptor(r);
	case 's':
		if (one_in(r, 8))
			return (long)address(r, 0);
		slot = r->pool + below(r, POOL / 8192) * 8192;
		string_fill(r, slot, 5000);
		return (long)slot;
	case 'p': return (long)address(r, 0);
	case 'o': return one_in(r, 4) ? number(r) : (long)(word(r) & 0777);
	case 'x': return flags(r);
	default: return one_in(r, 2) ? number(r) : (long)below(r, 64);
	}
}

static long call(long n, const long a[6])
{
	register long rd __asm__("r10") = a[3], re __asm__("r8") = a[4], rf __asm__("r9") = a[5];
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(rd), "r"(re), "r"(rf) : "rcx", "r11", "memory");
	return result;
}

/* Calls that would end the fuzz too early go through seldom, or with an argument that makes them harmless to it. */
static int tamed(struct random *r, long n, long a[6])
{
	switch (n) {
	case CP_FILE_WAIT:              /* nobody else would end it */
		return one_in(r, 40);
	case SYS_exit: case SYS_exit_group: case SYS_rt_sigreturn:
		return one_in(r, 200);
	case SYS_kill: case SYS_tkill: case SYS_rt_sigqueueinfo: case SYS_tgkill: case SYS_rt_tgsigqueueinfo:
		if (!one_in(r, 400))
			a[0] = n == SYS_tkill ? gettid() : getpid();
		if (!one_in(r, 8))
			a[n == SYS_tgkill || n == SYS_rt_tgsigqueueinfo ? 2 : 1] = one_in(r, 2) ? SIGUSR1 : SIGRTMIN + (long)below(r, 30);
		return 1;
	case SYS_munmap: case SYS_mremap: case SYS_mprotect: case SYS_madvise: case SYS_mmap:
		if (!one_in(r, 40))
			a[0] = (long)(r->land + (one_in(r, 8) ? below(r, LAND) : below(r, LAND / 4096) * 4096));
		if (n != SYS_mmap && !one_in(r, 40))
			a[1] = (long)below(r, 32) * 4096;
		if (n == SYS_mremap && !one_in(r, 20))
			a[4] = (long)(r->land + below(r, LAND / 4096) * 4096), a[2] = (long)below(r, 32) * 4096, a[3] &= 3;
		if (n == SYS_mmap && !one_in(r, 10))
			a[1] = (long)below(r, 64) * 4096, a[2] &= 7, a[3] = (a[3] & 0x30) | 1 << below(r, 2), a[5] &= 0xf000;
		return 1;
	case SYS_brk: case SYS_set_tid_address: case SYS_sigaltstack:
		return one_in(r, 8);
	case SYS_close: case SYS_close_range: case SYS_dup2: case SYS_dup3:
		return one_in(r, n == SYS_close_range ? 40 : 4);
	case SYS_execve: case SYS_execveat:
		return one_in(r, 8);
	case SYS_clone:
		a[0] &= one_in(r, 20) ? -1 : 0xff | 0x00200000 | 0x01000000 | 0x00100000;
		if (!one_in(r, 20))
			a[1] = 0;
		return one_in(r, 8);
	case SYS_fork: case SYS_vfork:
		return one_in(r, 8);
	case SYS_chdir: case SYS_fchdir: case SYS_setrlimit: case SYS_prlimit64:
		return one_in(r, 8);
	case SYS_nanosleep: case SYS_clock_nanosleep: case SYS_pause: case SYS_rt_sigsuspend: case SYS_rt_sigprocmask:
		return one_in(r, 4);
	case SYS_alarm:
		a[0] = !one_in(r, 20) ? 0 : a[0];
		return 1;
	default:
		return 1;
	}
}

static void one_call(struct random *r)
{
	long a[6], n;

	if (one_in(r, 30)) {
		n = one_in(r, 4) ? number(r) : (long)below(r, 512);
		for (int i = 0; i < 6; i++)
			a[i] = argument(r, "fspodx"[below(r, 6)]);
	} else {
		const struct entry *e = &table[below(r, ENTRIES)];
		size_t kinds = strlen(e->kinds);
		n = e->number;
		for (size_t i = 0; i < 6; i++)
			a[i] = i < kinds ? argument(r, e->kinds[i]) : number(r);
	}
	if (!tamed(r, n, a))
		return;
	if (n == SYS_vfork) {           /* the child must not return into its parent's frames */
		if (!call(n, a))
			call(SYS_exit, (long[6]){0});
		return;
	}
	if (!call(n, a) && (n == SYS_fork || n == SYS_clone)) {
		static int depth;
		for (int i = 0; i < 4 && depth < 2; i++) {
			depth++;
			one_call(r);
		}
		call(SYS_exit_group, (long[6]){0});
	}
}

static void nothing(int signal)
{
	(void)signal;
}

static void handlers(void)
{
	struct sigaction action = {.sa_handler = nothing};

	for (int i = 1; i < 64; i++)
		if (i != SIGSEGV && i != SIGBUS && i != SIGILL && i != SIGTRAP && i != SIGCHLD && i != SIGFPE)
			sigaction(i, &action, NULL);
}

/* One of each kind of descriptor, from 3 up. */
static void descriptors(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(7777)}, own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof own;
	sigset_t set;
	int pair[2], s;

	open("/data/f0", O_RDWR | O_CREAT, 0644);
	open("/data/d0", O_RDONLY | O_DIRECTORY);
	open("/tmp/f0", O_RDWR | O_CREAT, 0644);
	open("/tmp", O_RDONLY | O_DIRECTORY);
	open("/dev/zero", O_RDWR);
	open("/dev/urandom", O_RDWR);
	open("/proc/self/maps", O_RDONLY);
	pipe(pair);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
	s = socket(AF_INET, SOCK_STREAM, 0);
	bind(s, (void *)&own, sizeof own);
	listen(s, 5);
	getsockname(s, (void *)&own, &length);
	connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (void *)&own, sizeof own);
	s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);    /* the published port, for one of the children */
	bind(s, (void *)&in, sizeof in);
	listen(s, 5);
	bind(socket(AF_INET, SOCK_DGRAM, 0), (void *)&in, sizeof in);
	socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	in.sin_addr.s_addr = htonl(0x0a000001);
	connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (void *)&in, sizeof in);
	epoll_create1(0);
	eventfd(1, EFD_NONBLOCK);
	timerfd_create(CLOCK_MONOTONIC, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	signalfd(-1, &set, SFD_NONBLOCK);
	memfd_create("m", 0);
}

static void *thread_run(void *argument_)
{
	struct random *r = argument_;

	for (int i = 0; i < CALLS; i++)
		one_call(r);
	return NULL;
}

static void child(uint64_t seed)
{
	struct random threads[THREADS];
	pthread_t ids[THREADS];

	handlers();
	descriptors();
	for (uint64_t i = 0; i < THREADS; i++) {
		char *all = mmap(NULL, POOL + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(all + POOL, 4096);
		pools[i] = all;
		lands[i] = mmap(NULL, LAND + 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		threads[i] = (struct random){(seed * 31 + i) * 0x9e3779b97f4a7c15u | 1, pools[i], lands[i]};
	}
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&ids[i], NULL, thread_run, &threads[i]))
			break;
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	_exit(0);
}

/* Files of every kind, and links. */
static void files(void)
{
	mkdir("/data/d0", 0755);
	symlink("f0", "/data/link");
	symlink("loop", "/data/loop");
	mkfifo("/data/fifo", 0644);
	mkdir("/tmp/d0", 0755);
	mkfifo("/tmp/fifo", 0644);
	chdir("/data");
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 2 ? strtoull(argv[1], NULL, 0) : 1, number_ = 0;
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 4;
	const struct timespec tick = {0, 4000000};

	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	files();
	if (argc > 3)
		child(seed * 1000 + strtoull(argv[3], NULL, 0));
	while (rounds--) {
		pid_t pids[CHILDREN];
		for (int i = 0; i < CHILDREN; i++, number_++)
			if (!(pids[i] = fork()))
				child(seed * 1000 + number_);
		for (int t = 0, left = CHILDREN; left; t++) {
			nanosleep(&tick, NULL);
			for (int i = 0; i < CHILDREN; i++)
				if (pids[i] < 0 || (pids[i] && waitpid(pids[i], NULL, WNOHANG))) {
					pids[i] = 0;
					left--;
				} else if (pids[i])             /* what waits goes on; at last it is over */
					kill(pids[i], t > 150 ? SIGKILL : SIGUSR1);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	return 0;
}
