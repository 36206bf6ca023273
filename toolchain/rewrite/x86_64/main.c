/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * carrel-rewrite: assembly as gcc writes it in, assembly in Carrel's forms out. The passes, in order.
 */
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

static const char usage[] =
	"Usage: carrel-rewrite [--policy=program|libos] [--trap] [--name=NAME] [INPUT [OUTPUT]]\n"
	"Rewrites x86-64 AT&T assembly into the machine-code forms Carrel's verifier accepts.\n"
	"  --policy=P   whose forms: a program's (default) or a library OS's\n"
	"  --trap       check the upper half of every address (carrel-cc -mtrap)\n"
	"  --name=NAME  the name errors give\n"
	"INPUT and OUTPUT default to standard input and output.\n";

int main(int argc, char **argv)
{
	struct source source = {.name = NULL, .out = stdout};
	FILE *in = stdin;
	int files = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			fputs(usage, stdout);
			return 0;
		} else if (!strcmp(argv[i], "--policy=libos"))
			source.policy = POLICY_LIBOS;
		else if (!strcmp(argv[i], "--policy=program"))
			source.policy = POLICY_PROGRAM;
		else if (!strcmp(argv[i], "--trap"))
			source.trap = true;
		else if (!strncmp(argv[i], "--name=", 7))
			source.name = argv[i] + 7;
		else if (argv[i][0] == '-' && argv[i][1]) {
			fprintf(stderr, "carrel-rewrite: unknown option %s\n%s", argv[i], usage);
			return 2;
		} else if (!files++) {
			if (strcmp(argv[i], "-") && !(in = fopen(argv[i], "r"))) {
				perror(argv[i]);
				return 1;
			}
			if (!source.name)
				source.name = argv[i];
		} else if (!(source.out = fopen(argv[i], "w"))) {
			perror(argv[i]);
			return 1;
		}
	}
	if (!source.name)
		source.name = "{standard input}";
	source_read(&source, in);
	weak_pass(&source);
	delta_pass(&source);
	liveness_pass(&source);
	flags_pass(&source);
	tables_pass(&source);
	pads_pass(&source);
	entries_pass(&source);
	emit_pass(&source);
	if (fflush(source.out) || ferror(source.out)) {
		perror("carrel-rewrite: write");
		return 1;
	}
	return 0;
}
