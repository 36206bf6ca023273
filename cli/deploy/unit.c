/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The life of each cVM of a project: waits for what it depends on, starts, is looked at, ends, starts again after a while, or
 * stops when all are to.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/deploy/supervisor.h"

#define BACKOFF_FIRST 100000000         /* nanoseconds; doubled each time */
#define BACKOFF_MOST  10000000000
#define BACKOFF_CALM  10000000000       /* who ran so long begins anew */

const char *state_name(const struct unit *u)
{
	static const char *const names[] = {"waiting", "starting", "running", "restarting", "ended", "failed"};

	return u->state == STATE_RUNNING && u->stopping ? "stopping" : names[u->state];
}

const char *health_name(const struct unit *u)
{
	static const char *const names[] = {"-", "starting", "healthy", "unhealthy"};

	return u->state == STATE_RUNNING ? names[u->health] : "-";
}

static int over(const struct unit *u)
{
	return u->state == STATE_ENDED || u->state == STATE_FAILED;
}

int units_over(const struct supervisor *s)
{
	for (size_t i = 0; i < s->project->count; i++)
		if (!over(&s->units[i]))
			return 0;
	return 1;
}

static void order(struct supervisor *s, struct unit *u, enum engine_operation operation, uint32_t id, uint32_t value)
{
	command_send(s, &(struct engine_command){.operation = operation, .service = u->index, .generation = u->generation, .id = id,
						 .value = value}, NULL, NULL);
}

static void fail(struct supervisor *s, struct unit *u)
{
	u->state = STATE_FAILED;
	if (!s->failed)
		s->failed = EXIT_CARREL;
}

static void start(struct supervisor *s, struct unit *u)
{
	u->generation++;
	u->state = STATE_STARTING;
	u->stopping = 0;
	u->check_id = 0;
	u->failures = 0;
	order(s, u, ENGINE_START, 0, 0);
}

/* 1: all that it depends on is there; 0: not yet; -1: never. */
static int may_start(struct supervisor *s, const struct unit *u)
{
	int all = 1;

	for (size_t k = 0; k < u->service->depend_count; k++) {
		const struct depend *d = &u->service->depends[k];
		const struct unit *on = &s->units[d->index];
		int is = d->healthy ? on->state == STATE_RUNNING && on->health == HEALTH_HEALTHY : on->ever_started;
		if (!is && (over(on) || (d->healthy && on->state == STATE_RUNNING && on->health == HEALTH_UNHEALTHY))) {
			say(s, "%s: does not start: `%s`, which it depends on, %s", u->service->name, d->name,
			    over(on) ? "has ended" : "is unhealthy");
			return -1;
		}
		all &= is;
	}
	return all;
}

/* ---- health ---- */
static void check_result(struct supervisor *s, struct unit *u, int ok)
{
	enum condition before = u->health;

	u->check_id = 0;
	u->check_at = clock_now() + u->service->health.interval;
	u->failures = ok ? 0 : u->failures + 1;
	if (ok)
		u->health = HEALTH_HEALTHY;
	else if (u->failures >= u->service->health.retries)
		u->health = HEALTH_UNHEALTHY;
	if (u->health != before && u->health == HEALTH_UNHEALTHY)
		say(s, "%s: is unhealthy", u->service->name);
	else if (u->health != before && before == HEALTH_UNHEALTHY)
		say(s, "%s: is healthy again", u->service->name);
}

static void check_begin(struct supervisor *s, struct unit *u, int64_t now)
{
	const struct health *h = &u->service->health;
	const int fds[3] = {s->null, s->null, s->null};
	char text[HOST_ORDER_MOST];
	size_t at = 0;
	unsigned envc = 0;

	u->check_id = ++s->ids ? s->ids : ++s->ids;
	u->check_until = now + h->timeout;
	if (h->port) {
		order(s, u, ENGINE_PROBE, u->check_id, h->port);
		return;
	}
	for (int i = 0; i < h->argc + (int)u->service->environment.count; i++) {
		const char *one = i < h->argc ? h->command[i] : u->service->environment.list[i - h->argc];
		if (at + strlen(one) + 1 > sizeof text - 256)
			break;
		memcpy(text + at, one, strlen(one) + 1);
		at += strlen(one) + 1;
		envc += i >= h->argc;
	}
	command_send(s, &(struct engine_command){.operation = ENGINE_EXECUTE, .service = u->index, .generation = u->generation,
						 .id = u->check_id, .argc = (uint32_t)h->argc, .envc = envc, .length = (uint32_t)at},
		     text, fds);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t health_step(struct supervisor *s, struct unit *u, int64_t now)
{
	if (u->health == HEALTH_NONE || u->stopping)
		return NEVER;
	if (u->check_id && now >= u->check_until) {
		if (u->service->health.command)
			order(s, u, ENGINE_SIGNAL_ORDER, u->check_id, SIGKILL);
		check_result(s, u, 0);
	}
	if (!u->check_id && now >= u->check_at)
		check_begin(s, u, now);
	return u->check_id ? u->check_until : u->check_at;
}

/* ---- the end ---- */
static int dependents_gone(const struct supervisor *s, const struct unit *u)
{
	for (size_t i = 0; i < s->project->count; i++)
		for (size_t k = 0; k < s->units[i].service->depend_count; k++)
			if (s->units[i].service->depends[k].index == u->index && !over(&s->units[i]))
				return 0;
	return 1;
}

static int64_t stop_step(struct supervisor *s, struct unit *u, int64_t now)
{
	if (u->state == STATE_WAITING || u->state == STATE_BACKING_OFF)
		u->state = STATE_ENDED;
	if (u->state != STATE_RUNNING || (s->stop == 1 && !dependents_gone(s, u)))
		return NEVER;
	if (!u->stopping && s->stop == 1) {
		u->stopping = 1;
		u->kill_at = now + u->service->stop_timeout;
		order(s, u, ENGINE_SIGNAL, 0, (uint32_t)u->service->stop_signal);
	}
	if (u->stopping != 2 && (s->stop == 2 || now >= u->kill_at)) {
		if (s->stop == 1)
			say(s, "%s: did not stop in time; it is ended", u->service->name);
		u->stopping = 2;
		u->kill_at = NEVER;
		order(s, u, ENGINE_END, 0, SIGKILL);
	}
	return u->kill_at;
}

int64_t units_step(struct supervisor *s)
{
	int64_t now = clock_now(), next = NEVER;

	for (size_t n = 0; s->ready && n < s->project->count; n++) {
		struct unit *u = &s->units[s->project->order[s->stop ? s->project->count - 1 - n : n]];
		if (s->stop)
			next = earlier(next, stop_step(s, u, now));
		else if (u->state == STATE_WAITING) {
			int may = may_start(s, u);
			if (may > 0)
				start(s, u);
			else if (may < 0)
				fail(s, u);
		} else if (u->state == STATE_BACKING_OFF && now >= u->until)
			start(s, u);
		else if (u->state == STATE_BACKING_OFF)
			next = earlier(next, u->until);
		if (u->state == STATE_RUNNING)
			next = earlier(next, health_step(s, u, now));
	}
	return next;
}

static void ended(struct supervisor *s, struct unit *u, int status)
{
	int64_t now = clock_now();
	int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), stopped = u->stopping;
	enum restart policy = u->service->restart;
	char how[64];

	output_end(s, u);               /* what it said last comes before the news of its end */
	u->status = status;
	u->check_id = 0;
	clients_unit_ended(s, u);
	if (WIFSIGNALED(status))
		snprintf(how, sizeof how, "was ended by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(how, sizeof how, "ended with status %d", code);
	u->state = STATE_ENDED;
	u->stopping = 0;
	if (now - u->began > BACKOFF_CALM) {
		u->backoff = 0;
		if (policy == RESTART_ON_FAILURE)
			u->restarts = u->service->restart_most ? u->restarts : 0;
	}
	if (!s->stop && (policy == RESTART_ALWAYS || (policy == RESTART_ON_FAILURE && code &&
						      (!u->service->restart_most || u->restarts < u->service->restart_most)))) {
		u->backoff = u->backoff ? 2 * u->backoff : BACKOFF_FIRST;
		if (u->backoff > BACKOFF_MOST)
			u->backoff = BACKOFF_MOST;
		u->restarts++;
		u->state = STATE_BACKING_OFF;
		u->until = now + u->backoff;
		say(s, "%s: %s; starts again in %.1f s", u->service->name, how, (double)u->backoff / 1e9);
		return;
	}
	if (!stopped)
		say(s, "%s: %s", u->service->name, how);
	if (code && !s->stop && !s->failed)
		s->failed = code;
}

void unit_event(struct supervisor *s, const struct engine_event *event)
{
	struct unit *u = event->service < s->project->count ? &s->units[event->service] : NULL;

	switch (event->kind) {
	case EVENT_READY:
		s->ready = 1;
		return;
	case EVENT_STARTED:
		u->state = STATE_RUNNING;
		u->ever_started = 1;
		u->began = clock_now();
		u->health = u->service->health.command || u->service->health.port ? HEALTH_STARTING : HEALTH_NONE;
		u->check_at = u->began;
		return;
	case EVENT_FAILED:
		say(s, "%s", event->text);
		if (!u) {               /* the engine as a whole */
			s->failed = event->status == 2 ? EXIT_NOT_FOUND : event->status == 8 || event->status == 13 ? EXIT_NOT_RUNNABLE : EXIT_CARREL;
			for (size_t i = 0; i < s->project->count; i++)
				s->units[i].state = STATE_FAILED;
		} else
			fail(s, u);
		return;
	case EVENT_ENDED:
		ended(s, u, event->status);
		return;
	case EVENT_DONE:
		if (u && event->generation == u->generation && u->check_id == event->id)
			check_result(s, u, event->status == 0);
		return;
	default:
		return;
	}
}
