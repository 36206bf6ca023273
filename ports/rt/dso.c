/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What C++ code hands to __cxa_atexit so that destructors of statics are told which object they are of: its own for each program and
 * shared object, as crtbegin.o has it (C++ ABI, 3.3.6.3). Untrusted.
 */
extern void *const __dso_handle;
void *const __dso_handle = (void *)&__dso_handle;
