/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS against the memory calls: into the arena, the guards, the last page, around the end of the
 * window, over verified text, into a window that is not there, executable memory. After each refusal the next row
 * still finds things as they were.
 */
#include "rows.h"
	start
	no_strings

/* ---- ranges outside what the library OS hands out ---- */
row "map: into the low guard", EXACT, -EINVAL, HOST_memory_map, 0, 0x1000, 3
row "map: our own gate table", EXACT, -EINVAL, HOST_memory_map, GATES, 0x1000, 3
row "map: the program's gate table", EXACT, -EINVAL, HOST_memory_map, REF_PROGRAM+GATES, 0x1000, 3
row "map: first page of the arena", EXACT, -EINVAL, HOST_memory_map, ARENA_START, 0x1000, 3
row "map: over our own text", EXACT, -EINVAL, HOST_memory_map, LIBOS_TEXT, 0x1000, 3
row "map: over our own image's data", EXACT, -EINVAL, HOST_memory_map, LIBOS_DATA, 0x1000, 3
row "map: over the program's text", EXACT, -EINVAL, HOST_memory_map, PROGRAM_BASE, 0x4000, 3
row "map: last page of the arena", EXACT, -EINVAL, HOST_memory_map, ARENA_END-0x1000, 0x1000, 3
row "map: across the end of the arena", EXACT, -EINVAL, HOST_memory_map, ARENA_END-0x1000, 0x2000, 3
row "map: high guard", EXACT, -EINVAL, HOST_memory_map, END, 0x1000, 3
row "map: across the high guard", EXACT, -EINVAL, HOST_memory_map, END-0x1000, 0x2000, 3
row "map: last page", EXACT, -EINVAL, HOST_memory_map, 0xfffff000, 0x1000, 3
row "map: program's last page", EXACT, -EINVAL, HOST_memory_map, REF_PROGRAM+0xfffff000, 0x1000, 3
row "map: over the end of our window", EXACT, -EINVAL, HOST_memory_map, 0xfffff000, 0x11000, 3
row "map: the sum overflows", EXACT, -EINVAL, HOST_memory_map, M, -0x1000, 3
row "map: the sum overflows to the same place", EXACT, -EINVAL, HOST_memory_map, M, -M+0x1000, 3
row "map: length 2^63", EXACT, -EINVAL, HOST_memory_map, M, 0x8000000000000000, 3
row "map: length rounds over", EXACT, -EINVAL, HOST_memory_map, M, -1, 3
row "map: 4 GiB", EXACT, -EINVAL, HOST_memory_map, M, 0x100000000, 3
row "map: a program window that is not there", EXACT, -EINVAL, HOST_memory_map, 0x300000000+M, 0x1000, 3
row "map: a window number beyond the table", EXACT, -EINVAL, HOST_memory_map, 0x10200000000+M, 0x1000, 3
row "map: sign bit of the ref", EXACT, -EINVAL, HOST_memory_map, 0x8000000000000000+M, 0x1000, 3
row "map: ref -4096", EXACT, -EINVAL, HOST_memory_map, -0x1000, 0x1000, 3
row "map: misaligned", EXACT, -EINVAL, HOST_memory_map, M+8, 0x1000, 3
row "map: half a page", EXACT, -EINVAL, HOST_memory_map, M, 0x800, 3
row "map: nothing", EXACT, -EINVAL, HOST_memory_map, M, 0, 3
/* ---- executable memory ---- */
row "map: executable", EXACT, -EINVAL, HOST_memory_map, M, 0x1000, 7
row "map: read and execute", EXACT, -EINVAL, HOST_memory_map, M, 0x1000, 5
row "map: execute alone", EXACT, -EINVAL, HOST_memory_map, M, 0x1000, 4
row "map: protection with other bits", EXACT, -EINVAL, HOST_memory_map, M, 0x1000, 0x1000003
row "map: protection with high bits", EXACT, -EINVAL, HOST_memory_map, M, 0x1000, 0x100000003
row "map: an honest one", EXACT, OK, HOST_memory_map, M, 0x4000, 3
row "protect: executable", EXACT, -EINVAL, HOST_memory_protect, M, 0x1000, 5
row "protect: write and execute", EXACT, -EINVAL, HOST_memory_protect, M, 0x1000, 7
row "protect: high bits", EXACT, -EINVAL, HOST_memory_protect, M, 0x1000, 0x100000004
row "protect: grows down", EXACT, -EINVAL, HOST_memory_protect, M, 0x1000, 0x01000003
/* ---- text ---- */
row "protect: our text writable", EXACT, -EINVAL, HOST_memory_protect, LIBOS_TEXT, 0x1000, 3
row "protect: program text writable", EXACT, -EINVAL, HOST_memory_protect, PROGRAM_BASE, 0x2000, 3
row "protect: our data read-only, in the arena", EXACT, -EINVAL, HOST_memory_protect, LIBOS_DATA, 0x1000, 1
row "protect: the gate table", EXACT, -EINVAL, HOST_memory_protect, -0x1000, 0x1000, 3
row "protect: our own gate table", EXACT, -EINVAL, HOST_memory_protect, GATES, 0x1000, 3
row "protect: the program's gate table", EXACT, -EINVAL, HOST_memory_protect, REF_PROGRAM+GATES, 0x1000, 3
row "protect: the last page", EXACT, -EINVAL, HOST_memory_protect, 0xfffff000, 0x1000, 3
row "unmap: our text", EXACT, -EINVAL, HOST_memory_unmap, LIBOS_TEXT, 0x1000
row "unmap: program text", EXACT, -EINVAL, HOST_memory_unmap, PROGRAM_BASE, 0x2000
row "unmap: the whole window", EXACT, -EINVAL, HOST_memory_unmap, 0, 0x100000000
row "unmap: from the arena on", EXACT, -EINVAL, HOST_memory_unmap, ARENA_END-0x1000, 0x80000000
row "unmap: our own gate table", EXACT, -EINVAL, HOST_memory_unmap, GATES, 0x1000
row "unmap: the last page", EXACT, -EINVAL, HOST_memory_unmap, 0xfffff000, 0x1000
row "unmap: over the end", EXACT, -EINVAL, HOST_memory_unmap, END-0x1000, 0x2000
row "discard: our text", EXACT, -EINVAL, HOST_memory_discard, LIBOS_TEXT, 0x1000
row "discard: program text", EXACT, -EINVAL, HOST_memory_discard, PROGRAM_BASE, 0x2000
row "discard: our data, in the arena", EXACT, -EINVAL, HOST_memory_discard, LIBOS_DATA, 0x1000
row "discard: the sum overflows", EXACT, -EINVAL, HOST_memory_discard, M, -0x1000
row "sync: our text", EXACT, -EINVAL, HOST_memory_sync, LIBOS_TEXT, 0x1000, 4
row "sync: the last page", EXACT, -EINVAL, HOST_memory_sync, 0xfffff000, 0x1000, 4
/* ---- moves ---- */
row "move: text out of the arena", EXACT, -EINVAL, HOST_memory_move, LIBOS_TEXT, 0x1000, M+0x10000
row "move: program text out", EXACT, -EINVAL, HOST_memory_move, PROGRAM_BASE, 0x1000, REF_PROGRAM+M
row "move: onto text", EXACT, -EINVAL, HOST_memory_move, M, 0x1000, LIBOS_TEXT
row "move: onto program text", EXACT, -EINVAL, HOST_memory_move, REF_PROGRAM+M, 0x1000, PROGRAM_BASE
row "move: into the arena's free part", EXACT, -EINVAL, HOST_memory_move, M, 0x1000, ARENA_END-0x1000
row "move: onto the gate table", EXACT, -EINVAL, HOST_memory_move, M, 0x1000, GATES
row "move: the gate table away", EXACT, -EINVAL, HOST_memory_move, GATES, 0x1000, M
row "move: onto the last page", EXACT, -EINVAL, HOST_memory_move, M, 0x1000, 0xfffff000
row "move: to the other window", EXACT, -EINVAL, HOST_memory_move, M, 0x1000, REF_PROGRAM+M
row "move: from the other window", EXACT, -EINVAL, HOST_memory_move, REF_PROGRAM+M, 0x1000, M+0x10000
row "move: overlapping", EXACT, -EINVAL, HOST_memory_move, M, 0x2000, M+0x1000
row "move: old length 0 (a second mapping)", EXACT, -EINVAL, HOST_memory_move, M, 0, M+0x10000
row "move: the old sum overflows", EXACT, -EINVAL, HOST_memory_move, M, -0x1000, M+0x10000
row "move: half a page", EXACT, -EINVAL, HOST_memory_move, M, 0x800, M+0x10000
row "move: nothing mapped there", EXACT, -EFAULT, HOST_memory_move, M+0x100000, 0x1000, M+0x200000
/* ---- files ---- */
row "map_file: executable", EXACT, -EINVAL, HOST_memory_map_file, M, 0x1000, 5, 0, 0
row "map_file: over text", EXACT, -EINVAL, HOST_memory_map_file, LIBOS_TEXT, 0x1000, 1, 0, 0
row "map_file: over program text", EXACT, -EINVAL, HOST_memory_map_file, PROGRAM_BASE, 0x1000, 1, 0, 0
row "map_file: other flag bits", EXACT, -EINVAL, HOST_memory_map_file, M, 0x1000, 0x203, 0, 0
row "map_file: no such handle", EXACT, -EBADF, HOST_memory_map_file, M, 0x1000, 1, 77, 0
row "map_file: the boot block is ours, the last page is not", EXACT, -EINVAL, HOST_memory_map_file, 0xfffff000, 0x1000, 3, 0, 0
row "map_file: misaligned offset", EXACT, -EINVAL, HOST_memory_map_file, M, 0x1000, 1, 0, 8
/* ---- afterwards ---- */
row "our memory is there still", EXACT, 16, HOST_random, M, 16
row "our text is not writable", EXACT, -EFAULT, HOST_random, LIBOS_TEXT, 16
row "program text is not writable", EXACT, -EFAULT, HOST_random, PROGRAM_ENTRY, 16
row "unmap: an honest one", EXACT, OK, HOST_memory_unmap, M, 0x4000
row "unmapped memory faults", EXACT, -EFAULT, HOST_random, M, 16
row "unmap: twice", EXACT, OK, HOST_memory_unmap, M, 0x4000
