/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * replaced LIBOS PROGRAM IMAGE FOLDER: threads of one cVM map images by a handle that another one closes, opens anew and closes again,
 * while the file behind it is overwritten, made hostile, cut off and replaced, and descriptors that become free get to a file that no
 * handle was ever for. What was mapped is what the verifier accepts, now and later, and of no other file; afterwards there are as many
 * descriptors and mappings, and the cVM is charged as much, as before. FOLDER is empty. IMAGE holds eight bytes of a constant (KEY). TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <carrel/host.h>
#include <carrel/image.h>
#include "intravisor/host/host.h"
#include "intravisor/load/load.h"

#define M       0x50000000u
#define MAPPERS 2
#define EACH    200             /* how often each way it can end must be seen */
#define SECONDS 60
#define MEMORY  200000          /* --memory: a window has room for nine */
static const uint8_t KEY[8] = {0x90, 0x90, 0xcc, 0x90, 0x90, 0xcc, 0x90, 0x90};         /* program/control.S: middle */

static struct cvm *cvm;
static struct caller *caller;
static uint8_t image[1 << 17];
static size_t size, key;
static int folder, said;
static atomic_ulong handle;     /* what all map by */
static atomic_int over;
static atomic_ulong mapped, closed, refused, no_image, full;

static void ok(int good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++said, what);
}

static void wrong(const char *what, long more)
{
	static atomic_int times;

	if (times++ < 10)
		printf("not ok - %s (%ld)\n", what, more);
}

static int64_t call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return host_call_dispatch(caller, number, (const uint64_t[6]){a, b, c, d, e, 0});
}

/* With this letter as its constant; 0: a system call where that would be. */
static void variant(uint8_t *to, char letter)
{
	memcpy(to, image, size);
	memset(to + key, letter ? letter : 0x90, 8);
	if (!letter)
		memcpy(to + key - 2, "\x0f\x05", 2);
}

static void file_put(const char *name, char letter)
{
	static _Thread_local uint8_t bytes[sizeof image];
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	variant(bytes, letter);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		wrong("a file cannot be written", errno);
	close(fd);
}

/* Is all that lies at an image's text what the verifier accepts, and not the file's that nobody has a handle for? */
static int accepted(const struct window *window, const struct window_image *at)
{
	struct machine_verdict verdict;
	const uint8_t *text = window->base + at->base + at->image->text_start;
	const struct machine_text judged = {.text = text, .size = at->image->text_length, .text_offset = at->image->text_start,
					    .image_span = at->image->span, .policy = IMAGE_POLICY_PROGRAM};

	return !machine_verify(&judged, &verdict, NULL, NULL) && !memmem(text, judged.size, "NNNNNNNN", 8);
}

static void *map(void *argument)
{
	const uint64_t out = M + 64 * (uint64_t)(intptr_t)argument;

	while (!over) {
		int64_t number = call(HOST_window_open, 0, 0, 0, 0, 0), result = 0;
		struct window *window = number < 0 ? NULL : cvm->programs[number];
		if (!window) {
			wrong("no window", number);
			break;
		}
		for (int tries = 0; tries < 3000 && result != -ENOMEM && !over; tries++) {
			result = call(HOST_window_image, (uint64_t)number, handle, out, 0, 0);
			if (result == 0)
				mapped++;
			else if (result == -EBADF)
				closed++;
			else if (result == -EACCES)
				refused++;
			else if (result == -ENOEXEC)
				no_image++;
			else if (result == -ENOMEM)
				full++;
			else
				wrong("another answer", result);
			if (!result && !accepted(window, &window->images[window->image_count - 1]))
				wrong("text that is refused, or another file's", tries);
		}
		for (unsigned i = 0; i < window->image_count; i++)
			if (!accepted(window, &window->images[i]))
				wrong("text that has changed since", i);
		call(HOST_window_close, (uint64_t)number, 0, 0, 0, 0);
	}
	return NULL;
}

static void *close_it(void *argument)
{
	unsigned n = 0;

	memcpy(cvm->libos.base + M + 4096, "image", 5);
	while (!over) {
		int64_t made = call(HOST_open, 3, M + 4096, 5, n & 1 ? O_RDONLY : O_RDWR, 0);
		if (made < 0)
			wrong("the image cannot be opened", made);
		handle = (uint64_t)made;
		for (unsigned i = 0; i < n % 64; i++)
			call(500, 0, 0, 0, 0, 0);       /* none: some time */
		if (n++ % 4 == 0)
			usleep(200);
		if (call(HOST_close, (uint64_t)made, 0, 0, 0, 0) || call(HOST_close, (uint64_t)made, 0, 0, 0, 0) != -EBADF)
			wrong("closed not once", 0);
	}
	return argument;
}

static void *change(void *argument)
{
	for (unsigned n = 0; !over; n++) {
		switch (n % 6) {
		case 0: file_put("image", 'A'); break;
		case 1: file_put("image", 0); break;
		case 2: file_put("next", 'B'); renameat(folder, "next", folder, "image"); break;
		case 3: file_put("next", 0); renameat(folder, "next", folder, "image"); break;
		case 4: file_put("next", 'C'); renameat(folder, "next", folder, "image"); usleep(100); break;
		case 5: {
			int fd = openat(folder, "image", O_WRONLY | O_CLOEXEC);
			if (fd < 0 || ftruncate(fd, (off_t)(n % 7 * size / 8)))
				wrong("a file cannot be cut off", errno);
			close(fd);
			break;
		}
		}
		usleep(n % 50);
	}
	return argument;
}

/* Whatever number is free leads to a file that the cVM has no handle for. */
static void *use_again(void *argument)
{
	while (!over) {
		int fds[3];
		for (int i = 0; i < 3; i++)
			fds[i] = openat(folder, "never", O_RDONLY | O_CLOEXEC);
		for (int i = 0; i < 3; i++)
			if (close(fds[i]))
				wrong("a descriptor of somebody else's was closed", errno);
	}
	return argument;
}

static unsigned lines_of_images(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned n = 0;

	while (maps && fgets(line, sizeof line, maps))
		n += strstr(line, "carrel-image") != NULL;
	if (maps)
		fclose(maps);
	return n;
}

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int enough(void)
{
	return mapped >= EACH && closed >= EACH && refused >= EACH && no_image >= EACH && full >= 10;
}

int main(int argc, char **argv)
{
	char *none[] = {NULL}, *arguments[] = {"p", NULL};
	pthread_t threads[MAPPERS + 3];
	void *(*const others[])(void *) = {close_it, change, use_again};
	struct cvm_error error;

	if (argc != 5)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	int from = open(argv[3], O_RDONLY | O_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	size = (size_t)read(from, image, sizeof image);
	close(from);
	folder = open(argv[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const uint8_t *found = memmem(image, size, KEY, sizeof KEY);
	if (!found || folder < 0)
		return 2;
	key = (size_t)(found - image);
	file_put("image", 'A');
	file_put("never", 'N');
	struct cvm_mount mount = {.guest_path = "/data", .host_fd = folder, .upper_fd = -1};
	const struct cvm_config config = {.image_path = argv[2], .image_fd = -1, .libos_path = argv[1], .argc = 1, .argv = arguments, .envp = none,
					  .working_directory = "/", .hostname = "h", .standard_fds = {null, null, null}, .mounts = &mount,
					  .mount_count = 1, .memory_limit = MEMORY};
	if (intravisor_init(&error) || cvm_create(&config, &cvm, &error)) {
		printf("Bail out! %s\n", error.text);
		return 1;
	}
	caller = (struct caller *)cvm->threads[0];      /* which never runs */
	call(HOST_memory_map, M, 0x2000, PROT_READ | PROT_WRITE, 0, 0);
	const struct image_budget budget = cvm->images;
	const unsigned had = descriptors(), lay = lines_of_images();
	for (intptr_t i = 0; i < MAPPERS + 3; i++)
		if (pthread_create(&threads[i], NULL, i < MAPPERS ? map : others[i - MAPPERS], (void *)i))
			return 2;
	for (int tenths = 0; tenths < 20 || (!enough() && tenths < 10 * SECONDS); tenths++)
		usleep(100000);
	over = 1;
	for (int i = 0; i < MAPPERS + 3; i++)
		pthread_join(threads[i], NULL);
	printf("# %lu mapped, %lu by a handle that was closed, %lu refused, %lu no image, %lu too many\n", mapped, closed, refused, no_image, full);
	ok(enough(), "it was mapped, refused, met half written, met closed and too many, often enough for this to be a test");
	image_budget_take(&(struct image_budget){0}, 1);        /* fails, and lets go of copies that nobody uses */
	ok(descriptors() == had, "as many descriptors as before");
	ok(lines_of_images() == lay, "as many mappings of images");
	ok(cvm->images.bytes == budget.bytes && cvm->images.count == budget.count, "and the cVM is charged as much");
	cvm_destroy(cvm);
	printf("1..%d\n", said);
	return 0;
}
