/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS against its standard streams: handle 0 is a host directory opened for reading, handle 2 a file opened for
 * writing. They are there to be read and written, not to change what is behind them or to reach names beneath it.
 */
#include "rows.h"
	start
	with_strings

text inside, "inside"
text fresh, "fresh"

.macro unchanged handle
row "mode_set: handle \handle", EXACT, -EPERM, HOST_mode_set, \handle, S_inside, 0, 0777
row "owner_set: handle \handle", EXACT, -EPERM, HOST_owner_set, \handle, S_inside, 0, 4096, 4096
row "times_set: handle \handle", EXACT, -EPERM, HOST_times_set, \handle, S_inside, 0, 0
.endm
	unchanged 0
	unchanged 1
	unchanged 2
row "mode_set: beneath", EXACT, -EPERM, HOST_mode_set, 0, S_inside, L_inside, 0777
row "open: beneath, to read", EXACT, -EACCES, HOST_open, 0, S_inside, L_inside, 0, 0
row "open: beneath, to write", EXACT, -EACCES, HOST_open, 0, S_inside, L_inside, 1, 0
row "open: beneath, a fresh file", EXACT, -EACCES, HOST_open, 0, S_fresh, L_fresh, 0101, 0644
row "directory_make", EXACT, -EPERM, HOST_directory_make, 0, S_fresh, L_fresh, 0755
row "unlink", EXACT, -EPERM, HOST_unlink, 0, S_inside, L_inside, 0
row "rename", EXACT, -EPERM, HOST_rename, 0, S_inside, 0, S_fresh, L_inside+(L_fresh<<32), 0
row "link_symbolic", EXACT, -EPERM, HOST_link_symbolic, S_inside, L_inside, 0, S_fresh, L_fresh
row "directory_read", EXACT, -EBADF, HOST_directory_read, 0, LIBOS_BOOT, 0x100
row "stat: beneath", EXACT, -EBADF, HOST_stat, 0, S_inside, L_inside, LIBOS_DATA
row "link_read: beneath", EXACT, -EBADF, HOST_link_read, 0, S_inside, L_inside, LIBOS_DATA, 0x100
row "access: beneath", EXACT, -EBADF, HOST_access, 0, S_inside, L_inside, 4
row "stat: itself", EXACT, OK, HOST_stat, 0, S_inside, 0, LIBOS_DATA+0x100
row "truncate: opened for reading", EXACT, -EBADF, HOST_truncate, 0, 0
row "write: opened for reading", EXACT, -EBADF, HOST_write, 0, LIBOS_BOOT, 1, -1
row "read: opened for writing", EXACT, -EBADF, HOST_read, 2, LIBOS_DATA, 1, -1
