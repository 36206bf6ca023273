/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Keys of a cVM: what it runs, and what it is given of the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/deploy/reader.h"

KEY(image)
{
	struct service *s = to;
	const char *text = scalar(r, value, "image");

	UNUSED_KEY;
	if (!text)
		return -1;
	s->config.image_path = strdup(text);
	s->config.image_fd = open(text, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return s->config.image_fd < 0 ? BAD(value, "image %s: %s", text, strerror(errno)) : 0;
}

KEY(args)
{
	struct service *s = to;
	struct strings strings = {s->config.argv, s->config.argc, "an argument"};

	UNUSED_KEY;
	int code = list(r, value, "args", &strings, string_add);
	s->config.argv = strings.list;
	s->config.argc = strings.count;
	return code;
}

KEY(argv0)
{
	struct service *s = to;
	const char *text = scalar(r, value, "argv0");

	UNUSED_KEY;
	if (!text)
		return -1;
	s->config.argv[0] = strdup(text);
	return 0;
}

static int variable(const struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *to)
{
	struct service *s = to;
	const char *name = scalar(r, key, "a variable"), *text;
	char *both;

	if (value->type == YAML_SCALAR_NODE && !value->data.scalar.length && value->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		text = "";
	else if (!(text = scalar(r, value, name)))
		return -1;
	if (!*name || strchr(name, '='))
		return BAD(key, "`%s` is not a variable's name", name);
	if (asprintf(&both, "%s=%s", name, text) < 0)
		exit(EXIT_CARREL);
	environment_add(&s->environment, both);
	free(both);
	return 0;
}

KEY(env)
{
	UNUSED_KEY;
	return mapping(r, value, "env", NULL, 0, variable, to);
}

KEY(workdir)
{
	struct service *s = to;
	const char *text = scalar(r, value, "workdir");

	UNUSED_KEY;
	if (!text)
		return -1;
	s->config.working_directory = path_normalised(text);
	return s->config.working_directory ? 0 : BAD(value, "workdir must be absolute, and is `%s`", text);
}

KEY(hostname)
{
	struct service *s = to;
	const char *text = scalar(r, value, "hostname");

	UNUSED_KEY;
	if (!text)
		return -1;
	if (!name_ok(text))
		return BAD(value, "`%s` is not a host name (1 to 63 letters, digits, '.', '_' and '-', the first one a letter or digit)", text);
	s->config.hostname = strdup(text);
	return 0;
}

static int volume(const struct reader *r, const yaml_node_t *node, void *to)
{
	struct service *s = to;
	const char *text = scalar(r, node, "a volume");
	char why[512];

	if (!text)
		return -1;
	return volume_grant(&s->config, text, why, sizeof why) ? BAD(node, "volume `%s`: %s", text, why) : 0;
}

KEY(volumes)
{
	UNUSED_KEY;
	return list(r, value, "volumes", to, volume);
}

static int memory_directory(const struct reader *r, const yaml_node_t *node, void *to)
{
	struct service *s = to;
	const char *text = scalar(r, node, "a tmpfs");
	char why[512];

	if (!text)
		return -1;
	return mount_add(&s->config, NULL, text, 0, why, sizeof why) ? 0 : BAD(node, "tmpfs `%s`: %s", text, why);
}

KEY(tmpfs)
{
	UNUSED_KEY;
	return list(r, value, "tmpfs", to, memory_directory);
}

KEY(memory)
{
	struct service *s = to;
	const char *text = scalar(r, value, "memory");

	UNUSED_KEY;
	if (!text)
		return -1;
	return size_parse(text, &s->config.memory_limit) ? BAD(value, "memory must be a size like 64M, and is `%s`", text) : 0;
}

KEY(cpus)
{
	struct service *s = to;
	unsigned long n;

	UNUSED_KEY;
	if (number(r, value, "cpus", 1, 1024, &n))
		return -1;
	s->cpus = (unsigned)n;
	return 0;
}

KEY(first_window)
{
	static const char *const names[] = {"false", "true"};
	struct service *s = to;

	UNUSED_KEY;
	s->first_window_at = place(value);
	return flag(r, value, "first_window", names, 2, &s->first_window);
}

static int port(const struct reader *r, const yaml_node_t *node, void *to)
{
	struct service *s = to;
	const char *text = scalar(r, node, "a port");
	char why[256];

	if (!text)
		return -1;
	if (s->publish_count == BOOT_PORTS)
		return BAD(node, "more than %d published ports", BOOT_PORTS);
	if (port_publish(text, NULL, why, sizeof why))
		return BAD(node, "publish `%s`: %s", text, why);
	s->publish[s->publish_count++] = (struct published){strdup(text), place(node)};
	return 0;
}

KEY(publish)
{
	UNUSED_KEY;
	return list(r, value, "publish", to, port);
}

static int network_add(const struct reader *r, const yaml_node_t *node, void *to)
{
	static const char *const kinds[] = {"none", "host-out", "project"};
	struct service *s = to;
	int kind;

	if (flag(r, node, "network", kinds, 3, &kind))
		return -1;
	s->config.network |= kind == 1;
	s->on_network |= kind == 2;
	return 0;
}

KEY(network)
{
	UNUSED_KEY;
	return value->type == YAML_SEQUENCE_NODE ? list(r, value, "network", to, network_add) : network_add(r, value, to);
}

KEY(user)
{
	struct service *s = to;
	const char *text = scalar(r, value, "user");
	unsigned long uid, gid;
	char *end;

	UNUSED_KEY;
	if (!text)
		return -1;
	uid = gid = strtoul(text, &end, 10);
	if (*end == ':' && end[1] >= '0' && end[1] <= '9')
		gid = strtoul(end + 1, &end, 10);
	if (*text < '0' || *text > '9' || *end || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return BAD(value, "user must be numbers, UID or UID:GID, and is `%s`", text);
	s->config.uid = (uint32_t)uid;
	s->config.gid = (uint32_t)gid;
	return 0;
}
