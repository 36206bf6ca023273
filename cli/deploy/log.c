/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What cVMs print: line by line to the terminal with a prefix, to those who follow, and kept, the last megabyte of each.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/deploy/supervisor.h"
#include "cli/deploy/terminal.h"

static void keep(struct log *log, const char *line, size_t length)
{
	if (!log->text && !(log->text = malloc(LOG_MOST)))
		return;
	if (log->length + length > LOG_MOST) {
		/* A quarter goes at a time, up to a line's end. */
		size_t least = log->length + length - LOG_MOST;
		least = least > LOG_MOST / 4 ? least : LOG_MOST / 4;
		const char *end = least < log->length ? memchr(log->text + least, '\n', log->length - least) : NULL;
		size_t gone = end ? (size_t)(end + 1 - log->text) : log->length;
		memmove(log->text, log->text + gone, log->length - gone);
		log->length -= gone;
	}
	memcpy(log->text + log->length, line, length);
	log->length += length;
}

static void show(const struct supervisor *s, const char *name, unsigned number, const char *line, size_t length)
{
	static const char *const colours[] = {"36", "33", "32", "35", "34", "31"};
	char out[4096 + 256];
	size_t at;

	if (s->quiet)
		return;
	if (s->colour)
		at = (size_t)snprintf(out, sizeof out, "\033[%sm%-10s|\033[0m ", colours[number % 6], name);
	else
		at = (size_t)snprintf(out, sizeof out, "%-10s| ", name);
	if (length > sizeof out - at)
		length = sizeof out - at;
	memcpy(out + at, line, length);
	if (s->terminal)
		terminal_tame(out + at, length);
	at += length;
	for (size_t done = 0; done < at;) {
		ssize_t n = write(1, out + done, at - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;         /* nobody reads: the log has it */
		done += (size_t)n;
	}
}

static void line_take(struct supervisor *s, struct unit *u, const char *line, size_t length)
{
	show(s, u->service->name, u->index, line, length);
	keep(&u->log, line, length);
	for (struct client *c = s->clients; c; c = c->next)
		if (c->follows == (int)u->index + 1)
			client_say(c, 'o', line, length);
}

/* What has no end of its own: there is always room for one. */
static void rest(char *part, size_t *length, void (*line)(void *, const char *, size_t), void *to)
{
	if (!*length)
		return;
	part[(*length)++] = '\n';
	line(to, part, *length);
	*length = 0;
}

/* One read; lines longer than the buffer are parted. */
static int take(int fd, char *part, size_t *length, size_t room, void (*line)(void *, const char *, size_t), void *to)
{
	ssize_t n = read(fd, part + *length, room - 1 - *length);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -1 : 0;
	*length += (size_t)n;
	size_t start = 0;
	for (const char *end; (end = memchr(part + start, '\n', *length - start)); start = (size_t)(end + 1 - part))
		line(to, part + start, (size_t)(end + 1 - part) - start);
	memmove(part, part + start, *length - start);
	*length -= start;
	if (!n || *length == room - 1)
		rest(part, length, line, to);
	return n > 0;
}

static void unit_line(void *to, const char *line, size_t length)
{
	struct unit *u = to;

	line_take(u->supervisor, u, line, length);
}

int output_take(struct supervisor *s, struct unit *u, int which)
{
	(void)s;
	return take(u->output[which], u->log.part[which], &u->log.part_length[which], sizeof u->log.part[which], unit_line, u);
}

/* The Intravisor keeps the pipes, for the next start: no end of file says that a cVM has ended. */
void output_end(struct supervisor *s, struct unit *u)
{
	for (int which = 0; which < 2; which++) {
		while (output_take(s, u, which) > 0)
			;
		rest(u->log.part[which], &u->log.part_length[which], unit_line, u);
	}
}

static void own_line(void *to, const char *line, size_t length)
{
	(void)to;
	if (write(2, line, length) < 0)
		return;
}

int engine_log_take(struct supervisor *s)
{
	return take(s->engine_log, s->own.part[0], &s->own.part_length[0], sizeof s->own.part[0], own_line, s);
}

void say(struct supervisor *s, const char *text, ...)
{
	char line[1024] = "carrel: ";
	va_list list;

	(void)s;
	va_start(list, text);
	vsnprintf(line + 8, sizeof line - 9, text, list);
	va_end(list);
	strcat(line, "\n");
	if (write(2, line, strlen(line)) < 0)
		return;
}
