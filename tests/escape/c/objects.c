/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A program that maps shared objects it can also write: rewritten, truncated, replaced while they are being judged; memory calls
 * against their text; files that are no objects, or hostile ones; more than there is room for. argv[1]: what to try; argv[2], argv[3]:
 * where in good.so the function and the data page are.
 */
#include "direct.h"

enum { EPERM_ = -1, EACCES_ = -13, ENOEXEC_ = -8, ENOMEM_ = -12, EISDIR_ = -21 };
enum { WRITE = 1, OPEN = 2, CLOSE = 3, MMAP = 9, MPROTECT = 10, MUNMAP = 11, PREAD = 17, PWRITE = 18, MREMAP = 25, MADVISE = 28, FORK = 57,
       EXECVE = 59, WAIT4 = 61, KILL = 62, FTRUNCATE = 77, GETRANDOM = 318 };
enum { RDONLY = 0, RDWR = 2, CREATE = 0100 | 01000, RX = 5, PRIVATE = 2, SHARED = 1, FIXED = 0x10, ANONYMOUS = 0x20 };

static unsigned char bytes[65536];
static long function_at, data_at;

static long number(const char *text)
{
	long n = 0;

	while (*text >= '0' && *text <= '9')
		n = 10 * n + *text++ - '0';
	return n;
}

static long opened(const char *path, int flags)
{
	long fd = CALL(OPEN, path, flags, 0755);

	if (fd < 0) {
		say(path);
		say(": cannot be opened\n");
		leave(66);
	}
	return fd;
}

static long object(const char *path)
{
	long fd = opened(path, RDONLY), at = CALL(MMAP, 0, 4096, RX, PRIVATE, fd, 0);

	CALL(CLOSE, fd);
	return at;
}

static void refused(const char *what, long got)
{
	if (got < 0 && got > -4096)
		return;
	wrong = 1;
	say(what);
	say(": went through\n");
}

static void memory(void)
{
	long fd = opened("/data/good.so", RDWR), base = CALL(MMAP, 0, 4096, RX, PRIVATE, fd, 0), text = (base + function_at) & -4096;
	int (*volatile function)(void) = (int (*)(void))(base + function_at);
	long size = CALL(PREAD, fd, bytes, sizeof bytes, 0);

	if (base < 0 || base >= 0x40000000) {
		wrong = 1;
		return;
	}
	expect("its function runs", function(), 42);
	expect("writable too", CALL(MMAP, 0, 4096, 7, PRIVATE, fd, 0), EPERM_);
	expect("shared", CALL(MMAP, 0, 4096, RX, SHARED, fd, 0), EPERM_);
	expect("where the program says", CALL(MMAP, 0x60000000, 4096, RX, PRIVATE | FIXED, fd, 0), EPERM_);
	expect("over the program's text", CALL(MMAP, (long)memory & -4096, 4096, RX, PRIVATE | FIXED, fd, 0), EPERM_);
	expect("a part of it", CALL(MMAP, 0, 4096, RX, PRIVATE, fd, 4096), EPERM_);
	refused("its text writable", CALL(MPROTECT, text, 4096, 3));
	refused("its text unmapped", CALL(MUNMAP, text, 4096));
	refused("its data executable", CALL(MPROTECT, base + data_at, 4096, RX));
	refused("its data unmapped", CALL(MUNMAP, base + data_at, 4096));
	refused("its text moved away", CALL(MREMAP, text, 4096, 4096, 3, 0x60000000));
	refused("memory over its text", CALL(MMAP, text, 4096, 3, PRIVATE | ANONYMOUS | FIXED, -1, 0));
	refused("the file over its text", CALL(MMAP, text, 4096, 3, PRIVATE | FIXED, fd, 0));
	refused("its text discarded", CALL(MADVISE, text, 4096, 4));
	refused("read into its text", CALL(GETRANDOM, text, 16, 0));
	expect("its function still runs", function(), 42);
	/* The file is not what runs. */
	for (long i = 0; i < size; i++)
		bytes[i] ^= 0xff;
	expect("the file rewritten", CALL(PWRITE, fd, bytes, size, 0), size);
	expect("its function runs after that", function(), 42);
	expect("the file cut off", CALL(FTRUNCATE, fd, 0), 0);
	expect("its function runs without a file", function(), 42);
	expect("the empty file", CALL(MMAP, 0, 4096, RX, PRIVATE, fd, 0), ENOEXEC_);
	for (long i = 0; i < size; i++)
		bytes[i] ^= 0xff;
	long copy = opened("/tmp/copy.so", RDWR | CREATE);
	CALL(WRITE, copy, bytes, size);
	long on_tmpfs = CALL(MMAP, 0, 4096, RX, PRIVATE, copy, 0);
	if (on_tmpfs < 0 && on_tmpfs > -4096)
		expect("on a tmpfs", on_tmpfs, 0);
	CALL(PWRITE, fd, bytes, size, 0);
	long again = object("/data/good.so");
	if (again < base + (data_at & -4096))
		refused("an address used twice", again);
}

static void files(void)
{
	expect("an ordinary object", object("/data/ordinary.so"), ENOEXEC_);
	expect("one with a system call", object("/data/syscall.so"), EACCES_);
	expect("one whose segments overlap", object("/data/overlap.so"), ENOEXEC_);
	expect("one for the library OS", object("/data/libos.so"), ENOEXEC_);
	expect("one with writable text", object("/data/writable.so"), ENOEXEC_);
	expect("no object", object("/data/text"), ENOEXEC_);
	expect("a directory", object("/data"), EISDIR_);
	char *none[] = {NULL};
	expect("an object executed", CALL(EXECVE, "/data/good.so", none, none), ENOEXEC_);
}

static void many(const char *path, int least, int most)
{
	int n = 0;
	long at, before = 0;

	while ((at = object(path)) > 0) {
		if (at <= before)
			refused("an address used twice", 0);
		before = at;
		n++;
	}
	expect("the last answer", at, ENOMEM_);
	expect("and the next", object(path), ENOMEM_);
	if (n < least || n > most) {
		say("mapped: ");
		say_number(n);
		say("\n");
		wrong = 1;
	}
	expect("memory can be mapped still", CALL(MMAP, 0, 4096, 3, PRIVATE | ANONYMOUS, -1, 0) > 0, 1);
}

/* A child flips the object's text between good and hostile while it is judged. */
static void race(void)
{
	long writes = opened("/data/good.so", RDWR), size = CALL(PREAD, writes, bytes, sizeof bytes, 0), child = CALL(FORK, 0), mapped = 0, tried = 0;

	static const unsigned char hostile[2] = {0x0f, 0x05};
	if (!child)
		for (;;) {
			CALL(PWRITE, writes, hostile, 2, function_at + 4);
			CALL(PWRITE, writes, bytes + function_at + 4, 2, function_at + 4);
		}
	while (mapped < 200 && tried < 20000) {
		long at = object("/data/good.so");
		tried++;
		if (at < 0) {
			if (at != EACCES_)
				expect("refused", at, EACCES_);
			continue;
		}
		mapped++;
		const volatile unsigned char *code = (const unsigned char *)(at + function_at + 4);
		if (code[0] == hostile[0] && code[1] == hostile[1])
			refused("hostile text", 0);
		expect("what was judged runs", ((int (*volatile)(void))(at + function_at))(), 42);
	}
	CALL(KILL, child, 9);
	CALL(WAIT4, child, 0, 0, 0);
	/* On a busy machine the child may not have run in between: then only what was mapped has been looked at. */
	if (!size || !mapped) {
		say("no race\n");
		wrong = 1;
	}
}

int run(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	function_at = number(argv[2]);
	data_at = number(argv[3]);
	switch (argv[1][0]) {
	case 'm': memory(); break;
	case 'f': files(); break;
	case 'n': many("/data/good.so", 200, 255); break;
	case 'g': many("/data/giant.so", 3, 4); break;
	case 'r': race(); break;
	case 'd': {             /* a marker in its data is no code */
		long base = object("/data/good.so");
		volatile uint32_t below = 0xfa1e0ff2;
		*(volatile uint32_t *)(base + data_at) = below + 1;
		*(volatile uint32_t *)(base + data_at + 4) = 0xc3c3c3c3;
		((void (*volatile)(void))(base + data_at))();
		say("escape: data ran\n");
		return 66;
	}
	case 't': {             /* the middle of its text is no target */
		long base = object("/data/good.so");
		((void (*volatile)(void))(base + function_at + 4))();
		say("escape: past the landing pad\n");
		return 66;
	}
	default: return 2;
	}
	if (wrong)
		return 66;
	say("nothing went through\n");
	return 0;
}
