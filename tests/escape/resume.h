/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The system calls of program/resume.S to libos/resume.S.
 */
#define CALL_STEP 1000                  /* rdi: its handler */
#define CALL_SEEN 1001                  /* rdi: r15 */
