/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * --machine NAME: another machine's carrel, which lies beside this one as an installation of its own (lib/carrel/NAME), run by the
 * program that is that machine (bin/carrel-NAME). All words after it go there as they are. A project's file may name its machine too.
 */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <carrel/isa.h>
#include "cli/cli.h"

static int said; /* --machine was, of this one */

int machine_is_this(const char *name)
{
	return !strcmp(name, ISA_MACHINE);
}

int machine_said(void)
{
	return said;
}

/* FOLDER/NAME of this installation. */
static char *installed(const char *folder, const char *name)
{
	char path[PATH_MAX], *whole;
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	path[n > 0 ? n : 0] = 0;
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(path, '/');
		if (slash)
			*slash = 0;
	}
	if (asprintf(&whole, "%s/%s/%s", path, folder, name) < 0)
		exit(EXIT_CARREL);
	return whole;
}

/* Another machine's carrel. */
static char *carrel_of(const char *name)
{
	char *carrel;

	if (asprintf(&carrel, "%s/bin/carrel", name) < 0)
		exit(EXIT_CARREL);
	return installed("lib/carrel", carrel);
}

int machine_known(const char *name)
{
	return machine_is_this(name) || (!strchr(name, '/') && !access(carrel_of(name), R_OK));
}

void machine_enter(const char *name, char **words, int count)
{
	char *machine, **argv = calloc((size_t)count + 7, sizeof *argv);

	if (machine_is_this(name)) {
		said = 1;
		free(argv);
		return;
	}
	if (!argv || asprintf(&machine, "carrel-%s", name) < 0)
		exit(EXIT_CARREL);
	argv[0] = machine;
	argv[1] = "--argv0";
	argv[2] = "carrel";
	argv[3] = carrel_of(name);
	argv[4] = "--machine";
	argv[5] = (char *)name;
	memcpy(argv + 6, words, (size_t)count * sizeof *argv);
	if (!machine_known(name))
		fprintf(stderr, "carrel: --machine %s: there is no such machine here (%s is missing)\n", name, argv[3]);
	else {
		execv(installed("bin", machine), argv);
		fprintf(stderr, "carrel: --machine %s: %s: %s\n", name, installed("bin", machine), strerror(errno));
	}
	exit(EXIT_CARREL);
}

/* At once, with all the words but these: what else they ask for is that machine's to do. */
void machine_option(const char *name, struct argp_state *state, const char *command)
{
	int own = state->argv[state->next - 1] == name ? 2 : 1, at = state->next - own, count = state->argc - own;
	char **words = calloc((size_t)state->argc + 1, sizeof *words);

	if (!words)
		exit(EXIT_CARREL);
	words[0] = (char *)command;
	memcpy(words + 1, state->argv + 1, (size_t)(at - 1) * sizeof *words);
	memcpy(words + at, state->argv + state->next, (size_t)(state->argc - state->next) * sizeof *words);
	machine_enter(name, words, count);
	free(words);
}
