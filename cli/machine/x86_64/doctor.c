/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What an x86-64 host must have beside what all must (cli/doctor.c).
 */
#include <cpuid.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"

#define HWCAP2_FSGSBASE_BIT (1 << 1)

static int has_fsgsbase(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_FSGSBASE) && (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT);
}

/* The gates are copied to a page that is then made executable. */
static int has_gate_page(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ok = page != MAP_FAILED && !mprotect(page, 4096, PROT_READ | PROT_EXEC);

	if (page != MAP_FAILED)
		munmap(page, 4096);
	return ok;
}

/* The filter's own actions are asked for: ENOSYS without seccomp(2), EOPNOTSUPP without the action. */
static int has_seccomp(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return !syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

size_t machine_doctor(struct machine_check *checks, size_t most)
{
	const struct machine_check all[] = {
		{"fsgsbase", has_fsgsbase(), 1, "needs a processor with FSGSBASE (Intel Ivy Bridge, AMD Excavator or later) and Linux 5.9 "
						"or later without the nofsgsbase option"},
		{"gate page", has_gate_page(), 1, "a page must become executable once it is filled: no policy against it (SELinux' execmem, "
						  "systemd's MemoryDenyWriteExecute)"},
		{"seccomp", has_seccomp(), 1, "needs Linux 4.14 or later with CONFIG_SECCOMP_FILTER: `carrel run` allows itself only the system "
					      "calls of host calls"},
	};
	size_t count = sizeof all / sizeof *all;

	for (size_t i = 0; i < count && i < most; i++)
		checks[i] = all[i];
	return count < most ? count : most;
}
