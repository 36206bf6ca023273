/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The supervisor's loop: it forks the process that runs the cVMs, and from then on only waits, for events of that process, for
 * what cVMs print, for clients, signals and the clock.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/deploy/runtime.h"
#include "cli/deploy/supervisor.h"

#define WINDOWS_MOST 65536

int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void command_send(struct supervisor *s, const struct engine_command *command, const char *text, const int fds[3])
{
	struct iovec vectors[2] = {{(void *)command, sizeof *command}, {(void *)text, command->length}};
	_Alignas(struct cmsghdr) char ancillary[CMSG_SPACE(3 * sizeof(int))] = {0};
	struct msghdr message = {.msg_iov = vectors, .msg_iovlen = text ? 2 : 1};

	if (fds) {
		message.msg_control = ancillary;
		message.msg_controllen = sizeof ancillary;
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		*head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(3 * sizeof(int))};
		memcpy(CMSG_DATA(head), fds, 3 * sizeof(int));
	}
	/* The engine reads at once, and waits for nothing but this process' reading of its events. */
	while (s->engine_alive && sendmsg(s->engine, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static int pipes_make(struct project *p, struct supervisor *s, int write_ends[][2])
{
	for (size_t i = 0; i < p->count; i++)
		for (int k = 0; k < 2; k++) {
			int ends[2];
			if (pipe2(ends, O_CLOEXEC))
				return -1;
			fcntl(ends[0], F_SETFL, O_NONBLOCK);
			s->units[i].output[k] = ends[0];
			write_ends[i][k] = ends[1];
			p->services[i].config.standard_fds[k + 1] = ends[1];
		}
	return 0;
}

/* What was opened for the cVMs is the engine's alone from here on. */
static void grants_close(const struct project *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct cvm_config *c = &p->services[i].config;
		close(c->image_fd);
		for (size_t k = 0; k < c->mount_count; k++) {
			if (c->mounts[k].host_fd >= 0)
				close(c->mounts[k].host_fd);
			if (c->mounts[k].upper_fd >= 0)
				close(c->mounts[k].upper_fd);
		}
		for (size_t k = 0; k < c->port_count; k++)
			close(c->ports[k].fd);
		close(c->standard_fds[1]);
		close(c->standard_fds[2]);
	}
}

static int engine_begin(struct supervisor *s, int lock, int signals)
{
	static int write_ends[PROJECT_CVMS_MOST][2];
	struct project *p = s->project;
	int pair[2], log[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) || pipe2(log, O_CLOEXEC) || pipes_make(p, s, write_ends)) {
		say(s, "cannot make the pipes: %s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < p->count; i++)
		p->services[i].config.standard_fds[0] = s->null;
	fflush(NULL);
	s->engine_pid = fork();
	if (s->engine_pid < 0) {
		say(s, "cannot fork: %s", strerror(errno));
		return -1;
	}
	if (!s->engine_pid) {
		/* Keys of the terminal are for the supervisor, and reading a terminal (exec) is no job control of this process. */
		setsid();
		close(lock);
		close(signals);
		close(s->listener);
		close(pair[0]);
		close(log[0]);
		if (s->announce >= 0)
			close(s->announce);
		for (size_t i = 0; i < p->count; i++)
			for (int k = 0; k < 2; k++)
				close(s->units[i].output[k]);
		dup2(s->null, 0);
		engine_run(p, pair[1], log[1]);
	}
	close(pair[1]);
	close(log[1]);
	grants_close(p);
	s->engine = pair[0];
	s->engine_log = log[0];
	s->engine_alive = 1;
	fcntl(s->engine_log, F_SETFL, O_NONBLOCK);
	return 0;
}

static void events_take(struct supervisor *s)
{
	static uint64_t windows[WINDOWS_MOST][2];
	static size_t count;
	struct engine_event event;

	while (s->engine_alive) {
		ssize_t n = recv(s->engine, &event, sizeof event, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			s->engine_alive = 0;
			return;
		}
		if (n != sizeof event)
			continue;
		if (event.kind == EVENT_WINDOW && event.service < s->project->count) {
			if (count < WINDOWS_MOST) {
				windows[count][0] = event.service;
				windows[count++][1] = event.base;
			}
		} else if (event.kind == EVENT_WINDOWS_END) {
			memory_look(s, windows, count);
			count = 0;
			clients_memory(s);
		} else if (event.kind != EVENT_DONE || !clients_done(s, &event))
			unit_event(s, &event);
	}
}

/* It is gone, and with it all cVMs, while it was needed. */
static void engine_lost(struct supervisor *s)
{
	int status = 0;

	waitpid(s->engine_pid, &status, 0);
	while (engine_log_take(s) > 0)
		;
	if (units_over(s))
		return;
	if (WIFSIGNALED(status))
		say(s, "the Intravisor was ended by SIG%s, and all cVMs with it", sigabbrev_np(WTERMSIG(status)));
	else
		say(s, "the Intravisor ended with status %d, and all cVMs with it", WEXITSTATUS(status));
	s->failed = EXIT_CARREL;
	for (size_t i = 0; i < s->project->count; i++) {
		struct unit *u = &s->units[i];
		if (u->state != STATE_ENDED)
			u->state = STATE_FAILED;
		clients_unit_ended(s, u);
	}
}

/* `up -d` waits for one byte: 0 when every cVM has been started, or the status it failed with. */
static void announce(struct supervisor *s)
{
	unsigned char status = 0;

	if (s->announce < 0)
		return;
	for (size_t i = 0; i < s->project->count && !s->stop; i++) {
		if (!s->units[i].ever_started && s->units[i].state != STATE_FAILED)
			return;
		if (s->units[i].state == STATE_FAILED && !s->units[i].ever_started)
			status = (unsigned char)(s->failed ? s->failed : EXIT_CARREL);
	}
	if (write(s->announce, &status, 1) < 0)
		say(s, "nobody waits for the start any more");
	close(s->announce);
	s->announce = -1;
	/* From here on nobody reads what this process says; the logs have what cVMs say. */
	dup2(s->null, 1);
	dup2(s->null, 2);
}

static void signal_take(struct supervisor *s, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof info) != sizeof info || info.ssi_signo == SIGCHLD)
		return;
	if (!s->stop)
		say(s, "stopping; once more ends all at once");
	s->stop = s->stop ? 2 : 1;
}

/* One round: waits until something is due, and sees to it. */
static void round_once(struct supervisor *s, int signals, struct pollfd *polled)
{
	size_t n = 0, outputs, first_client;
	int64_t due = units_step(s), wait = due == NEVER ? -1 : (due - clock_now() + 999999) / 1000000;

	announce(s);
	if (units_over(s))
		return;
	polled[n++] = (struct pollfd){.fd = signals, .events = POLLIN};
	polled[n++] = (struct pollfd){.fd = s->engine, .events = POLLIN};
	polled[n++] = (struct pollfd){.fd = s->listener, .events = POLLIN};
	polled[n++] = (struct pollfd){.fd = s->engine_log, .events = POLLIN};
	outputs = n;
	for (size_t i = 0; i < s->project->count; i++)
		for (int k = 0; k < 2; k++)
			polled[n++] = (struct pollfd){.fd = s->units[i].output[k], .events = POLLIN};
	first_client = n;
	for (struct client *c = s->clients; c; c = c->next)
		polled[n++] = (struct pollfd){.fd = c->fd, .events = (short)(POLLIN | (c->first ? POLLOUT : 0))};
	if (poll(polled, n, wait < 0 ? due == NEVER ? -1 : 0 : (int)(wait < 60000 ? wait : 60000)) < 0)
		return;
	for (size_t i = outputs; i < first_client; i++)
		if (polled[i].revents)
			output_take(s, &s->units[(i - outputs) / 2], (int)(i - outputs) % 2);
	if (polled[3].revents)
		engine_log_take(s);
	size_t at = first_client;
	for (struct client *c = s->clients; c; c = c->next, at++) {
		if (polled[at].revents & POLLOUT)
			client_flush(c);
		if (polled[at].revents & (POLLIN | POLLHUP | POLLERR))
			client_take(s, c);
	}
	if (polled[1].revents)
		events_take(s);
	if (polled[0].revents)
		signal_take(s, signals);
	if (polled[2].revents)
		client_accept(s);
	if (!s->engine_alive)
		engine_lost(s);
	clients_sweep(s);
}

static void finish(struct supervisor *s, int lock)
{
	close(s->engine);               /* it ends */
	if (s->engine_alive)
		waitpid(s->engine_pid, NULL, 0);
	while (engine_log_take(s) > 0)
		;
	announce(s);
	/* Who hears that all has ended may start the project again at once: the name is free before that. */
	runtime_release(s->project->name);
	close(lock);
	clients_end(s);
	for (int i = 0; s->clients && i < 100; i++) {
		for (struct client *c = s->clients; c; c = c->next)
			client_flush(c);
		clients_sweep(s);
		if (s->clients)
			usleep(10000);
	}
}

int supervise(struct project *p, int listener, int lock, int announced)
{
	struct supervisor supervisor = {.project = p, .listener = listener, .announce = announced, .engine = -1}, *s = &supervisor;
	struct pollfd *polled = calloc(4 + 2 * p->count + 256, sizeof *polled);
	sigset_t set;

	s->units = calloc(p->count, sizeof *s->units);
	s->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!s->units || !polled || s->null < 0)
		return EXIT_CARREL;
	for (size_t i = 0; i < p->count; i++) {
		s->units[i].service = &p->services[i];
		s->units[i].supervisor = s;
		s->units[i].index = (uint32_t)i;
	}
	s->quiet = announced >= 0;
	s->terminal = !s->quiet && isatty(1);
	s->colour = s->terminal && !getenv("NO_COLOR");
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	signal(SIGPIPE, SIG_IGN);
	if (signals < 0 || engine_begin(s, lock, signals))
		return EXIT_CARREL;
	while (!units_over(s))
		round_once(s, signals, polled);
	finish(s, lock);
	return s->stop ? 0 : s->failed;
}
