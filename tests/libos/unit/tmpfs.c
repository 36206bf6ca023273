/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * tmpfs and names, on their own: random writes against a plain buffer, many names, the memory limit, and that nothing is
 * left when all is removed.
 */
#include "libos/fs/tmpfs.h"     /* first: a libc's headers switch off the kernel's file types */

#include <stdlib.h>

#include "../guests/tap.h"
#include "fake.h"
#include "libos/process/process.h"

#define SIZE  300000u
#define LIMIT (16u << 20)
#define USER  0x50000000ull             /* a piece of the program's memory */

static uint8_t model[SIZE];

static struct place *at(const char *path)
{
	static struct place places[2];
	static int next;
	struct place *p = &places[next ^= 1];

	return place_of(path, p) ? NULL : p;
}

static int64_t opened(const char *path, int flags, struct file **f)
{
	return place_open(at(path), flags, 0644, f);
}

static void data(void)
{
	struct file *f;
	uint64_t size = 0;
	int bad = 0;
	const struct memory user = {USER | REF_PROGRAM};

	memset(fake_pages + USER / 4096, PAGE_WRITE, SIZE / 4096 + 1);
	OK(opened("/f", O_CREAT | O_RDWR, &f) == 0);
	for (int i = 0; i < 3000; i++) {
		uint64_t where = fake_random(SIZE), n = fake_random(20000);
		n = n < SIZE - where ? n : SIZE - where;
		switch (fake_random(4)) {
		case 0:
			for (uint64_t k = 0; k < n; k++)
				model[where + k] = fake_window[USER + k] = (uint8_t)random();
			bad += f->operations->write(f, user, n, (int64_t)where) != (int64_t)n;
			size = n && where + n > size ? where + n : size;
			break;
		case 1:
			memset(model + (where < size ? where : size), 0, SIZE - (where < size ? where : size));
			bad += f->operations->truncate(f, where) != 0;
			size = where;
			break;
		case 2:         /* punch a hole */
			if (n) {
				memset(model + where, 0, n);
				bad += node_allocate(f->node, 3, where, n) != 0;
			}
			break;
		default: {
			int64_t got = f->operations->read(f, user, n, (int64_t)where);
			uint64_t wanted = where >= size ? 0 : n < size - where ? n : size - where;
			bad += got != (int64_t)wanted || memcmp(fake_window + USER, model + where, wanted);
		}
		}
		bad += f->node->size != size;
	}
	OK(bad == 0);
	/* memory that is not there */
	OK(f->operations->truncate(f, 10000) == 0);
	memset(fake_pages + USER / 4096, PAGE_NONE, SIZE / 4096 + 1);
	OK(f->operations->write(f, user, 10, 0) == -EFAULT);
	OK(f->operations->read(f, user, 10, 0) == -EFAULT);
	memset(fake_pages + USER / 4096, PAGE_WRITE, 1);
	OK(f->operations->read(f, user, 10000, 0) == 4096);
	/* sparse files, the largest, and holes found */
	OK(f->operations->truncate(f, 0) == 0 && f->node->page_count == 0);
	OK(f->operations->write(f, user, 1, 1 << 30) == 1 && f->node->page_count == 1);
	OK(f->operations->seek(f, 0, 3) == 1 << 30);
	OK(f->operations->seek(f, 0, 4) == 0);
	OK(f->operations->seek(f, 1 << 30, 4) == (1 << 30) + 1);
	OK(f->operations->write(f, user, 1, 1ll << 40) == -EFBIG);
	OK(f->operations->truncate(f, 1ull << 40) == -EFBIG);
	/* the limit of all tmpfs memory */
	memset(fake_pages + USER / 4096, PAGE_WRITE, SIZE / 4096 + 1);
	int64_t n = 0;
	f->operations->truncate(f, 0);
	f->position = 0;
	for (int64_t one; (one = f->operations->write(f, user, SIZE, -1)) != -ENOSPC && n < 2 * LIMIT;)
		n += one;
	OK(n > LIMIT / 2 && n <= LIMIT);
	OK(place_unlink(at("/f"), 0) == 0);
	file_release(f);
	OK(opened("/g", O_CREAT | O_RDWR, &f) == 0 && f->operations->write(f, user, SIZE, -1) == SIZE);
	file_release(f);
	OK(place_unlink(at("/g"), 0) == 0);
}

static void names(void)
{
	struct host_stat s;
	struct file *f;
	char path[32];
	int bad = 0;

	OK(place_directory_make(at("/d"), 0755) == 0);
	for (int i = 0; i < 5000; i++) {
		format(path, sizeof path, "/d/%d", i);
		bad += opened(path, O_CREAT | O_EXCL | O_RDWR, &f) != 0;
		file_release(f);
	}
	for (int i = 0; i < 5000; i++) {
		format(path, sizeof path, "/d/%d", i);
		bad += place_stat(at(path), 1, &s) != 0;
	}
	OK(bad == 0);
	for (int i = 0; i < 5000; i += 2) {
		format(path, sizeof path, "/d/%d", i);
		bad += place_unlink(at(path), 0) != 0;
	}
	for (int i = 0; i < 5000; i++) {
		format(path, sizeof path, "/d/%d", i);
		bad += place_stat(at(path), 1, &s) != (i % 2 ? 0 : -ENOENT);
	}
	OK(bad == 0);
	OK(place_unlink(at("/d"), 1) == -ENOTEMPTY);
	for (int i = 1; i < 5000; i += 2) {
		format(path, sizeof path, "/d/%d", i);
		bad += place_unlink(at(path), 0) != 0;
	}
	/* an open directory that is removed is empty and takes nothing more */
	OK(opened("/d", O_RDONLY | O_DIRECTORY, &f) == 0);
	OK(bad == 0 && place_unlink(at("/d"), 1) == 0);
	OK(f->node->links == 0 && f->operations->list(f, (struct memory){USER | REF_PROGRAM}, 4096) == -ENOENT);
	file_release(f);
}

static void paths(void)
{
	static const struct {
		const char *path, *becomes;
		int slash, dot;
	} table[] = {
		{"/", "/", 1, 0}, {"//a//b/", "/a/b", 1, 0}, {"/a/./b", "/a/b", 0, 0}, {"/a/.", "/a", 1, 1}, {"/..", "/", 1, 2},
		{"/../../a", "/a", 0, 0}, {"/...", "/...", 0, 0}, {"/a/..b", "/a/..b", 0, 0}, {"/.", "/", 1, 1}, {"", "/", 0, 0},
	};
	char longest[PATH_MOST + 300];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct place *p = at(table[i].path);
		OK(p && !strcmp(p->path, table[i].becomes) && p->slash == table[i].slash && p->dot == table[i].dot);
	}
	for (size_t n = PATH_MOST - 300; n < sizeof longest; n++) {
		memset(longest, '/', n);
		for (size_t k = 1; k < n; k += 2)
			longest[k] = 'a';
		longest[n] = 0;
		struct place p;
		int64_t error = place_of(longest, &p);
		if (error ? error != -ENAMETOOLONG || n < PATH_MOST - 2 : strlen(p.path) >= PATH_MOST) {
			OK(!"a long path");
			return;
		}
	}
	OK(strlen(longest) == sizeof longest - 1);
	/* links: relative, absolute, above the root, in a circle */
	struct host_stat s;
	OK(place_directory_make(at("/x"), 0755) == 0 && place_directory_make(at("/x/y"), 0755) == 0);
	OK(place_link_make(at("/x/up"), "../../../x") == 0 && place_link_make(at("/abs"), "/x/up/y") == 0);
	OK(place_stat(at("/abs/../up/up/y"), 1, &s) == 0 && TYPE_OF(s.mode) == S_IFDIR);
	OK(place_stat(at("/abs"), 0, &s) == 0 && TYPE_OF(s.mode) == S_IFLNK);
	OK(place_of("/x/none/../y", &(struct place){0}) == -ENOENT);
	OK(place_link_make(at("/c"), "c/c") == 0 && place_stat(at("/c"), 1, &s) == -ELOOP);
	OK(place_unlink(at("/c"), 0) == 0 && place_unlink(at("/abs"), 0) == 0);
	/* devices and /proc are the library OS's own */
	OK(place_stat(at("/dev/null"), 1, &s) == 0 && TYPE_OF(s.mode) == S_IFCHR);
	OK(place_unlink(at("/dev/null"), 0) == -EPERM);
	OK(place_directory_make(at("/proc/x"), 0755) == -EPERM);
	OK(place_unlink(at("/proc"), 1) == -EBUSY);
	OK(place_rename(at("/x"), at("/dev/x"), 0) == -EXDEV);
}

int main(void)
{
	fake_start(LIMIT);
	fake_space(LIMIT);
	filesystem_start();
	OK(file_get(0) == NULL);        /* the host has no streams */
	data();
	names();
	paths();
	return DONE();
}
