/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * See processes.h. A cVM here is as much of one as the calls on shared memory look at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "intravisor/cvm/window.h"
#include "intravisor/share/share.h"
#include "tests/share/native/processes.h"

struct cvm *cvms[CVMS];
struct caller callers[PROCESSES];
static struct cvm_config configs[CVMS];
static struct cvm_grant grants[CVMS][6];

void process_renew(int p)
{
	struct window *window, *before = callers[p].program;
	struct cvm *cvm = callers[p].cvm;
	int64_t number = cvm_window_add(cvm, NULL, NULL, &window);

	if (number < 0)
		abort();
	callers[p].program = window;
	if (call(p, host_memory_map, REF_PROGRAM | START, SPAN, PROT_READ | PROT_WRITE, 0) ||
	    cvm_window_drop(cvm, (uint64_t)number))
		abort();
	if (before)
		cvm_window_release(cvm, before);
}

int processes_make(void)
{
	static char network;
	static const char *const names[] = {"a", "b", "c", "d"};
	struct cvm_error error;

	if (intravisor_init(&error)) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	for (int c = 0; c < CVMS; c++) {
		struct cvm *cvm = cvms[c] = calloc(1, sizeof *cvm);
		for (int i = 0; i < 4; i++)
			grants[c][i] = (struct cvm_grant){GRANT_FILE, names[i], i < 3 || !c ? 7 : GRANT_READ};
		grants[c][4] = (struct cvm_grant){GRANT_STREAM, "s", 7};
		grants[c][5] = (struct cvm_grant){GRANT_STREAM, "t", 7};
		configs[c] = (struct cvm_config){.grants = grants[c], .grant_count = 6, .network_id = &network};
		cvm->config = &configs[c];
		cvm->mappings.most = CVM_MAPPINGS_MOST;
		pthread_mutex_init(&cvm->lock, NULL);
		if (share_table_create(cvm) || host_table_create(cvm, &error))
			return 1;
		for (int i = 0; i < EACH; i++) {
			callers[c * EACH + i] = (struct caller){.cvm = cvm};
			process_renew(c * EACH + i);
		}
	}
	return 0;
}

void processes_end(void)
{
	for (int c = 0; c < CVMS; c++)
		share_table_destroy(cvms[c]);
	for (int p = 0; p < PROCESSES; p++)
		cvm_window_release(callers[p].cvm, callers[p].program);
	for (int c = 0; c < CVMS; c++) {
		host_table_destroy(cvms[c]);
		free(cvms[c]);
	}
}
