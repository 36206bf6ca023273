/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * carrel: picks the command.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *text;
} commands[] = {
	{"run", command_run, "run an image in a cVM"},
	{"up", command_up, "start the cVMs that a file describes, in one Intravisor"},
	{"down", command_down, "stop them"},
	{"ps", command_ps, "show them"},
	{"logs", command_logs, "show what one of them prints"},
	{"exec", command_exec, "run a command inside one of them"},
	{"verify", command_verify, "judge an image's machine code without running it"},
	{"doctor", command_doctor, "check that this host has what Carrel needs"},
};

static int help(FILE *to)
{
	fprintf(to, "Usage: carrel [--machine NAME] COMMAND [ARGUMENT]...\nRuns unmodified-source programs in capability VMs.\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].text);
	fprintf(to, "\n`carrel COMMAND --help` tells more. Exit status: the program's own; 125 Carrel failed, 126 the image cannot\n"
		    "run, 127 it is not there; 128 + N when signal N ended the cVM.\n");
	return to == stdout ? 0 : EXIT_CARREL;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return help(stderr);
	signal(SIGXFSZ, SIG_IGN);       /* a limit on file sizes is an error with a line, not the end */
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help") || !strcmp(argv[1], "-h"))
		return help(stdout);
	if (!strcmp(argv[1], "--version")) {
		puts("carrel 0.1");
		return 0;
	}
	if (!strcmp(argv[1], "--machine") && argc > 3) {
		machine_enter(argv[2], argv + 3, argc - 3);
		argv += 2;
		argc -= 2;
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "carrel: no command `%s`; see `carrel --help`\n", argv[1]);
	return EXIT_CARREL;
}
