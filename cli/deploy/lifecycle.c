/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Keys of a cVM: when it starts, whether it is well, when it starts again, how it is stopped.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/deploy/reader.h"

static int depend_add(const struct reader *r, const yaml_node_t *node, struct service *s, const char *name, int healthy)
{
	if (s->depend_count == DEPENDS_MOST)
		return BAD(node, "more than %d dependencies", DEPENDS_MOST);
	s->depends[s->depend_count++] = (struct depend){.name = strdup(name), .healthy = healthy, .at = place(node)};
	return 0;
}

static int depend_listed(const struct reader *r, const yaml_node_t *node, void *to)
{
	const char *name = scalar(r, node, "a dependency");

	return name ? depend_add(r, node, to, name, 0) : -1;
}

static int depend_mapped(const struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *to)
{
	static const char *const conditions[] = {"started", "healthy"};
	int healthy;

	if (flag(r, value, "a dependency's condition", conditions, 2, &healthy))
		return -1;
	return depend_add(r, key, to, (const char *)key->data.scalar.value, healthy);
}

KEY(depends_on)
{
	UNUSED_KEY;
	return value->type == YAML_MAPPING_NODE ? mapping(r, value, "depends_on", NULL, 0, depend_mapped, to)
						: list(r, value, "depends_on", to, depend_listed);
}

KEY(restart)
{
	struct service *s = to;
	const char *text = scalar(r, value, "restart");
	char *end;

	UNUSED_KEY;
	if (!text)
		return -1;
	s->restart_most = 0;
	if (!strcmp(text, "no"))
		s->restart = RESTART_NEVER;
	else if (!strcmp(text, "always"))
		s->restart = RESTART_ALWAYS;
	else if (!strncmp(text, "on-failure", 10) && (!text[10] || text[10] == ':')) {
		s->restart = RESTART_ON_FAILURE;
		if (text[10]) {
			unsigned long n = strtoul(text + 11, &end, 10);
			if (text[11] < '0' || text[11] > '9' || *end || !n || n > 1000000)
				return BAD(value, "on-failure:N needs a number from 1, not `%s`", text + 11);
			s->restart_most = (unsigned)n;
		}
	} else
		return BAD(value, "restart must be no, on-failure[:N] or always, and is `%s`", text);
	return 0;
}

static KEY(command)
{
	struct health *h = to;
	struct strings strings = {.what = "an argument"};

	UNUSED_KEY;
	if (list(r, value, "command", &strings, string_add))
		return -1;
	if (!strings.count)
		return BAD(value, "command is empty");
	h->command = strings.list;
	h->argc = strings.count;
	return 0;
}

static KEY(tcp)
{
	struct health *h = to;
	unsigned long n;

	UNUSED_KEY;
	if (number(r, value, "tcp", 1, 65535, &n))
		return -1;
	h->port = (unsigned)n;
	return 0;
}

static KEY(interval)
{
	struct health *h = to;

	UNUSED_KEY;
	if (duration(r, value, "interval", &h->interval))
		return -1;
	return h->interval < 10000000 ? BAD(value, "interval must be 10ms at least") : 0;
}

static KEY(timeout)
{
	struct health *h = to;

	UNUSED_KEY;
	if (duration(r, value, "timeout", &h->timeout))
		return -1;
	return h->timeout < 1000000 ? BAD(value, "timeout must be 1ms at least") : 0;
}

static KEY(retries)
{
	struct health *h = to;
	unsigned long n;

	UNUSED_KEY;
	if (number(r, value, "retries", 1, 1000000, &n))
		return -1;
	h->retries = (unsigned)n;
	return 0;
}

KEY(healthcheck)
{
	static const struct key keys[] = {{"command", read_command}, {"tcp", read_tcp}, {"interval", read_interval},
					  {"timeout", read_timeout}, {"retries", read_retries}};
	struct service *s = to;

	s->health.interval = 5000000000;
	s->health.timeout = 5000000000;
	s->health.retries = 3;
	if (mapping(r, value, "healthcheck", keys, sizeof keys / sizeof *keys, NULL, &s->health))
		return -1;
	return !s->health.command == !s->health.port ? BAD(key, "healthcheck needs command or tcp, one of them") : 0;
}

KEY(stop_signal)
{
	struct service *s = to;
	const char *text = scalar(r, value, "stop_signal");

	UNUSED_KEY;
	if (!text)
		return -1;
	const char *name = strncmp(text, "SIG", 3) ? text : text + 3;
	for (int i = 1; i < 32; i++) {
		const char *known = sigabbrev_np(i);
		if ((known && !strcmp(known, name)) || (*text >= '0' && *text <= '9' && atoi(text) == i)) {
			s->stop_signal = i;
			return 0;
		}
	}
	return BAD(value, "`%s` is not a signal (like SIGTERM)", text);
}

KEY(stop_timeout)
{
	struct service *s = to;

	UNUSED_KEY;
	return duration(r, value, "stop_timeout", &s->stop_timeout);
}
