/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The cache of verified images, and mapping them. An image's pages are copied into a memfd, sealed against every change,
 * compared or verified through a mapping of the sealed file, and only then mapped executable: what was judged is what
 * runs. A guest chooses what is executed, how often and from how many threads. The cache key is the whole layout and all bytes, compared in full, under one policy and this process's verifier: all
 * that a verdict depends on. Trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <carrel/window.h>
#include "intravisor/cvm/memory.h"
#include "intravisor/cvm/quota.h"
#include "intravisor/load/load.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U        /* Linux 6.3: asked for where vm.memfd_noexec wants it said */
#endif
#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

#define RESTORE_MOST 131072u    /* bytes of a segment that are copied rather than faulted in */
#define UNUSED_MOST 16          /* images that nobody holds, newest first: a guest that executes many takes no more than these */

/* Guards the list and the references; not held while an image is read, compared or judged, which a guest can make take seconds. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct image *images;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* FNV-1a over words: only sorts candidates; equality is decided by memcmp. */
static uint64_t contents_hash(const uint8_t *bytes, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325u, word;

	for (size_t at = 0; at + 8 <= size; at += 8) {
		memcpy(&word, bytes + at, 8);
		hash = (hash ^ word) * 0x100000001b3u;
	}
	return hash;
}

static int same(const struct image *a, const struct image *b)
{
	return a->hash == b->hash && a->span == b->span && a->linked == b->linked && a->entry == b->entry && a->phdr == b->phdr &&
	       a->phnum == b->phnum && a->policy == b->policy && a->segment_count == b->segment_count &&
	       !memcmp(a->segments, b->segments, sizeof a->segments);
}

static int contents_same(const struct image *image, const uint8_t *bytes)
{
	void *there = mmap(NULL, image->span, PROT_READ, MAP_SHARED, image->memfd, 0);

	if (there == MAP_FAILED)
		return 0;
	int equal = !memcmp(there, bytes, image->span);
	munmap(there, image->span);
	return equal;
}

static int sealed_copy(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("carrel-image", MFD_ALLOW_SEALING | MFD_CLOEXEC | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("carrel-image", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, bytes + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int error = n ? -errno : -ENOSPC;
			close(fd);
			return error;
		}
		done += (size_t)n;
	}
	/* Kept by a descriptor for reading: through one for writing, kernels before 6.7 map no write-sealed file shared, not even
	 * to read it. */
	char self[32];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	/* EBUSY: the kernel waited 150 ms for a page that it is just moving (memory compaction, a balloon). */
	int error = 0;
	for (int tries = 0; tries < 10 && (error = fcntl(fd, F_ADD_SEALS, SEALS) ? -errno : 0) == -EBUSY; tries++)
		;
	if (!error && fcntl(fd, F_GET_SEALS) != SEALS)
		error = -EPERM;
	int sealed = error ? error : open(self, O_RDONLY | O_CLOEXEC);
	if (!error && sealed < 0)
		sealed = -errno;
	close(fd);
	return sealed;
}

/* Verifies through the sealed file itself. */
static int sealed_verify(struct image *image, struct machine_text text, const char *name, struct cvm_error *error)
{
	struct machine_verdict verdict;
	uint8_t *sealed = mmap(NULL, image->span, PROT_READ, MAP_SHARED, image->memfd, 0);

	if (sealed == MAP_FAILED)
		return -errno;
	text.text = sealed + image->text_start;
	int code = machine_verify(&text, &verdict, NULL, NULL);
	munmap(sealed, image->span);
	if (code == -EACCES) {
		char hex[3 * sizeof verdict.bytes + 1] = "";
		for (unsigned i = 0; i < verdict.length && i < sizeof verdict.bytes; i++)
			snprintf(hex + 3 * i, 4, "%02x ", verdict.bytes[i]);
		snprintf(error->text, sizeof error->text, "%s: refused by the verifier at %#llx [%.*s]: %s: %s", name,
			 (unsigned long long)(text.address + verdict.offset), (int)(3 * verdict.length - 1), hex, verdict.rule,
			 verdict.reason);
	} else if (code)
		snprintf(error->text, sizeof error->text, "%s: could not be verified: %s", name, strerror(-code));
	return code;
}

static void image_free(struct image *image)
{
	if (image->memfd >= 0)
		close(image->memfd);
	if (image->view)
		munmap((void *)image->view, image->span);
	free(image);
}

void image_budget_give(struct image_budget *budget, uint64_t bytes)
{
	if (!budget)
		return;
	__atomic_sub_fetch(&budget->bytes, bytes, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&budget->count, 1, __ATOMIC_RELAXED);
}

/* Frees what nobody uses, but for the newest `most`; without the lock, since large copies take a while. */
static void unused_free(unsigned most, struct image *released)
{
	struct image *over = NULL;
	unsigned unused = 0;

	pthread_mutex_lock(&lock);
	if (released)
		released->references--;
	for (struct image **link = &images; *link;) {
		struct image *here = *link;
		if (here->references || ++unused <= most) {
			link = &here->next;
			continue;
		}
		*link = here->next;
		image_budget_give(here->payer, here->span);
		here->next = over;
		over = here;
	}
	pthread_mutex_unlock(&lock);
	for (struct image *next; over; over = next) {
		next = over->next;
		image_free(over);
	}
}

void image_release(struct image *image)
{
	unused_free(UNUSED_MOST, image);
}

int image_budget_take(struct image_budget *budget, uint64_t bytes)
{
	for (int again = 0; again < 2; again++) {
		uint64_t sum = __atomic_add_fetch(&budget->bytes, bytes, __ATOMIC_RELAXED);
		uint64_t count = __atomic_add_fetch(&budget->count, 1, __ATOMIC_RELAXED);
		if (sum <= budget->bytes_most && count <= CVM_IMAGES_MOST)
			return 0;
		image_budget_give(budget, bytes);
		unused_free(0, NULL);
	}
	return -ENOMEM;
}

void image_budget_close(struct image_budget *budget)
{
	pthread_mutex_lock(&lock);
	for (struct image *image = images; image; image = image->next)
		if (image->payer == budget)
			image->payer = NULL;
	pthread_mutex_unlock(&lock);
}

/* The number-th that has the same layout and hash, with a reference. */
static struct image *candidate(const struct image *wanted, unsigned number)
{
	struct image *image;

	pthread_mutex_lock(&lock);
	for (image = images; image && !(same(image, wanted) && !number--); image = image->next)
		;
	if (image)
		image->references++;
	pthread_mutex_unlock(&lock);
	return image;
}

/* With a reference, and moved to the front; NULL: not there. Contents are compared without the lock: a guest chooses how much there is
 * to compare, and how often. The list may change meanwhile, and one that is there be missed: then it is judged again. */
static struct image *cached(const struct image *wanted, const uint8_t *bytes)
{
	struct image *image;

	for (unsigned number = 0; (image = candidate(wanted, number)) && !contents_same(image, bytes); number++)
		image_release(image);
	pthread_mutex_lock(&lock);
	for (struct image **link = &images; image && *link; link = &(*link)->next)
		if (*link == image) {
			*link = image->next;
			image->next = images;
			images = image;
			break;
		}
	pthread_mutex_unlock(&lock);
	return image;
}

/* Two threads may judge the same contents at once: the second one's copy serves it and goes when it is no longer used. */
static int judge(const struct image *laid_out, const uint8_t *bytes, const struct machine_text *text, const char *name,
		 struct image **made, uint64_t *verify_ns, struct cvm_error *error)
{
	struct image *image = malloc(sizeof *image);

	if (!image)
		return -ENOMEM;
	*image = *laid_out;             /* with who pays */
	image->references = 1;
	image->memfd = sealed_copy(bytes, laid_out->span);
	uint64_t start = now_ns();
	int code = image->memfd < 0 ? image->memfd : sealed_verify(image, *text, name, error);
	__atomic_add_fetch(verify_ns, now_ns() - start, __ATOMIC_RELAXED);
	if (image->memfd < 0)
		snprintf(error->text, sizeof error->text, "%s: cannot make its sealed copy: %s", name, strerror(-code));
	if (code) {
		image_free(image);
		return code;
	}
	pthread_mutex_lock(&lock);
	image->next = images;
	images = image;
	pthread_mutex_unlock(&lock);
	*made = image;
	return 0;
}

int image_get(int fd, const char *name, uint32_t policy, struct image **found, struct cvm_statistics *statistics,
	      struct image_budget *budget, struct cvm_error *error)
{
	struct image laid_out;
	struct cvm_statistics none = {0};
	struct machine_text text;
	uint8_t *bytes;
	int code = image_layout(fd, name, policy, budget, &laid_out, &bytes, &text, error);

	if (code)
		return code;
	if (!statistics)
		statistics = &none;
	laid_out.hash = contents_hash(bytes, laid_out.span);
	laid_out.payer = budget;
	*found = cached(&laid_out, bytes);
	int paid = !*found;
	if (!*found) {
		code = judge(&laid_out, bytes, &text, name, found, &statistics->verify_ns, error);
		__atomic_add_fetch(&statistics->verified_bytes, code ? 0 : (*found)->text_length, __ATOMIC_RELAXED);
	}
	munmap(bytes, laid_out.span);
	if (code || !paid)
		image_budget_give(budget, laid_out.span);
	__atomic_add_fetch(&statistics->text_bytes, code ? 0 : (*found)->text_length, __ATOMIC_RELAXED);
	return code;
}

int image_map_at(struct image *image, struct window *window, uint32_t at)
{
	/* Sums: spans of an arena, and of memory: below 2^33. */
	if (window->image_count == WINDOW_IMAGES_MOST ||
	    (window->limit && window->mapped + window->image_bytes + image->span > window->limit) ||
	    quota_image(window, image->segment_count))
		return -ENOMEM;
	window->image_bytes += image->span;
	/* Named before any of its text is there, and for good: the same images at the same offsets must mean the same text, also where
	 * a mapping fails half-way (copy_same_images). */
	pthread_mutex_lock(&lock);
	image->references++;            /* the window's, until window_close */
	pthread_mutex_unlock(&lock);
	window->images[window->image_count++] = (struct window_image){image, at};
	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct image_segment *s = &image->segments[i];
		/* Text is shared and sealed; everything else is a private view of the same sealed pages. */
		int error = memory_replace(window->base + at + s->start, s->length, (uint64_t)s->protection,
					   s->protection & PROT_EXEC ? MAP_SHARED : MAP_PRIVATE, image->memfd, s->file_offset);
		if (error)
			return error;
	}
	window->image_whole++;
	return 0;
}

int image_map(struct image *image, struct window *window, uint32_t *base)
{
	/* One use per address in the window's life, also when mapping fails half-way, and an unmapped page between images. Sums:
	 * arena_next and span are both below 2^30. */
	int error = -ENOMEM;

	pthread_mutex_lock(&window->lock);
	uint32_t at = window->arena_next;
	if (image->linked && at != image->linked)
		error = -ENOEXEC;
	else if (at <= WINDOW_ARENA_END && image->span <= WINDOW_ARENA_END - at && WINDOW_ARENA_END - at - image->span >= 4096) {
		window->arena_next = at + image->span + 4096;
		error = image_map_at(image, window, at);
	}
	pthread_mutex_unlock(&window->lock);
	*base = at;
	return error;
}

int image_hold(struct image *image)
{
	int error = 0;

	pthread_mutex_lock(&lock);
	if (!image->view) {
		void *view = mmap(NULL, image->span, PROT_READ, MAP_SHARED, image->memfd, 0);
		error = view == MAP_FAILED ? -errno : 0;
		image->view = error ? NULL : view;
	}
	if (!error)
		__atomic_add_fetch(&image->holders, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&lock);
	return error;
}

int image_held(const struct image *image)
{
	return __atomic_load_n(&image->holders, __ATOMIC_SEQ_CST) != 0;
}

void image_unhold(struct image *image)
{
	__atomic_sub_fetch(&image->holders, 1, __ATOMIC_SEQ_CST);
}

/* Few pages are copied over, which spares the next life a fault for each; many are thrown away. */
int image_restore(const struct image *image, uint8_t *at)
{
	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct image_segment *s = &image->segments[i];
		if (!(s->protection & PROT_WRITE))
			continue;
		if (s->length <= RESTORE_MOST)
			memcpy(at + s->start, image->view + s->file_offset, s->length);
		else if (madvise(at + s->start, s->length, MADV_DONTNEED))
			return -errno;
	}
	return 0;
}

int image_adopt(struct image *image, struct window *window, uint32_t *at)
{
	*at = WINDOW_ARENA_FIRST;
	window->arena_next = WINDOW_ARENA_FIRST + image->span + 4096;
	window->image_bytes = image->span;
	pthread_mutex_lock(&lock);
	image->references++;
	pthread_mutex_unlock(&lock);
	window->images[window->image_count++] = (struct window_image){image, WINDOW_ARENA_FIRST};
	window->image_whole = 1;
	return (window->limit && image->span > window->limit) || quota_image(window, image->segment_count) ? -ENOMEM : 0;
}

struct boot_image image_record(const struct image *image, uint32_t base)
{
	return (struct boot_image){base - image->linked, image->linked + image->span, image->entry ? base + image->entry : 0,
				   base + image->phdr, image->phnum};
}
