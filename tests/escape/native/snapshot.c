/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A forked window whose contents come later: random map, unmap, protect, discard, move, touch and host-call references on it, in any
 * order, while its parent's window is overwritten, against a model of what each page must hold; the mapping quota stays a true bound;
 * another window's memory is not in the copy; processes and descriptors go; a copy that is killed harms its child alone. TAP.
 * Argument: a seed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <carrel/window.h>
#include "intravisor/cvm/copy.h"
#include "intravisor/cvm/quota.h"
#include "intravisor/cvm/snapshot.h"
#include "intravisor/cvm/window.h"
#include "intravisor/host/host.h"

#define WINDOWS 12
#define ROUNDS  700
#define PAGES   256u            /* what is played with, at AT; behind it lies ballast, so that a copy pays */
#define BALLAST 2500u
#define AT      (WINDOW_MEMORY_START + 0x120000u)
#define REF(page) ((1ull << 32) + AT + (uint64_t)(page) * 4096)
#define CALL(host, who, ...) host(who, (const uint64_t[6]){__VA_ARGS__})

static struct cvm cvm;
static struct window parent, other, child;
static struct caller at_parent = {.cvm = &cvm, .program = &parent}, at_other = {.cvm = &cvm, .program = &other},
		     at_child = {.cvm = &cvm, .program = &child};
static struct cvm_error error;
static int file;                /* the kernel reads guest pages for us: no fault where there is nothing */

/* What a page must hold: a value in its every word, 0 if zeros; -1: inaccessible. */
static int64_t model[PAGES];
static int protections[PAGES];

static void fill(const struct window *window, uint64_t page, uint64_t value)
{
	uint64_t *at = (uint64_t *)(window->base + AT + page * 4096);

	for (int i = 0; i < 512; i++)
		at[i] = value;
}

static int holds(uint64_t page)
{
	static uint64_t words[512];
	ssize_t got = pwrite(file, child.base + AT + page * 4096, 4096, 0);

	if (got != 4096)
		return model[page] < 0;
	if (model[page] < 0 || pread(file, words, 4096, 0) != 4096)
		return 0;
	for (int i = 0; i < 512; i++)
		if (words[i] != (uint64_t)model[page])
			return 0;
	return 1;
}

/* As a guest comes to a page: a fault, or a reference of a host call. */
static void touch(uint64_t page)
{
	if (random() % 2)
		snapshot_fault(&child, (uint32_t)(AT + page * 4096 + (uint64_t)random() % 4096));
	else
		cvm_reference(&at_child, REF(page) + (uint64_t)random() % 4000, 96);
}

static unsigned count_in(const char *folder)
{
	DIR *d = opendir(folder);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* How many children this process has, dead ones that are not reaped among them; and the last. */
static unsigned children(pid_t *last)
{
	char name[64];
	unsigned n = 0;

	snprintf(name, sizeof name, "/proc/self/task/%d/children", getpid());
	FILE *f = fopen(name, "r");
	while (f && fscanf(f, "%d", last) == 1)
		n++;
	if (f)
		fclose(f);
	return n;
}

static uint64_t host_mappings(void)
{
	uint64_t low = (uint64_t)child.base + WINDOW_MEMORY_START, high = (uint64_t)child.base + WINDOW_MEMORY_END, count = 0;
	unsigned long from, to;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof line, maps))
		count += sscanf(line, "%lx-%lx", &from, &to) == 2 && to > low && from < high;
	if (maps)
		fclose(maps);
	return count;
}

/* The parent's pages are there in three kinds: written, never touched, and written but inaccessible later on. */
static void forked(uint64_t generation)
{
	for (uint64_t page = 0; page < PAGES; page++)
		if (page % 5)
			fill(&parent, page, generation * 1000 + page);
	if (window_open(&child, MACHINE_PROGRAM, WINDOW_ANYWHERE))
		exit(1);
	snapshot_take(&child, &parent);
	for (uint64_t page = 0; page < PAGES;) {
		uint64_t length = 1 + (uint64_t)random() % 40;
		length = length > PAGES - page ? PAGES - page : length;
		int protection = (const int[]){PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ}[random() % 3];
		if (copy_range(&at_parent, &child, AT + page * 4096, length * 4096, (uint64_t)protection))
			exit(1);
		for (uint64_t k = page; k < page + length; k++) {
			model[k] = k % 5 ? (int64_t)(generation * 1000 + k) : generation > 1 ? 0xbadbadbad : 0;
			protections[k] = protection;
		}
		page += length;
	}
	copy_range(&at_parent, &child, AT + PAGES * 4096, BALLAST * 4096, PROT_READ | PROT_WRITE);
	for (uint64_t page = 0; page < PAGES; page++)
		fill(&parent, page, 0xbadbadbad);
}

static int step(void)
{
	uint64_t page = (uint64_t)random() % PAGES, length = 1 + (uint64_t)random() % 12, bytes;
	length = length > PAGES - page ? PAGES - page : length;
	bytes = length * 4096;
	switch (random() % 9) {
	case 0:
		if (!CALL(host_memory_map, &at_child, REF(page), bytes, PROT_READ | PROT_WRITE))
			for (uint64_t k = page; k < page + length; k++)
				model[k] = 0, protections[k] = PROT_READ | PROT_WRITE;
		break;
	case 1:
		if (random() % 4 == 0 && !CALL(host_memory_unmap, &at_child, REF(page), bytes))
			for (uint64_t k = page; k < page + length; k++)
				model[k] = -1;
		break;
	case 2: {
		int protection = random() % 2 ? PROT_READ : PROT_READ | PROT_WRITE;
		if (!CALL(host_memory_protect, &at_child, REF(page), bytes, (uint64_t)protection))
			for (uint64_t k = page; k < page + length; k++)
				protections[k] = protection;
		break;
	}
	case 3:
		if (random() % 4 == 0 && !CALL(host_memory_discard, &at_child, REF(page), bytes))
			for (uint64_t k = page; k < page + length; k++)
				model[k] = model[k] < 0 ? -1 : 0;
		break;
	case 4: {
		uint64_t to = (uint64_t)random() % (PAGES - length + 1);
		int64_t kept[PAGES];
		int kept_protections[PAGES];
		memcpy(kept, model, sizeof kept);
		memcpy(kept_protections, protections, sizeof kept_protections);
		if (random() % 4 == 0 && !CALL(host_memory_move, &at_child, REF(page), bytes, REF(to)))
			for (uint64_t k = 0; k < length; k++) {
				model[page + k] = -1;
				model[to + k] = kept[page + k];
				protections[to + k] = kept_protections[page + k];
			}
		break;
	}
	case 5:         /* a store, by the kernel */
		touch(page);
		if (model[page] >= 0 && protections[page] == (PROT_READ | PROT_WRITE)) {
			uint64_t value = (uint64_t)random(), words[512];
			for (int i = 0; i < 512; i++)
				words[i] = value;
			if (pwrite(file, words, 4096, 0) != 4096 || pread(file, child.base + AT + page * 4096, 4096, 0) != 4096)
				return 0;
			model[page] = (int64_t)value;
		}
		break;
	default:
		touch(page);
		return holds(page);
	}
	return 1;
}

static int number;
static void ok(int good, const char *text)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, text);
}

/* Those that were told to end do; each fork reaps the ones before it. */
static int all_gone(void)
{
	pid_t last;

	for (int i = 1; i < 60 && children(&last) > 1; i++) {
		window_open(&child, MACHINE_PROGRAM, WINDOW_ANYWHERE);
		snapshot_take(&child, &parent);         /* reaps */
		window_close(&child);
		usleep((useconds_t)i * 10000);          /* for the one just made to end, also on a busy machine */
	}
	return children(&last) <= 1;
}

int main(int argc, char **argv)
{
	int right = 1, bounded = 1, left = 1, copies = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	srandom(argc > 1 ? (unsigned)atoi(argv[1]) : 1);
	file = memfd_create("pages", 0);
	if (file < 0 || intravisor_init(&error) || window_open(&parent, MACHINE_PROGRAM, WINDOW_ANYWHERE) ||
	    window_open(&other, MACHINE_PROGRAM, WINDOW_ANYWHERE) ||
	    CALL(host_memory_map, &at_parent, REF(0), (PAGES + BALLAST) * 4096, PROT_READ | PROT_WRITE) ||
	    CALL(host_memory_map, &at_other, REF(0), (PAGES + BALLAST) * 4096, PROT_READ | PROT_WRITE))
		return 1;
	for (uint64_t page = PAGES; page < PAGES + BALLAST; page++)
		fill(&parent, page, page);
	fill(&other, 0, 0x5ec4e7);
	unsigned before = count_in("/proc/self/fd");
	for (int w = 1; w <= WINDOWS; w++) {
		forked((uint64_t)w);
		copies += child.snapshot != NULL;
		for (int i = 0; i < ROUNDS && right; i++) {
			right = step();
			if (!right)
				printf("# window %d, step %d\n", w, i);
			if (i % 16 == 0 && host_mappings() > child.mappings + 1) {
				printf("# window %d, step %d: %llu host mappings, counted %llu\n", w, i, (unsigned long long)host_mappings(),
				       (unsigned long long)child.mappings);
				bounded = 0;
			}
		}
		for (uint64_t page = 0; page < PAGES && right; page++) {
			touch(page);
			if (!(right = holds(page)))
				printf("# window %d: page %llu at the end\n", w, (unsigned long long)page);
		}
		uint64_t missing = child.missing;
		left &= snapshot_fetch_all(&child) == 0 && !child.missing && !child.snapshot && missing;
		left &= ((uint64_t *)(child.base + AT + (PAGES + BALLAST - 1) * 4096))[7] == PAGES + BALLAST - 1;
		window_close(&child);
	}
	ok(copies == WINDOWS, "each fork was one that copies nothing at once");
	ok(right, "every page held what its model says, whatever was done before it came");
	ok(bounded, "never more host mappings than counted");
	ok(left, "what was left came with the last call, and the copy was given up");

	/* Only the forked window is in the copy. */
	forked(99);
	char name[64];
	uint64_t words[512] = {0};
	pid_t process = 0;
	children(&process);
	snprintf(name, sizeof name, "/proc/%d/mem", process);
	int memory = open(name, O_RDONLY);
	ok(process && memory >= 0 && pread(memory, words, 4096, (off_t)(parent.base + AT + 4096)) == 4096 && words[3] == 99001,
	   "the copy holds the forked window");
	ok(pread(memory, words, 4096, (off_t)(other.base + AT)) != 4096, "and no other");
	close(memory);

	/* It is killed: the child cannot go on, everybody else can. */
	snapshot_fault(&child, (uint32_t)AT);
	kill(process, SIGKILL);
	usleep(50000);
	ok(!snapshot_fault(&child, (uint32_t)(AT + 200 * 4096)) && pwrite(file, child.base + AT + 200 * 4096, 4096, 0) < 0 &&
	   cvm_reference(&at_child, REF(201), 4096) && CALL(host_memory_protect, &at_child, REF(202), 4096, PROT_READ) < 0 &&
	   !CALL(host_memory_map, &at_child, REF(200), 4096, PROT_READ | PROT_WRITE) && pwrite(file, child.base + AT + 200 * 4096, 4096, 0) == 4096,
	   "without it what is missing stays inaccessible, and can be replaced");
	window_close(&child);

	/* Closed before the process has even begun. */
	for (int i = 0; i < 200; i++) {
		forked(7);
		window_close(&child);
	}
	ok(all_gone(), "processes end with their windows");
	ok(count_in("/proc/self/fd") <= before + 8, "and no descriptors are left");
	printf("1..%d\n", number);
	return 0;
}
