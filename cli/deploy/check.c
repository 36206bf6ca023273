/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What only shows when all cVMs of a project are known: dependencies and their order, grants that fit together, names on the
 * virtual network.
 */
#include <stdio.h>
#include <string.h>

#include "cli/deploy/project.h"

/* 10.77.0.0/16: address i + 1 is cVM i's. */
#define NETWORK 0x0a4d0000u

static int find(const struct project *p, const char *name, size_t *index)
{
	for (*index = 0; *index < p->count; ++*index)
		if (!strcmp(p->services[*index].name, name))
			return 1;
	return 0;
}

static int depends_resolve(struct project *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct service *s = &p->services[i];
		for (size_t k = 0; k < s->depend_count; k++) {
			struct depend *d = &s->depends[k];
			if (!find(p, d->name, &d->index))
				return complain(p, d->at, "`%s` depends on `%s`, and there is no such cVM", s->name, d->name);
			if (d->index == i)
				return complain(p, d->at, "`%s` depends on itself", s->name);
			const struct health *h = &p->services[d->index].health;
			if (d->healthy && !h->command && !h->port)
				return complain(p, d->at, "`%s` waits for `%s` to be healthy, which has no healthcheck", s->name, d->name);
			for (size_t j = 0; j < k; j++)
				if (s->depends[j].index == d->index)
					return complain(p, d->at, "`%s` is here twice", d->name);
		}
	}
	return 0;
}

/* Depth first; what is met again on the way is a circle. state: 0 not seen, 1 on the way, 2 done. */
static int visit(struct project *p, size_t i, unsigned char *state, size_t *count)
{
	struct service *s = &p->services[i];

	state[i] = 1;
	for (size_t k = 0; k < s->depend_count; k++) {
		const struct depend *d = &s->depends[k];
		if (state[d->index] == 1)
			return complain(p, d->at, "`%s` and `%s` depend on each other, directly or through others", s->name, d->name);
		if (!state[d->index] && visit(p, d->index, state, count))
			return -1;
	}
	state[i] = 2;
	p->order[(*count)++] = i;
	return 0;
}

/* The first grant of that name that has all of `rights`. */
static const struct cvm_grant *granted(const struct project *p, const char *name, uint32_t rights, size_t *service, size_t *number)
{
	for (*service = 0; *service < p->count; ++*service) {
		const struct service *s = &p->services[*service];
		for (*number = 0; *number < s->config.grant_count; ++*number)
			if (!strcmp(s->grants[*number].name, name) && (s->grants[*number].rights & rights) == rights)
				return &s->grants[*number];
	}
	return NULL;
}

static int grants_check(const struct project *p)
{
	static const char *const kinds[] = {"file", "call", "stream"};

	for (size_t i = 0; i < p->count; i++) {
		const struct service *s = &p->services[i];
		for (size_t k = 0; k < s->config.grant_count; k++) {
			const struct cvm_grant *g = &s->grants[k], *first;
			struct position at = s->grant_at[k];
			size_t other, number;
			first = granted(p, g->name, 0, &other, &number);
			if (first->kind != g->kind)
				return complain(p, at, "`%s` is a %s here and a %s on line %zu", g->name, kinds[g->kind], kinds[first->kind],
						p->services[other].grant_at[number].line);
			for (size_t j = 0; j < k; j++)
				if (!strcmp(s->grants[j].name, g->name))
					return complain(p, at, "`%s` is granted to `%s` twice; the first is on line %zu", g->name, s->name,
							s->grant_at[j].line);
			first = granted(p, g->name, GRANT_CREATE, &other, &number);
			if (!first)
				return complain(p, at, "`%s` is to be opened, and no cVM may create it", g->name);
			if ((g->rights & GRANT_CREATE) && first != g)
				return complain(p, at, "`%s` is created by `%s` too, on line %zu; one cVM creates a name", g->name,
						p->services[other].name, p->services[other].grant_at[number].line);
		}
	}
	return 0;
}

static int peer_add(struct project *p, struct service *s, const char *name, uint32_t address)
{
	if (s->config.peer_count == BOOT_PEERS)
		return complain(p, s->at, "`%s` would know more than %d names on the project's network", s->name, BOOT_PEERS);
	s->peers[s->config.peer_count++] = (struct cvm_peer){name, address};
	return 0;
}

/* Every other cVM on the network, by its host name, and by its name in the file where that is another. */
static int network_fill(struct project *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct service *s = &p->services[i];
		if (!s->on_network)
			continue;
		s->config.address = NETWORK + (uint32_t)i + 1;
		s->config.network_id = p;
		for (size_t k = 0; k < p->count; k++) {
			const struct service *o = &p->services[k];
			if (k == i || !o->on_network)
				continue;
			if (k < i && !strcmp(o->config.hostname, s->config.hostname))
				return complain(p, s->at, "`%s` and `%s` have the same host name, `%s`, on the project's network", o->name, s->name,
						s->config.hostname);
			if (peer_add(p, s, o->config.hostname, NETWORK + (uint32_t)k + 1) ||
			    (strcmp(o->config.hostname, o->name) && peer_add(p, s, o->name, NETWORK + (uint32_t)k + 1)))
				return -1;
		}
	}
	return 0;
}

/* The window at address 0 is for one cVM at most; if none asks for it, for the first program that starts. */
static int first_window_check(struct project *p)
{
	const struct service *owner = NULL;

	for (size_t i = 0; i < p->count; i++) {
		const struct service *s = &p->services[i];
		if (s->first_window && owner)
			return complain(p, s->first_window_at, "`%s` and `%s` both want the first window, and there is one", owner->name, s->name);
		if (s->first_window)
			owner = s;
	}
	for (size_t i = 0; owner && i < p->count; i++)
		p->services[i].config.elsewhere = &p->services[i] != owner;
	return 0;
}

int project_check(struct project *p)
{
	unsigned char state[PROJECT_CVMS_MOST] = {0};
	size_t count = 0;

	if (depends_resolve(p))
		return -1;
	for (size_t i = 0; i < p->count; i++)
		if (!state[i] && visit(p, i, state, &count))
			return -1;
	return grants_check(p) || network_fill(p) || first_window_check(p) ? -1 : 0;
}

int project_publish(struct project *p)
{
	char why[256];

	for (size_t i = 0; i < p->count; i++) {
		struct service *s = &p->services[i];
		for (size_t k = 0; k < s->publish_count; k++) {
			if (port_publish(s->publish[k].text, &s->ports[k], why, sizeof why))
				return complain(p, s->publish[k].at, "publish `%s`: %s", s->publish[k].text, why);
			s->config.port_count++;
		}
	}
	return 0;
}
