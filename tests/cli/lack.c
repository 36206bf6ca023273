/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * lack LACK... -- COMMAND [ARGUMENT]...: runs a command on a host that lacks something. LACK is CALL:ERRNO, or CALL:ERRNO:N=VALUE
 * (only when argument N has that value, both up to twice), errno and values as numbers. Made of seccomp filters; a test's tool.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int lack(scmp_filter_ctx filter, char *text)
{
	char *words[4] = {strtok(text, ":"), strtok(NULL, ":"), strtok(NULL, ":"), strtok(NULL, ":")};
	struct scmp_arg_cmp compared[2];
	unsigned count = 0;

	if (!words[0] || !words[1])
		return -EINVAL;
	for (; count < 2 && words[2 + count]; count++) {
		char *end, *value;
		unsigned long number = strtoul(words[2 + count], &end, 10);
		if (number > 5 || *end != '=')
			return -EINVAL;
		value = end + 1;
		compared[count] = SCMP_CMP64((unsigned)number, SCMP_CMP_EQ, strtoull(value, NULL, 0));
	}
	int call = seccomp_syscall_resolve_name(words[0]);
	return call == __NR_SCMP_ERROR ? -ENOENT
				       : seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint16_t)atoi(words[1])), call, count, compared);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int at = 1, code = filter ? 0 : -ENOMEM;

	for (; !code && at < argc && strcmp(argv[at], "--"); at++)
		code = lack(filter, argv[at]);
	if (!code)
		code = seccomp_load(filter);
	if (code || at + 1 >= argc) {
		fprintf(stderr, "lack: %s: %s\n", at < argc ? argv[at] : "no command", strerror(-code));
		return 99;
	}
	execvp(argv[at + 1], argv + at + 1);
	perror(argv[at + 1]);
	return 99;
}
