/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Window slots of the shared address space. Trusted.
 */
#ifndef INTRAVISOR_WINDOW_H
#define INTRAVISOR_WINDOW_H
#include "intravisor/cvm/cvm.h"

enum window_place { WINDOW_ANYWHERE, WINDOW_ELSEWHERE };        /* elsewhere: not at address 0 */
/* Takes a free slot and opens its gates for a compartment (MACHINE_*). 0 or -errno. */
int window_open(struct window *window, int compartment, enum window_place place);
/* The same with an image as its first, at *at, within a budget of mappings and a limit of bytes (0: none); where a window that held
 * this image alone was closed before, it is that one, emptied. Not 0: the window is closed again. */
int window_open_image(struct window *window, int compartment, enum window_place place, struct image *image, struct mapping_budget *budget,
		      uint64_t limit, uint32_t *at);
/* Spare windows of an image go. */
void window_spares_drop(const struct image *image);
/* Until the next call a process made by clone inherits of all windows this one alone; NULL: all again. 0 or -errno. */
int windows_inherit(const struct window *only);
/* Gives everything in it back to the host and the slot to the pool. */
void window_close(struct window *window);
#endif
