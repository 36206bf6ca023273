/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a CHERI-RISC-V host must have (carrel doctor).
 */
#include <carrel/encodings.h>
#include "cli/cli.h"

/* That the instructions are there at all is not asked: without them this program could not have been told apart from a crash. DDC
 * must be this process's whole address space, with the permission to seal. */
static int has_capabilities(void)
{
	uint64_t tag, length, permissions;

	__asm__ volatile(CGETDDC("t0") CGETTAG("%0", "t0") CGETLEN("%1", "t0") CGETPERM("%2", "t0")
			 : "=&r"(tag), "=&r"(length), "=&r"(permissions) : : "t0");
	return tag && length == UINT64_MAX && (permissions & 0xfff) == 0xfff;
}

size_t machine_doctor(struct machine_check *checks, size_t most)
{
	const struct machine_check all[] = {
		{"capabilities", has_capabilities(), 1, "DDC must cover all addresses with all permissions: run this by carrel-cheri"},
	};
	size_t count = sizeof all / sizeof *all;

	for (size_t i = 0; i < count && i < most; i++)
		checks[i] = all[i];
	return count < most ? count : most;
}
