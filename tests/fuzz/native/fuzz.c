/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Runs one hostile cVM after another in one process beside an innocent one, until the time is over: guests that make random
 * system calls (program/calls.c) or, as library OSes, random host calls (libos/calls.c). After each: the neighbour's memory is byte
 * for byte what it was; descriptors, host threads and mappings are as many as before; every cVM ended, or could be ended; and at the
 * end the neighbour runs and says hello. Nobody was reached on the host's loopback. A second process sees this one die. A test's
 * tool, not trusted.
 *
 *   fuzz system|host SECONDS SEED SCRATCH LIBOS GUEST INNOCENT      seeds SEED, SEED + 1... each of one cVM. TAP.
 *
 * All that guests can write lies in SCRATCH, which is emptied, and on a file system of its own where this user may mount one;
 * the network is one of this process's own where it may make one, and not granted where it may not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <carrel/window.h>
#include "intravisor/cvm/cvm.h"
#include "intravisor/cvm/window.h"
#include "intravisor/host/host.h"

#define BUDGET     6                    /* seconds of one cVM, then it is ended */
#define PATIENCE   20                   /* seconds until it must be over then */
#define WARM       4                    /* cVMs before anything is compared */
#define MEMORY     (48ull << 20)        /* --memory of each */
#define GROWTH     (48ull << 20)        /* of the process's own memory, over all cVMs */
#define BACKSTOP   (8ull << 30)         /* when a cVM is ended for the memory it took */
#define TRAP_PORT  8899                 /* nobody may reach it */

static struct shared {
	unsigned long seed, cvms, ended, faults, libos_faults;
	char what[256];         /* the first thing that was wrong */
} *shared;

static const char *scratch;
static int host_mode, granted;

__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...)
{
	va_list arguments;

	if (shared->what[0])
		return;
	va_start(arguments, format);
	vsnprintf(shared->what, sizeof shared->what, format, arguments);
	va_end(arguments);
}

static void rest(unsigned ms)
{
	nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what the process has ---- */

struct figures {
	unsigned descriptors, threads, mappings;
	uint64_t own;           /* bytes of memory that are no file's */
};

static unsigned lines(const char *path, const char *head, uint64_t *sum)
{
	FILE *file = fopen(path, "r");
	char line[512];
	unsigned n = 0;
	unsigned long value;

	while (file && fgets(line, sizeof line, file)) {
		n++;
		if (head && !strncmp(line, head, strlen(head)) && sscanf(line + strlen(head), "%lu", &value) == 1)
			*sum += value;
	}
	if (file)
		fclose(file);
	return n;
}

static struct figures figures(void)
{
	struct figures f = {0};
	uint64_t threads = 0, own = 0;

	for (int fd = 0; fd < 4096; fd++)
		f.descriptors += fcntl(fd, F_GETFD) >= 0;
	f.mappings = lines("/proc/self/maps", NULL, NULL);
	lines("/proc/self/status", "Threads:", &threads);
	lines("/proc/self/status", "RssAnon:", &own);
	lines("/proc/self/status", "RssShmem:", &own);
	f.threads = (unsigned)threads;
	f.own = own << 10;
	return f;
}

/* ---- the neighbour ---- */

static uint64_t window_hash(const struct window *window)
{
	uint64_t low = (uint64_t)window->base, hash = 0xcbf29ce484222325u;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], mode[8];
	unsigned long from, to;

	while (maps && fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && from >= low && to <= low + WINDOW_SIZE) {
			hash = (hash ^ from ^ to ^ (uint64_t)(mode[0] + mode[1] * 256 + mode[2] * 65536)) * 0x100000001b3u;
			for (const uint64_t *p = (uint64_t *)from; mode[0] == 'r' && p < (uint64_t *)to; p++)
				hash = (hash ^ *p ^ (uint64_t)p) * 0x100000001b3u;
		}
	if (maps)
		fclose(maps);
	return hash;
}

static uint64_t neighbour_hash(const struct cvm *cvm)
{
	return window_hash(cvm->programs[0]) * 31 + window_hash(&cvm->libos);
}

/* ---- the world outside ---- */

static int loopback_socket(int type, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) || bind(fd, (void *)&at, sizeof at)) {
		fprintf(stderr, "fuzz: port %u: %s\n", port, strerror(errno));
		exit(99);
	}
	return fd;
}

/* A file system and a network of our own. 0 where only the second is missing. */
static void own_world(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	granted = !unshare(CLONE_NEWNS | CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET);
	if (!granted)
		return;
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);    /* where / is a mount point, not just a chroot's */
	if (mount("fuzz", scratch, "tmpfs", 0, "size=128m,mode=700"))
		fprintf(stderr, "# no file system of our own: %s\n", strerror(errno));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		granted = 0;
	close(fd);
}

static int trap_tcp, trap_udp, published[2];

/* Somebody outside, a process of its own, talks to the published ports and notices that somebody talks to him who must not. */
static void outside(void)
{
	struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char text[600] = "outside";
	socklen_t length = sizeof port;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned n = 0;; n++) {
		rest(10);
		if (accept4(trap_tcp, NULL, NULL, SOCK_CLOEXEC) >= 0 || recv(trap_udp, text, sizeof text, MSG_DONTWAIT) >= 0)
			wrong("somebody on the host's loopback was reached");
		if (!granted)
			continue;
		getsockname(published[n & 1], (void *)&port, &length);
		int fd = socket(AF_INET, (n & 1 ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd >= 0 && (!connect(fd, (void *)&port, length) || errno == EINPROGRESS)) {
			send(fd, text, sizeof text, MSG_NOSIGNAL);
			rest(2);
			recv(fd, text, sizeof text, 0);
		}
		close(fd);
	}
}

/* ---- one cVM ---- */

struct watched {
	struct cvm *cvm;
	pthread_mutex_t lock;
	pthread_cond_t over;
	int done;
};

static void *watch(void *argument)
{
	struct watched *w = argument;
	uint64_t start = now_ms(), ended = 0;
	struct timespec until;

	pthread_mutex_lock(&w->lock);
	while (!w->done) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += (until.tv_nsec + 100000000) / 1000000000;
		until.tv_nsec = (until.tv_nsec + 100000000) % 1000000000;
		pthread_cond_timedwait(&w->over, &w->lock, &until);
		uint64_t now = now_ms();
		int much = !ended && figures().own > BACKSTOP;
		if (!w->done && !ended && (much || now - start > BUDGET * 1000)) {
			if (much && !host_mode)
				wrong("the library OS took more than %llu MiB", BACKSTOP >> 20);
			ended = now;
			shared->ended++;
			cvm_end(w->cvm, SIGKILL);
		}
		if (!w->done && ended && now - ended > PATIENCE * 1000) {
			wrong("a cVM did not end when it was ended");
			if (getenv("FUZZ_STAY"))
				pause();
			_exit(70);
		}
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int removed(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	if (at->level)
		remove(path);
	(void)type;
	return 0;
}

/* In a process of its own: the filter has no way to walk a tree. */
static void scratch_empty(const char *image)
{
	char text[4096], path[4096];
	ssize_t n;

	nftw(scratch, removed, 16, FTW_DEPTH | FTW_PHYS);
	chmod(scratch, 0700);
	snprintf(path, sizeof path, "%s/true", scratch);
	int from = open(image, O_RDONLY | O_CLOEXEC), to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	while ((n = read(from, text, sizeof text)) > 0)
		if (write(to, text, (size_t)n) != n)
			wrong("cannot write to the scratch directory");
	close(from);
	close(to);
}

static int ask[2], answer[2];

static void cleaner(const char *image)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(ask[0], &byte, 1) == 1) {
		scratch_empty(image);
		if (write(answer[1], &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static void clean(void)
{
	char byte = 0;

	if (write(ask[1], &byte, 1) != 1 || read(answer[0], &byte, 1) != 1)
		wrong("nobody empties the scratch directory");
}

/* Its program in the window at 0, if there is one, or not. */
static int make(const struct cvm_config *config, struct cvm **cvm, int first, struct cvm_error *error)
{
	struct window held = {0};
	int code = first ? 0 : window_open(&held, MACHINE_PROGRAM, WINDOW_ANYWHERE);

	error->text[0] = 0;
	if (!code)
		code = cvm_create(config, cvm, error);
	window_close(&held);
	return code;
}

static void one_cvm(struct cvm_config *config, unsigned long seed)
{
	struct cvm_error error;
	struct watched w = {.lock = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER};
	pthread_t watcher;
	char text[32];

	snprintf(text, sizeof text, "%lu", seed);
	config->argv[1] = text;
	shared->seed = seed;
	if (make(config, &w.cvm, seed & 1, &error)) {
		wrong("a cVM cannot be made any more: %s", error.text);
		return;
	}
	if (pthread_create(&watcher, NULL, watch, &w))
		exit(99);
	cvm_run(w.cvm);
	if (w.cvm->fault.signal) {
		shared->faults++;
		if (!host_mode && w.cvm->fault.compartment == MACHINE_LIBOS) {
			shared->libos_faults++;
			wrong("the library OS was ended by SIG%s at %#llx", sigabbrev_np(w.cvm->fault.signal),
			      (unsigned long long)w.cvm->fault.pc - w.cvm->libos_base);
		}
	}
	/* The end is part of it. */
	cvm_destroy(w.cvm);
	pthread_mutex_lock(&w.lock);
	w.done = 1;
	pthread_cond_signal(&w.over);
	pthread_mutex_unlock(&w.lock);
	pthread_join(watcher, NULL);
	shared->cvms++;
}

static int fuzz(unsigned long seconds, unsigned long seed, char **paths)
{
	char *none[] = {NULL}, *arguments[] = {"calls", NULL, "3", NULL}, *innocent_arguments[] = {"innocent", NULL};
	struct cvm_mount mounts[] = {{.guest_path = "/data", .host_fd = -1, .upper_fd = -1}, {.guest_path = "/tmp", .host_fd = -1, .upper_fd = -1}};
	struct cvm_port ports[] = {{-1, 7777, 6}, {-1, 7777, 17}};
	/* Its streams are with itself. */
	struct cvm_grant grants[] = {{GRANT_STREAM, "s0", GRANT_CREATE | GRANT_READ | GRANT_WRITE}, {GRANT_STREAM, "s1", GRANT_CREATE | GRANT_WRITE},
				     {GRANT_CALL, "s0", ~0u}, {GRANT_FILE, "s0", ~0u}};
	struct cvm_peer peers[] = {{"h", 0x0a000001}, {"i", 0x0a000002}};
	struct cvm_config config = {.image_fd = -1, .libos_path = paths[0], .image_path = paths[1], .argc = 3, .argv = arguments, .envp = none,
				    .working_directory = "/", .hostname = "h", .mounts = mounts, .mount_count = 2, .memory_limit = MEMORY,
				    .grants = grants, .grant_count = 4, .peers = peers, .peer_count = 2, .address = 0x0a000001,
				    .network_id = peers};
	struct cvm_error error;
	struct cvm *neighbour;
	struct figures before = {0}, after;
	const struct rlimit size = {16 << 20, 16 << 20}, files = {4096, 4096}, core = {0, 0};
	uint64_t end = now_ms() + seconds * 1000, hash = 0;
	int input[2], output = memfd_create("output", MFD_CLOEXEC), said = memfd_create("said", MFD_CLOEXEC), leaks = 0;

	setrlimit(RLIMIT_FSIZE, &size);
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &core);
	own_world();
	trap_tcp = loopback_socket(SOCK_STREAM, granted ? TRAP_PORT : 0);
	trap_udp = loopback_socket(SOCK_DGRAM, granted ? TRAP_PORT : 0);
	listen(trap_tcp, 100);
	if (granted) {
		ports[0].fd = published[0] = loopback_socket(SOCK_STREAM, 7001);
		ports[1].fd = published[1] = loopback_socket(SOCK_DGRAM, 7001);
		config.ports = ports;
		config.port_count = 2;
		config.network = 1;
	}
	if (pipe2(input, O_CLOEXEC) || output < 0 || said < 0 || intravisor_init(&error))
		return 99;
	mounts[0].host_fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (granted) {          /* the tmpfs is mounted over it */
		close(mounts[0].host_fd);
		mounts[0].host_fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	config.standard_fds[0] = input[0];
	config.standard_fds[1] = config.standard_fds[2] = output;
	close(input[1]);
	struct cvm_config innocent = {.image_fd = -1, .libos_path = paths[3] ? paths[3] : paths[0], .image_path = paths[2], .argc = 1,
				      .argv = innocent_arguments, .envp = none, .working_directory = "/", .hostname = "i",
				      .standard_fds = {input[0], said, said}};
	if (make(&innocent, &neighbour, 0, &error)) {
		fprintf(stderr, "fuzz: %s\n", error.text);
		return 99;
	}
	hash = neighbour_hash(neighbour);
	pid_t world = fork();
	if (!world)
		outside();
	if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		return 99;
	pid_t other = fork();
	if (!other)
		cleaner(paths[2]);
	if (!getenv("FUZZ_REPORTS"))
		dup2(output, 2);        /* reports of guests that ended; what is wrong is said by the other process */
	if (world < 0 || other < 0 || host_lockdown(&(const struct cvm_config *){&config}, 1, -1))
		return 99;
	for (unsigned long n = 0; now_ms() < end && !shared->what[0]; n++) {
		clean();
		if (ftruncate(output, 0))
			return 99;
		lseek(output, 0, SEEK_SET);
		one_cvm(&config, seed + n);
		if (neighbour_hash(neighbour) != hash)
			wrong("the neighbour's memory changed");
		for (int wait = 0; after = figures(), n > WARM && after.threads > before.threads && wait < 500; wait++)
			rest(10);
		if (n == WARM) {
			before = after;
			before.threads++;       /* the one that watches calls' time limits, from somebody's first export on */
		}
		if (n <= WARM)
			continue;
		if (after.threads > before.threads)
			wrong("%u host threads more than before", after.threads - before.threads);
		/* One that the world outside has open just now, and images that the cache keeps. */
		leaks = after.descriptors > before.descriptors + 20 || after.mappings > before.mappings + 400 ? leaks + 1 : 0;
		if (leaks > 3)
			wrong("%u descriptors, were %u; %u mappings, were %u", after.descriptors, before.descriptors, after.mappings, before.mappings);
		if (after.own > before.own + GROWTH)
			wrong("%llu MiB of own memory, were %llu", (unsigned long long)after.own >> 20, (unsigned long long)before.own >> 20);
	}
	char text[8] = "";
	if (!shared->what[0] && (cvm_run(neighbour) || pread(said, text, 6, 0) != 6 || memcmp(text, "hello\n", 6)))
		wrong("the neighbour does not say hello");
	cvm_destroy(neighbour);
	return shared->what[0] ? 70 : 0;
}

int main(int argc, char **argv)
{
	int status;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc < 8 || shared == MAP_FAILED)
		return 2;
	host_mode = !strcmp(argv[1], "host");
	scratch = argv[4];
	pid_t child = fork();
	if (!child)
		_exit(fuzz(strtoul(argv[2], NULL, 0), strtoul(argv[3], NULL, 0), argv + 5));
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 99;
	if (WIFSIGNALED(status))
		wrong("the Intravisor died of SIG%s", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		wrong("exit status %d", WEXITSTATUS(status));
	/* All in a few of them: else nothing was tried. */
	if (shared->cvms <= WARM && !shared->what[0])
		wrong("only %lu cVMs in that time", shared->cvms);
	printf("# %s calls from seed %s: %lu cVMs, %lu ended by us, %lu by a fault\n", argv[1], argv[3], shared->cvms, shared->ended, shared->faults);
	if (shared->what[0])
		printf("# %s, seed %lu\n", shared->what, shared->seed);
	return shared->what[0] ? 1 : 0;
}
