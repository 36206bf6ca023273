/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Processes of several cVMs without any guest in them: what host calls need to be made on their behalf by a test. Process p is of
 * cVM p / EACH; [START, START + SPAN) of its window is mapped.
 */
#ifndef TESTS_PROCESSES_H
#define TESTS_PROCESSES_H
#include <carrel/host.h>
#include <carrel/rights.h>
#include "intravisor/host/host.h"

#define CVMS 3
#define EACH 2
#define PROCESSES (CVMS * EACH)
#define START 0x50000000ull
#define SPAN 65536ull

extern struct cvm *cvms[CVMS];
extern struct caller callers[PROCESSES];

int processes_make(void);
void processes_end(void);
/* Its window goes, with all in it, and it has a fresh one. */
void process_renew(int process);
static inline uint8_t *memory_of(int process)
{
	return callers[process].program->base + START;
}
static inline int64_t call5(int process, int64_t (*host)(struct caller *, const uint64_t *), uint64_t a, uint64_t b, uint64_t c,
			    uint64_t d, uint64_t e)
{
	const uint64_t words[6] = {a, b, c, d, e, 0};

	return host(&callers[process], words);
}
static inline int64_t call(int process, int64_t (*host)(struct caller *, const uint64_t *), uint64_t a, uint64_t b, uint64_t c,
			   uint64_t d)
{
	return call5(process, host, a, b, c, d, 0);
}
#endif
