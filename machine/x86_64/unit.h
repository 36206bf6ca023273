/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The checked indirect branch of a program (docs/architecture.md): its steps in bytes. Trusted.
 */
#ifndef UNIT_H
#define UNIT_H
#include <stddef.h>
#include <stdint.h>

#define UNIT_NONE 16            /* no register */
#define UNIT_LOOK 32            /* bytes unit_find may look at */

/* The steps' encodings for T = t and S = s; each gives its length. to has room for 16. */
size_t unit_load_program(uint8_t *to, unsigned t, unsigned s);
size_t unit_load_libos(uint8_t *to, unsigned t, unsigned s);
size_t unit_add(uint8_t *to, unsigned s);
size_t unit_rebase_program(uint8_t *to, unsigned t);
size_t unit_rebase_libos(uint8_t *to, unsigned t);

/* An interruption at `at` in verified program text of `size` bytes: inside a unit, behind its first step? Gives T, and how many
 * bytes before `at` the load begins; UNIT_NONE outside of a unit. Resuming at the load with T's upper half cleared is sound
 * whatever the registers hold: T is then an offset, S is loaded anew, and the steps behind check again. */
unsigned unit_find(const uint8_t *text, size_t size, size_t at, unsigned *back);
#endif
