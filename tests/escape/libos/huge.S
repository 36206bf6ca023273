/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS whose handle 0 is a file of huge pages: the kernel maps those whole, so that one page of it at the end of the
 * window would lie over the guard.
 */
#include "rows.h"
	start
	no_strings

row "map_file: huge pages over the guard", EXACT, -ENODEV, HOST_memory_map_file, 0xffe00000, 0x1000, SHARED+3, 0, 0
row "map_file: privately", EXACT, -ENODEV, HOST_memory_map_file, 0xffe00000, 0x1000, 3, 0, 0
row "map_file: the program's window", EXACT, -ENODEV, HOST_memory_map_file, REF_PROGRAM+0xffe00000, 0x1000, SHARED+3, 0, 0
row "map_file: at the start of memory", EXACT, -ENODEV, HOST_memory_map_file, 0x40200000, 0x1000, SHARED+3, 0, 0
