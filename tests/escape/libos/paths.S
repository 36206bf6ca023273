/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS that walks out of its volume: "..", links, absolute names, NULs, lengths, handles of files used as
 * directories, handles without rights. The volume holds `inside` ("inside"), `d/file`, and links `up`, `abs`, `d/deep` that lead to
 * `secret` beside the volume (guests.t makes it).
 */
#include "rows.h"
	start
	with_strings

text inside, "inside"
text dot, "."
text up, ".."
text out, "../secret"
text deep_out, "d/../../secret"
text far_out, "../../../../../../../../etc/passwd"
text absolute, "/etc/passwd"
text link, "up"
text link_out, "up/secret"
text link_abs, "abs"
text link_deep, "d/deep"
text nul, "inside\0x"
text nul_first, "\0inside"
text taken, "../taken"
text d_up, "d/.."
text slash, "d/"
text fresh, "fresh"
text file, "d/file"

row "open: an honest one", KEEP, 0, HOST_open, MOUNT, S_inside, L_inside, 0, 0
row "open: a file as a directory", EXACT, -ENOTDIR, HOST_open, ANY_HANDLE, S_inside, L_inside, 0, 0
row "open: more rights out of a handle", EXACT, -EACCES, HOST_open, ANY_HANDLE, S_inside, 0, 2, 0
row "open: truncation without the right", EXACT, -EACCES, HOST_open, ANY_HANDLE, S_inside, 0, 01000, 0
row "write: without the right", EXACT, -EBADF, HOST_write, ANY_HANDLE, LIBOS_BOOT, 1, 0
row "truncate: without the right", EXACT, -EBADF, HOST_truncate, ANY_HANDLE, 0
row "allocate: without the right", EXACT, -EBADF, HOST_allocate, ANY_HANDLE, 0, 0, 4096
row "map_file: shared and writable without the right", EXACT, -EACCES, HOST_memory_map_file, M, 0x1000, SHARED+3, ANY_HANDLE, 0
row "map_file: shared, readable", EXACT, OK, HOST_memory_map_file, M, 0x1000, SHARED+1, ANY_HANDLE, 0
row "protect: then writable", EXACT, -EACCES, HOST_memory_protect, M, 0x1000, 3
row "move: it, then writable", EXACT, OK, HOST_memory_move, M, 0x1000, M+0x10000, 0x1000
row "protect: the moved one writable", EXACT, -EACCES, HOST_memory_protect, M+0x10000, 0x1000, 3
row "directory_read: of a file", EXACT, -EBADF, HOST_directory_read, ANY_HANDLE, LIBOS_BOOT, 4096
row "close", EXACT, OK, HOST_close, ANY_HANDLE
row "open: ..", EXACT, -EXDEV, HOST_open, MOUNT, S_up, L_up, 0, 0
row "open: beside", EXACT, -EXDEV, HOST_open, MOUNT, S_out, L_out, 0, 0
row "open: down and out", EXACT, -EXDEV, HOST_open, MOUNT, S_deep_out, L_deep_out, 0, 0
row "open: far out", EXACT, -EXDEV, HOST_open, MOUNT, S_far_out, L_far_out, 0, 0
row "open: absolute", EXACT, -EINVAL, HOST_open, MOUNT, S_absolute, L_absolute, 0, 0
row "open: a link", EXACT, -ELOOP, HOST_open, MOUNT, S_link, L_link, 0, 0
row "open: through a link", EXACT, -ELOOP, HOST_open, MOUNT, S_link_out, L_link_out, 0, 0
row "open: an absolute link", EXACT, -ELOOP, HOST_open, MOUNT, S_link_abs, L_link_abs, 0, 0
row "open: a link deeper down", EXACT, -ELOOP, HOST_open, MOUNT, S_link_deep, L_link_deep, 2, 0
row "open: without O_NOFOLLOW's bit", EXACT, -ELOOP, HOST_open, MOUNT, S_link_deep, L_link_deep, 01102, 0644
row "open: a link, as a directory", EXACT, -ELOOP, HOST_open, MOUNT, S_link, L_link, 0200000, 0
row "open: a link, as a directory and not followed", EXACT, -ELOOP, HOST_open, MOUNT, S_link, L_link, 0600000, 0
row "open: the directory a link names, without reading", EXACT, -ELOOP, HOST_open, MOUNT, S_link, L_link, 010200000, 0
row "open: a file without a name through a link", EXACT, -ELOOP, HOST_open, MOUNT, S_link, L_link, 020200002, 0600
row "open: NUL inside", EXACT, -EINVAL, HOST_open, MOUNT, S_nul, L_nul, 0, 0
row "open: NUL first", EXACT, -EINVAL, HOST_open, MOUNT, S_nul_first, L_nul_first, 0, 0
row "open: 4096 bytes", EXACT, -ENAMETOOLONG, HOST_open, MOUNT, LIBOS_BOOT, 4096, 0, 0
row "open: length 2^32 + 6", EXACT, -ENAMETOOLONG, HOST_open, MOUNT, S_inside, 0x100000006, 0, 0
row "open: length -1", EXACT, -ENAMETOOLONG, HOST_open, MOUNT, S_inside, -1, 0, 0
row "open: path unmapped", EXACT, -EFAULT, HOST_open, MOUNT, 0x60000000, 6, 0, 0
row "open: path over the end", EXACT, -EFAULT, HOST_open, MOUNT, END-2, 6, 0, 0
row "open: path a host address", EXACT, -EFAULT, HOST_open, MOUNT, 0x7ffff7dd0000, 6, 0, 0
row "open: a link itself", KEEP, 0, HOST_open, MOUNT, S_link_deep, L_link_deep, 010000000, 0
row "open: through that handle", EXACT, -EACCES, HOST_open, ANY_HANDLE, S_inside, 0, 0, 0
row "mode_set: through that handle", EXACT, -95, HOST_mode_set, ANY_HANDLE, S_inside, 0, 0777
row "close: the link", EXACT, OK, HOST_close, ANY_HANDLE
row "open: by name only", KEEP, 0, HOST_open, MOUNT, S_inside, L_inside, 010000000, 0
row "read: by name only", EXACT, -EBADF, HOST_read, ANY_HANDLE, LIBOS_BOOT, 1, 0
row "open: more out of a name", EXACT, -EACCES, HOST_open, ANY_HANDLE, S_inside, 0, 0, 0
row "map_file: by name only", EXACT, -EBADF, HOST_memory_map_file, M, 0x1000, 1, ANY_HANDLE, 0
row "stat: beside", EXACT, -EXDEV, HOST_stat, MOUNT, S_out, L_out, LIBOS_BOOT
row "stat: through a link", EXACT, -ELOOP, HOST_stat, MOUNT, S_link_out, L_link_out, LIBOS_BOOT
row "link_read: of the link", EXACT, 2, HOST_link_read, MOUNT, S_link, L_link, LIBOS_BOOT, 4096
row "link_read: into text", EXACT, -EFAULT, HOST_link_read, MOUNT, S_link, L_link, LIBOS_TEXT, 4096
row "directory_make: beside", EXACT, -EXDEV, HOST_directory_make, MOUNT, S_taken, L_taken, 0755
row "directory_make: through a link", EXACT, -ELOOP, HOST_directory_make, MOUNT, S_link_out, L_link_out, 0755
row "unlink: ..", EXACT, -EINVAL, HOST_unlink, MOUNT, S_up, L_up, 0
row "unlink: d/..", EXACT, -EINVAL, HOST_unlink, MOUNT, S_d_up, L_d_up, 0x200
row "unlink: beside", EXACT, -EXDEV, HOST_unlink, MOUNT, S_out, L_out, 0
row "unlink: through a link", EXACT, -ELOOP, HOST_unlink, MOUNT, S_link_out, L_link_out, 0
row "unlink: the volume itself", EXACT, -EINVAL, HOST_unlink, MOUNT, S_dot, L_dot, 0x200
row "rename: out", EXACT, -EXDEV, HOST_rename, MOUNT, S_inside, MOUNT, S_taken, L_inside+(L_taken<<32), 0
row "rename: in", EXACT, -EXDEV, HOST_rename, MOUNT, S_out, MOUNT, S_fresh, L_out+(L_fresh<<32), 0
row "rename: through a link", EXACT, -ELOOP, HOST_rename, MOUNT, S_link_out, MOUNT, S_fresh, L_link_out+(L_fresh<<32), 0
row "link_hard: from beside", EXACT, -EXDEV, HOST_link_hard, MOUNT, S_out, MOUNT, S_fresh, L_out+(L_fresh<<32)
row "link_hard: to beside", EXACT, -EXDEV, HOST_link_hard, MOUNT, S_inside, MOUNT, S_taken, L_inside+(L_taken<<32)
row "link_symbolic: beside", EXACT, -EXDEV, HOST_link_symbolic, S_inside, L_inside, MOUNT, S_taken, L_taken
row "mode_set: beside", EXACT, -EXDEV, HOST_mode_set, MOUNT, S_out, L_out, 0777
row "mode_set: through a link", EXACT, -ELOOP, HOST_mode_set, MOUNT, S_link_out, L_link_out, 0777
row "owner_set: beside", EXACT, -EXDEV, HOST_owner_set, MOUNT, S_out, L_out, 1, 1
row "times_set: beside", EXACT, -EXDEV, HOST_times_set, MOUNT, S_out, L_out, 0
row "access: beside", EXACT, -EXDEV, HOST_access, MOUNT, S_out, L_out, 0
row "link_symbolic: any target is allowed", EXACT, OK, HOST_link_symbolic, S_far_out, L_far_out, MOUNT, S_fresh, L_fresh
row "open: but not followed", EXACT, -ELOOP, HOST_open, MOUNT, S_fresh, L_fresh, 0, 0
row "unlink: the link", EXACT, OK, HOST_unlink, MOUNT, S_fresh, L_fresh, 0
