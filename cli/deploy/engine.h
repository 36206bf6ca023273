/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the supervisor and the process that runs the cVMs say to each other, over a SOCK_SEQPACKET pair. Neither is exposed to
 * cVMs: they reach the second only by host calls.
 */
#ifndef DEPLOY_ENGINE_H
#define DEPLOY_ENGINE_H
#include "cli/deploy/project.h"

enum engine_operation { ENGINE_START, ENGINE_SIGNAL, ENGINE_END, ENGINE_EXECUTE, ENGINE_SIGNAL_ORDER, ENGINE_PROBE, ENGINE_WINDOWS };
struct engine_command {
	uint32_t operation, service;
	uint32_t generation;            /* which start of it is meant; ENGINE_START: what it is called from now on */
	uint32_t id, value;             /* of an order; a signal, a port, a status */
	uint32_t argc, envc, length;    /* ENGINE_EXECUTE: strings follow, three descriptors come along */
};

enum engine_event_kind { EVENT_READY, EVENT_STARTED, EVENT_FAILED, EVENT_ENDED, EVENT_DONE, EVENT_WINDOW, EVENT_WINDOWS_END };
struct engine_event {
	uint32_t kind, service, generation;
	uint32_t id;
	int32_t status;                 /* wait(2)-style; EVENT_FAILED: the errno; EVENT_DONE: -1 when nothing was done */
	uint64_t base;                  /* EVENT_WINDOW */
	char text[512];                 /* EVENT_FAILED */
};

/* Becomes the Intravisor of the project: opens the images, locks itself in, runs what it is told. `log`: its error stream. */
void engine_run(struct project *p, int control, int log) __attribute__((noreturn));
#endif
