/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program that looks for the process's own memory and descriptors in procfs, by every road to it, and for files
 * outside what it was given. Each road must end in the errno that says why; nothing may open for writing.
 * argv[1]: what to try; argv[2]: a directory prefix under which the host's root is mounted ("" when at /).
 */
#include "direct.h"

enum { OPEN = 2, OPENAT = 257, READLINKAT = 267, STAT = 4, TRUNCATE = 76, CHMOD = 90, RENAME = 82, LINK = 86, SYMLINK = 88,
       UNLINK = 87, CLOSE = 3, READ = 0, CHDIR = 80 };
enum { EACCES_ = -13, ENOENT_ = -2, ELOOP_ = -40, EISDIR_ = -21 };

static char path[4096];

static const char *join(const char *a, const char *b)
{
	size_t n = 0;

	while (*a)
		path[n++] = *a++;
	while (*b)
		path[n++] = *b++;
	path[n] = 0;
	return path;
}

/* Arrays, not pointers: nobody relocates this image. */
static const char memory[][40] = {
	"/proc/self/mem", "/proc/thread-self/mem", "/proc/1/mem", "/proc/self/task/../mem", "/proc/self/../self/mem",
	"/proc/self/root/proc/self/mem", "/proc/self/cwd/../proc/self/mem", "/proc/self/maps", "/proc/self/pagemap",
	"/proc/self/fd/0", "/proc/self/fd/3", "/proc/self/exe", "/proc/self/clear_refs", "/proc/self/syscall", "/proc/self/stack",
	"/proc/self/environ", "/proc/self/attr/current", "/proc/self/timerslack_ns", "/proc/self/oom_score_adj",
	"/proc/self/coredump_filter", "/proc/self/map_files", "/proc/self/ns/mnt", "/proc/kcore", "/proc/kmsg", "/proc/sysrq-trigger",
	"/proc/sys/kernel/core_pattern", "/proc/sys/vm/max_map_count", "/proc/net/../self/mem",
	"/dev/../proc/self/mem", "//proc//self//mem", "/proc/./self/./mem",
};

/* The library OS's own /proc may show itself, for reading. An address of the process has 12 digits there; a cVM's have 8. */
static int harmless(long file, int flags)
{
	char text[4096];
	long n = flags ? -1 : CALL(READ, file, (unsigned long)text, sizeof text);
	int digits = 0;

	for (long i = 0; i < n; i++) {
		digits = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f') ? digits + 1 : 0;
		if (digits > 9)
			return 0;
	}
	return n >= 0;
}

/* The program's own descriptor, by another name. */
static int is_stdin(const char *name)
{
	static const char own[] = "/proc/self/fd/0";
	size_t i = 0;

	while (own[i] && name[i] == own[i])
		i++;
	return own[i] == name[i];
}

/* Opens for reading and for writing, plainly and relative to directories: nothing of the host's. */
static void memory_roads(const char *prefix)
{
	for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
		for (int flags = 0; flags < 3; flags++) {
			long got = CALL(OPEN, join(prefix, memory[i]), flags, 0);
			if (got >= 0 ? !harmless(got, flags) && !is_stdin(path)
				     : got != EACCES_ && got != ENOENT_ && got != ELOOP_ && !(got == EISDIR_ && flags)) {
				wrong = 1;
				say(path);
				say(got >= 0 ? ": opened\n" : ": another error\n");
			}
			if (got >= 0)
				CALL(CLOSE, got);
		}
	static const char steps[][24] = {"/proc", "/proc/self", "/proc/self/task", "/proc/self/fd", "/proc/self/root"};
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		long directory = CALL(OPEN, join(prefix, steps[i]), 0200000, 0);
		long by_path = CALL(OPEN, join(prefix, steps[i]), 010000000, 0);
		long again = by_path >= 0 ? CALL(OPENAT, by_path, "mem", 2, 0) : -1;
		long third = directory >= 0 ? CALL(OPENAT, directory, "mem", 0, 0) : -1;
		if (third >= 0 || again >= 0) {
			wrong = 1;
			say(path);
			say(": opened\n");
		}
	}
	static const char links[][32] = {"/link-mem", "/link-self/mem", "/link-fd/3", "/link-root/proc/self/mem"};
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		long got = CALL(OPEN, join("/made", links[i]), 2, 0);
		if (got >= 0) {
			wrong = 1;
			say(links[i]);
			say(": opened\n");
		}
	}
}

static const char outside[][48] = {
	"/../secret", "/d/../../secret", "/d/../../../../../../../../../../secret", "/link-out", "/link-abs",
	"/link-dir/secret", "/d/link-deep", "/./../secret", "//..//secret", "/d/..//..//secret",
};

/* The directory beside the one we were given holds `secret`; the volume is /data. */
static void outside_roads(void)
{
	for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
		long got = CALL(OPEN, join("/data", outside[i]), 0, 0);
		if (got >= 0) {
			char text[7] = {0};
			CALL(READ, got, text, 6);
			wrong = 1;
			say(path);
			say(": opened, reads ");
			say(text);
			say("\n");
		}
		if (CALL(TRUNCATE, path, 0) >= 0 || CALL(CHMOD, path, 0777) >= 0 || CALL(UNLINK, join("/data", "/nothing")) >= 0) {
			wrong = 1;
			say(path);
			say(": changed\n");
		}
	}
	if (CALL(LINK, "/data/link-abs", "/data/hard") >= 0) {
		long got = CALL(OPEN, "/data/hard", 0, 0);
		if (got >= 0) {
			wrong = 1;
			say("a hard link to a link opened\n");
		}
		CALL(UNLINK, "/data/hard");
	}
	if (CALL(RENAME, "/data/d", "/data/../taken") >= 0 && CALL(RENAME, "/taken", "/data/d") < 0)
		wrong = 1;
}

/* Another process swaps /data/door between a directory that holds `file` = "inside" and a link to the outside, which
 * holds `file` = "secret". Whatever we open must be the inside one. */
static void race(void)
{
	long opened = 0;

	for (int i = 0; i < 20000; i++) {
		long got = CALL(OPEN, "/data/door/file", 0, 0);
		if (got < 0)
			continue;
		char text[6] = {0};
		CALL(READ, got, text, 6);
		CALL(CLOSE, got);
		opened++;
		if (text[0] != 'i') {
			wrong = 1;
			say("the race was won\n");
			return;
		}
	}
	if (!opened)
		wrong = 1, say("never opened: the race was not run\n");
}

int run(int argc, char **argv)
{
	if (argc < 2)
		return 99;
	switch (argv[1][0]) {
	case 'm':
		memory_roads(argc > 2 ? argv[2] : "");
		break;
	case 'o':
		outside_roads();
		break;
	case 'r':
		race();
		break;
	default:
		return 99;
	}
	if (wrong)
		return 66;
	say("every road was closed\n");
	return 0;
}
