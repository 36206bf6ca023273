/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Files and capabilities between two cVMs. file serve: creates `control`, `data` (5,001 bytes at an odd address), `constant` (to
 * be read only), `pages` (mappable), and obeys the orders it is written to `control`. file use: opens them and says what it finds.
 * file hold NAME: opens, maps, takes a capability, and is killed by itself.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <carrel/cp.h>
#include "../../libos/guests/has_fork.h"

#define LENGTH 5001
#define PAGES (1u << 20)
#define RACES 60

enum order { CHECK = 1, NOTIFY, REVOKE, AGAIN, STORE_PAGES, RACE, REVOKE_PAGES, RIGHTS, EXEC, DIE };
struct control {
	long order, answer;
};

static unsigned char all[LENGTH + 64], *data = all + 33;
static const char constant[] = "not to be changed";

static void need(int ok, const char *what)
{
	static int n;

	printf("%s %d - %s%s%s\n", ok ? "ok" : "not ok", ++n, what, ok ? "" : ": ", ok ? "" : strerror(errno));
	fflush(stdout);
}

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + 1 + (i >> 8));
}

static void fill(void)
{
	memset(all, 0xee, sizeof all);
	for (size_t i = 0; i < LENGTH; i++)
		data[i] = pattern(i);
}

/* ---- the creator ---- */
static int create_data(void)
{
	fill();
	return cp_file_create("data", data, LENGTH, CAP_LOAD | CAP_STORE | CAP_GRANT | CAP_INVOKE);
}

/* Bytes 100..102 were written by the other side, all else is as it was. */
static long check(void)
{
	for (size_t i = 0; i < sizeof all; i++) {
		size_t at = i - 33;
		unsigned char want = i < 33 || at >= LENGTH ? 0xee : at >= 100 && at < 103 ? 'x' : pattern(at);
		if (all[i] != want)
			return -(long)i - 1;
	}
	return 1;
}

/* Nothing may change any more once the revocation has returned, whatever the other side's threads try. */
static long race(int *fd)
{
	for (int i = 0; i < RACES; i++) {
		usleep(3000);
		if (cp_file_revoke(*fd))
			return -1;
		memset(all, 0x5a, sizeof all);
		usleep(1000);
		for (size_t k = 0; k < sizeof all; k++)
			if (all[k] != 0x5a)
				return -2;
		close(*fd);
		if ((*fd = create_data()) < 0)
			return -3;
	}
	return 1;
}

static int serve(char **argv)
{
	static struct control control;
	int fd = cp_file_create("control", &control, sizeof control, CAP_LOAD | CAP_STORE), d = create_data();
	int c = cp_file_create("constant", (void *)constant, sizeof constant - 1, CAP_LOAD | CAP_STORE | CAP_GRANT);
	int p = cp_file_create_mappable("pages", PAGES, CAP_LOAD | CAP_STORE | CAP_GRANT);
	volatile long *pages = p < 0 ? NULL : cp_file_map(p, PAGES);
	long sequence = 0;

	if (fd < 0 || d < 0 || c < 0 || p < 0 || pages == MAP_FAILED) {
		perror("serve");
		return 1;
	}
	for (;;) {
		while (control.order == 0)
			if ((sequence = cp_file_wait(fd, sequence, NULL)) < 0)
				return 2;
		long order = control.order, answer = 1;
		control.order = 0;
		switch (order) {
		case CHECK:
			answer = check();
			break;
		case NOTIFY:
			usleep(30000);
			answer = cp_file_notify(d);
			break;
		case REVOKE:
			usleep(30000);
			answer = !cp_file_revoke(d) && cp_file_revoke(d) == -1 && errno == ENODEV && check() == 1;
			break;
		case AGAIN:
			close(d);
			answer = (d = create_data()) >= 0 && cp_file_create("data", data, 1, CAP_LOAD) == -1 && errno == EEXIST;
			break;
		case STORE_PAGES:
			answer = pages[1] == 4711 && pages[PAGES / sizeof(long) - 1] == 4712;
			pages[0] = 4713;
			break;
		case RACE:
			answer = race(&d);
			break;
		case REVOKE_PAGES:
			answer = !cp_file_revoke(p);
			break;
		case RIGHTS:
			answer = cp_file_create("foreign", data, 1, CAP_LOAD) == -1 && errno == EACCES &&
				 cp_file_create("data", data, 1, CAP_LOAD) == -1 && errno == EEXIST &&
				 cp_file_create("", data, 1, CAP_LOAD) == -1 && errno == EINVAL;
			break;
		case EXEC: /* another program: the memory goes, also where a copy of the descriptor is still open */
			fcntl(d, F_SETFD, 0);
			execv("/proc/self/exe", (char *[]){argv[0], "sleep", NULL});
			return 3;
		case DIE:
			raise(SIGKILL);
		}
		control.answer = answer;
		cp_file_notify(fd);
	}
}

/* ---- the user ---- */
static int control;

static int unanswered;

/* An order that was not waited for is over: its answer comes before the next one's. */
static void settle(void)
{
	struct control c = {0, 0};

	while (unanswered && !c.answer && cp_file_read(control, &c, sizeof c, 0) == sizeof c)
		usleep(500);
	unanswered = 0;
}

static long ordered(enum order order)
{
	struct control c = {order, 0};
	settle();
	long sequence = cp_file_sequence(control);

	if (cp_file_write(control, &c, sizeof c, 0) != sizeof c || cp_file_notify(control) < 0)
		return -100;
	while (!c.answer) {
		if ((sequence = cp_file_wait(control, sequence, NULL)) < 0)
			return -101;
		cp_file_read(control, &c, sizeof c, 0);
	}
	return c.answer;
}

static void order_now(enum order order)
{
	struct control c = {order, 0};

	settle();
	unanswered = 1;
	cp_file_write(control, &c, sizeof c, 0);
	cp_file_notify(control);
}

static int opened(const char *name, int flags)
{
	for (int i = 0; i < 1000; i++) {
		int fd = cp_file_open(name, flags);
		if (fd >= 0 || errno != ENOENT)
			return fd;
		usleep(5000);
	}
	return -1;
}

static long milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int fails(long result, int error)
{
	return result == -1 && errno == error;
}

static sigjmp_buf back;
static void bus(int signal)
{
	siglongjmp(back, signal);
}

static int faults(volatile long *at)
{
	int signal = sigsetjmp(back, 1);

	if (!signal)
		(void)*at;
	return signal;
}

static void reads_and_writes(int fd)
{
	static unsigned char buffer[2 * LENGTH];
	struct stat st;
	size_t same = 0;

	need(!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size == LENGTH,
	     "a file has the length of what was published, to the byte");
	need(cp_file_read(fd, buffer, sizeof buffer, 0) == LENGTH, "a read ends at its end");
	while (same < LENGTH && buffer[same] == pattern(same))
		same++;
	need(same == LENGTH, "and gives what is there");
	need(cp_file_read(fd, buffer, 10, LENGTH - 3) == 3 && cp_file_read(fd, buffer, 10, LENGTH) == 0 &&
		     cp_file_read(fd, buffer, 10, ~0ull - 4) == 0,
	     "at and behind the end: less, and nothing");
	need(cp_file_write(fd, "xxx", 3, 100) == 3 && cp_file_write(fd, "yyy", 3, LENGTH) == 0, "writes too");
	need(ordered(CHECK) == 1, "its creator sees what was written, and around its bytes nothing changed");
	need(fails(cp_file_read(fd, (void *)8, 8, 0), EFAULT) && fails(cp_file_write(fd, (void *)8, 8, 0), EFAULT),
	     "bad buffers: EFAULT");
	need(ordered(RIGHTS) == 1, "names: not granted EACCES, taken EEXIST, empty EINVAL");
	need(fails(cp_file_open("secret", O_RDONLY), ENOENT) && fails(cp_file_open("foreign", O_RDONLY), ENOENT) &&
		     fails(cp_file_open("constant", O_RDWR), EACCES),
	     "opening: as granted");
	int c = cp_file_open("constant", O_RDONLY);
	need(c >= 0 && fails(cp_file_write(c, "a", 1, 0), EBADF) && fails(write(c, "a", 1), EBADF),
	     "what is opened to be read is not written");
	long cap = cap_of_file(c);
	need(cap >= 0 && cap_rights(cap) == (CAP_LOAD | CAP_GRANT) && fails(cap_store(cap, 0, "a", 1), EPERM) &&
		     !cap_load(cap, 0, buffer, 17) && !memcmp(buffer, constant, 17),
	     "nor by its capability");
	cap_revoke(cap);
	close(c);
}

static void waits(int fd)
{
	long sequence = cp_file_sequence(fd), start = milliseconds();
	struct timespec soon = {0, 20000000};
	int out = 1, e = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = 5}, got[2];
	struct pollfd both[2] = {{fd, POLLIN, 0}, {out, POLLIN, 0}};
	char byte;

	need(fails(cp_file_wait(fd, sequence, &soon), ETIMEDOUT) && milliseconds() - start >= 20, "a wait ends at its time limit");
	need(cp_file_wait(fd, sequence + 1, NULL) == sequence, "and at once when the number is another");
	order_now(NOTIFY);
	need(cp_file_wait(fd, sequence, NULL) == sequence + 1, "it ends by a notify of the other side");
	usleep(20000);
	read(fd, &byte, 1);
	need(poll(both, 1, 0) == 0, "poll: nothing new");
	order_now(NOTIFY);
	need(poll(both, 1, 5000) == 1 && both[0].revents == POLLIN, "poll wakes up by a notify");
	need(pread(fd, &byte, 1, 0) == 1 && byte == (char)pattern(0) && poll(both, 1, 0) == 0, "a read takes the news");
	order_now(NOTIFY);
	need(poll(both, 2, 5000) == 1 && both[0].revents == POLLIN, "also together with a file of the host");
	read(fd, &byte, 1);
	epoll_ctl(e, EPOLL_CTL_ADD, fd, &event);
	order_now(NOTIFY);
	need(epoll_wait(e, got, 2, 5000) == 1 && got[0].data.fd == 5 && got[0].events == EPOLLIN, "epoll");
	read(fd, &byte, 1);
	event.events = EPOLLIN | EPOLLET;
	epoll_ctl(e, EPOLL_CTL_MOD, fd, &event);
	need(epoll_wait(e, got, 2, 0) == 0, "epoll, edge-triggered: nothing new");
	order_now(NOTIFY);
	need(epoll_wait(e, got, 2, 5000) == 1 && epoll_wait(e, got, 2, 0) == 0, "epoll, edge-triggered: once");
	close(e);
}

static void capabilities(int fd)
{
	static unsigned char buffer[LENGTH], own[300];
	long cap = cap_of_file(fd), part = cap_bounds(cap, 100, 3), read_only = cap_permissions(part, CAP_LOAD);

	need(cap > 0 && cap_length(cap) == LENGTH && cap_rights(cap) == (CAP_LOAD | CAP_STORE | CAP_GRANT | CAP_INVOKE) &&
		     fails(cap_object_type(cap), EPERM),
	     "a file as a capability");
	need(!cap_load(part, 0, buffer, 3) && !memcmp(buffer, "xxx", 3) && fails(cap_load(part, 0, buffer, 4), ERANGE) &&
		     fails(cap_load(part, 4, buffer, 0), ERANGE) && fails(cap_load(part, ~0ull, buffer, 2), ERANGE),
	     "bounds of single bytes");
	need(fails(cap_bounds(part, 0, 4), EINVAL) && fails(cap_bounds(part, 4, 0), EINVAL) &&
		     fails(cap_bounds(part, ~0ull, 2), EINVAL) && cap_rights(cap_permissions(read_only, ~0u)) == CAP_LOAD,
	     "nothing grows");
	need(!cap_load(read_only, 1, buffer, 2) && fails(cap_store(read_only, 0, "a", 1), EPERM), "permissions");
	long mine = cap_memory(own, sizeof own);
	need(mine > 0 && !cap_copy(mine, 7, cap, 100, 3) && !memcmp(own + 7, "xxx", 3) && !own[6] && !own[10] &&
		     fails(cap_copy(mine, 299, cap, 0, 2), ERANGE) && fails(cap_copy(read_only, 0, mine, 0, 1), EPERM) &&
		     !cap_copy(part, 0, mine, 7, 3),
	     "copies between two");
	need(ordered(CHECK) == 1, "and the creator sees no other byte changed");
	long type = cap_type(), other = cap_type(), sealed = cap_seal(part, type), code = cap_seal(cap_memory(own, 8), type);
	need(sealed > 0 && fails(cap_load(sealed, 0, buffer, 1), EPERM) && fails(cap_bounds(sealed, 0, 1), EPERM) &&
		     cap_object_type(sealed) >= 0 && cap_object_type(sealed) == cap_object_type(code),
	     "sealed: no use but as a token");
	need(!cap_invoke_check(code, sealed) && fails(cap_invoke_check(code, cap_seal(part, other)), EPERM) &&
		     fails(cap_invoke_check(code, part), EPERM),
	     "invocation needs two of one type");
	need(fails(cap_unseal(sealed, other), EPERM) && fails(cap_unseal(sealed, part), EPERM) &&
		     fails(cap_seal(part, part), EPERM),
	     "and unsealing its authority");
	long again = cap_unseal(sealed, type);
	need(again > 0 && !cap_load(again, 0, buffer, 3) && !memcmp(buffer, "xxx", 3), "which gives it back");
	need(!cap_revoke(part) && fails(cap_load(again, 0, buffer, 1), EBADF) && fails(cap_length(sealed), EBADF) &&
		     fails(cap_revoke(part), EBADF) && !cap_load(cap, 0, buffer, LENGTH) && fails(cap_revoke(CAP_OWN), EPERM),
	     "revoked: with all derived from it, and nothing else");
	for (long forged = 1; forged > 0; forged <<= 3)
		if (forged > 64 && (!fails(cap_load(forged, 0, buffer, 1), EBADF) || !fails(cap_revoke(forged), EBADF)))
			need(0, "a forged number");
	pid_t child = FORKS ? fork() : 0;
	if (!child && FORKS) /* a process of its own: the numbers mean nothing there, the descriptor does */
		_exit(fails(cap_load(cap, 0, buffer, 1), EBADF) && fails(cap_load(mine, 0, buffer, 1), EBADF) &&
				      cp_file_read(fd, buffer, 3, 100) == 3 && cap_load(cap_of_file(fd), 100, buffer, 3) == 0
			      ? 0
			      : 1);
	int status = 1;
	if (FORKS) {
		waitpid(child, &status, 0);
		need(status == 0, "a fork's child has no capabilities, but the file");
	}
	/* All that can be had, and then one that is not: what was derived from a capability goes at once. */
	int n = 0;
	while (cap_bounds(cap, 0, 1) >= 0)
		n++;
	need(errno == ENOSPC && n > 65000 && !cap_revoke(cap) && cap_of_file(fd) > 0, "65,536 capabilities, revoked at once");
}

static void mappings(void)
{
	int fd = opened("pages", O_RDWR), r = cp_file_open("pages", O_RDONLY);
	volatile long *pages = cp_file_map(fd, PAGES), *reads = cp_file_map(r, PAGES);

	need(pages != MAP_FAILED && reads != MAP_FAILED && pages[0] == 0, "a mappable file is mapped");
	pages[1] = 4711;
	pages[PAGES / sizeof(long) - 1] = 4712;
	need(ordered(STORE_PAGES) == 1 && pages[0] == 4713 && reads[0] == 4713 && reads[1] == 4711,
	     "stores are seen in both cVMs, without a copy");
	long word = 0;
	need(cp_file_read(fd, &word, 8, 8) == 8 && word == 4711 && cp_file_write(fd, &word, 8, 16) == 8 && pages[2] == 4711,
	     "reads and writes see the same");
	need(fails((long)mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, r, 0), EACCES),
	     "what is read only is not mapped for writing");
	mprotect((void *)reads, 4096, PROT_READ | PROT_WRITE);
	reads[5] = 99;
	cp_file_read(fd, &word, 8, 40);
	need(word == 0 && pages[5] == 0, "nor made writable later: that is a copy");
	int d = cp_file_open("data", O_RDWR);
	need(cp_file_map(d, 4096) == MAP_FAILED && errno == ENODEV, "what lies in its creator's memory is not mapped");
	close(d);
	pid_t child = FORKS ? fork() : 0;
	if (!child && FORKS)
		_exit(pages[0] == 4713 && (pages[7] = 1) ? 0 : 1);
	int status = 1;
	if (FORKS) {
		waitpid(child, &status, 0);
		need(status == 0 && pages[7] == 1, "a fork's child shares the mapping");
	}
	signal(SIGBUS, bus);
	need(ordered(REVOKE_PAGES) == 1 && faults(pages) == SIGBUS && faults(pages + PAGES / 8 - 1) == SIGBUS &&
		     faults(reads + 512) == SIGBUS,
	     "revoked: SIGBUS at every mapping");
	need(fails(cp_file_read(fd, &word, 8, 0), ENODEV) && fails(cap_of_file(fd), ENODEV), "and ENODEV for the rest");
	need(cp_file_map(fd, PAGES) == MAP_FAILED && errno == ENODEV, "it is mapped no more");
	child = FORKS ? fork() : 0;
	if (!child && FORKS)
		_exit(0);
	if (FORKS)
		need(child > 0 && waitpid(child, &status, 0) == child && !status, "a process with such mappings can fork");
	munmap((void *)pages, PAGES);
	close(fd);
	close(r);
}

static volatile int over;
static void *hammer(void *argument)
{
	static unsigned char junk[LENGTH];
	long how = (long)argument, cap = -1, tries = 0;
	int fd = -1;

	for (; !over; tries++) {
		long done;
		if (fd < 0 && (fd = cp_file_open("data", O_RDWR)) < 0)
			continue;
		if (how && cap < 0 && (cap = cap_bounds(cap_of_file(fd), 1, LENGTH - 1)) < 0)
			done = -1;
		else
			done = how == 2 ? cap_store(cap, 0, junk, LENGTH - 1)
			       : how    ? cap_copy(cap, 0, cap, LENGTH / 2, 100)
					: cp_file_write(fd, junk, LENGTH, 0);
		if (done < 0) {
			close(fd);
			fd = -1;
			cap = -1;
		}
	}
	return (void *)tries;
}

static void races(void)
{
	pthread_t threads[3];

	for (long i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, hammer, (void *)i);
	need(ordered(RACE) == 1, "under load nothing is written after a revocation has returned");
	over = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

static int use(void)
{
	control = opened("control", O_RDWR);
	int fd = opened("data", O_RDWR);
	struct pollfd p = {fd, POLLIN, 0};
	char byte;

	need(control >= 0 && fd >= 0, "files are opened by their names");
	reads_and_writes(fd);
	waits(fd);
	capabilities(fd);
	mappings();

	long cap = cap_of_file(fd), sequence = cp_file_sequence(fd), start = milliseconds();
	order_now(REVOKE);
	need(fails(cp_file_wait(fd, sequence, NULL), ENODEV) && milliseconds() - start < 2000, "revoked: who waits hears of it");
	need(fails(cp_file_read(fd, &byte, 1, 0), ENODEV) && fails(read(fd, &byte, 1), ENODEV) &&
		     fails(cp_file_notify(fd), ENODEV) && poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLERR | POLLHUP),
	     "and everybody else when asking");
	need(fails(cap_load(cap, 0, &byte, 1), EBADF), "the capability is gone");
	usleep(20000);
	need(fails(cp_file_open("data", O_RDONLY), ENOENT) && ordered(AGAIN) == 1, "the name is free again");
	need(fails(cp_file_read(fd, &byte, 1, 0), ENODEV), "and the old descriptor does not lead to the new file");
	close(fd);
	races();

	fd = opened("data", O_RDWR);
	sequence = cp_file_sequence(fd);
	order_now(EXEC);
	need(fails(cp_file_wait(fd, sequence, NULL), ENODEV) && fails(cp_file_read(fd, &byte, 1, 0), ENODEV),
	     "its creator executes another program");
	return 0;
}

/* Until it is killed: a wait that has begun ends. */
static int bereaved(void)
{
	control = opened("control", O_RDWR);
	int fd = opened("data", O_RDWR), pages = opened("pages", O_RDWR);
	volatile long *map = cp_file_map(pages, PAGES);
	long sequence = cp_file_sequence(fd), start = milliseconds();
	char byte;

	map[3] = 1;
	order_now(DIE);
	need(fails(cp_file_wait(fd, sequence, NULL), ENODEV) && milliseconds() - start < 2000, "killed: who waits hears of it");
	need(fails(cp_file_read(fd, &byte, 1, 0), ENODEV) && fails(cp_file_write(control, &byte, 1, 0), ENODEV), "and who asks");
	usleep(20000);
	signal(SIGBUS, bus);
	need(faults(map) == SIGBUS, "mappings of a killed creator's file are empty");
	return 0;
}

/* Takes all there is to take, and dies with it. */
static int hold(void)
{
	int fd = opened("data", O_RDWR), pages = opened("pages", O_RDWR);
	char *map = cp_file_map(pages, PAGES);

	control = opened("control", O_RDWR);
	if (fd < 0 || map == MAP_FAILED || cap_bounds(cap_of_file(fd), 1, 2) < 0)
		return 1;
	map[PAGES - 1] = 1;
	raise(SIGKILL);
	return 1;
}

/* Passes a part of what it got on, under a name of its own. */
static int relay(void)
{
	long part = cap_bounds(cap_of_file(opened("data", O_RDWR)), 90, 20);

	if (part < 0 || cp_file_publish("relayed", part, CAP_LOAD | CAP_STORE) < 0)
		return 1;
	for (;;)
		pause();
}

static int third(void)
{
	unsigned char bytes[20];
	int fd = opened("relayed", O_RDWR);

	control = opened("control", O_RDWR);
	need(cp_file_read(fd, bytes, sizeof bytes, 0) == 20 && bytes[0] == pattern(90) && bytes[19] == pattern(109),
	     "what a second cVM passes on of a first one's reaches a third");
	need(cp_file_write(fd, "xxx", 3, 10) == 3 && ordered(CHECK) == 1 && cp_file_read(fd, bytes, 2, 19) == 1, "those bytes and no others");
	need(fails(cap_of_file(fd), EPERM) && fails(cp_file_open("data", O_RDONLY), ENOENT), "and it gets no more than that");
	long sequence = cp_file_sequence(fd), start = milliseconds();
	order_now(REVOKE);
	need(fails(cp_file_wait(fd, sequence, NULL), ENODEV) && milliseconds() - start < 2000 && fails(cp_file_read(fd, bytes, 1, 0), ENODEV),
	     "the first one takes it back from all");
	return 0;
}

int main(int argc, char **argv)
{
	const char *role = argc > 1 ? argv[1] : "";

	if (!strcmp(role, "sleep"))
		for (;;)
			pause();
	return !strcmp(role, "serve")      ? serve(argv)
	       : !strcmp(role, "use")      ? use()
	       : !strcmp(role, "bereaved") ? bereaved()
	       : !strcmp(role, "relay")    ? relay()
	       : !strcmp(role, "third")    ? third()
	       : !strcmp(role, "hold")     ? hold()
					   : 2;
}
