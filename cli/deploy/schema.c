/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * FILE.yaml into a project. Strict: a key that is not known, twice there or of another type is an error at its place. libyaml
 * reads the file and keeps the places; it runs in the supervisor, never in the process that runs cVMs' code, and before that is
 * made.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "cli/deploy/project.h"

struct reader {
	struct project *project;
	yaml_document_t *document;
};

int complain(const struct project *p, struct position at, const char *text, ...)
{
	va_list list;

	if (at.line)
		fprintf(stderr, "carrel: %s:%zu:%zu: ", p->file, at.line, at.column);
	else
		fprintf(stderr, "carrel: %s: ", p->file);
	va_start(list, text);
	vfprintf(stderr, text, list);
	va_end(list);
	fputc('\n', stderr);
	return -1;
}

int name_ok(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= 63 && !name[n] && *name != '.' && *name != '_' && *name != '-';
}

static struct position place(const yaml_node_t *node)
{
	return (struct position){node->start_mark.line + 1, node->start_mark.column + 1};
}

static const yaml_node_t *node_at(const struct reader *r, int index)
{
	return yaml_document_get_node(r->document, index);
}

static const char *type_of(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? "a single value" : node->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping";
}

#define BAD(node, ...) complain(r->project, place(node), __VA_ARGS__)

/* The text of a scalar; NULL, and said so, for anything else, for nothing at all, and for text with a NUL in it. */
static const char *scalar(const struct reader *r, const yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE) {
		BAD(node, "%s must be a single value, and is %s", what, type_of(node));
		return NULL;
	}
	const char *text = (const char *)node->data.scalar.value;
	if (strlen(text) != node->data.scalar.length) {
		BAD(node, "%s has a NUL in it", what);
		return NULL;
	}
	if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!*text || !strcmp(text, "~") || !strcmp(text, "null"))) {
		BAD(node, "%s has no value", what);
		return NULL;
	}
	return text;
}

static int number(const struct reader *r, const yaml_node_t *node, const char *what, unsigned long least, unsigned long most,
		  unsigned long *value)
{
	const char *text = scalar(r, node, what);
	char *end;

	if (!text)
		return -1;
	errno = 0;
	*value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || *value < least || *value > most)
		return BAD(node, "%s must be a number from %lu to %lu, and is `%s`", what, least, most, text);
	return 0;
}

/* 5s, 200ms, 1m; a bare number is seconds. */
static int duration(const struct reader *r, const yaml_node_t *node, const char *what, int64_t *value)
{
	const char *text = scalar(r, node, what);
	char *end;

	if (!text)
		return -1;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	int64_t unit = !*end || !strcmp(end, "s") ? 1000000000 : !strcmp(end, "ms") ? 1000000 : !strcmp(end, "m") ? 60000000000 : 0;
	if (*text < '0' || *text > '9' || errno || !unit || n > 86400000)
		return BAD(node, "%s must be a time like 200ms, 5s or 1m, and is `%s`", what, text);
	*value = (int64_t)n * unit;
	return 0;
}

static int flag(const struct reader *r, const yaml_node_t *node, const char *what, const char *const *names, int count, int *value)
{
	char list[256] = "";
	const char *text = scalar(r, node, what);

	if (!text)
		return -1;
	for (int i = 0; i < count; i++) {
		if (!strcmp(text, names[i])) {
			*value = i;
			return 0;
		}
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? i == count - 1 ? " or " : ", " : "", names[i]);
	}
	return BAD(node, "%s must be %s, and is `%s`", what, list, text);
}

/* Calls `each` for the elements of a list. */
static int list(const struct reader *r, const yaml_node_t *node, const char *what, void *to,
		int (*each)(const struct reader *, const yaml_node_t *, void *))
{
	if (node->type != YAML_SEQUENCE_NODE)
		return BAD(node, "%s must be a list, and is %s", what, type_of(node));
	for (const yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
		if (each(r, node_at(r, *i), to))
			return -1;
	return 0;
}

struct key {
	const char *name;
	int (*read)(const struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *to);
};

/* A mapping: with `keys`, only those; each at most once. `any`, where it is given, takes every key. */
static int mapping(const struct reader *r, const yaml_node_t *node, const char *what, const struct key *keys, size_t count,
		   int (*any)(const struct reader *, const yaml_node_t *, const yaml_node_t *, void *), void *to)
{
	if (node->type != YAML_MAPPING_NODE)
		return BAD(node, "%s must be a mapping, and is %s", what, type_of(node));
	for (const yaml_node_pair_t *i = node->data.mapping.pairs.start; i < node->data.mapping.pairs.top; i++) {
		const yaml_node_t *key = node_at(r, i->key), *value = node_at(r, i->value);
		const char *name = scalar(r, key, "a key");
		size_t k = 0;
		if (!name)
			return -1;
		for (const yaml_node_pair_t *j = node->data.mapping.pairs.start; j < i; j++) {
			const yaml_node_t *before = node_at(r, j->key);
			if (!strcmp((const char *)before->data.scalar.value, name))
				return BAD(key, "`%s` is here twice; the first is on line %zu", name, place(before).line);
		}
		while (k < count && strcmp(keys[k].name, name))
			k++;
		if (k == count && !any)
			return BAD(key, "`%s` is not a key of %s", name, what);
		if (k < count ? keys[k].read(r, key, value, to) : any(r, key, value, to))
			return -1;
	}
	return 0;
}

#define KEY(name) static int read_##name(const struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *to)
#define UNUSED_KEY (void)key

/* ---- strings ---- */
struct strings {
	char **list;
	int count;
	const char *what;
};

static int string_add(const struct reader *r, const yaml_node_t *node, void *to)
{
	struct strings *s = to;
	const char *text;

	/* An argument may be the empty string. */
	if (node->type == YAML_SCALAR_NODE && node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE && !node->data.scalar.length)
		text = "";
	else if (!(text = scalar(r, node, s->what)))
		return -1;
	s->list = realloc(s->list, (size_t)(s->count + 2) * sizeof *s->list);
	if (!s->list || !(s->list[s->count++] = strdup(text)))
		exit(EXIT_CARREL);
	s->list[s->count] = NULL;
	return 0;
}

/* ---- keys of a cVM ---- */
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
		return BAD(value, "`%s` is not a host name (1 to 63 letters, digits, '.', '_' and '-')", text);
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

KEY(command)
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

KEY(tcp)
{
	struct health *h = to;
	unsigned long n;

	UNUSED_KEY;
	if (number(r, value, "tcp", 1, 65535, &n))
		return -1;
	h->port = (unsigned)n;
	return 0;
}

KEY(interval)
{
	struct health *h = to;

	UNUSED_KEY;
	if (duration(r, value, "interval", &h->interval))
		return -1;
	return h->interval < 10000000 ? BAD(value, "interval must be 10ms at least") : 0;
}

KEY(timeout)
{
	struct health *h = to;

	UNUSED_KEY;
	if (duration(r, value, "timeout", &h->timeout))
		return -1;
	return h->timeout < 1000000 ? BAD(value, "timeout must be 1ms at least") : 0;
}

KEY(retries)
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

/* ---- grants ---- */
struct granted {
	struct cvm_grant grant;
	const yaml_node_t *rights;
	int named;
};

static int granted_name(const struct reader *r, const yaml_node_t *key, const yaml_node_t *value, struct granted *g,
			enum cvm_grant_kind kind)
{
	const char *text = scalar(r, value, "a grant's name");

	if (!text)
		return -1;
	if (g->named)
		return BAD(key, "a grant is of a file, a call or a stream, one of them");
	if (!name_ok(text))
		return BAD(value, "`%s` is not a name (1 to 63 letters, digits, '.', '_' and '-')", text);
	g->named = 1;
	g->grant.kind = kind;
	g->grant.name = strdup(text);
	return 0;
}

KEY(file)
{
	return granted_name(r, key, value, to, GRANT_FILE);
}

KEY(call)
{
	return granted_name(r, key, value, to, GRANT_CALL);
}

KEY(stream)
{
	return granted_name(r, key, value, to, GRANT_STREAM);
}

KEY(rights)
{
	struct granted *g = to;

	UNUSED_KEY;
	g->rights = value;
	return value->type == YAML_SEQUENCE_NODE ? 0 : BAD(value, "rights must be a list, and is %s", type_of(value));
}

static int right_add(const struct reader *r, const yaml_node_t *node, void *to)
{
	static const char *const kinds[] = {"a file", "a call", "a stream"};
	static const struct {
		const char *name;
		uint32_t right;
		unsigned kinds;         /* bit enum cvm_grant_kind */
	} rights[] = {{"create", GRANT_CREATE, 7}, {"read", GRANT_READ, 1}, {"write", GRANT_WRITE, 1}, {"receive", GRANT_READ, 4},
		      {"send", GRANT_WRITE, 4}, {"call", GRANT_CALL_RIGHT, 2}};
	struct granted *g = to;
	const char *text = scalar(r, node, "a right");

	if (!text)
		return -1;
	for (size_t i = 0; i < sizeof rights / sizeof *rights; i++)
		if (!strcmp(rights[i].name, text)) {
			if (!(rights[i].kinds >> g->grant.kind & 1))
				return BAD(node, "`%s` is not a right on %s", text, kinds[g->grant.kind]);
			if (g->grant.rights & rights[i].right)
				return BAD(node, "`%s` is here twice", text);
			g->grant.rights |= rights[i].right;
			return 0;
		}
	return BAD(node, "`%s` is not a right (create; read and write on a file, call on a call, send and receive on a stream)", text);
}

static int grant_add(const struct reader *r, const yaml_node_t *node, void *to)
{
	static const struct key keys[] = {{"file", read_file}, {"call", read_call}, {"stream", read_stream}, {"rights", read_rights}};
	struct service *s = to;
	struct granted g = {.named = 0};

	if (mapping(r, node, "a grant", keys, sizeof keys / sizeof *keys, NULL, &g))
		return -1;
	if (!g.named)
		return BAD(node, "a grant needs file, call or stream, and a name");
	if (!g.rights || g.rights->data.sequence.items.start == g.rights->data.sequence.items.top)
		return BAD(node, "a grant needs rights");
	if (list(r, g.rights, "rights", &g, right_add))
		return -1;
	if (s->config.grant_count == GRANTS_MOST)
		return BAD(node, "more than %d grants", GRANTS_MOST);
	s->grant_at[s->config.grant_count] = place(node);
	s->grants[s->config.grant_count++] = g.grant;
	return 0;
}

KEY(grants)
{
	UNUSED_KEY;
	return list(r, value, "grants", to, grant_add);
}

/* ---- the whole ---- */
static int service_add(const struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *to)
{
	static const struct key keys[] = {
		{"image", read_image}, {"args", read_args}, {"env", read_env}, {"workdir", read_workdir}, {"hostname", read_hostname},
		{"volumes", read_volumes}, {"tmpfs", read_tmpfs}, {"memory", read_memory}, {"cpus", read_cpus}, {"publish", read_publish},
		{"network", read_network}, {"depends_on", read_depends_on}, {"restart", read_restart}, {"healthcheck", read_healthcheck},
		{"user", read_user}, {"stop_signal", read_stop_signal}, {"stop_timeout", read_stop_timeout}, {"grants", read_grants},
	};
	struct project *p = r->project;
	const char *name = (const char *)key->data.scalar.value;
	char why[512];

	(void)to;
	if (!name_ok(name))
		return BAD(key, "`%s` is not a name for a cVM (1 to 63 letters, digits, '.', '_' and '-')", name);
	if (p->count == PROJECT_CVMS_MOST)
		return BAD(key, "more than %d cVMs", PROJECT_CVMS_MOST);
	struct service *s = &p->services[p->count++];
	s->name = strdup(name);
	s->at = place(key);
	s->stop_signal = SIGTERM;
	s->stop_timeout = 10000000000;
	s->config = (struct cvm_config){.name = s->name, .image_fd = -1, .working_directory = "/", .hostname = s->name, .mounts = s->mounts,
					.ports = s->ports, .peers = s->peers, .grants = s->grants, .uid = getuid(), .gid = getgid(),
					.standard_fds = {-1, -1, -1}};
	struct strings first = {.what = "an argument"};
	first.list = calloc(2, sizeof *first.list);
	s->config.argv = first.list;
	s->config.argc = 1;
	environment_add(&s->environment, "PATH=/usr/local/bin:/usr/bin:/bin");
	environment_add(&s->environment, "HOME=/");
	if (mapping(r, value, "a cVM", keys, sizeof keys / sizeof *keys, NULL, s))
		return -1;
	if (!s->config.image_path)
		return BAD(key, "`%s` has no image", name);
	s->config.argv[0] = (char *)s->config.image_path;
	s->config.envp = s->environment.list;
	if (s->config.network && names_grant(&s->config, why, sizeof why))
		return BAD(key, "network: %s", why);
	return 0;
}

KEY(cvms)
{
	UNUSED_KEY;
	return mapping(r, value, "cvms", NULL, 0, service_add, to);
}

KEY(project)
{
	struct project *p = to;
	const char *text = scalar(r, value, "project");

	UNUSED_KEY;
	if (!text)
		return -1;
	if (!name_ok(text))
		return BAD(value, "`%s` is not a project's name (1 to 63 letters, digits, '.', '_' and '-')", text);
	if (!*p->name)          /* the command line's goes first */
		snprintf(p->name, sizeof p->name, "%s", text);
	return 0;
}

static int document_read(struct project *p, yaml_document_t *document)
{
	static const struct key keys[] = {{"project", read_project}, {"cvms", read_cvms}};
	struct reader reader = {p, document}, *r = &reader;
	const yaml_node_t *root = yaml_document_get_root_node(document);

	if (!root)
		return complain(p, (struct position){0}, "is empty");
	if (mapping(r, root, "the file", keys, 2, NULL, p))
		return -1;
	return p->count ? 0 : BAD(root, "no cvms");
}

void project_name_default(char name[PROJECT_NAME_MOST + 1], const char *directory)
{
	char copy[PATH_MAX], *last, *to = name;

	snprintf(copy, sizeof copy, "%s", directory);
	last = basename(copy);
	for (; *last && to < name + PROJECT_NAME_MOST; last++)
		if (strspn(last, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") || (to > name && strspn(last, "._-")))
			*to++ = *last;
	*to = 0;
}

int project_load(struct project *p, const char *file)
{
	char directory[PATH_MAX];
	yaml_parser_t parser;
	yaml_document_t document, next;
	int code = -1;

	p->file = file;
	p->services = calloc(PROJECT_CVMS_MOST, sizeof *p->services);
	FILE *in = fopen(file, "re");
	struct stat status;
	if (!in || !p->services || fstat(fileno(in), &status) || (S_ISDIR(status.st_mode) && (errno = EISDIR)))
		return complain(p, (struct position){0}, "%s", strerror(errno));
	char *whole = realpath(file, NULL);
	snprintf(directory, sizeof directory, "%s", whole ? whole : file);
	free(whole);
	if (chdir(dirname(directory)))
		return complain(p, (struct position){0}, "its directory cannot be entered: %s", strerror(errno));
	if (!yaml_parser_initialize(&parser))
		return complain(p, (struct position){0}, "no memory to read it");
	yaml_parser_set_input_file(&parser, in);
	if (!yaml_parser_load(&parser, &document)) {
		complain(p, (struct position){parser.problem_mark.line + 1, parser.problem_mark.column + 1}, "%s",
			 parser.problem ? parser.problem : "cannot be read");
	} else {
		code = document_read(p, &document);
		if (!code && !yaml_parser_load(&parser, &next))
			code = complain(p, (struct position){parser.problem_mark.line + 1, parser.problem_mark.column + 1}, "%s",
					parser.problem ? parser.problem : "cannot be read");
		else if (!code && yaml_document_get_root_node(&next))
			code = complain(p, (struct position){next.start_mark.line + 1, next.start_mark.column + 1}, "more than one document");
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	fclose(in);
	if (!*p->name)
		project_name_default(p->name, directory);
	if (!code && !*p->name)
		code = complain(p, (struct position){0}, "its directory's name is none for a project; give `project:`");
	return code ? -1 : project_check(p);
}
