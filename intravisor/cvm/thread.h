/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Host threads that run a cVM's guest threads, one each. Trusted.
 */
#ifndef INTRAVISOR_THREAD_H
#define INTRAVISOR_THREAD_H
#include "intravisor/cvm/cvm.h"

/* Makes the first thread, in `program`, whose reference it takes over. 0 or -ENOMEM. */
int threads_first(struct cvm *cvm, struct window *program);
/* Runs the first thread on the calling host thread and waits until every other has left. */
void threads_run(struct cvm *cvm, uint32_t entry, uint32_t stack, uint64_t argument);
/* It goes on on another host thread, the calling one. */
void thread_moved(struct machine_thread *thread);
/* For a cVM that never ran. */
void threads_forget(struct cvm *cvm);
#endif
