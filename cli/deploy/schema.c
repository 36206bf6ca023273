/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * FILE.yaml into a project. Strict: a key that is not known, twice there or of another type is an error at its place (reader.h). libyaml
 * runs in the supervisor, never in the process that runs cVMs' code, and before that is made.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <carrel/isa.h>
#include "cli/deploy/reader.h"

static int service_add(const struct reader *r, const yaml_node_t *key, const yaml_node_t *value, void *to)
{
	static const struct key keys[] = {
		{"image", read_image}, {"args", read_args}, {"argv0", read_argv0}, {"env", read_env}, {"workdir", read_workdir},
		{"hostname", read_hostname},
		{"volumes", read_volumes}, {"tmpfs", read_tmpfs}, {"memory", read_memory}, {"cpus", read_cpus}, {"first_window", read_first_window},
		{"publish", read_publish},
		{"network", read_network}, {"depends_on", read_depends_on}, {"restart", read_restart}, {"healthcheck", read_healthcheck},
		{"user", read_user}, {"stop_signal", read_stop_signal}, {"stop_timeout", read_stop_timeout}, {"grants", read_grants},
	};
	struct project *p = r->project;
	const char *name = (const char *)key->data.scalar.value;
	char why[512];

	(void)to;
	if (!name_ok(name))
		return BAD(key, "`%s` is not a name for a cVM (1 to 63 letters, digits, '.', '_' and '-', the first one a letter or digit)", name);
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
	if (!s->config.argv[0])
		s->config.argv[0] = (char *)s->config.image_path;
	s->config.envp = s->environment.list;
	if (s->config.network && names_grant(&s->config, why, sizeof why))
		return BAD(key, "network: %s", why);
	return 0;
}

static KEY(cvms)
{
	UNUSED_KEY;
	return mapping(r, value, "cvms", NULL, 0, service_add, to);
}

static KEY(project)
{
	struct project *p = to;
	const char *text = scalar(r, value, "project");

	UNUSED_KEY;
	if (!text)
		return -1;
	if (!name_ok(text))
		return BAD(value, "`%s` is not a project's name (1 to 63 letters, digits, '.', '_' and '-', the first one a letter or digit)", text);
	if (!*p->name)          /* the command line's goes first */
		snprintf(p->name, sizeof p->name, "%s", text);
	return 0;
}

static KEY(machine)
{
	struct project *p = to;
	const char *text = scalar(r, value, "machine");

	UNUSED_KEY;
	if (!text)
		return -1;
	if (!machine_is_this(text) && machine_said())
		return BAD(value, "the file is for the machine `%s`, and --machine says `%s`", text, ISA_MACHINE);
	if (!machine_known(text))
		return BAD(value, "there is no machine `%s` here (`make` builds x86_64 and cheri)", text);
	p->machine = strdup(text);
	return 0;
}

/* Before anything is opened: another machine's carrel begins at the beginning. 0; 1: it is to; -1 and said why. */
static int machine_look(struct project *p, yaml_document_t *document)
{
	struct reader reader = {p, document}, *r = &reader;
	const yaml_node_t *root = yaml_document_get_root_node(document);

	if (!root || root->type != YAML_MAPPING_NODE)
		return 0;               /* what is wrong there is said by document_read */
	for (const yaml_node_pair_t *i = root->data.mapping.pairs.start; i < root->data.mapping.pairs.top; i++) {
		const yaml_node_t *key = yaml_document_get_node(document, i->key);
		if (key->type == YAML_SCALAR_NODE && !strcmp((const char *)key->data.scalar.value, "machine") &&
		    read_machine(r, key, yaml_document_get_node(document, i->value), p))
			return -1;
	}
	return p->machine && !machine_is_this(p->machine);
}

static int document_read(struct project *p, yaml_document_t *document)
{
	static const struct key keys[] = {{"project", read_project}, {"machine", read_machine}, {"cvms", read_cvms}};
	struct reader reader = {p, document}, *r = &reader;
	const yaml_node_t *root = yaml_document_get_root_node(document);

	if (!root)
		return complain(p, (struct position){0}, "is empty");
	if (mapping(r, root, "the file", keys, sizeof keys / sizeof *keys, NULL, p))
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
	if (!yaml_parser_initialize(&parser))
		return complain(p, (struct position){0}, "no memory to read it");
	yaml_parser_set_input_file(&parser, in);
	if (!yaml_parser_load(&parser, &document)) {
		complain(p, (struct position){parser.problem_mark.line + 1, parser.problem_mark.column + 1}, "%s",
			 parser.problem ? parser.problem : "cannot be read");
	} else {
		code = machine_look(p, &document);
		if (!code && chdir(dirname(directory)))
			code = complain(p, (struct position){0}, "its directory cannot be entered: %s", strerror(errno));
		if (!code)
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
	if (code)
		return code;
	if (!*p->name)
		project_name_default(p->name, directory);
	if (!*p->name)
		return complain(p, (struct position){0}, "its directory's name is none for a project; give `project:`");
	return project_check(p);
}
