/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The life of a cVM: windows, images, boot block, run, end. Trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <carrel/host.h>
#include <carrel/image.h>
#include <carrel/window.h>
#include "cap/cap.h"
#include "intravisor/cvm/copy.h"
#include "intravisor/cvm/memory.h"
#include "intravisor/cvm/order.h"
#include "intravisor/cvm/snapshot.h"
#include "intravisor/cvm/thread.h"
#include "intravisor/cvm/window.h"
#include "intravisor/host/host.h"
#include "intravisor/load/load.h"
#include "intravisor/share/call.h"
#include "intravisor/share/stream.h"

static int64_t host_call(struct machine_thread *thread, uint64_t number, const uint64_t arguments[6])
{
	struct caller *caller = machine_thread_owner(thread);
	int64_t result = host_call_dispatch(caller, number, arguments);

	if (__atomic_load_n(&caller->cvm->ending, __ATOMIC_SEQ_CST))
		machine_thread_leave(thread, -ECANCELED);
	return result;
}

/* On the signal stack, in guest code, so this thread holds no lock: only keeps the facts. */
static void fault(struct machine_thread *thread, const struct machine_fault *what)
{
	struct cvm *cvm = ((struct caller *)machine_thread_owner(thread))->cvm;
	int none = 0;

	if (__atomic_compare_exchange_n(&cvm->ending, &none, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		cvm->fault = *what;
		cvm->exit_status = what->signal;
	}
}

/* On the signal stack, in guest code, as above. */
static int missing(struct machine_thread *thread, uint32_t offset)
{
	return snapshot_fault(((struct caller *)machine_thread_owner(thread))->program, offset);
}

int intravisor_init(struct cvm_error *error)
{
	static const struct machine_upcalls upcalls = {.host_call = host_call, .host_fast = share_fast, .fault = fault, .missing = missing,
						       .call = share_call,
						       .call_copy = share_call_copy, .serve = share_serve, .moved = thread_moved};
	int code = machine_init(&upcalls);
	sigset_t kick;

	/* Interruptions are for threads that run a guest, which let them through themselves. */
	sigemptyset(&kick);
	sigaddset(&kick, MACHINE_KICK);
	pthread_sigmask(SIG_BLOCK, &kick, NULL);
	copy_init();
	snapshot_init();
	host_init();
	post_moment = host_processors(NULL, NULL) > 1 ? POST_MOMENT : 0;
	/* A write to a pipe or socket that nobody reads, or beyond a limit on files, is the guest's error. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (code)
		snprintf(error->text, sizeof error->text, "this host cannot run cVMs (%s); see `carrel doctor`", strerror(-code));
	return code;
}

/* Strings of the boot block, bounds-checked as they are laid down. */
struct boot_writer {
	uint8_t *block;
	uint64_t at, room;
};

static uint32_t boot_string(struct boot_writer *w, const char *text)
{
	size_t length = strlen(text) + 1;
	uint64_t at = w->at;

	if (length > w->room - w->at) {
		w->room = w->at;        /* full: every later string fails too, and the caller sees it */
		return 0;
	}
	memcpy(w->block + at, text, length);
	w->at += length;
	return (uint32_t)at;
}

static int handle_put(struct cvm *cvm, int fd, uint32_t rights, int read_only, uint32_t *to)
{
	int64_t handle = host_handle_make(cvm, fd, rights, read_only);

	*to = handle < 0 ? 0 : (uint32_t)handle;
	return handle < 0 ? (int)handle : 0;
}

static int boot_fill(struct cvm *cvm, const struct image *program, struct cvm_error *error)
{
	const uint32_t look = CAP_LOAD | CAP_LOOKUP, all = look | CAP_STORE | CAP_MODIFY;
	const struct cvm_config *config = cvm->config;
	size_t size = 65536, strings = sizeof(struct carrel_boot);
	int code = 0;

	if (config->mount_count > BOOT_MOUNTS || config->port_count > BOOT_PORTS || config->peer_count > BOOT_PEERS) {
		snprintf(error->text, sizeof error->text, "more than %d volumes, %d ports or %d peers", BOOT_MOUNTS, BOOT_PORTS, BOOT_PEERS);
		return -EINVAL;
	}
	for (int i = 0; i < config->argc; i++)
		strings += strlen(config->argv[i]) + 1;
	for (char **e = config->envp; *e; e++)
		strings += strlen(*e) + 1;
	for (size_t i = 0; i < config->peer_count; i++)
		strings += strlen(config->peers[i].name) + 1;
	while (size < strings + 3 * 4096 && size < LIBOS_BOOT_MAX)
		size *= 2;
	uint8_t *block = cvm->libos.base + LIBOS_BOOT, *stack = cvm->libos.base + LIBOS_STACK_TOP - LIBOS_STACK_SIZE;
	if ((code = memory_fresh(block, size, PROT_READ | PROT_WRITE)) || (code = memory_fresh(stack, LIBOS_STACK_SIZE, PROT_READ | PROT_WRITE)))
		return code;
	struct carrel_boot *boot = (struct carrel_boot *)block;
	struct boot_writer w = {block, sizeof *boot, size};
	boot->abi = BOOT_ABI;
	boot->argc = (uint32_t)config->argc;
	boot->argv = (uint32_t)w.at;
	for (int i = 0; i < config->argc; i++)
		boot_string(&w, config->argv[i]);
	boot->envp = (uint32_t)w.at;
	for (char **e = config->envp; *e; e++, boot->envc++)
		boot_string(&w, *e);
	boot->image_path = boot_string(&w, config->image_path);
	boot->working_directory = boot_string(&w, config->working_directory);
	boot->hostname = boot_string(&w, config->hostname);
	boot->mount_count = (uint32_t)config->mount_count;
	for (size_t i = 0; i < config->mount_count; i++) {
		const struct cvm_mount *m = &config->mounts[i];
		struct boot_mount *mount = &boot->mounts[i];
		int read_only = m->read_only || m->overlay;
		*mount = (struct boot_mount){.guest_path = boot_string(&w, m->guest_path), .read_only = (uint32_t)m->read_only,
					     .kind = m->host_fd < 0    ? BOOT_MOUNT_TMPFS
						     : !m->overlay     ? BOOT_MOUNT_HOST
						     : m->upper_fd < 0 ? BOOT_MOUNT_OVERLAY
								       : BOOT_MOUNT_OVERLAY_HOST};
		if (m->host_fd >= 0)
			code = handle_put(cvm, m->host_fd, read_only ? look : all, read_only, &mount->handle);
		if (!code && m->overlay && m->upper_fd >= 0)
			code = handle_put(cvm, m->upper_fd, m->read_only ? look : all, m->read_only, &mount->upper);
		if (code)
			return code;
	}
	boot->address = config->address;
	for (size_t i = 0; i < config->peer_count; i++)
		boot->peers[boot->peer_count++] = (struct boot_peer){boot_string(&w, config->peers[i].name), config->peers[i].address};
	if (w.at == w.room || strings > LIBOS_BOOT_MAX - 65536) {
		snprintf(error->text, sizeof error->text, "%s: argument list too long (arguments and environment must fit 4 MiB)",
			 config->image_path);
		return -E2BIG;
	}
	boot->program = image_record(program, cvm->program_base);
	boot->memory_limit = config->memory_limit;
	boot->uid = config->uid;
	boot->gid = config->gid;
	boot->file_mode_mask = config->file_mode_mask & 0777;
	boot->trace = (uint32_t)config->trace;
	boot->hwcap = getauxval(AT_HWCAP);
	boot->hwcap2 = getauxval(AT_HWCAP2);
	boot->ticks = (uint32_t)machine_ticks_steady;
	code = host_network_grant(cvm, boot);
	if (!code && config->interpreter_fd > 0)
		code = handle_put(cvm, config->interpreter_fd, CAP_LOAD, 1, &boot->interpreter);
	return code ? code : getrandom(boot->random, sizeof boot->random, 0) == sizeof boot->random ? 0 : -EIO;
}

static int open_image(const char *path, struct cvm_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		snprintf(error->text, sizeof error->text, "%s: %s", path, strerror(errno));
	return fd < 0 ? -errno : fd;
}

static int image_read(const char *path, int fd, uint32_t policy, struct image **image, struct cvm_statistics *statistics,
		      struct image_budget *budget, struct cvm_error *error)
{
	int own = fd < 0, code;

	if (own)
		fd = open_image(path, error);
	if (fd < 0)
		return fd;
	code = image_get(fd, path, policy, image, statistics, budget, error);
	if (own)
		close(fd);
	if (!code && !(*image)->entry) {
		snprintf(error->text, sizeof error->text, "%s: is a shared object, not a program (it has no entry point)", path);
		image_release(*image);
		code = -ENOEXEC;
	}
	return code;
}

int cvm_images_get(struct cvm_config *config, struct cvm_error *error)
{
	struct image **images[2] = {&config->image, &config->libos};
	int code = 0;

	config->image = config->libos = NULL;
	for (int i = 0; !code && i < 2; i++) {
		code = i ? image_read(config->libos_path, -1, IMAGE_POLICY_LIBOS, images[i], NULL, NULL, error)
			 : image_read(config->image_path, config->image_fd, IMAGE_POLICY_PROGRAM, images[i], NULL, NULL, error);
		if (!code && (code = image_hold(*images[i]))) {
			snprintf(error->text, sizeof error->text, "%s: cannot be mapped: %s", config->image_path, strerror(-code));
			image_release(*images[i]);
		}
		if (code)
			*images[i] = NULL;
	}
	if (code)
		cvm_images_release(config);
	return code;
}

void cvm_images_release(struct cvm_config *config)
{
	struct image *images[2] = {config->image, config->libos};

	config->image = config->libos = NULL;
	for (int i = 0; i < 2; i++)
		if (images[i]) {
			image_unhold(images[i]);
			window_spares_drop(images[i]);
			image_release(images[i]);
		}
}

/* Both images, with a reference of this function's caller's each: the configuration's own, or read now. */
static int images_take(struct cvm *cvm, struct image **program, struct image **libos, struct cvm_error *error)
{
	const struct cvm_config *config = cvm->config;
	struct cvm_config own = {.image = config->image, .libos = config->libos};
	int code = 0;

	if (!own.image)
		code = image_read(config->image_path, config->image_fd, IMAGE_POLICY_PROGRAM, &own.image, &cvm->statistics, &cvm->images, error);
	if (!code && !own.libos && (code = image_read(config->libos_path, -1, IMAGE_POLICY_LIBOS, &own.libos, &cvm->statistics, NULL, error)) &&
	    !config->image)
		image_release(own.image);
	*program = own.image;
	*libos = own.libos;
	return code;
}

/* The windows hold the images from here on. */
static int windows_open(struct cvm *cvm, struct window **window, struct cvm_error *error)
{
	struct image *program, *libos;
	int code = images_take(cvm, &program, &libos, error);

	if (code)
		return code;
	code = (int)cvm_window_add(cvm, program, &cvm->program_base, window);
	if (!code)
		code = window_open_image(&cvm->libos, MACHINE_LIBOS, WINDOW_ELSEWHERE, libos, &cvm->mappings, 0, &cvm->libos_base);
	if (code && !error->text[0])
		snprintf(error->text, sizeof error->text, "%s: cannot be mapped: %s", cvm->config->image_path,
			 code == -ENOMEM ? "it does not fit into the memory allowed (--memory), or no window is free" : strerror(-code));
	cvm->libos_entry = cvm->libos_base + libos->entry;
	if (!cvm->config->image)
		image_release(program);
	if (!cvm->config->libos)
		image_release(libos);
	return code;
}

int cvm_create(const struct cvm_config *config, struct cvm **made, struct cvm_error *error)
{
	struct cvm *cvm = calloc(1, sizeof *cvm);
	struct window *window = NULL;
	int code = -ENOMEM;

	error->text[0] = 0;
	*made = NULL;
	if (!cvm)
		goto out;
	cvm->config = config;
	cvm->memory_limit = config->memory_limit;
	cvm->mappings.most = config->mappings_most ? config->mappings_most : CVM_MAPPINGS_MOST;
	cvm->images.bytes_most = config->memory_limit && config->memory_limit < CVM_IMAGE_BYTES ? config->memory_limit : CVM_IMAGE_BYTES;
	pthread_mutex_init(&cvm->lock, NULL);
	pthread_cond_init(&cvm->left, NULL);
	if (!(code = windows_open(cvm, &window, error)) && !(code = host_table_create(cvm, error)) && !(code = share_table_create(cvm)) &&
	    !(code = boot_fill(cvm, window->images[0].image, error)) && !(code = threads_first(cvm, window))) {
		*made = cvm;
		return 0;
	}
out:
	if (window)
		cvm_window_release(cvm, window);
	if (!error->text[0])
		snprintf(error->text, sizeof error->text, "%s: cannot start: %s", config->image_path, strerror(-code));
	cvm_destroy(cvm);
	return code;
}

int cvm_run(struct cvm *cvm)
{
	threads_run(cvm, cvm->libos_entry, LIBOS_STACK_TOP, cvm->libos_base);
	share_table_end(cvm);
	if (cvm->fault.signal)
		cvm_report_fault(cvm, NULL, &cvm->fault);
	return cvm->exit_status;
}

void cvm_destroy(struct cvm *cvm)
{
	if (!cvm)
		return;
	threads_forget(cvm);
	share_table_destroy(cvm);
	orders_forget(cvm);
	host_table_destroy(cvm);
	for (uint64_t i = 0; i < CVM_PROGRAMS_MOST; i++)
		if (cvm->programs[i])
			cvm_window_drop(cvm, i);
	window_close(&cvm->libos);
	image_budget_close(&cvm->images);
	pthread_cond_destroy(&cvm->left);
	pthread_mutex_destroy(&cvm->lock);
	free(cvm);
}
