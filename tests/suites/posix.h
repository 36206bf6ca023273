/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Included before each test of an interface: the suite is of POSIX 2001, and leaves out asynchronous input and output where the
 * system says a later year.
 */
#include <unistd.h>
#undef _POSIX_ASYNCHRONOUS_IO
#define _POSIX_ASYNCHRONOUS_IO 200112L
