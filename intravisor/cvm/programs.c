/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The program windows of a cVM: one for each process. A window lives while the table, a thread in it or a call that uses it
 * holds a reference; at zero its memory goes and its slot may be another cVM's. Trusted.
 */
#include <errno.h>
#include <stdlib.h>

#include <carrel/boot.h>
#include <carrel/host.h>
#include <carrel/image.h>
#include "cap/cap.h"
#include "intravisor/cvm/copy.h"
#include "intravisor/cvm/quota.h"
#include "intravisor/cvm/snapshot.h"
#include "intravisor/cvm/window.h"
#include "intravisor/host/host.h"
#include "intravisor/load/load.h"
#include "intravisor/share/call.h"

/* With `image` as its first, if that is not NULL. */
static struct window *window_make(struct cvm *cvm, struct image *image, uint32_t *base, int64_t *error)
{
	struct window *window = malloc(sizeof *window);

	*error = !window || quota_take_more(&cvm->mappings, MAPPINGS_OF_WINDOW) ? -ENOMEM : 0;
	if (*error) {
		free(window);
		return NULL;
	}
	const enum window_place place = cvm->config->elsewhere ? WINDOW_ELSEWHERE : WINDOW_ANYWHERE;
	*error = image ? window_open_image(window, MACHINE_PROGRAM, place, image, &cvm->mappings, cvm->memory_limit, base)
		       : window_open(window, MACHINE_PROGRAM, place);
	if (*error) {
		quota_give(&cvm->mappings, MAPPINGS_OF_WINDOW);
		free(window);
		return NULL;
	}
	window->budget = &cvm->mappings;
	window->limit = cvm->memory_limit;
	window->references = 1;
	return window;
}

/* Gives it a number; the table holds a reference of its own. From here on every thread of the cVM can name it. */
static int64_t number_take(struct cvm *cvm, struct window *window)
{
	int64_t number = 0;

	pthread_mutex_lock(&cvm->lock);
	while (number < CVM_PROGRAMS_MOST && cvm->programs[number])
		number++;
	if (number < CVM_PROGRAMS_MOST) {
		cvm->programs[number] = window;
		window->references++;
	}
	pthread_mutex_unlock(&cvm->lock);
	return number < CVM_PROGRAMS_MOST ? number : -EAGAIN;
}

int64_t cvm_window_add(struct cvm *cvm, struct image *image, uint32_t *base, struct window **made)
{
	int64_t number;
	struct window *window = window_make(cvm, image, base, &number);

	if (!window)
		return number;
	number = number_take(cvm, window);
	if (number < 0)
		cvm_window_release(cvm, window);
	else
		*made = window;
	return number;
}

struct window *cvm_window_hold(const struct caller *caller, uint64_t number)
{
	struct cvm *cvm = caller->cvm;
	struct window *window = number == WINDOW_OWN ? caller->program : NULL;

	pthread_mutex_lock(&cvm->lock);
	if (number < CVM_PROGRAMS_MOST)
		window = cvm->programs[number];
	if (window)
		window->references++;
	pthread_mutex_unlock(&cvm->lock);
	return window;
}

void cvm_window_release(struct cvm *cvm, struct window *window)
{
	pthread_mutex_lock(&cvm->lock);
	unsigned left = --window->references;
	pthread_mutex_unlock(&cvm->lock);
	if (!left) {
		exports_left(window);
		window_close(window);
		quota_give(&cvm->mappings, MAPPINGS_OF_WINDOW);
		pthread_mutex_destroy(&window->lock);
		free(window);
	}
}

int cvm_window_drop(struct cvm *cvm, uint64_t number)
{
	struct window *window = NULL;

	pthread_mutex_lock(&cvm->lock);
	if (number < CVM_PROGRAMS_MOST) {
		window = cvm->programs[number];
		cvm->programs[number] = NULL;
	}
	pthread_mutex_unlock(&cvm->lock);
	if (!window)
		return -EBADF;
	cvm_window_release(cvm, window);
	return 0;
}

int64_t host_window_open(struct caller *caller, const uint64_t a[6])
{
	struct window *window;
	int64_t number = cvm_window_add(caller->cvm, NULL, NULL, &window);

	(void)a;
	if (number >= 0)
		cvm_window_release(caller->cvm, window);
	return number;
}

int64_t host_window_copy(struct caller *caller, const uint64_t a[6])
{
	int64_t number;
	struct window *window = window_make(caller->cvm, NULL, NULL, &number);

	(void)a;
	if (!window)
		return number;
	number = snapshot_fetch_all(caller->program);
	if (!number)
		number = copy_images(window, caller->program);
	if (!number)
		snapshot_take(window, caller->program);
	if (!number)
		number = number_take(caller->cvm, window);
	cvm_window_release(caller->cvm, window);
	return number;
}

int64_t host_window_close(struct caller *caller, const uint64_t a[6])
{
	return cvm_window_drop(caller->cvm, a[0]);
}

int64_t host_window_enter(struct caller *caller, const uint64_t a[6])
{
	if (a[1] > UINT32_MAX || !machine_entry_ok(caller->cvm->libos.base, (uint32_t)a[1]))
		return -EINVAL;
	struct window *window = cvm_window_hold(caller, a[0]), *before = caller->program;
	if (!window)
		return -EBADF;
	/* From here on nothing fails, and nothing of the old window is used again by this thread. */
	share_thread_left(caller);
	caller->program = window;
	cvm_window_release(caller->cvm, before);
	machine_thread_window(caller->thread, window->base, (uint32_t)a[1], a[2]);
}

int64_t host_memory_copy(struct caller *caller, const uint64_t a[6])
{
	struct window *to = cvm_window_hold(caller, a[0]);

	if (!to)
		return -EBADF;
	int64_t error = to == caller->program ? -EINVAL : copy_range(caller, to, a[1], a[2], a[3]);
	cvm_window_release(caller->cvm, to);
	return error;
}

/* The image behind a handle: of exec, as the first of a fresh window; a dynamic linker or a shared object, beside what is there,
 * also while the window's other threads run. They can enter its text as soon as it is mapped, which was judged for any state of
 * registers and memory; its data may not be there yet, and then they fault. Where it lies held nothing before and never holds
 * anything else (image_map), so no landing pad that somebody has compared turns into other code. */
int64_t host_window_image(struct caller *caller, const uint64_t a[6])
{
	struct boot_image out;
	struct cvm_error error;
	struct image *image = NULL;
	uint32_t base;
	int64_t code = 0;
	HELD *file = resource_get(caller, a[1], CAP_LOAD, NULL, &code);
	void *guest = cvm_reference(caller, a[2], sizeof out);

	if (!file || !guest)
		return file ? -EFAULT : code;
	struct window *window = cvm_window_hold(caller, a[0]);
	struct cvm *cvm = caller->cvm;
	code = window ? image_get(file->fd, "exec", IMAGE_POLICY_PROGRAM, &image, &cvm->statistics, &cvm->images, &error) : -EBADF;
	if (!code && !(code = image_map(image, window, &base))) {
		out = image_record(image, base);
		code = machine_copy_out(guest, &out, sizeof out) ? -EFAULT : 0;
	}
	if (image)
		image_release(image);
	if (window)
		cvm_window_release(caller->cvm, window);
	return code;
}
