/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Exports: made, opened, closed, served, waited for, and the watch over time limits (call.h). Trusted. An attacker controls names,
 * entries and slots, and when windows and threads go.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "intravisor/host/host.h"
#include "intravisor/share/call.h"

/* Guards the exports but for their atomic parts, and who is in `threads`; nothing is taken under it. */
static pthread_mutex_t exports_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the watch: one thread for all cVMs, from the first export on ---- */
#define QUIET_MOST 100          /* ticks without a limit before it sleeps */

static int watch_look(uint64_t now)
{
	int limits = 0;

	for (uint32_t i = 0; i < EXPORTS_MOST; i++)
		for (uint32_t k = 0, used = __atomic_load_n(&exports[i].used, __ATOMIC_ACQUIRE); k < used; k++) {
			struct machine_thread *thread = __atomic_load_n(&exports[i].threads[k], __ATOMIC_ACQUIRE);
			limits += thread && machine_call_expire(thread, now);
		}
	return limits;
}

static void *watch(void *unused)
{
	const struct timespec tick = {.tv_nsec = 1000000};

	for (unsigned quiet = 0;;) {
		nanosleep(&tick, NULL);
		quiet = watch_look(__atomic_add_fetch(&watch_tick, 1, __ATOMIC_SEQ_CST)) ? 0 : quiet + 1;
		if (quiet < QUIET_MOST)
			continue;
		/* A limit is set before `watch_awake` is looked at, and here the other way round. */
		__atomic_store_n(&watch_awake, 0, __ATOMIC_SEQ_CST);
		while (!watch_look(watch_tick) && !__atomic_load_n(&watch_awake, __ATOMIC_SEQ_CST))
			syscall(SYS_futex, &watch_awake, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		__atomic_store_n(&watch_awake, 1, __ATOMIC_SEQ_CST);
		quiet = 0;
	}
	return unused;
}

static int watch_begin(void)
{
	static int begun;
	pthread_t id;

	if (!begun && !pthread_create(&id, NULL, watch, NULL)) {
		pthread_detach(id);
		begun = 1;
	}
	return begun;
}

/* ---- names; all under exports_lock ---- */
static struct export *export_find(const char *name, const void *network)
{
	for (uint32_t i = 0; i < EXPORTS_MOST; i++)
		if (exports[i].service.id && exports[i].network == network && !strcmp(exports[i].name, name))
			return &exports[i];
	return NULL;
}

static void export_end(struct export *export)
{
	__atomic_store_n(&export->service.id, 0, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < export->used; i++) {
		if (export->threads[i])
			machine_call_look(export->threads[i]);
		__atomic_store_n(&export->threads[i], NULL, __ATOMIC_RELEASE);
	}
	export->used = 0;
	__atomic_add_fetch(&export->service.freed, 1, __ATOMIC_SEQ_CST);
	fast_wake(&export->service.freed, INT32_MAX);
}

static int64_t slot_take(struct caller *caller, uint64_t word)
{
	for (int64_t i = 0; i < WINDOW_CALLS; i++)
		if (!caller->program->calls[i]) {
			__atomic_store_n(&caller->program->calls[i], word, __ATOMIC_RELEASE);
			return i;
		}
	return -EMFILE;
}

static int64_t export_add(struct caller *caller, const char *name, uint32_t entry)
{
	static uint64_t ids = EXPORTS_MOST;
	struct export *unused = NULL;
	unsigned own = 0;

	if (export_find(name, caller->cvm->config->network_id))
		return -EADDRINUSE;
	for (uint32_t i = 0; i < EXPORTS_MOST; i++)
		if (!exports[i].service.id)
			unused = &exports[i];
		else
			own += exports[i].cvm == caller->cvm;
	if (!unused || own >= EXPORTS_OF_CVM || !watch_begin())
		return -ENFILE;
	uint64_t id = ids + (uint64_t)(unused - exports);
	int64_t slot = slot_take(caller, id | EXPORT_OWN);
	if (slot < 0)
		return slot;
	ids += EXPORTS_MOST;
	unused->cvm = caller->cvm;
	unused->network = caller->cvm->config->network_id;
	memcpy(unused->name, name, sizeof unused->name);
	unused->entry = entry;
	__atomic_store_n(&unused->service.id, id, __ATOMIC_RELEASE);
	return slot;
}

/* ---- host calls ---- */
int64_t host_export_make(struct caller *caller, const uint64_t a[6])
{
	char name[64];
	int64_t error = name_copy(caller, name, a[0], a[1]);

	if (error)
		return error;
	if (!granted(caller->cvm, GRANT_CALL, name, GRANT_CREATE))
		return -EACCES;
	if (a[2] > UINT32_MAX || !machine_program_entry_ok(caller->program->base, (uint32_t)a[2]))
		return -EINVAL;
	pthread_mutex_lock(&exports_lock);
	error = export_add(caller, name, (uint32_t)a[2]);
	pthread_mutex_unlock(&exports_lock);
	return error;
}

int64_t host_export_open(struct caller *caller, const uint64_t a[6])
{
	char name[64];
	int64_t error = name_copy(caller, name, a[0], a[1]);

	if (error)
		return error;
	if (!granted(caller->cvm, GRANT_CALL, name, GRANT_CALL_RIGHT))
		return -EACCES;
	pthread_mutex_lock(&exports_lock);
	const struct export *export = export_find(name, caller->cvm->config->network_id);
	error = export ? slot_take(caller, export->service.id) : -ENOENT;
	pthread_mutex_unlock(&exports_lock);
	return error;
}

/* Under exports_lock. */
static void slot_drop(uint64_t *slot)
{
	uint64_t id = *slot & ~EXPORT_OWN;

	if ((*slot & EXPORT_OWN) && export_of(id)->service.id == id)
		export_end(export_of(id));
	__atomic_store_n(slot, 0, __ATOMIC_RELEASE);
}

int64_t host_export_close(struct caller *caller, const uint64_t a[6])
{
	pthread_mutex_lock(&exports_lock);
	int64_t error = export_slot(caller, a[0]) ? 0 : -EBADF;
	if (!error)
		slot_drop(&caller->program->calls[a[0]]);
	pthread_mutex_unlock(&exports_lock);
	return error;
}

void exports_left(struct window *window)
{
	pthread_mutex_lock(&exports_lock);
	for (unsigned i = 0; i < WINDOW_CALLS; i++)
		if (window->calls[i])
			slot_drop(&window->calls[i]);
	pthread_mutex_unlock(&exports_lock);
}

/* A waiter counts itself before it looks; a thread that becomes free says so before it counts waiters. */
int64_t host_export_wait(struct caller *caller, const uint64_t a[6])
{
	struct timespec deadline;
	const void *from = a[1] ? cvm_reference(caller, a[1], sizeof deadline) : NULL;
	uint64_t id = export_slot(caller, a[0]);
	struct machine_service *service = &export_of(id)->service;

	if (!id || (id & EXPORT_OWN))
		return -EBADF;
	if (a[1] && (!from || machine_copy_in(&deadline, from, sizeof deadline)))
		return -EFAULT;
	__atomic_add_fetch(&service->waiters, 1, __ATOMIC_SEQ_CST);
	uint32_t seen = __atomic_load_n(&service->freed, __ATOMIC_SEQ_CST);
	int there = __atomic_load_n(&service->id, __ATOMIC_SEQ_CST) != id;
	for (uint32_t i = 0; i < EXPORT_THREADS && !there; i++) {
		struct machine_thread *thread = __atomic_load_n(&export_of(id)->threads[i], __ATOMIC_ACQUIRE);
		there = thread && machine_call_free(thread, id);
	}
	int64_t result = there ? 0 : machine_blocking(caller->thread, SYS_futex, (long)&service->freed, FUTEX_WAIT_BITSET_PRIVATE, seen,
						      a[1] ? (long)&deadline : 0, 0, FUTEX_BITSET_MATCH_ANY);
	__atomic_sub_fetch(&service->waiters, 1, __ATOMIC_SEQ_CST);
	return result == -EAGAIN ? 0 : result;
}

/* ---- serving ---- */
static int64_t serve_begin(struct caller *caller, struct export *export, uint64_t id)
{
	uint32_t at = EXPORT_THREADS;

	if (export->service.id != id)
		return -EBADF;
	for (uint32_t i = 0; i < EXPORT_THREADS && (at == EXPORT_THREADS || export->threads[at] != caller->thread); i++)
		if (export->threads[i] == caller->thread || (!export->threads[i] && at == EXPORT_THREADS))
			at = i;
	if (at == EXPORT_THREADS)
		return -EAGAIN;
	caller->serves = id;
	__atomic_store_n(&export->threads[at], caller->thread, __ATOMIC_RELEASE);
	if (at >= export->used)
		__atomic_store_n(&export->used, at + 1, __ATOMIC_RELEASE);
	return export->entry;
}

static void serve_end(struct caller *caller)
{
	struct export *export = export_of(caller->serves);

	if (!caller->serves)
		return;
	pthread_mutex_lock(&exports_lock);
	for (uint32_t i = 0; i < export->used; i++)
		if (export->threads[i] == caller->thread)
			__atomic_store_n(&export->threads[i], NULL, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&exports_lock);
	caller->serves = 0;
}

/* Also where a thread has come back from a call that was over for its caller before: then it is listed already. */
int64_t share_serve(struct machine_thread *thread, uint64_t slot)
{
	static struct machine_service none;
	struct caller *caller = machine_thread_owner(thread);
	uint64_t id = export_slot(caller, slot);

	pthread_mutex_lock(&exports_lock);
	int64_t entry = id & EXPORT_OWN ? serve_begin(caller, export_of(id), id & ~EXPORT_OWN) : -EBADF;
	pthread_mutex_unlock(&exports_lock);
	/* Nothing to serve: the machine's part is still to be left properly. */
	int64_t error = machine_call_serve(thread, entry < 0 ? &none : &export_of(id)->service, entry < 0 ? 1 : id & ~EXPORT_OWN,
					   entry < 0 ? 0 : (uint32_t)entry);
	serve_end(caller);
	return entry < 0 ? entry : error;
}

void share_thread_left(struct caller *caller)
{
	share_unpost(caller);
	serve_end(caller);
}
