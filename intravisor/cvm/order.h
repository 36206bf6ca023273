/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the owner of the process asks of a running cVM. Trusted.
 */
#ifndef INTRAVISOR_ORDER_H
#define INTRAVISOR_ORDER_H
#include "intravisor/cvm/cvm.h"

struct cvm_order {
	uint32_t kind;          /* HOST_ORDER_*, carrel/host.h */
	uint32_t id;            /* not 0; what the cVM's config's order_done is told */
	uint32_t value;         /* a signal's number, a port's */
	int fds[3];             /* HOST_ORDER_EXECUTE: its standard streams; not taken over */
	uint32_t argc, envc;
	const char *text;       /* argc strings of its arguments and envc of its environment, each with its NUL */
	size_t length;
};
/* Any thread, any time between cvm_create and cvm_destroy. 0; -E2BIG, -EAGAIN (too many wait), -ENOMEM, -EMFILE. That it was put is
 * no promise that it is taken: who waits for order_done has to look at the end of the cVM, and at the clock, too. */
int cvm_order(struct cvm *cvm, const struct cvm_order *order);
/* For cvm_destroy. */
void orders_forget(struct cvm *cvm);
#endif
