/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS against capabilities and CP_Files: forged numbers, bounds over every edge, other windows' references, text as a
 * destination, one kind of handle for another. It was granted the CP_File `mine` (beside.c), and no other name.
 */
#include "rows.h"
	start
	with_strings
.set MEMORY, 0x100000000+M              /* a page of the program's */
.set OBJECT, 0x100
.set BOUNDS, 0
.set PERMISSIONS, 1
.set SEAL, 2
.set UNSEAL, 3
.set TYPE, 4
.set INVOKE, 5
.set ERANGE, 34

text mine, "mine"
text other, "other"
text nul, "mi\0e"

row "a page", EXACT, OK, HOST_memory_map, MEMORY, 0x1000, 3
row "load: before there is any", EXACT, -EBADF, HOST_capability_access, 0, M, MEMORY, 8, 0
row "describe: before there is any", EXACT, -EBADF, HOST_capability_describe, 0, 0

/* ---- bounds ---- */
row "bounds: all", EXACT, 1, HOST_capability_derive, 0, BOUNDS, 0, END
row "bounds: one byte beyond", EXACT, -EINVAL, HOST_capability_derive, 0, BOUNDS, 0, END+1
row "bounds: behind the end", EXACT, 2, HOST_capability_derive, 0, BOUNDS, END, 0
row "bounds: beyond it", EXACT, -EINVAL, HOST_capability_derive, 0, BOUNDS, END+1, 0
row "bounds: a sum that wraps", EXACT, -EINVAL, HOST_capability_derive, 0, BOUNDS, M, -M
row "bounds: an offset that wraps", EXACT, -EINVAL, HOST_capability_derive, 1, BOUNDS, -8, 16
row "bounds: the page", EXACT, 3, HOST_capability_derive, 0, BOUNDS, M, 0x1000
row "bounds: more than the page", EXACT, -EINVAL, HOST_capability_derive, 3, BOUNDS, 0, 0x1001
row "bounds: below the page", EXACT, -EINVAL, HOST_capability_derive, 3, BOUNDS, -1, 2
row "load: the last word", EXACT, 8, HOST_capability_access, 3, 0xff8, MEMORY, 8, 0
row "load: over its end", EXACT, -ERANGE, HOST_capability_access, 3, 0xff9, MEMORY, 8, 0
row "load: an offset that wraps", EXACT, -ERANGE, HOST_capability_access, 3, -8, MEMORY, 16, 0
row "load: a length that wraps", EXACT, -EFAULT, HOST_capability_access, 3, 8, MEMORY, -8, 0
row "load: the low guard", EXACT, -EFAULT, HOST_capability_access, 0, 0, MEMORY, 8, 0
row "load: the high guard", EXACT, -ERANGE, HOST_capability_access, 0, END, MEMORY, 8, 0
row "load: the last page", EXACT, -ERANGE, HOST_capability_access, 0, 0xfffff000, MEMORY, 8, 0
row "load: the window above", EXACT, -ERANGE, HOST_capability_access, 0, 0x100000000, MEMORY, 8, 0
row "store: its program's text", EXACT, -EFAULT, HOST_capability_access, 0, PROGRAM_ENTRY_OFFSET, MEMORY, 8, 1
row "copy: its program's text", EXACT, -EFAULT, HOST_capability_copy, 0, PROGRAM_ENTRY_OFFSET, 3, 0, 8
row "load: into its program's text", EXACT, -EFAULT, HOST_capability_access, 3, 0, PROGRAM_ENTRY, 8, 0
row "load: into its own text", EXACT, -EFAULT, HOST_capability_access, 3, 0, LIBOS_TEXT, 8, 0
row "load: into another window", EXACT, -EFAULT, HOST_capability_access, 3, 0, 0x200000000+M, 8, 0
row "load: behind its window", EXACT, -EFAULT, HOST_capability_access, 3, 0, 0xfffc0000, 8, 0

/* ---- forged numbers ---- */
.macro forged number
row "access: \number", EXACT, -EBADF, HOST_capability_access, \number, 0, MEMORY, 8, 0
row "copy: \number", EXACT, -EBADF, HOST_capability_copy, \number, 0, 3, 0, 8
row "derive: \number", EXACT, -EBADF, HOST_capability_derive, \number, BOUNDS, 0, 0
row "permissions: \number", EXACT, -EBADF, HOST_capability_derive, \number, PERMISSIONS, -1
row "seal: \number", EXACT, -EBADF, HOST_capability_derive, \number, SEAL, 3, 0
row "seal by: \number", EXACT, -EBADF, HOST_capability_derive, 3, SEAL, \number, 0
row "unseal: \number", EXACT, -EBADF, HOST_capability_derive, \number, UNSEAL, 3
row "invoke: \number", EXACT, -EBADF, HOST_capability_derive, 3, INVOKE, \number
row "describe: \number", EXACT, -EBADF, HOST_capability_describe, \number, 0
row "revoke: \number", EXACT, -EBADF, HOST_capability_revoke, \number
row "publish: \number", EXACT, -EBADF, HOST_file_create, S_mine, L_mine, \number, 0xff
row "transfer: \number", EXACT, -EBADF, HOST_file_transfer, \number, 0, MEMORY, 8, 0
row "state: \number", EXACT, -EBADF, HOST_file_state, \number, 0
row "capability of: \number", EXACT, -EBADF, HOST_file_capability, \number
row "map: \number", EXACT, -EBADF, HOST_file_map, \number, MEMORY, 0x1000, 1, 0, 0
.endm
	forged 4
	forged 63
	forged 64
	forged 65535
	forged 65536
	forged 0x100000003
	forged 0x7fffffffffffffff
	forged -1
row "derive: no such way", EXACT, -EINVAL, HOST_capability_derive, 3, 6, 0, 0
row "describe: no such thing", EXACT, -EINVAL, HOST_capability_describe, 3, 3
row "revoke: its own memory", EXACT, -EPERM, HOST_capability_revoke, 0

/* ---- sealing by what is no authority ---- */
row "seal by memory", EXACT, -EPERM, HOST_capability_derive, 3, SEAL, 3, 0
row "a type", EXACT, 4, HOST_capability_derive, 0, TYPE
row "use it as memory", EXACT, -EPERM, HOST_capability_access, 4, 0, MEMORY, 1, 0
row "more types than one", EXACT, -EINVAL, HOST_capability_derive, 4, BOUNDS, 0, 2
row "seal with the next type", EXACT, -EPERM, HOST_capability_derive, 3, SEAL, 4, 1
row "seal with a type that wraps", EXACT, -EPERM, HOST_capability_derive, 3, SEAL, 4, -1
row "seal", EXACT, 5, HOST_capability_derive, 3, SEAL, 4, 0
row "use what is sealed", EXACT, -EPERM, HOST_capability_access, 5, 0, MEMORY, 1, 0
row "derive from it", EXACT, -EPERM, HOST_capability_derive, 5, BOUNDS, 0, 1
row "seal it again", EXACT, -EPERM, HOST_capability_derive, 5, SEAL, 4, 0
row "permissions that it lacks", EXACT, 6, HOST_capability_derive, 3, PERMISSIONS, 0
row "get them back", EXACT, 7, HOST_capability_derive, 6, PERMISSIONS, -1
row "in vain", EXACT, 0, HOST_capability_describe, 7, 1
row "publish what may not be", EXACT, -EPERM, HOST_file_create, S_mine, L_mine, 6, 0xff

/* ---- names ---- */
row "create: not granted", EXACT, -EACCES, HOST_file_create, S_other, L_other, 3, 0xff
row "create: no name", EXACT, -EINVAL, HOST_file_create, S_mine, 0, 3, 0xff
row "create: a long name", EXACT, -EINVAL, HOST_file_create, S_mine, 64, 3, 0xff
row "create: NUL in it", EXACT, -EINVAL, HOST_file_create, S_nul, L_nul, 3, 0xff
row "create: a name out of bounds", EXACT, -EFAULT, HOST_file_create, 0x8000, 4, 3, 0xff
row "open: nobody has", EXACT, -ENOENT, HOST_file_open, S_mine, L_mine, 2
row "open: for nothing", EXACT, -EINVAL, HOST_file_open, S_mine, L_mine, 1
row "open: not granted", EXACT, -EACCES, HOST_file_open, S_other, L_other, 2
row "grant: the first", KEEP, 0, HOST_grant_describe, 0, LIBOS_DATA
row "grant: behind the last", EXACT, -ENOENT, HOST_grant_describe, 1, LIBOS_DATA
row "grant: forged", EXACT, -ENOENT, HOST_grant_describe, -1, LIBOS_DATA
row "grant: into text", EXACT, -EFAULT, HOST_grant_describe, 0, LIBOS_TEXT

/* ---- a file of its memory ---- */
row "create", EXACT, 0, HOST_file_create, S_mine, L_mine, 3, 1
row "create: twice", EXACT, -EEXIST, HOST_file_create, S_mine, L_mine, 3, 1
row "open: more than published", EXACT, -EACCES, HOST_file_open, S_mine, L_mine, 6
row "open", EXACT, 1, HOST_file_open, S_mine, L_mine, 2
row "read", EXACT, 8, HOST_file_transfer, 1, 0xff8, MEMORY, 16, 0
row "read: behind", EXACT, 0, HOST_file_transfer, 1, -8, MEMORY, 16, 0
row "read: a length that wraps", EXACT, -EFAULT, HOST_file_transfer, 1, 8, MEMORY, -8, 0
row "write: opened for reading", EXACT, -EACCES, HOST_file_transfer, 1, 0, MEMORY, 8, 1
row "write: its creator, published for reading", EXACT, -EPERM, HOST_file_transfer, 0, 0, MEMORY, 8, 1
row "capability: published without", EXACT, -EPERM, HOST_file_capability, 1
row "map: it is no object", EXACT, -ENODEV, HOST_file_map, 1, MEMORY, 0x1000, 1, 0, 0
row "map: for writing", EXACT, -EACCES, HOST_file_map, 1, MEMORY, 0x1000, 1, 0, 1
row "state: no such", EXACT, -EINVAL, HOST_file_state, 1, 5
row "take it for a stream", EXACT, -EBADF, HOST_stream_send, 1, MEMORY, 8
row "take it for a listener", EXACT, -EBADF, HOST_stream_accept, 1, 0
row "close", EXACT, OK, HOST_share_close, 0
row "read: it has ended", EXACT, -ENODEV, HOST_file_transfer, 1, 0, MEMORY, 8, 0
row "state: it has ended", EXACT, -ENODEV, HOST_file_state, 1, 1
row "close", EXACT, OK, HOST_share_close, 1
row "close: twice", EXACT, -EBADF, HOST_share_close, 1

/* ---- a file of an object ---- */
row "an object that must not shrink", KEEP, 0, HOST_memory_object, 0x1000, 0
row "create: of it", EXACT, -EINVAL, HOST_file_create, S_mine, L_mine, ANY_HANDLE, OBJECT+3
row "create: of a forged handle", EXACT, -EBADF, HOST_file_create, S_mine, L_mine, 999, OBJECT+3
row "create: of a standard stream", EXACT, -EBADF, HOST_file_create, S_mine, L_mine, 0, OBJECT+3
row "an object", KEEP, 0, HOST_memory_object, 0x2000, 1
row "create: of that", KEEP, 0, HOST_file_create, S_mine, L_mine, ANY_HANDLE, OBJECT+3
row "map: over text", EXACT, -EINVAL, HOST_file_map, ANY_HANDLE, PROGRAM_BASE, 0x1000, 3, 0, 1
row "map: over the end", EXACT, -EINVAL, HOST_file_map, ANY_HANDLE, 0x100000000+END-0x1000, 0x2000, 3, 0, 1
row "map: into the guard", EXACT, -EINVAL, HOST_file_map, ANY_HANDLE, 0x100000000+END, 0x1000, 3, 0, 1
row "map: into no window", EXACT, -EINVAL, HOST_file_map, ANY_HANDLE, 0x900000000+M, 0x1000, 3, 0, 1
row "map: executable", EXACT, -EINVAL, HOST_file_map, ANY_HANDLE, MEMORY+0x10000, 0x1000, 7, 0, 1
row "map: an offset inside a page", EXACT, -EINVAL, HOST_file_map, ANY_HANDLE, MEMORY+0x10000, 0x1000, 3, 8, 1
row "map: an offset that wraps", EXACT, -EINVAL, HOST_file_map, ANY_HANDLE, MEMORY+0x10000, 0x2000, 3, -0x1000, 1
row "map: nothing", EXACT, -EINVAL, HOST_file_map, ANY_HANDLE, MEMORY+0x10000, 0, 3, 0, 1
row "map", EXACT, OK, HOST_file_map, ANY_HANDLE, MEMORY+0x10000, 0x2000, 3, 0, 1
row "make it executable", EXACT, -EINVAL, HOST_memory_protect, MEMORY+0x10000, 0x1000, 5
row "end it", EXACT, OK, HOST_share_close, ANY_HANDLE
row "load: the mapping is empty", EXACT, -EFAULT, HOST_capability_access, 0, M+0x10000, MEMORY, 8, 0
row "store: likewise", EXACT, -EFAULT, HOST_capability_access, 0, M+0x10000, MEMORY, 8, 1
/* For beside.c, which reads all that is mapped. */
row "unmap it", EXACT, OK, HOST_memory_unmap, MEMORY+0x10000, 0x2000
row "the object does not grow again", EXACT, -EPERM, HOST_truncate, 4, 0x2000

/* ---- revoked ---- */
row "revoke: all at once", EXACT, OK, HOST_capability_revoke, 3
row "what was derived", EXACT, -EBADF, HOST_capability_derive, 5, UNSEAL, 4
row "stale", EXACT, -EBADF, HOST_capability_access, 3, 0, MEMORY, 8, 0
row "the lowest number again", EXACT, 3, HOST_capability_derive, 0, BOUNDS, M, 1
