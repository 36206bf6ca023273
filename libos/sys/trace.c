/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * One line for each system call, as strace would show it: name(arguments) = result.
 */
#include <asm/unistd.h>

#include "libos/sys/sys.h"

#define LINE_MOST 512

static const char *name_of(uint64_t number, const char **arguments)
{
	switch (number) {
#define SYSTEM_CALL(name, arguments_, state, text)                                                                       \
	case __NR_##name:                                                                                                 \
		*arguments = arguments_;                                                                                  \
		return #name;
#include "libos/sys/table.def"
#undef SYSTEM_CALL
#define PRIVATE_CALL(number_, name, arguments_, text)                                                                     \
	case number_:                                                                                                     \
		*arguments = arguments_;                                                                                  \
		return #name;
#include "libos/sys/private.def"
#undef PRIVATE_CALL
	default:
		*arguments = "xxxxxx";
		return NULL;
	}
}

static const char *error_name(int64_t error)
{
	switch (error) {
#define ERROR(name)                                                                                                      \
	case name:                                                                                                        \
		return #name;
	ERROR(EPERM) ERROR(ENOENT) ERROR(ESRCH) ERROR(EINTR) ERROR(EIO) ERROR(ENXIO) ERROR(E2BIG) ERROR(EBADF) ERROR(EAGAIN)
	ERROR(ENOMEM) ERROR(EACCES) ERROR(EFAULT) ERROR(EBUSY) ERROR(EEXIST) ERROR(EXDEV) ERROR(ENODEV) ERROR(ENOTDIR)
	ERROR(EISDIR) ERROR(EINVAL) ERROR(ENFILE) ERROR(EMFILE) ERROR(ENOTTY) ERROR(EFBIG) ERROR(ENOSPC) ERROR(ESPIPE)
	ERROR(EROFS) ERROR(EMLINK) ERROR(EPIPE) ERROR(ERANGE) ERROR(EDEADLK) ERROR(ENAMETOOLONG) ERROR(ENOLCK) ERROR(ENOSYS)
	ERROR(ENOTEMPTY) ERROR(ELOOP) ERROR(EOPNOTSUPP) ERROR(ETIMEDOUT) ERROR(ECHILD)
	ERROR(EADDRINUSE) ERROR(ECONNREFUSED)
#undef ERROR
	default:
		return NULL;
	}
}

static size_t text_put(char *line, size_t at, uint64_t address)
{
	char text[128];
	int64_t n = user_string(text, (struct user){address}, sizeof text);

	if (n < 0 && n != -ENAMETOOLONG)
		return format_more(line, at, LINE_MOST, "0x%lx", address);
	text[sizeof text - 1] = 0;
	return format_more(line, at, LINE_MOST, n < 0 ? "\"%s\"..." : "\"%s\"", text);
}

/* Where a socket is, as far as that is worth a line. `length` is the next argument. */
static size_t address_put(char *line, size_t at, uint64_t where, uint64_t length)
{
	uint8_t a[110] = {0};

	length = length < sizeof a - 1 ? length : sizeof a - 1;
	if (length < 2 || user_get(a, (struct user){where}, length))
		return format_more(line, at, LINE_MOST, "0x%lx", where);
	unsigned port = a[2] << 8 | a[3];
	if (a[0] == 1)          /* AF_UNIX: a name, or one without a file that begins with NUL */
		return format_more(line, at, LINE_MOST, a[2] ? "{unix %s}" : "{unix @%s}", (char *)a + 2 + !a[2]);
	if (a[0] == 2 && length >= 8)
		return format_more(line, at, LINE_MOST, "{%u.%u.%u.%u:%u}", a[4], a[5], a[6], a[7], port);
	return format_more(line, at, LINE_MOST, a[0] == 10 ? "{inet6 port %u}" : "{family %u}", a[0] == 10 ? port : a[0]);
}

static size_t argument_put(char *line, size_t at, char kind, uint64_t value)
{
	switch (kind) {
	case 'f':               /* a descriptor, or "here" */
		return (int)value == AT_FDCWD ? format_more(line, at, LINE_MOST, "AT_FDCWD")
					      : format_more(line, at, LINE_MOST, "%d", (int)value);
	case 'd':
		return format_more(line, at, LINE_MOST, "%ld", (int64_t)value);
	case 'o':
		return format_more(line, at, LINE_MOST, "0%o", (unsigned)value);
	case 's':
		return text_put(line, at, value);
	case 'p':
		return value ? format_more(line, at, LINE_MOST, "0x%lx", value) : format_more(line, at, LINE_MOST, "NULL");
	default:
		return format_more(line, at, LINE_MOST, value < 10 ? "%lu" : "0x%lx", value);
	}
}

void trace_call(uint64_t number, const uint64_t a[6], int64_t result, int finished)
{
	char line[LINE_MOST];
	const char *arguments, *name = name_of(number, &arguments), *error;
	size_t at = name ? format(line, sizeof line, "%s(", name) : format(line, sizeof line, "system call %lu(", number);

	for (int i = 0; i < 6 && arguments[i]; i++) {
		if (i)
			at = format_more(line, at, sizeof line, ", ");
		at = arguments[i] == 'a' && i < 5 ? address_put(line, at, a[i], a[i + 1]) : argument_put(line, at, arguments[i], a[i]);
	}
	if (!finished)
		at = format_more(line, at, sizeof line, ") = ?");
	else if (result < 0 && result > -4096) {
		error = error_name(-result);
		at = error ? format_more(line, at, sizeof line, ") = -1 %s", error) : format_more(line, at, sizeof line, ") = -1 (%ld)", -result);
	} else
		at = format_more(line, at, sizeof line, (uint64_t)result < 65536 ? ") = %ld" : ") = 0x%lx", result);
	if (!name)
		at = format_more(line, at, sizeof line, " (not supported)");
	HOST(trace, own_ref(line), at);
}
