/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A host for the parts of the library OS that know no ISA, so that they run as an ordinary program: memory calls on a page
 * table of its own, clocks, nothing else. It ends the test when the library OS breaks the rules of a host call.
 */
#ifndef FAKE_H
#define FAKE_H
#include <stdint.h>

enum { PAGE_NONE, PAGE_UNREADABLE, PAGE_READ, PAGE_WRITE };
extern uint8_t fake_pages[1 << 20];     /* the program's window, by page */
extern uint8_t *fake_window;            /* its memory */
extern int fake_memory_fails;           /* memory calls give -ENOMEM */
void fake_start(uint64_t memory_limit);
void fake_space(uint64_t limit);         /* an empty address space for the one process there is */
uint32_t fake_random(uint32_t below);
#endif
