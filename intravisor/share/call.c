/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Exports: made, opened, closed, served, and the watch over time limits (call.h). Trusted. An attacker controls names, entries and
 * slots, and when windows and threads go.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "intravisor/cvm/snapshot.h"
#include "intravisor/host/host.h"
#include "intravisor/share/call.h"

/* Guards exports but for their atomic parts, who is in `threads`, and changes of slots; nothing is taken under it. */
static pthread_mutex_t exports_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the watch: one thread for all cVMs, from the first export on ---- */
static unsigned exports_reach;  /* no export has ever been at this index or behind it; atomic */

/* Both reaches only grow, and before a thread is where they lead to: so nobody who can be called is passed over. */
static int watch_look(uint64_t now)
{
	int limits = 0;

	for (unsigned i = 0; i < __atomic_load_n(&exports_reach, __ATOMIC_SEQ_CST); i++)
		for (unsigned k = 0; k < __atomic_load_n(&exports[i].reach, __ATOMIC_SEQ_CST); k++) {
			struct machine_thread *thread = __atomic_load_n(&exports[i].threads[k], __ATOMIC_SEQ_CST);
			limits += thread && machine_call_expire(thread, now);
		}
	return limits;
}

static void *watch(void *unused)
{
	const struct timespec tick = {.tv_nsec = 1000000};

	for (;;) {
		nanosleep(&tick, NULL);
		if (watch_look(watch_now()))
			continue;
		/* A limit is set before `watch_awake` is looked at, and here the other way round. */
		__atomic_store_n(&watch_awake, 0, __ATOMIC_SEQ_CST);
		if (!watch_look(0))
			syscall(SYS_futex, &watch_awake, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		__atomic_store_n(&watch_awake, 1, __ATOMIC_SEQ_CST);
	}
	return unused;
}

static int watch_begin(void)
{
	static int begun;
	pthread_t id;

	begun = begun || (!pthread_create(&id, NULL, watch, NULL) && !pthread_detach(id));
	return begun;
}

/* ---- all under exports_lock ---- */
static struct export *export_find(const char *name, const void *network)
{
	for (unsigned i = 0; i < EXPORTS_MOST; i++)
		if (exports[i].id && exports[i].network == network && !strcmp(exports[i].name, name))
			return &exports[i];
	return NULL;
}

static int64_t slot_take(struct caller *caller, uint64_t word)
{
	for (int64_t i = 0; i < WINDOW_CALLS; i++)
		if (!caller->program->calls[i]) {
			__atomic_store_n(&caller->program->calls[i], word, __ATOMIC_SEQ_CST);
			return i;
		}
	return -EMFILE;
}

static void slot_drop(uint64_t *slot)
{
	uint64_t id = *slot & ~EXPORT_OWN;
	struct export *export = export_of(id);

	if ((*slot & EXPORT_OWN) && export->id == id) {
		__atomic_store_n(&export->id, 0, __ATOMIC_SEQ_CST);
		for (unsigned i = 0; i < EXPORT_THREADS; i++)
			if (export->threads[i])
				machine_call_look(export->threads[i]);
	}
	__atomic_store_n(slot, 0, __ATOMIC_SEQ_CST);
}

static int64_t export_add(struct caller *caller, const char *name, uint32_t entry)
{
	static uint64_t ids = EXPORTS_MOST;
	struct export *unused = NULL;
	unsigned own = 0;

	for (struct export *e = exports; e < exports + EXPORTS_MOST; e++) {
		unused = e->id ? unused : e;
		own += e->id && e->cvm == caller->cvm;
	}
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
	if (unused >= exports + exports_reach)
		__atomic_store_n(&exports_reach, (unsigned)(unused - exports) + 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&unused->id, id, __ATOMIC_SEQ_CST);
	return slot;
}

/* Out of the list of what it serves, or served. */
static void serve_end(struct caller *caller)
{
	for (unsigned i = 0; i < EXPORT_THREADS && caller->serves; i++)
		if (export_of(caller->serves)->threads[i] == caller->thread)
			__atomic_store_n(&export_of(caller->serves)->threads[i], NULL, __ATOMIC_SEQ_CST);
	caller->serves = 0;
}

static int64_t serve_begin(struct caller *caller, uint64_t id)
{
	struct export *export = export_of(id);

	serve_end(caller);
	if (!id || export->id != id)
		return -EBADF;
	for (unsigned i = 0; i < EXPORT_THREADS; i++)
		if (!export->threads[i]) {
			caller->serves = id;
			if (i >= export->reach)
				__atomic_store_n(&export->reach, i + 1, __ATOMIC_SEQ_CST);
			__atomic_store_n(&export->threads[i], caller->thread, __ATOMIC_SEQ_CST);
			return export->entry;
		}
	return -EAGAIN;
}

/* ---- host calls ---- */
/* export_open(name, length, entry): makes it if there is an entry, else opens it */
int64_t host_export_open(struct caller *caller, const uint64_t a[6])
{
	char name[64];
	int64_t result = share_name(caller, name, a[0], a[1]);

	if (result)
		return result;
	if (!share_granted(caller->cvm, GRANT_CALL, name, a[2] ? GRANT_CREATE : GRANT_CALL_RIGHT))
		return -EACCES;
	if (a[2] && (a[2] > UINT32_MAX || !machine_entry_ok(caller->program->base, (uint32_t)a[2])))
		return -EINVAL;
	/* Calls copy to and from its memory without looking for what is missing (snapshot.c); nothing ever is from here on. */
	if ((result = snapshot_fetch_all(caller->program)))
		return result;
	pthread_mutex_lock(&exports_lock);
	const struct export *export = export_find(name, caller->cvm->config->network_id);
	if (a[2])
		result = export ? -EADDRINUSE : export_add(caller, name, (uint32_t)a[2]);
	else
		result = export ? slot_take(caller, export->id) : -ENOENT;
	pthread_mutex_unlock(&exports_lock);
	return result;
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
		slot_drop(&window->calls[i]);
	pthread_mutex_unlock(&exports_lock);
}

/* Also where a thread has come back from a call that was over for its caller before. */
int64_t share_serve(struct machine_thread *thread, uint64_t slot)
{
	static const uint64_t none;
	struct caller *caller = machine_thread_owner(thread);
	uint64_t id = export_slot(caller, slot);

	id = id & EXPORT_OWN ? id & ~EXPORT_OWN : 0;
	pthread_mutex_lock(&exports_lock);
	int64_t entry = serve_begin(caller, id);
	pthread_mutex_unlock(&exports_lock);
	/* Nothing to serve: the machine's part is still to be left properly. */
	int64_t error = machine_call_serve(thread, entry < 0 ? &none : &export_of(id)->id, entry < 0 ? 1 : id, (uint32_t)entry);
	return entry < 0 ? entry : error;
}

void share_thread_left(struct caller *caller)
{
	share_unpost(caller);
	pthread_mutex_lock(&exports_lock);
	serve_end(caller);
	pthread_mutex_unlock(&exports_lock);
}
