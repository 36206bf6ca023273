/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Names of what cVMs share: read from a guest, and whether its cVM was granted one. Trusted.
 */
#include <string.h>

#include "cap/cap.h"
#include "intravisor/host/host.h"
#include "intravisor/share/share.h"

int share_name(struct caller *caller, char name[64], uint64_t ref, uint64_t length)
{
	memset(name, 0, 64);
	if (!length || length >= 64)
		return -EINVAL;
	return cvm_copy_in(caller, name, ref, length) ? -EFAULT : memchr(name, 0, length) ? -EINVAL : 0;
}

int share_granted(const struct cvm *cvm, enum cvm_grant_kind kind, const char *name, uint32_t rights)
{
	for (size_t i = 0; i < cvm->config->grant_count; i++) {
		const struct cvm_grant *g = &cvm->config->grants[i];
		if (g->kind == kind && !strcmp(g->name, name) && (g->rights & rights) == rights)
			return 1;
	}
	return 0;
}
