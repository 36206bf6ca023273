/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Text of cVMs on a terminal.
 */
#ifndef DEPLOY_TERMINAL_H
#define DEPLOY_TERMINAL_H
#include <stddef.h>

/* Control characters become '?', but for tabs, ends of lines and colours. */
void terminal_tame(char *text, size_t length);
#endif
