/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * What a process is and becomes: execve, which runs riscv64 programs through the emulator again, uname, prctl.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "emulator/memory.h"
#include "emulator/system.h"
#include "emulator/system_state.h"

SYSTEM(uname)
{
	(void)cpu;
	struct utsname name;
	uname(&name);
	strcpy(name.machine, "riscv64");
	return memory_copy_out(in->a[0], &name, sizeof name) ? 0 : -EFAULT;
}

SYSTEM(prctl)
{
	(void)cpu;
	switch (in->a[0]) {
	case PR_SET_NAME:
	case PR_GET_NAME:
		memory_forget_tags(in->a[1], in->a[0] == PR_GET_NAME ? 16 : 0);
		return HOST(SYS_prctl, in->a[0], system_pointer(in->a[1]));
	case PR_SET_PDEATHSIG:
	case PR_GET_DUMPABLE:
	case PR_SET_DUMPABLE:
	case PR_SET_NO_NEW_PRIVS:
	case PR_GET_NO_NEW_PRIVS:
		return HOST(SYS_prctl, in->a[0], in->a[1], in->a[2], in->a[3], in->a[4]);
	default:
		return -EINVAL;
	}
}

static bool is_emulated(const char *path)
{
	Elf64_Ehdr header;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool yes = fd >= 0 && read(fd, &header, sizeof header) == sizeof header &&
		   !memcmp(header.e_ident, ELFMAG, SELFMAG) && header.e_machine == EM_RISCV;
	if (fd >= 0)
		close(fd);
	return yes;
}

/* A null-terminated array of the program's strings as the host's: the strings stay where they are. */
static int64_t strings(char **to, size_t most, uint64_t from, size_t *count)
{
	uint64_t address = 0;
	for (*count = 0; *count < most; ++*count) {
		if (!from || !memory_copy_in(&address, from + 8 * *count, 8))
			return from ? -EFAULT : 0;
		if (!address)
			return 0;
		to[*count] = (char *)system_pointer(address);
	}
	return -E2BIG;
}

SYSTEM(execve)
{
	enum { MOST = 65536 };
	(void)cpu;
	char path[PATH_MAX] = "";
	size_t arguments, variables, n = 0;
	if (!memory_copy_in(path, in->a[0], 1))
		return -EFAULT;
	for (size_t at = 0; at < sizeof path - 1; at++)
		if (!memory_copy_in(path + at, in->a[0] + at, 1))
			return -EFAULT;
		else if (!path[at])
			break;
	if (!strcmp(path, "/proc/self/exe"))
		strcpy(path, system_program());
	char **argv = calloc(MOST + 16, sizeof *argv), **envp = calloc(MOST + 1, sizeof *envp),
	     **old = calloc(MOST + 1, sizeof *old);
	int64_t result = -ENOMEM;
	if (!argv || !envp || !old)
		goto out;
	result = strings(old, MOST, in->a[1], &arguments);
	if (result == 0)
		result = strings(envp, MOST, in->a[2], &variables);
	if (result < 0)
		goto out;
	if (!is_emulated(path)) { /* a program of the host's, a script, or nothing */
		result = HOST(SYS_execve, (uint64_t)path, (uint64_t)old, (uint64_t)envp);
		goto out;
	}
	argv[n++] = (char *)settings.self;
	for (int option = 0; option < settings.option_count && n < 12; option++)
		argv[n++] = settings.options[option];
	if (arguments) {
		argv[n++] = (char *)"--argv0";
		argv[n++] = old[0];
	}
	argv[n++] = path;
	for (size_t k = 1; k < arguments; k++)
		argv[n++] = old[k];
	result = HOST(SYS_execve, (uint64_t)settings.self, (uint64_t)argv, (uint64_t)envp);
out:
	free(argv);
	free(envp);
	free(old);
	return result;
}
