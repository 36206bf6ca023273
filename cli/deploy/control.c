/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The control socket: requests are strings, each with its NUL, in one message; answers are messages whose first byte is their kind
 * (o: output, e: an error, x: the exit status). Only the owner's processes are answered: the directory lets nobody else in, and the
 * kernel says who connected. A client that does not read is dropped; nobody waits for it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/deploy/supervisor.h"

#define CLIENTS_MOST 64
#define REQUEST_MOST 65536
#define REPLIES_MOST 4194304u   /* bytes that wait for one client */
#define PIECE        32768u     /* of output, in one message */

void client_accept(struct supervisor *s)
{
	struct ucred who = {0};
	socklen_t length = sizeof who;
	unsigned count = 0;
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (const struct client *c = s->clients; c; c = c->next)
		count++;
	struct client *c = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) || who.uid != geteuid() || count >= CLIENTS_MOST
				   ? NULL
				   : calloc(1, sizeof *c);
	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->next = s->clients;
	s->clients = c;
}

static void reply_add(struct client *c, char kind, const char *text, size_t length)
{
	struct reply *r = c->waiting + length <= REPLIES_MOST ? malloc(sizeof *r + length + 1) : NULL;

	if (!r) {               /* it does not keep up */
		c->dead = 2;
		return;
	}
	r->next = NULL;
	r->length = length + 1;
	r->bytes[0] = kind;
	memcpy(r->bytes + 1, text, length);
	*(c->last ? &c->last->next : &c->first) = r;
	c->last = r;
	c->waiting += length;
}

void client_say(struct client *c, char kind, const char *text, size_t length)
{
	if (c->dead)
		return;
	do {
		size_t n = length < PIECE ? length : PIECE;
		reply_add(c, kind, text, n);
		text += n;
		length -= n;
	} while (length);
	client_flush(c);
}

void client_flush(struct client *c)
{
	for (struct reply *r; (r = c->first) && c->dead < 2;) {
		ssize_t n = send(c->fd, r->bytes, r->length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			c->dead = 2;
		c->first = r->next;
		c->last = c->first ? c->last : NULL;
		c->waiting -= r->length - 1;
		free(r);
	}
}

static void finish(struct client *c, int status)
{
	char text[16];

	client_say(c, 'x', text, (size_t)snprintf(text, sizeof text, "%d", status));
	c->dead = c->dead ? c->dead : 1;
}

static void refuse(struct client *c, const char *text)
{
	client_say(c, 'e', text, strlen(text));
	finish(c, EXIT_CARREL);
}

/* ---- requests ---- */
struct request {
	const char *at, *end;
};

static const char *next(struct request *r)
{
	const char *text = r->at, *nul = r->at < r->end ? memchr(r->at, 0, (size_t)(r->end - r->at)) : NULL;

	if (!nul)
		return NULL;
	r->at = nul + 1;
	return text;
}

static struct unit *unit_named(struct supervisor *s, struct client *c, const char *name)
{
	char text[256];

	for (size_t i = 0; name && i < s->project->count; i++)
		if (!strcmp(s->units[i].service->name, name))
			return &s->units[i];
	snprintf(text, sizeof text, "project `%s` has no cVM `%.63s`", s->project->name, name ? name : "");
	refuse(c, text);
	return NULL;
}

static void ps(struct supervisor *s, struct client *c, struct request *r)
{
	const char *json = next(r);

	c->wants_memory = json && !strcmp(json, "json") ? 2 : 1;
	if (s->engine_alive)
		command_send(s, &(struct engine_command){.operation = ENGINE_WINDOWS}, NULL, NULL);
	else
		clients_memory(s);
}

void clients_memory(struct supervisor *s)
{
	for (struct client *c = s->clients; c; c = c->next) {
		if (!c->wants_memory)
			continue;
		char *text = status_text(s, c->wants_memory == 2);
		c->wants_memory = 0;
		if (text)
			client_say(c, 'o', text, strlen(text));
		free(text);
		finish(c, 0);
	}
}

/* The last so many lines of a log, each whole. */
static const char *tail(const struct log *log, const char *count, size_t *length)
{
	unsigned long lines = count && *count ? strtoul(count, NULL, 10) : ~0ul;
	size_t at = log->length;

	while (lines && at) {
		const char *before = at > 1 ? memrchr(log->text, '\n', at - 1) : NULL;
		at = before ? (size_t)(before + 1 - log->text) : 0;
		lines--;
	}
	*length = log->length - at;
	return log->text + at;
}

static void logs(struct supervisor *s, struct client *c, struct request *r)
{
	struct unit *u = unit_named(s, c, next(r));
	const char *count = next(r), *follow = next(r);
	size_t length = 0;

	if (!u)
		return;
	const char *text = u->log.text ? tail(&u->log, count, &length) : "";
	if (length)
		client_say(c, 'o', text, length);
	if (follow && *follow == 'f')
		c->follows = (int)u->index + 1;
	else
		finish(c, 0);
}

static int add(char *text, size_t *at, const char *one)
{
	size_t n = strlen(one) + 1;

	if (n > HOST_ORDER_MOST - sizeof(struct host_order) - *at)
		return -1;
	memcpy(text + *at, one, n);
	*at += n;
	return 0;
}

/* exec: NAME, how many words, the words, then variables that go before the cVM's own. */
static void execute(struct supervisor *s, struct client *c, struct request *r, const int fds[3])
{
	struct unit *u = unit_named(s, c, next(r));
	const char *count = next(r), *one;
	char text[HOST_ORDER_MOST];
	struct engine_command command = {.operation = ENGINE_EXECUTE};
	size_t at = 0;
	int failed = 0;

	if (!u)
		return;
	if (u->state != STATE_RUNNING) {
		char why[256];
		snprintf(why, sizeof why, "`%s` does not run (it is %s)", u->service->name, state_name(u));
		refuse(c, why);
		return;
	}
	unsigned long words = count ? strtoul(count, NULL, 10) : 0;
	for (unsigned long i = 0; i < words && !failed && (one = next(r)); i++, command.argc++)
		failed = add(text, &at, one);
	size_t own = at;
	while (!failed && (one = next(r))) {
		failed = add(text, &at, one);
		command.envc++;
	}
	for (size_t i = 0; !failed && i < u->service->environment.count; i++) {
		const char *mine = u->service->environment.list[i];
		int given = 0;
		for (size_t k = own; k < at && !given; k += strlen(text + k) + 1)
			given = !strncmp(text + k, mine, strcspn(mine, "=") + 1);
		if (!given) {
			failed = add(text, &at, mine);
			command.envc++;
		}
	}
	if (failed || !command.argc || fds[2] < 0) {
		refuse(c, failed ? "exec: arguments and environment are more than 64 KiB" : "exec: needs a command and three streams");
		return;
	}
	c->order = command.id = ++s->ids ? s->ids : ++s->ids;
	c->order_unit = command.service = u->index;
	c->order_generation = command.generation = u->generation;
	command.length = (uint32_t)at;
	command_send(s, &command, text, fds);
}

int clients_done(struct supervisor *s, const struct engine_event *event)
{
	for (struct client *c = s->clients; c; c = c->next) {
		if (!c->order || c->order != event->id || c->order_unit != event->service || c->order_generation != event->generation)
			continue;
		c->order = 0;
		if (event->status < 0)
			refuse(c, "exec: the cVM takes no more processes, or has just ended");
		else
			finish(c, WIFSIGNALED(event->status) ? 128 + WTERMSIG(event->status) : WEXITSTATUS(event->status));
		return 1;
	}
	return 0;
}

void clients_unit_ended(struct supervisor *s, const struct unit *u)
{
	for (struct client *c = s->clients; c; c = c->next)
		if (c->order && c->order_unit == u->index && c->order_generation == u->generation) {
			c->order = 0;
			client_say(c, 'e', "exec: the cVM has ended", 23);
			finish(c, 128 + SIGKILL);
		}
}

static void order_signal(struct supervisor *s, const struct client *c, unsigned signal)
{
	command_send(s, &(struct engine_command){.operation = ENGINE_SIGNAL_ORDER, .service = c->order_unit, .generation = c->order_generation,
						 .id = c->order, .value = signal}, NULL, NULL);
}

static void request(struct supervisor *s, struct client *c, struct request *r, const int fds[3])
{
	const char *verb = next(r);

	if (!verb)
		c->dead = 2;
	else if (c->order) {            /* what is under way may get signals */
		unsigned long signal = *verb == 's' ? strtoul(verb + 1, NULL, 10) : 0;
		if (signal > 0 && signal < 32)
			order_signal(s, c, (unsigned)signal);
	} else if (!strcmp(verb, "ps"))
		ps(s, c, r);
	else if (!strcmp(verb, "logs"))
		logs(s, c, r);
	else if (!strcmp(verb, "exec"))
		execute(s, c, r, fds);
	else if (!strcmp(verb, "down")) {
		c->wants_end = 1;
		s->stop = s->stop ? s->stop : 1;
	} else
		refuse(c, "the supervisor that runs is of another version of carrel");
}

void client_take(struct supervisor *s, struct client *c)
{
	static char buffer[REQUEST_MOST];
	_Alignas(struct cmsghdr) char ancillary[CMSG_SPACE(3 * sizeof(int))];
	struct iovec vector = {buffer, sizeof buffer};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = ancillary, .msg_controllen = sizeof ancillary};
	int fds[3] = {-1, -1, -1};

	ssize_t n = recvmsg(c->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		c->dead = 2;
		return;
	}
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof fds))
		memcpy(fds, CMSG_DATA(head), sizeof fds);
	if (message.msg_flags & MSG_TRUNC)
		refuse(c, "the request is longer than 64 KiB");
	else
		request(s, c, &(struct request){buffer, buffer + n}, fds);
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void clients_sweep(struct supervisor *s)
{
	for (struct client **link = &s->clients, *c; (c = *link);) {
		if (!c->dead || (c->dead == 1 && c->first)) {
			link = &c->next;
			continue;
		}
		if (c->order)           /* its process goes with it */
			order_signal(s, c, SIGKILL);
		*link = c->next;
		for (struct reply *r; (r = c->first);) {
			c->first = r->next;
			free(r);
		}
		close(c->fd);
		free(c);
	}
}

/* All is over: what has been asked is answered, as far as whoever asked reads. */
void clients_end(struct supervisor *s)
{
	for (struct client *c = s->clients; c; c = c->next) {
		if (c->order)
			client_say(c, 'e', "exec: the cVM has ended", 23);
		if (c->wants_memory)
			client_say(c, 'e', "the project has ended", 21);
		if (!c->dead)
			finish(c, c->order ? 128 + SIGKILL : c->wants_memory ? EXIT_CARREL : 0);
		c->order = 0;
	}
}
