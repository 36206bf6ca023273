/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The key `grants` of a cVM: which files, calls and streams it may create and open.
 */
#include <string.h>

#include "cli/deploy/reader.h"

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
		return BAD(value, "`%s` is not a name (1 to 63 letters, digits, '.', '_' and '-', the first one a letter or digit)", text);
	g->named = 1;
	g->grant.kind = kind;
	g->grant.name = strdup(text);
	return 0;
}

static KEY(file)
{
	return granted_name(r, key, value, to, GRANT_FILE);
}

static KEY(call)
{
	return granted_name(r, key, value, to, GRANT_CALL);
}

static KEY(stream)
{
	return granted_name(r, key, value, to, GRANT_STREAM);
}

static KEY(rights)
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
