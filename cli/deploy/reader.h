/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Values of a YAML document, each checked at its place. All functions that give an int give -1, and have said why, or 0.
 */
#ifndef DEPLOY_READER_H
#define DEPLOY_READER_H
#include <yaml.h>

#include "cli/deploy/project.h"

struct reader {
	struct project *project;
	yaml_document_t *document;
};

struct position place(const yaml_node_t *node);
#define BAD(node, ...) complain(r->project, place(node), __VA_ARGS__)
const char *type_of(const yaml_node_t *node);

/* The text of a scalar; NULL, and said so, for anything else, for nothing at all, and for text with a NUL in it. */
const char *scalar(const struct reader *r, const yaml_node_t *node, const char *what);
int number(const struct reader *r, const yaml_node_t *node, const char *what, unsigned long least, unsigned long most, unsigned long *value);
/* 5s, 200ms, 1m; a bare number is seconds. Nanoseconds. */
int duration(const struct reader *r, const yaml_node_t *node, const char *what, int64_t *value);
/* One of `count` names: its index. */
int flag(const struct reader *r, const yaml_node_t *node, const char *what, const char *const *names, int count, int *value);
/* Calls `each` for the elements of a list. */
int list(const struct reader *r, const yaml_node_t *node, const char *what, void *to,
	 int (*each)(const struct reader *, const yaml_node_t *, void *));

struct key {
	const char *name;
	int (*read)(const struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *to);
};
/* A mapping: with `keys`, only those; each at most once. `any`, where it is given, takes every key. */
int mapping(const struct reader *r, const yaml_node_t *node, const char *what, const struct key *keys, size_t count,
	    int (*any)(const struct reader *, const yaml_node_t *, const yaml_node_t *, void *), void *to);

/* For list(): appends to a list that ends with NULL. */
struct strings {
	char **list;
	int count;
	const char *what;
};
int string_add(const struct reader *r, const yaml_node_t *node, void *to);

#define KEY(name) int read_##name(const struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *to)
#define UNUSED_KEY (void)key
/* Keys of a cVM; `to` is its struct service. service.c: */
KEY(image);
KEY(args);
KEY(env);
KEY(argv0);
KEY(workdir);
KEY(hostname);
KEY(volumes);
KEY(tmpfs);
KEY(memory);
KEY(cpus);
KEY(first_window);
KEY(publish);
KEY(network);
KEY(user);
/* lifecycle.c */
KEY(depends_on);
KEY(restart);
KEY(healthcheck);
KEY(stop_signal);
KEY(stop_timeout);
/* grants.c */
KEY(grants);
#endif
