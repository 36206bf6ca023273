/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS against a read-only volume: every change is -EROFS, and what may be mapped stays unwritable.
 */
#include "rows.h"
	start
	with_strings

text inside, "inside"
text fresh, "fresh"
text file, "d/file"
text d, "d"

row "open: to write", EXACT, -EROFS, HOST_open, MOUNT, S_inside, L_inside, 1, 0
row "open: to read and write", EXACT, -EROFS, HOST_open, MOUNT, S_inside, L_inside, 2, 0
row "open: access mode 3", EXACT, -EROFS, HOST_open, MOUNT, S_inside, L_inside, 3, 0
row "open: read-only, truncating", EXACT, -EROFS, HOST_open, MOUNT, S_inside, L_inside, 01000, 0
row "open: a fresh file", EXACT, -EROFS, HOST_open, MOUNT, S_fresh, L_fresh, 0100, 0644
row "open: a nameless file", EXACT, -EROFS, HOST_open, MOUNT, S_d, L_d, 020200002, 0644
row "directory_make", EXACT, -EROFS, HOST_directory_make, MOUNT, S_fresh, L_fresh, 0755
row "unlink", EXACT, -EROFS, HOST_unlink, MOUNT, S_inside, L_inside, 0
row "rename", EXACT, -EROFS, HOST_rename, MOUNT, S_inside, MOUNT, S_fresh, L_inside+(L_fresh<<32), 0
row "link_hard", EXACT, -EROFS, HOST_link_hard, MOUNT, S_inside, MOUNT, S_fresh, L_inside+(L_fresh<<32)
row "link_symbolic", EXACT, -EROFS, HOST_link_symbolic, S_inside, L_inside, MOUNT, S_fresh, L_fresh
row "mode_set", EXACT, -EROFS, HOST_mode_set, MOUNT, S_inside, L_inside, 0777
row "mode_set: the volume itself", EXACT, -EROFS, HOST_mode_set, MOUNT, S_inside, 0, 0777
row "owner_set", EXACT, -EROFS, HOST_owner_set, MOUNT, S_inside, L_inside, 1, 1
row "times_set", EXACT, -EROFS, HOST_times_set, MOUNT, S_inside, L_inside, 0
row "access: to write", EXACT, -EROFS, HOST_access, MOUNT, S_inside, L_inside, 2
row "open: a directory below", KEEP, 0, HOST_open, MOUNT, S_d, L_d, 0200000, 0
row "open: below, to write", EXACT, -EROFS, HOST_open, ANY_HANDLE, S_fresh, L_fresh, 0102, 0644
row "directory_make: below", EXACT, -EROFS, HOST_directory_make, ANY_HANDLE, S_fresh, L_fresh, 0755
row "open: an honest one", KEEP, 0, HOST_open, MOUNT, S_inside, L_inside, 0, 0
row "write", EXACT, -EROFS, HOST_write, ANY_HANDLE, LIBOS_BOOT, 1, 0
row "truncate", EXACT, -EROFS, HOST_truncate, ANY_HANDLE, 0
row "allocate", EXACT, -EROFS, HOST_allocate, ANY_HANDLE, 0, 0, 4096
row "mode_set: by handle", EXACT, -EROFS, HOST_mode_set, ANY_HANDLE, S_inside, 0, 0777
row "open: again to write", EXACT, -EROFS, HOST_open, ANY_HANDLE, S_inside, 0, 2, 0
row "map_file: shared and writable", EXACT, -EACCES, HOST_memory_map_file, M, 0x1000, SHARED+3, ANY_HANDLE, 0
row "map_file: shared, readable", EXACT, OK, HOST_memory_map_file, M, 0x1000, SHARED+1, ANY_HANDLE, 0
row "protect: then writable", EXACT, -EACCES, HOST_memory_protect, M, 0x1000, 3
row "map_file: private and writable", EXACT, OK, HOST_memory_map_file, M+0x10000, 0x1000, 3, ANY_HANDLE, 0
row "random: written to the private copy", EXACT, 6, HOST_random, M+0x10000, 6
