/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the library OS needs to know of its ISA beside entry.S and frame.c: each machine/<isa>/ gives these.
 */
#ifndef LIBOS_MACHINE_H
#define LIBOS_MACHINE_H
#include <machine_isa.h>        /* MACHINE_NAME, MACHINE_RELATIVE, MACHINE_FORKS, MACHINE_CLONE_ID, _TLS, machine_stack, _pause, _own_base, _program_base,
                                 * _program_pointer, struct wire_event, struct wire_action */
#endif
