/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Orders from outside.
 */
#ifndef LIBOS_ORDER_H
#define LIBOS_ORDER_H
#include <stdint.h>

/* Takes all that wait. Under the kernel lock. */
void orders_serve(void);
/* sys/exec.c: the first of a process that an order started; its thread is the argument. */
void order_begin(uint64_t argument) __attribute__((noreturn));
#endif
