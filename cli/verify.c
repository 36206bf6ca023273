/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * carrel verify: what the loader would say to an image, without running it.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <carrel/image.h>
#include "cli/cli.h"
#include "intravisor/load/load.h"

struct verify {
	int verbose, repeat, bad, files;
};

static const struct argp_option options[] = {
	{"verbose", 'v', NULL, 0, "show each instruction and what it was taken for", 0},
	{"repeat", 'n', "N", 0, "judge N times and print the speed", 0},
	{0},
};

struct lines {
	const struct machine_text *text;
	int traps;              /* in a row, by now */
};

/* Runs of traps, the padding, are one line. */
static void line_print(void *argument, uint64_t at, uint64_t length, int code, const char *what)
{
	struct lines *lines = argument;
	const uint8_t *bytes = lines->text->text + at;
	char shown[128] = "", hex[3 * 15 + 1] = "";

	if (code)
		instruction_text(bytes, lines->text->size - at, shown, sizeof shown);
	int trap = !strcmp(shown, "int3");
	if (trap && ++lines->traps > 1)
		return;
	if (!trap && lines->traps > 1)
		printf("          ... %d more traps\n", lines->traps - 1);
	if (!trap)
		lines->traps = 0;
	for (unsigned k = 0; code && k < length && k < 15; k++)
		snprintf(hex + 3 * k, 4, "%02x ", bytes[k]);
	if (code)
		printf("%8llx  %-36s%-44s %s\n", (unsigned long long)(lines->text->address + at), hex, shown, what);
	else
		printf("%8llx  %llu bytes: %s\n", (unsigned long long)(lines->text->address + at), (unsigned long long)length, what);
}

static int file_verify(const struct verify *verify, const char *name)
{
	struct image image;
	struct machine_text text;
	struct machine_verdict verdict;
	struct cvm_error error;
	struct timespec before, after;
	uint8_t *buffer;
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code;

	if (fd < 0) {
		fprintf(stderr, "carrel: %s: %s\n", name, strerror(errno));
		return 1;
	}
	code = image_layout(fd, name, -1, NULL, &image, &buffer, &text, &error);
	close(fd);
	if (code) {
		fprintf(stderr, "carrel: %s\n", error.text);
		return 1;
	}
	if (verify->verbose) {
		struct lines lines = {&text, 0};
		machine_verify(&text, &verdict, line_print, &lines);
		if (lines.traps > 1)
			printf("          ... %d more traps\n", lines.traps - 1);
	}
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (int i = 0; i < verify->repeat || !i; i++)
		code = machine_verify(&text, &verdict, NULL, NULL);
	clock_gettime(CLOCK_MONOTONIC, &after);
	if (code == -EACCES) {
		printf("%s: refused at %#llx [", name, (unsigned long long)(text.address + verdict.offset));
		for (unsigned i = 0; i < verdict.length; i++)
			printf(i ? " %02x" : "%02x", verdict.bytes[i]);
		printf("]: %s: %s\n", verdict.rule, verdict.reason);
	} else if (code)
		fprintf(stderr, "carrel: %s: %s\n", name, strerror(-code));
	else {
		double seconds = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
		printf("%s: ok, %zu bytes of machine code, %llu instructions, %s policy", name, text.size,
		       (unsigned long long)verdict.instructions, text.policy == IMAGE_POLICY_LIBOS ? "library OS" : "program");
		if (verify->repeat)
			printf(", %.1f MB/s", (double)text.size * verify->repeat / seconds / 1e6);
		putchar('\n');
	}
	munmap(buffer, image.span);
	return code != 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct verify *verify = state->input;

	switch (key) {
	case 'v':
		verify->verbose = 1;
		return 0;
	case 'n':
		verify->repeat = atoi(argument);
		if (verify->repeat < 1)
			argp_failure(state, EXIT_CARREL, 0, "--repeat %s: not a positive number", argument);
		return 0;
	case ARGP_KEY_ARG:
		verify->files++;
		verify->bad |= file_verify(verify, argument);
		return 0;
	case ARGP_KEY_END:
		if (!verify->files)
			argp_failure(state, EXIT_CARREL, 0, "verify: which image? see `carrel verify --help`");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_verify(int argc, char **argv)
{
	static const struct argp argp = {options, parse, "FILE...",
		"Judges the machine code of images as `carrel run` would. Exit status 0: all accepted; 1: not all.", NULL, NULL, NULL};
	struct verify verify = {0};

	argv[0] = "carrel verify";
	argp_err_exit_status = EXIT_CARREL;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &verify);
	return verify.bad;
}
