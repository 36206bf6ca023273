/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the library OS needs to know of its ISA beside entry.S and frame.c: each machine/<isa>/ gives these.
 */
#ifndef LIBOS_MACHINE_H
#define LIBOS_MACHINE_H
#include <machine_isa.h>        /* MACHINE_NAME, MACHINE_RELATIVE, machine_stack, machine_pause, struct wire_event */
#endif
