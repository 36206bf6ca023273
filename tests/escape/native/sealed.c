/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What was verified is what runs: cVMs of the same contents share one sealed copy that is judged once, whatever the file's name;
 * anything different is judged anew; nothing changes the copy, neither its file nor its descriptor. Argument: an image and its
 * library OS. TAP. A test's tool, not trusted.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <carrel/image.h>
#include "intravisor/cvm/cvm.h"
#include "intravisor/load/load.h"

static uint8_t whole[1 << 20];
static size_t whole_size;
static char path[] = "/tmp/carrel-sealed.XXXXXX", *none[] = {NULL}, *arguments[] = {"p", NULL};
static const char *libos;
static int output, count;

static void ok(int good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, name);
}

static void put(const uint8_t *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		exit(99);
	close(fd);
}

/* The nth loaded segment's header in the copy at `image`. */
static Elf64_Phdr *segment(uint8_t *image, int n)
{
	Elf64_Phdr *header = (Elf64_Phdr *)(image + ((Elf64_Ehdr *)image)->e_phoff);

	while (header->p_type != PT_LOAD || n--)
		header++;
	return header;
}

static Elf64_Phdr *text_of(uint8_t *image)
{
	int n = 0;

	while (!(segment(image, n)->p_flags & PF_X))
		n++;
	return segment(image, n);
}

static struct cvm *create(const char *image_path, struct cvm_config *config)
{
	struct cvm_error error;
	struct cvm *cvm = NULL;

	*config = (struct cvm_config){.image_path = image_path, .image_fd = -1, .libos_path = libos, .argc = 1, .argv = arguments,
				      .envp = none, .working_directory = "/", .hostname = "h", .standard_fds = {0, output, output}};
	if (cvm_create(config, &cvm, &error))
		printf("# %s\n", error.text);
	return cvm;
}

/* The inode of the file that lies at the program's text; 0: none. */
static unsigned long text_inode(const struct cvm *cvm)
{
	uint64_t text = (uint64_t)cvm->programs[0]->base + cvm->program_base + text_of(whole)->p_vaddr;
	unsigned long from, to, inode, found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	while (maps && fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %*s %*x %*s %lu", &from, &to, &inode) == 3 && from <= text && text < to)
			found = inode;
	if (maps)
		fclose(maps);
	return found;
}

static uint64_t judged(uint32_t policy, int *code)
{
	struct cvm_statistics statistics = {0};
	struct image *image;
	struct cvm_error error;
	int fd = open(path, O_RDONLY);

	*code = image_get(fd, path, policy, &image, &statistics, NULL, &error);
	close(fd);
	if (!*code)
		image_release(image);
	return statistics.verified_bytes;
}

/* Every way to change a sealed file through its own descriptor. */
static int changed(int fd)
{
	void *writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	void *readable = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	int may = writable != MAP_FAILED || readable == MAP_FAILED || !mprotect(readable, 4096, PROT_READ | PROT_WRITE);

	return may || pwrite(fd, "x", 1, 0) > 0 || !ftruncate(fd, 0) || !fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) ||
	       !fallocate(fd, 0, 0, 1 << 24) || !fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
}

static int copies_open(void)
{
	int n = 0;

	for (int fd = 3; fd < 4096; fd++) {
		char self[32], target[64] = "";
		snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
		n += readlink(self, target, sizeof target - 1) > 0 && strstr(target, "memfd:carrel-image");
	}
	return n;
}

/* Images that differ in their data, held until the budget says no; then given back. */
static void budgets(void)
{
	static struct image *held[2 * CVM_IMAGES_MOST];
	struct image_budget budget = {.bytes_most = 1ull << 40};
	struct cvm_error error;
	int before = copies_open(), made = 0, code = 0;

	for (int n = 0; !code && n < 2 * CVM_IMAGES_MOST; n++) {
		int fd = open(path, O_RDWR | O_TRUNC);
		Elf64_Phdr *data = segment(whole, 2);
		memcpy(whole + data->p_offset, &n, sizeof n);
		if (fd < 0 || write(fd, whole, whole_size) != (ssize_t)whole_size)
			exit(99);
		code = image_get(fd, path, IMAGE_POLICY_PROGRAM, &held[n], NULL, &budget, &error);
		made += !code;
		if (n == 3)     /* and once by bytes, with room for no more */
			budget.bytes_most = budget.bytes;
		if (n == 3) {
			struct image *more;
			n++;
			memcpy(whole + data->p_offset, &n, sizeof n);
			if (pwrite(fd, whole, whole_size, 0) != (ssize_t)whole_size)
				exit(99);
			ok(image_get(fd, path, IMAGE_POLICY_PROGRAM, &more, NULL, &budget, &error) == -ENOMEM && strstr(error.text, "more than this cVM"),
			   "the bytes of images are bounded, and the error says so");
			budget.bytes_most = 1ull << 40;
			n--;
		}
		close(fd);
	}
	ok(code == -ENOMEM && made == CVM_IMAGES_MOST && budget.count == CVM_IMAGES_MOST, "so is their number");
	ok(copies_open() <= before + CVM_IMAGES_MOST, "and that of the descriptors");
	while (made--)
		image_release(held[made]);
	ok(copies_open() <= before + 16 && budget.count <= 16, "what is released goes, but for a few");
	image_budget_close(&budget);
	int fd = open(path, O_RDONLY);
	struct image *one;
	budget = (struct image_budget){.bytes_most = 1};
	ok(image_get(fd, path, IMAGE_POLICY_PROGRAM, &one, NULL, &budget, &error) == -ENOMEM && !budget.bytes && !budget.count,
	   "a refused one leaves no charge, nor does a budget that ended");
	close(fd);
}

int main(int argc, char **argv)
{
	struct cvm_config configs[3];
	struct cvm_error error;
	int fd = argc == 3 ? open(argv[1], O_RDONLY) : -1, code;
	static uint8_t other[sizeof whole];
	FILE *said = tmpfile();

	whole_size = fd < 0 ? 0 : (size_t)read(fd, whole, sizeof whole);
	if (!whole_size || whole_size == sizeof whole || mkstemp(path) < 0 || !said || intravisor_init(&error))
		return 99;
	libos = argv[2];
	output = fileno(said);
	put(whole, whole_size);
	struct cvm *first = create(argv[1], &configs[0]), *second = create(argv[1], &configs[1]), *third = create(path, &configs[2]);
	if (!first || !second || !third)
		return 99;
	ok(first->statistics.verified_bytes > 0, "the first cVM's text is verified");
	ok(!second->statistics.verified_bytes && second->statistics.text_bytes == first->statistics.text_bytes &&
	   text_inode(first) && text_inode(second) == text_inode(first), "a second cVM of the same image shares it, unverified");
	ok(!third->statistics.verified_bytes && text_inode(third) == text_inode(first), "so does one of a copy by another name");

	memcpy(other, whole, whole_size);
	segment(other, 2)->p_flags ^= PF_W;
	put(other, whole_size);
	ok(judged(IMAGE_POLICY_PROGRAM, &code) > 0 && !code, "the same text in another layout is verified again");
	ok(judged(IMAGE_POLICY_PROGRAM, &code) == 0 && !code, "and then kept for a while");
	ok(judged(IMAGE_POLICY_LIBOS, &code) == 0 && code, "but not for the other policy");
	memcpy(other, whole, whole_size);
	memcpy(other + text_of(other)->p_offset + 4, "\x0f\x05", 2);
	put(other, whole_size);
	ok(judged(IMAGE_POLICY_PROGRAM, &code) == 0 && code == -EACCES, "two bytes of text changed: judged, and refused");
	ok(cvm_run(third) == 0 && cvm_run(second) == 0, "cVMs run what was verified, not what the file is now");
	if (truncate(path, 0))
		return 99;
	ok(cvm_run(first) == 0, "and not what it was cut to");

	int copies = 0, open_ones = 0;
	for (int n = 3; n < 256; n++) {
		char self[32], target[64] = "";
		snprintf(self, sizeof self, "/proc/self/fd/%d", n);
		if (readlink(self, target, sizeof target - 1) > 0 && strstr(target, "memfd:carrel-image")) {
			copies++;
			/* For reading: else kernels before 6.7 would not have mapped it. */
			open_ones += changed(n) || (fcntl(n, F_GETFL) & O_ACCMODE) != O_RDONLY;
		}
	}
	ok(copies >= 3 && !open_ones, "no sealed copy can be changed through its descriptor");
	budgets();
	printf("1..%d\n", count);
	unlink(path);
	return 0;
}
