/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Pseudo-terminals as Linux has them: names, lines and what edits them, echoes, raw mode, signals of the keyboard, sessions, hanging up.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static int master, slave;

static void pair(void)
{
	char name[64];

	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof name))
		return;
	slave = open(name, O_RDWR | O_NOCTTY);
}

static void unpair(void)
{
	close(slave);
	close(master);
}

/* What there is to read, within a moment; how much, or -1. */
static int got(int fd, const char *expected)
{
	char text[256];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n = 0, more;
	size_t length = strlen(expected);

	while ((size_t)n < length && poll(&p, 1, 2000) == 1 && (more = read(fd, text + n, length - (size_t)n)) > 0)
		n += more;
	if ((size_t)n != length || memcmp(text, expected, length)) {
		printf("# got %zd bytes:", n);
		for (ssize_t i = 0; i < n; i++)
			printf(" %02x", text[i] & 0xff);
		puts("");
		return 0;
	}
	return 1;
}

static int empty(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

static int type(const char *text)
{
	return write(master, text, strlen(text)) == (ssize_t)strlen(text);
}

static void names(void)
{
	char name[64], other[64];
	struct stat a, b;
	int number = -1, found = 0;

	master = posix_openpt(O_RDWR | O_NOCTTY);
	OK(master >= 0);
	OK(ptsname_r(master, name, sizeof name) == 0 && !strncmp(name, "/dev/pts/", 9));
	FAILS(open(name, O_RDWR | O_NOCTTY), EIO);
	OK(ioctl(master, TIOCGPTN, &number) == 0 && number == atoi(name + 9));
	OK(grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(name, O_RDWR | O_NOCTTY);
	OK(slave >= 0);
	OK(isatty(slave) && isatty(master));
	OK(ttyname_r(slave, other, sizeof other) == 0 && !strcmp(name, other));
	OK(stat(name, &a) == 0 && fstat(slave, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_rdev == b.st_rdev);
	OK(S_ISCHR(a.st_mode) && a.st_rdev >> 8 == 136 && (int)(a.st_rdev & 255) == number);
	OK(fstat(master, &b) == 0 && S_ISCHR(b.st_mode) && b.st_rdev == (5 << 8 | 2));
	DIR *d = opendir("/dev/pts");
	for (struct dirent *e; d && (e = readdir(d));)
		found |= !strcmp(e->d_name, name + 9);
	OK(found);
	closedir(d);
	FAILS(open("/dev/pts/4095", O_RDWR), ENOENT);
	FAILS(lseek(slave, 0, SEEK_CUR), ESPIPE);
	unpair();
	OK(stat(name, &a) == -1 && errno == ENOENT);
}

static void lines(void)
{
	char text[64];

	pair();
	OK(empty(slave) && empty(master));
	OK(type("hello"));
	OK(empty(slave));
	OK(got(master, "hello"));
	OK(type("\n") && got(slave, "hello\n") && got(master, "\r\n"));
	OK(type("ab\177c\n") && got(slave, "ac\n") && got(master, "ab\b \bc\r\n"));
	OK(type("wrong\025right\n") && got(slave, "right\n"));
	OK(got(master, "wrong\b \b\b \b\b \b\b \b\b \bright\r\n"));
	OK(type("one two\027three\n") && got(slave, "one three\n") && got(master, "one two\b \b\b \b\b \bthree\r\n"));
	OK(type("a\tb\177\177c\n") && got(slave, "ac\n") && got(master, "a\tb\b \b\b\b\b\b\b\b\bc\r\n"));
	OK(type("x\001y\177\177z\n") && got(slave, "xz\n") && got(master, "x^Ay\b \b\b \b\b \bz\r\n"));
	OK(type("a\026\003b\n") && got(slave, "a\003b\n") && got(master, "a^\b^Cb\r\n"));
	OK(type("ret\r") && got(slave, "ret\n") && got(master, "ret\r\n"));
	OK(type("re\022x\n") && got(slave, "rex\n") && got(master, "re^R\r\nrex\r\n"));
	OK(type("two\nlines\n") && read(slave, text, sizeof text) == 4 && read(slave, text, sizeof text) == 6);
	OK(got(master, "two\r\nlines\r\n"));
	OK(type("long\n") && read(slave, text, 2) == 2 && read(slave, text, 64) == 3 && got(master, "long\r\n"));
	/* An end of file: after text it only ends the line. */
	OK(type("end\004") && read(slave, text, 64) == 3 && empty(slave) && got(master, "end"));
	OK(type("exact\004") && read(slave, text, 5) == 5 && empty(slave) && got(master, "exact"));
	OK(type("\004") && read(slave, text, 64) == 0 && empty(slave));
	int n = -1;
	OK(type("four\nnot") && got(master, "four\r\nnot") && ioctl(slave, FIONREAD, &n) == 0 && n == 5);
	OK(tcflush(slave, TCIFLUSH) == 0 && empty(slave));
	OK(type("new\n") && got(slave, "new\n") && got(master, "new\r\n"));
	unpair();
}

static void shown(void)
{
	struct termios t;

	pair();
	OK(write(slave, "a\nb\tc", 5) == 5 && got(master, "a\r\nb\tc"));
	OK(tcgetattr(slave, &t) == 0 && (t.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR) && cfgetospeed(&t) == B38400);
	OK((t.c_lflag & (ICANON | ECHO | ISIG | IEXTEN)) == (ICANON | ECHO | ISIG | IEXTEN) && (t.c_iflag & (ICRNL | IXON)) == (ICRNL | IXON));
	OK(t.c_cc[VINTR] == 3 && t.c_cc[VERASE] == 127 && t.c_cc[VEOF] == 4 && t.c_cc[VMIN] == 1);
	t.c_oflag = OPOST | TAB3;
	OK(tcsetattr(slave, TCSANOW, &t) == 0);
	OK(write(slave, "\r1\t2\n", 5) == 5 && got(master, "\r1       2\n"));
	t.c_oflag = 0;
	t.c_lflag &= ~(tcflag_t)ECHO;
	OK(tcsetattr(master, TCSADRAIN, &t) == 0);
	OK(tcgetattr(slave, &t) == 0 && t.c_oflag == 0);
	OK(type("quiet\n") && got(slave, "quiet\n") && empty(master));
	OK(write(slave, "\n", 1) == 1 && got(master, "\n"));
	/* Stopped and going on. */
	OK(type("\023") && fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	for (struct pollfd p = {.fd = slave, .events = POLLOUT}; poll(&p, 1, 0) == 1;)
		usleep(1000);   /* Linux' discipline has a thread of its own */
	FAILS(write(slave, "x", 1), EAGAIN);
	OK(type("\021") && fcntl(slave, F_SETFL, O_RDWR) == 0 && write(slave, "x", 1) == 1 && got(master, "x"));
	struct winsize w = {.ws_row = 24, .ws_col = 80}, v = {0};
	OK(ioctl(master, TIOCSWINSZ, &w) == 0 && ioctl(slave, TIOCGWINSZ, &v) == 0 && v.ws_row == 24 && v.ws_col == 80);
	FAILS(ioctl(slave, TIOCGPTN, &v), ENOTTY);
	FAILS(ioctl(slave, 0x5499, &v), ENOTTY);
	unpair();
}

static long long ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static void *type_later(void *a)
{
	(void)a;
	usleep(50000);
	return (void *)(long)type("later");
}

static void *type_slowly(void *a)
{
	for (int i = 0; i < 4; i++, usleep(150000))
		type((char[]){"slow"[i], 0});
	return a;
}

static void raw(void)
{
	struct termios t;
	char text[64];
	pthread_t thread;

	pair();
	OK(type("kept") && got(master, "kept"));
	OK(tcgetattr(slave, &t) == 0);
	cfmakeraw(&t);
	OK(tcsetattr(slave, TCSANOW, &t) == 0);
	OK(got(slave, "kept"));
	OK(type("\003\r\177") && got(slave, "\003\r\177") && empty(master));
	OK(write(slave, "\n", 1) == 1 && got(master, "\n"));
	t.c_cc[VMIN] = 0;
	OK(tcsetattr(slave, TCSANOW, &t) == 0 && read(slave, text, 9) == 0);
	t.c_cc[VTIME] = 1;
	OK(tcsetattr(slave, TCSANOW, &t) == 0);
	long long start = ms();
	OK(read(slave, text, 9) == 0);
	OK(ms() - start >= 95 && ms() - start < 2000);
	t.c_cc[VMIN] = 5, t.c_cc[VTIME] = 0;
	OK(tcsetattr(slave, TCSANOW, &t) == 0 && type("123") && empty(slave));
	OK(type("45") && read(slave, text, 9) == 5 && !memcmp(text, "12345", 5));
	t.c_cc[VTIME] = 1;
	OK(tcsetattr(slave, TCSANOW, &t) == 0 && type("12") && read(slave, text, 9) == 2);
	OK(pthread_create(&thread, NULL, type_later, NULL) == 0 && read(slave, text, 9) == 5 && !memcmp(text, "later", 5));
	pthread_join(thread, NULL);
	/* The time is from byte to byte. */
	t.c_cc[VMIN] = 9, t.c_cc[VTIME] = 3;
	OK(tcsetattr(slave, TCSANOW, &t) == 0 && pthread_create(&thread, NULL, type_slowly, NULL) == 0);
	OK(read(slave, text, 9) == 4 && !memcmp(text, "slow", 4));
	pthread_join(thread, NULL);
	OK(fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	FAILS(read(slave, text, 9), EAGAIN);
	FAILS((fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK), read(master, text, 9)), EAGAIN);
	/* Full: what fits, then nothing; all arrives in order. */
	size_t in = 0, out = 0;
	ssize_t n;
	int good = 1;
	for (char c; c = (char)('a' + in % 26), (n = write(master, &c, 1)) == 1;)
		in++;
	OK(n == -1 && errno == EAGAIN && in >= 4000);
	while ((n = read(slave, text, sizeof text)) > 0)
		for (ssize_t i = 0; i < n; i++)
			good &= text[i] == (char)('a' + out++ % 26);
	OK(good && out == in);
	struct epoll_event e = {.events = EPOLLIN}, had;
	int set = epoll_create1(0);
	OK(epoll_ctl(set, EPOLL_CTL_ADD, master, &e) == 0 && epoll_wait(set, &had, 1, 0) == 0);
	OK(write(slave, "now", 3) == 3 && epoll_wait(set, &had, 1, 2000) == 1 && had.events == EPOLLIN && got(master, "now"));
	close(set);
	unpair();
}

static void closing(void)
{
	char text[8];
	struct pollfd p;

	pair();
	p = (struct pollfd){.fd = master, .events = POLLIN | POLLOUT};
	OK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
	OK(write(slave, "last", 4) == 4);
	close(slave);
	OK(poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLIN)) == (POLLHUP | POLLIN));
	OK(read(master, text, 8) == 4);
	FAILS(read(master, text, 8), EIO);
	close(master);
	pair();
	OK(type("lost\n"));
	close(master);
	p = (struct pollfd){.fd = slave, .events = POLLIN | POLLOUT};
	OK(poll(&p, 1, 0) == 1 && (p.revents & POLLHUP));
	OK(read(slave, text, 8) == 0);
	FAILS(write(slave, "x", 1), EIO);
	struct termios t;
	OK(tcgetattr(slave, &t) == -1 && errno == EIO);
	close(slave);
}

static volatile sig_atomic_t seen;

static void see(int signal)
{
	seen = signal;
}

/* In a session of its own, with the terminal: exits with the number of the check that failed, or 0. */
static int session(void)
{
	int value = 0;
	char text[32];

#define MUST(condition) do if (!(condition)) { printf("# line %d, errno %s\n", __LINE__, strerror(errno)); fflush(stdout); return 1; } while (0)
	close(master);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = see}, NULL), signal(SIGWINCH, see), signal(SIGHUP, see);
	MUST(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
	MUST(ioctl(slave, TIOCGPGRP, &value) == -1 && errno == ENOTTY);
	MUST(ioctl(slave, TIOCSCTTY, 0) == 0);
	MUST(tcgetpgrp(slave) == getpid() && tcgetsid(slave) == getsid(0));
	int tty = open("/dev/tty", O_RDWR);
	sigset_t interrupt, none;
	sigemptyset(&none), sigemptyset(&interrupt), sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, NULL);
	MUST(tty >= 0 && write(tty, "ready\n", 6) == 6);
	MUST(ppoll(&(struct pollfd){.fd = tty, .events = POLLIN}, 1, NULL, &none) == -1 && errno == EINTR && seen == SIGINT);
	MUST(write(tty, "intr\n", 5) == 5);
	while (seen != SIGWINCH)
		usleep(1000);
	MUST(write(tty, "winch\n", 6) == 6);
	/* A child in a group of its own is in the background, and is stopped when it reads. */
	pid_t child = fork();
	if (!child) {
		setpgid(0, 0);
		signal(SIGTTIN, SIG_DFL);
		_exit(read(tty, text, 1) != 1);
	}
	setpgid(child, child);
	int status;
	MUST(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
	MUST(tcsetpgrp(tty, 9999) == -1 && errno == ESRCH);
	MUST(tcsetpgrp(tty, child) == 0 && tcgetpgrp(tty) == child);
	MUST(write(tty, "front\n", 6) == 6);
	MUST(kill(child, SIGCONT) == 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* It is in the background now itself: setting the terminal stops it, but for the signal being ignored. */
	signal(SIGTTOU, SIG_IGN);
	MUST(tcsetpgrp(tty, getpid()) == 0);
	MUST(write(tty, "bye\n", 4) == 4);
	for (int i = 0; i < 2000 && seen != SIGHUP; i++)
		usleep(1000);
	MUST(seen == SIGHUP);
	return 0;
}

static void sessions(void)
{
	int status;
	struct winsize w = {.ws_row = 10, .ws_col = 20};

	pair();
	fflush(stdout);
	pid_t child = fork();
	if (!child) {
		setsid();
		_exit(session());
	}
	close(slave);
	OK(got(master, "ready\r\n"));
	OK(type("half\003") && got(master, "^Cintr\r\n"));
	OK(ioctl(master, TIOCSWINSZ, &w) == 0 && got(master, "winch\r\n"));
	OK(got(master, "front\r\n") && type("x\n") && got(master, "x\r\nbye\r\n"));
	close(master);
	OK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* The end of a session's leader is heard by the group in front. */
	pair();
	child = fork();
	if (!child) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		pid_t grandchild = fork();
		if (!grandchild) {
			signal(SIGHUP, see);
			if (write(slave, "up\n", 3) != 3)
				_exit(1);
			while (!seen)
				usleep(1000);
			_exit(write(slave, "hup\n", 4) != 4);
		}
		read(slave, &(char){0}, 1);
		_exit(0);
	}
	OK(got(master, "up\r\n") && type("\n") && waitpid(child, &status, 0) == child);
	OK(got(master, "\r\nhup\r\n"));
	unpair();
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	names();
	lines();
	shown();
	raw();
	closing();
	if (FORKS)
		sessions();
	return DONE();
}
