/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The innocent neighbour: says hello and leaves.
 */
#include "guest.h"
image_policy IMAGE_POLICY_PROGRAM
.globl _start
_start:	endbr64
	say "hello"
	exit_with 0
