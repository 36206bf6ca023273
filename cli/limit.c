/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The host's limits on this process, and what of them is each cVM's.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "cli/cli.h"
#include "intravisor/cvm/cvm.h"

void files_most(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* The process's limits are divided, so that one cVM cannot take what another needs: `kept` is the Intravisor's own. */
static uint32_t share_of(unsigned long all, unsigned long kept, size_t count, unsigned long least, unsigned long most)
{
	unsigned long each = all > kept ? (all - kept) / count : 0;

	return (uint32_t)(each < least ? least : each > most ? most : each);
}

static unsigned long number_in(const char *path)
{
	unsigned long number = 65530;   /* what Linux begins with */
	FILE *file = fopen(path, "re");

	if (file && fscanf(file, "%lu", &number) != 1)
		number = 65530;
	if (file)
		fclose(file);
	return number;
}

static unsigned long files_now(void)
{
	struct rlimit files;

	return getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY ? 1u << 20 : files.rlim_cur;
}

void limits_share(struct cvm_config *config, size_t count)
{
	config->handles_most = share_of(files_now(), 256 + 2 * count, count, 64, HANDLES_MOST);
	config->mappings_most = share_of(number_in("/proc/sys/vm/max_map_count"), 2048, count, 64, 1u << 18);
}
