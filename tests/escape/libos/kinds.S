/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A hostile library OS that takes one kind of handle for another, and asks the network for more than was granted. Started with two
 * volumes (the first holds `inside`, and `time`, 16 bytes: no seconds, 12345 nanoseconds), a published TCP port, a published UDP port and
 * the network: handles 3 to 7. Nobody may be reached at the host's loopback, port 8899 (run.t listens there).
 */
#include "rows.h"
	start
	with_strings
.set VOLUME, 3
.set TCP, 5
.set UDP, 6
.set NETWORK, 7
.set O_TMPFILE, 020200000
.set O_PATH, 010000000

text inside, "inside"
text time, "time"
text tiny, "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"
text loopback, "\20\0\0\0\2\0\42\303\177\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
text any, "\20\0\0\0\2\0\42\303\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
text mapped, "\34\0\0\0\12\0\42\303\0\0\0\0\0\0\0\0\0\0\0\0\0\0\377\377\177\0\0\1\0\0\0\0"
text six, "\34\0\0\0\12\0\42\303\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0"
text compatible, "\34\0\0\0\12\0\42\303\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\177\0\0\1\0\0\0\0"
text unspecified, "\20\0\0\0\0\0\42\303\177\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
text local, "\20\0\0\0\1\0\57\164\155\160\57\170\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

row "a page to use", EXACT, OK, HOST_memory_map, M, 0x2000, 3

/* ---- files' calls on what is no file ---- */
.macro no_file handle, opened
row "open: \handle", EXACT, -EACCES, HOST_open, \handle, 0, 0, 2, 0
row "open: \handle, by O_PATH", EXACT, -EACCES, HOST_open, \handle, 0, 0, O_PATH, 0
row "seek: \handle", EXACT, -EINVAL, HOST_seek, \handle, 0, 0
row "sync: \handle", EXACT, -EINVAL, HOST_sync, \handle, 0
row "lock: \handle", EXACT, -EINVAL, HOST_lock, \handle, 1, 0, 0, 0
row "terminal: \handle", EXACT, -ENOTTY, HOST_terminal, \handle, 0x5401, M
row "stat: \handle", EXACT, -EINVAL, HOST_stat, \handle, 0, 0, M
row "stat_filesystem: \handle", EXACT, -EINVAL, HOST_stat_filesystem, \handle, M
row "link_read: \handle", EXACT, -EINVAL, HOST_link_read, \handle, 0, 0, M, 0x100
row "access: \handle", EXACT, -EINVAL, HOST_access, \handle, 0, 0, 0
row "mode_set: \handle", EXACT, -EPERM, HOST_mode_set, \handle, 0, 0, 0777
row "owner_set: \handle", EXACT, -EPERM, HOST_owner_set, \handle, 0, 0, 0, 0
row "times_set: \handle", EXACT, -EPERM, HOST_times_set, \handle, 0, 0, 0
row "directory_read: \handle", EXACT, -EBADF, HOST_directory_read, \handle, M, 0x1000
row "read: \handle", EXACT, \opened, HOST_read, \handle, M, 16, -1
row "write: \handle", EXACT, \opened, HOST_write, \handle, M, 16, -1
row "truncate: \handle", EXACT, \opened, HOST_truncate, \handle, 0
row "allocate: \handle", EXACT, \opened, HOST_allocate, \handle, 0, 0, 1
row "file_send: from \handle", EXACT, \opened, HOST_file_send, 1, \handle, -1, 16
.endm
no_file TCP, -EINVAL
no_file UDP, -EINVAL
no_file NETWORK, -EBADF
row "map_file: a socket", EXACT, -ENODEV, HOST_memory_map_file, M+0x10000, 0x1000, 3, TCP, 0
row "map_file: the network", EXACT, -EBADF, HOST_memory_map_file, M+0x10000, 0x1000, 1, NETWORK, 0
row "window_image: a socket", EXACT, -EACCES, HOST_window_image, 0, TCP, M
row "window_image: the network", EXACT, -EBADF, HOST_window_image, 0, NETWORK, M
row "an epoll set", KEEP, 0, HOST_events_make
no_file ANY_HANDLE, -EBADF
row "window_image: a set", EXACT, -EBADF, HOST_window_image, 0, ANY_HANDLE, M
row "events_change: the network", EXACT, -EINVAL, HOST_events_change, ANY_HANDLE, 1, NETWORK, 1, 0
row "events_change: itself", EXACT, -EINVAL, HOST_events_change, ANY_HANDLE, 1, ANY_HANDLE, 1, 0
row "events_change: a socket as the set", EXACT, -EINVAL, HOST_events_change, TCP, 1, UDP, 1, 0
row "events_wait: a socket", EXACT, -EINVAL, HOST_events_wait, TCP, M, 1, 0
row "events_wait: none", EXACT, -EINVAL, HOST_events_wait, ANY_HANDLE, M, 0, 0
row "events_wait: too many", EXACT, -EINVAL, HOST_events_wait, ANY_HANDLE, M, 257, 0
row "events_wait: into text", EXACT, OK, HOST_events_wait, ANY_HANDLE, LIBOS_TEXT, 1, 0
row "events_wait: over the end", EXACT, -EFAULT, HOST_events_wait, ANY_HANDLE, END-8, 1, 0
row "socket_make: of a set", EXACT, -EINVAL, HOST_socket_make, ANY_HANDLE, 2, 1
row "socket_listen: a set", EXACT, -EBADF, HOST_socket_listen, ANY_HANDLE, 5
row "close", EXACT, OK, HOST_close, ANY_HANDLE

/* ---- sockets' calls on files ---- */
row "socket_send: a file", EXACT, -ENOTSOCK, HOST_socket_send, 1, 0, 0, 0, 0
row "socket_receive: a file", EXACT, -ENOTSOCK, HOST_socket_receive, 0, 0, 0, 0, 0
row "socket_put: a file", EXACT, -ENOTSOCK, HOST_socket_put, 1, M, 16, 0
row "socket_take: a file", EXACT, -ENOTSOCK, HOST_socket_take, 0, M, 16, 0
row "socket_put: the network", EXACT, -EBADF, HOST_socket_put, NETWORK, M, 16, 0
row "socket_take: no handle", EXACT, -EBADF, HOST_socket_take, 0x10000, M, 16, 0
row "socket_put: over the end", EXACT, -EFAULT, HOST_socket_put, UDP, END-8, 16, 0
row "socket_take: over the end", EXACT, -EFAULT, HOST_socket_take, UDP, END-8, 16, 0
row "socket_take: a length that overflows", EXACT, -EFAULT, HOST_socket_take, UDP, M, -1, 0
row "socket_take: into text", EXACT, -11, HOST_socket_take, UDP, LIBOS_TEXT, 16, 0
row "socket_put: to nobody", EXACT, -89, HOST_socket_put, UDP, M, 16, 0
row "socket_put: fast open", EXACT, -95, HOST_socket_put, UDP, M, 16, 0x20000000
row "socket_take: all of it, however long", EXACT, -95, HOST_socket_take, UDP, M, 16, 0x100
row "socket_take: the queue of errors", EXACT, -95, HOST_socket_take, UDP, M, 16, 0x2000
row "socket_accept: a file", EXACT, -ENOTSOCK, HOST_socket_accept, 0, M
row "socket_option: a file", EXACT, -ENOTSOCK, HOST_socket_option, 0, 1, 4, 0, M, 4
row "socket_make: of a socket", EXACT, -EINVAL, HOST_socket_make, TCP, 2, 1
row "socket_make: raw", EXACT, -97, HOST_socket_make, NETWORK, 2, 3
row "socket_make: netlink", EXACT, -97, HOST_socket_make, NETWORK, 16, 2
row "socket_make: a type with flags", EXACT, -97, HOST_socket_make, NETWORK, 2, 0x801

/* ---- out, and not to the loopback ---- */
.macro loopbacks socket, call
row "\call \socket", EXACT, -EACCES, HOST_socket_connect, \socket, S_loopback
row "\call \socket: 0.0.0.0", EXACT, -EACCES, HOST_socket_connect, \socket, S_any
row "\call \socket: IPv4 in IPv6", EXACT, -EACCES, HOST_socket_connect, \socket, S_mapped
row "\call \socket: ::1", EXACT, -EACCES, HOST_socket_connect, \socket, S_six
row "\call \socket: ::127.0.0.1", EXACT, -EACCES, HOST_socket_connect, \socket, S_compatible
.endm
.macro datagrams socket
row "send: \socket", EXACT, -EACCES, HOST_socket_send, \socket, 0, 0, 0, S_loopback
row "send: \socket: 0.0.0.0", EXACT, -EACCES, HOST_socket_send, \socket, 0, 0, 0, S_any
row "send: \socket: IPv4 in IPv6", EXACT, -EACCES, HOST_socket_send, \socket, 0, 0, 0, S_mapped
row "send: \socket: ::1", EXACT, -EACCES, HOST_socket_send, \socket, 0, 0, 0, S_six
row "send: \socket: no family", EXACT, -97, HOST_socket_send, \socket, 0, 0, 0, S_unspecified
row "send: \socket: a Unix name", EXACT, -97, HOST_socket_send, \socket, 0, 0, 0, S_local
.endm
loopbacks TCP, "connect: a published port"
loopbacks UDP, "connect: a published port"
datagrams UDP
row "an outgoing socket", KEEP, 0, HOST_socket_make, NETWORK, 10, 1
loopbacks ANY_HANDLE, "connect: an outgoing socket"
row "listen: an outgoing socket", EXACT, -EACCES, HOST_socket_listen, ANY_HANDLE, 5
row "connect: no family", EXACT, -97, HOST_socket_connect, ANY_HANDLE, S_unspecified
row "send: fast open", EXACT, -95, HOST_socket_send, ANY_HANDLE, 0, 0, 0x20000000, S_loopback
row "option: fast open", EXACT, -92, HOST_socket_option, ANY_HANDLE, 6, 30, 1, M, 4
row "option: an interface", EXACT, -92, HOST_socket_option, ANY_HANDLE, 1, 25, 1, M, 4
row "option: transparent", EXACT, -92, HOST_socket_option, ANY_HANDLE, 0, 19, 1, M, 4
row "close", EXACT, OK, HOST_close, ANY_HANDLE
row "an outgoing datagram socket", KEEP, 0, HOST_socket_make, NETWORK, 10, 2
datagrams ANY_HANDLE
row "vectors: too many", EXACT, -90, HOST_socket_send, ANY_HANDLE, M, 65, 0, 0
row "vectors: over the end", EXACT, -EFAULT, HOST_socket_send, ANY_HANDLE, END-8, 1, 0, 0
row "vectors: a count that overflows", EXACT, -90, HOST_socket_send, ANY_HANDLE, M, 0x1000000000000001, 0, 0
row "close", EXACT, OK, HOST_close, ANY_HANDLE

/* ---- objects opened anew ---- */
row "open: a file", KEEP, 0, HOST_open, VOLUME, S_inside, L_inside, 2, 0
row "open: a file, as a place for a nameless one", EXACT, -ENOTDIR, HOST_open, ANY_HANDLE, 0, 0, O_TMPFILE+2, 0
row "open: half of that flag", EXACT, -EINVAL, HOST_open, ANY_HANDLE, 0, 0, 020000002, 0
row "close", EXACT, OK, HOST_close, ANY_HANDLE
row "memory_object", KEEP, 0, HOST_memory_object, 0x2000
row "memory_object: a second handle without its charge", EXACT, -EACCES, HOST_open, ANY_HANDLE, 0, 0, 2, 0
row "close", EXACT, OK, HOST_close, ANY_HANDLE

/* ---- a sleep that is over before it began says what is left, not what lay on the host's stack ---- */
row "open: time", KEEP, 0, HOST_open, VOLUME, S_time, L_time, 0, 0
row "read: time", EXACT, 16, HOST_read, ANY_HANDLE, M, 16, 0
row "kick", EXACT, OK, HOST_thread_kick, 0
row "sleep", EXACT, -EINTR, HOST_clock_sleep, 1, 0, M
row "what is left: seconds", EXACT, -ETIMEDOUT, HOST_futex, M, 0, 0, S_tiny
row "what is left: nanoseconds", EXACT, -ETIMEDOUT, HOST_futex, M+8, 0, 12345, S_tiny
row "what is left: and no more", EXACT, -ETIMEDOUT, HOST_futex, M+12, 0, 0, S_tiny
