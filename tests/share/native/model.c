/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The Intravisor's side of capabilities and CP_Files against a model that shares no code with it: model [SEED]. Processes of three
 * cVMs make random host calls, with arguments an attacker would choose; each result, and all memory, must be what the model says.
 * The model keeps a list of all that was ever derived, each with its parent, and a shadow of each process's memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/share/native/processes.h"

#define STEPS 150000
#define HOLDS 40 /* live capabilities of a process, about */
#define FILES 64 /* handles of a cVM, about */
#define NONE (-1)

struct record {
	int parent, live;
	int process, index; /* whose number it is; process NONE: a file's */
	int memory; /* of which process; NONE: object types */
	uint64_t base, length, otype;
	uint32_t permissions;
};
static struct record *records;
static int made;
#define NUMBERS (HOLDS * 4)
static struct record *numbers[PROCESSES][NUMBERS]; /* what each process's numbers stand for */
static struct file {
	int cvm, record, listed, owner_closed;
	char name[8];
	int64_t sequence;
} files[STEPS];
static int file_count;
static struct handle {
	int file, rights, owner; /* file NONE: free */
} handles[CVMS][FILES * 4];
static uint8_t shadow[PROCESSES][SPAN];
static uint64_t state, seed, next_type, done[16], refused[16];
static int step;

static uint64_t any(void) /* xorshift64* */
{
	state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static void demand(int kind, int64_t got, int64_t want, const char *what)
{
	(want < 0 ? refused : done)[kind]++;
	if (got == want)
		return;
	printf("not ok 1 - as the model\n# step %d: %s gives %lld, the model %lld; SEED=%llu repeats it\n1..1\n", step, what,
	       (long long)got, (long long)want, (unsigned long long)seed);
	exit(1);
}

static struct record *find(int process, uint64_t index)
{
	return index < NUMBERS ? numbers[process][index] : NULL;
}

static int record_add(struct record r)
{
	r.live = 1;
	records[made] = r;
	if (r.process != NONE) {
		int index = 0;
		while (numbers[r.process][index])
			index++;
		records[made].index = index;
		numbers[r.process][index] = &records[made];
	}
	return made++;
}

static void record_end(struct record *r)
{
	r->live = 0;
	if (r->process != NONE)
		numbers[r->process][r->index] = NULL;
}

static void kill_tree(int top)
{
	record_end(&records[top]);
	for (int i = top + 1; i < made; i++) /* parents come first */
		if (records[i].live && records[i].parent != NONE && !records[records[i].parent].live)
			record_end(&records[i]);
}

static uint64_t any_index(int process)
{
	switch (any() % 12) {
	case 0:
		return any();
	case 1:
		return 65536 + any() % 3 - 1;
	case 2:
		return 1ull << 32 | any() % 4;
	default: {
		int live[NUMBERS], n = 0;
		for (int i = 0; i < NUMBERS; i++)
			if (numbers[process][i])
				live[n++] = i;
		return n ? (uint64_t)live[any() % (unsigned)n] : 0;
	}
	}
}

/* One that seals, or one that is sealed. */
static uint64_t any_kind(int process, int sealed)
{
	for (int tries = 0; tries < 20; tries++) {
		uint64_t index = any_index(process);
		const struct record *r = find(process, index);
		if (r && (sealed ? r->otype != UINT64_MAX : r->memory == NONE))
			return index;
	}
	return any_index(process);
}

static uint64_t near(uint64_t bound)
{
	switch (any() % 8) {
	case 0:
		return any();
	case 1:
		return UINT64_MAX - any() % 3;
	case 2:
		return any() % 3;
	case 3:
		return bound + any() % 3 - 1;
	default:
		return bound ? any() % bound : 0;
	}
}

static int count(int process)
{
	int n = 0;

	for (int i = 0; i < NUMBERS; i++)
		n += numbers[process][i] != NULL;
	return n;
}

/* Before its first capability a process has none; its own memory comes with that. */
static void ready(int p)
{
	if (!find(p, 0)) {
		int64_t got = call(p, host_capability_derive, 0, CAPABILITY_PERMISSIONS, 0, 0);
		int own = record_add((struct record){.parent = NONE,
						     .process = p,
						     .memory = p,
						     .length = WINDOW_MEMORY_END,
						     .otype = UINT64_MAX,
						     .permissions = CAP_LOAD | CAP_STORE | CAP_INVOKE | CAP_GRANT});
		struct record none = records[own];
		none.parent = own;
		none.permissions = 0;
		demand(0, got, records[record_add(none)].index, "the first capability");
	}
}

static void do_derive(int p)
{
	uint64_t how = any() % 7, index = any() % 2 && how >= CAPABILITY_UNSEAL ? any_kind(p, 1) : any_index(p), a = 0, b = 0;
	struct record *r = find(p, index), *by, next = {0};
	int64_t want = r ? 0 : -EBADF;
	int sealed = r && r->otype != UINT64_MAX;

	if (count(p) > HOLDS)
		return;
	if (r) {
		next = *r;
		next.parent = (int)(r - records);
	}
	switch (how) {
	case CAPABILITY_BOUNDS:
		if (r && r->length > SPAN && any() % 8) { /* of all memory: a part that is there */
			a = START + any() % SPAN;
			b = any() % (SPAN - (a - START) + 1);
		} else {
			a = near(r ? r->length : 0);
			b = near(r ? r->length - (a < r->length ? a : 0) : 0);
		}
		if (r)
			want = a > r->length ? -EINVAL : sealed ? -EPERM : b > r->length - a ? -EINVAL : 0;
		next.base += a;
		next.length = b;
		break;
	case CAPABILITY_PERMISSIONS:
		a = any() % 2 ? ~(1u << any() % 8) : any();
		want = sealed ? -EPERM : want;
		next.permissions &= (uint32_t)a;
		break;
	case CAPABILITY_SEAL:
	case CAPABILITY_UNSEAL:
		a = any() % 8 ? any_kind(p, 0) : any_index(p);
		b = any() % 4 ? 0 : near(2);
		by = find(p, a);
		if (how == CAPABILITY_SEAL) {
			next.otype = by ? by->base + b : 0;
			want = !r || !by ? -EBADF
			       : by->otype != UINT64_MAX || by->memory != NONE || !(by->permissions & CAP_SEAL) ||
					       b >= by->length || sealed
				       ? -EPERM
				       : 0;
		} else {
			want = !r || !by ? -EBADF
			       : by->otype != UINT64_MAX || by->memory != NONE || !(by->permissions & CAP_UNSEAL) || !sealed ||
					       r->otype < by->base || r->otype - by->base >= by->length
				       ? -EPERM
				       : 0;
			next.otype = UINT64_MAX;
		}
		break;
	case CAPABILITY_TYPE:
		want = 0;
		next = (struct record){.parent = NONE,
				       .memory = NONE,
				       .process = p,
				       .base = next_type++,
				       .length = 1,
				       .otype = UINT64_MAX,
				       .permissions = CAP_SEAL | CAP_UNSEAL | CAP_GRANT};
		break;
	case CAPABILITY_INVOKE:
		a = any() % 2 ? any_kind(p, 1) : any_index(p);
		by = find(p, a);
		want = !r || !by                                                                            ? -EBADF
		       : sealed && r->otype == by->otype && (r->permissions & by->permissions & CAP_INVOKE) ? 0
													    : -EPERM;
		demand(1, call(p, host_capability_derive, index, how, a, 0), want, "invoke");
		return;
	default:
		want = -EINVAL;
	}
	int64_t got = call(p, host_capability_derive, index, how, a, b);
	if (want == 0) {
		next.process = p;
		want = records[record_add(next)].index;
	}
	demand(2 + (int)how, got, want, "derive");
}

static void do_revoke(int p)
{
	uint64_t index = any_index(p);
	struct record *r = find(p, index);
	int64_t want = !index ? -EPERM : r ? 0 : -EBADF;

	demand(9, call(p, host_capability_revoke, index, 0, 0, 0), want, "revoke");
	if (!want)
		kill_tree((int)(r - records));
}

static void any_range(const struct record *r, uint64_t *offset, uint64_t *length)
{
	*offset = near(r ? r->length : 0);
	*length = any() % 4 ? any() % 64 : near(r ? r->length : 0);
	if (r && r->length > SPAN && any() % 8)
		*offset = START - r->base + any() % SPAN;
}

/* What is in bounds must lie in memory that is there: a test has nobody who takes its faults. */
static int there(const struct record *r, uint64_t offset, uint64_t length)
{
	return !r || r->memory == NONE || offset > r->length || length > r->length - offset || !length ||
	       (r->base + offset >= START && r->base + offset <= START + SPAN && length <= START + SPAN - (r->base + offset));
}

static int64_t may(const struct record *r, uint64_t offset, uint64_t length, uint32_t permission)
{
	return !r                                                         ? -EBADF
	       : r->otype != UINT64_MAX || !(r->permissions & permission) ? -EPERM
	       : offset > r->length || length > r->length - offset        ? -ERANGE
									  : (int64_t)length;
}

static uint8_t *at(const struct record *r, uint64_t offset)
{
	return &shadow[r->memory][r->base + offset - START];
}

static void move(uint8_t *to, const uint8_t *from, uint64_t n)
{
	memcpy(to, from, n);
}

static int overlap(const struct record *r, uint64_t offset, uint64_t length, int p)
{
	return r->memory == p && r->base + offset + length > START + SPAN - 4096;
}

#define BUFFER (SPAN - 4096) /* where a process keeps what it loads and stores: no capability but its own reaches it first */
static void do_access(int p)
{
	uint64_t index = any_index(p), offset, length, store = any() % 2;
	const struct record *r = find(p, index);

	any_range(r, &offset, &length);
	uint32_t permission = store ? CAP_STORE : CAP_LOAD;
	int64_t want = may(r, offset, length, permission);
	uint64_t ref = REF_PROGRAM | (START + BUFFER);
	if ((want >= 0 || want == -ERANGE) && length > WINDOW_MEMORY_END - (START + BUFFER))
		want = -EFAULT;
	if (!there(r, offset, length) || (want > 0 && (length > 4096 || overlap(r, offset, length, p))))
		return;
	if (want > 0 && store)
		move(at(r, offset), shadow[p] + BUFFER, length);
	else if (want > 0)
		move(shadow[p] + BUFFER, at(r, offset), length);
	demand(10, call5(p, host_capability_access, index, offset, ref, length, store), want, "access");
}

static void do_copy(int p)
{
	uint64_t to = any_index(p), from = any_index(p), to_offset, from_offset, length, other;
	const struct record *t = find(p, to), *f = find(p, from);

	any_range(t, &to_offset, &length);
	any_range(f, &from_offset, &other);
	length = length < other ? length : other;
	if (!there(t, to_offset, length) || !there(f, from_offset, length))
		return;
	int64_t want = !t                                                        ? -EBADF
		       : t->otype != UINT64_MAX || !(t->permissions & CAP_STORE) ? -EPERM
		       : !f                                                      ? -EBADF
		       : f->otype != UINT64_MAX || !(f->permissions & CAP_LOAD)  ? -EPERM
										 : may(t, to_offset, length, CAP_STORE);
	if (want >= 0)
		want = may(f, from_offset, length, CAP_LOAD);
	if (want > 0 && t->memory == f->memory && t->base + to_offset < f->base + from_offset + length &&
	    f->base + from_offset < t->base + to_offset + length)
		return; /* overlapping */
	if (want > 0)
		move(at(t, to_offset), at(f, from_offset), length);
	demand(11, call5(p, host_capability_copy, to, to_offset, from, from_offset, length), want, "copy");
}

/* ---- files ---- */
static int any_name(int p, char *name) /* its length; some are granted to nobody, or to others */
{
	int n = snprintf(name, 8, "%c", "abcdx"[any() % 5]);

	memcpy(shadow[p] + BUFFER, name, 8);
	memcpy(memory_of(p) + BUFFER, name, 8);
	return n;
}

static uint32_t granted_to(int cvm, const char *name)
{
	return name[0] == 'x' || name[1] ? 0 : name[0] == 'd' ? (cvm == 0 ? 7 : GRANT_READ) : 7;
}

static int listed(const char *name)
{
	for (int i = 0; i < file_count; i++)
		if (files[i].listed && !strcmp(files[i].name, name))
			return i;
	return NONE;
}

static uint64_t any_handle(int cvm)
{
	for (int tries = 0; tries < 8; tries++) {
		uint64_t h = any() % (FILES * 4);
		if (handles[cvm][h].file != NONE)
			return h;
	}
	return any() % 2 ? any() : any() % (FILES * 4);
}

static void handle_take(int cvm, int64_t handle, struct handle h)
{
	if (handle >= FILES * 4 || handles[cvm][handle].file != NONE) {
		printf("not ok 1 - as the model\n# a handle that is in use, or far\n1..1\n");
		exit(1);
	}
	handles[cvm][handle] = h;
}

static int handle_room(int cvm)
{
	int n = 0;

	for (int i = 0; i < FILES * 4; i++)
		n += handles[cvm][i].file != NONE;
	return n < FILES;
}

static void do_create(int p)
{
	char name[8] = "";
	uint64_t index = any_index(p), permissions = any() % 4 ? 0xff : any() & 0xff;
	struct record *r = find(p, index);
	int cvm = p / EACH, length = any_name(p, name);

	if (!handle_room(cvm))
		return;
	int64_t want = !(granted_to(cvm, name) & GRANT_CREATE) ? -EACCES
		       : listed(name) != NONE                  ? -EEXIST
		       : !r                                    ? -EBADF
		       : !(r->permissions & CAP_GRANT)         ? -EPERM
							       : 0;
	int64_t got = call(p, host_file_create, REF_PROGRAM | (START + BUFFER), (uint64_t)length, index, permissions);
	demand(12, got < 0 ? got : 0, want, "create");
	if (want)
		return;
	struct record next = *r;
	next.parent = (int)(r - records);
	next.process = NONE;
	next.permissions &= permissions & (CAP_LOAD | CAP_STORE | CAP_INVOKE | CAP_GRANT);
	files[file_count] = (struct file){.cvm = cvm, .listed = 1, .record = record_add(next)};
	memcpy(files[file_count].name, name, 8);
	handle_take(cvm, got, (struct handle){file_count++, CAP_LOAD | CAP_STORE, 1});
}

static void do_open(int p)
{
	char name[8] = "";
	uint64_t wants = any() % 8;
	int cvm = p / EACH, length = any_name(p, name), file = listed(name);
	uint32_t rights = (wants & GRANT_READ ? CAP_LOAD : 0) | (wants & GRANT_WRITE ? CAP_STORE : 0),
		 asked = wants & (GRANT_READ | GRANT_WRITE);

	if (!handle_room(cvm))
		return;
	int64_t want = !rights                                                        ? -EINVAL
		       : (granted_to(cvm, name) & asked) != asked                     ? -EACCES
		       : file == NONE || !records[files[file].record].live            ? -ENOENT
		       : (records[files[file].record].permissions & rights) != rights ? -EACCES
										      : 0;
	int64_t got = call(p, host_file_open, REF_PROGRAM | (START + BUFFER), (uint64_t)length, wants, 0);
	demand(13, got < 0 ? got : 0, want, "open");
	if (!want)
		handle_take(cvm, got, (struct handle){file, (int)rights, 0});
}

static void do_file(int p)
{
	int cvm = p / EACH;
	uint64_t h = any_handle(cvm), offset, length, store = any() % 2, ref = REF_PROGRAM | (START + BUFFER), n = 0;
	const struct handle *handle = h < FILES * 4 && handles[cvm][h].file != NONE ? &handles[cvm][h] : NULL;
	struct file *file = handle ? &files[handle->file] : NULL;
	const struct record *r = file && records[file->record].live ? &records[file->record] : NULL;
	int64_t want;

	switch (any() % 8) {
	case 0: /* close; a creator's more often, so that names come to be free */
		for (int i = 0; i < FILES * 4 && any() % 2; i++)
			if (handles[cvm][i].file != NONE && handles[cvm][i].owner) {
				h = (uint64_t)i;
				handle = &handles[cvm][h];
				file = &files[handle->file];
			}
		demand(14, call(p, host_share_close, h, 0, 0, 0), handle ? 0 : -EBADF, "close");
		if (handle && handle->owner) {
			file->listed = 0;
			if (records[file->record].live)
				kill_tree(file->record);
		}
		if (handle)
			handles[cvm][h].file = NONE;
		return;
	case 1: /* a capability of it */
		if (count(p) > HOLDS)
			return;
		ready(p);
		want = !handle ? -EBADF : !r ? -ENODEV : r->permissions & CAP_GRANT ? 0 : -EPERM;
		int64_t got = call(p, host_file_capability, h, 0, 0, 0);
		if (!want) {
			struct record next = *r;
			next.parent = file->record;
			next.process = p;
			next.permissions &= (uint32_t)handle->rights | CAP_INVOKE | CAP_GRANT;
			want = records[record_add(next)].index;
		}
		demand(15, got, want, "capability of a file");
		return;
	case 2:
		want = !handle ? -EBADF : !r ? -ENODEV : ++file->sequence;
		demand(14, call(p, host_file_state, h, FILE_NOTIFY, 0, 0), want, "notify");
		return;
	case 3:
		want = !handle ? -EBADF : !r ? -ENODEV : file->sequence;
		demand(14, call(p, host_file_state, h, any() % 2 ? FILE_SEQUENCE : FILE_ARM, 0, 0), want, "sequence");
		want = !handle ? -EBADF : !r ? -ENODEV : (int64_t)r->length;
		demand(14, call(p, host_file_state, h, FILE_LENGTH, 0, 0), want, "length");
		want = !handle ? -EBADF : !r ? -ENODEV : (int64_t)(r->permissions & (uint32_t)handle->rights);
		demand(14, call(p, host_file_state, h, FILE_RIGHTS, 0, 0), want, "rights");
		return;
	default:
		any_range(r, &offset, &length);
		length = length > 4096 ? 4096 : length;
		if (r && offset < r->length)
			n = r->length - offset < length ? r->length - offset : length;
		if (!there(r, offset, n) || (r && overlap(r, offset, n, p)))
			return;
		want = !handle                                              ? -EBADF
		       : !(handle->rights & (store ? CAP_STORE : CAP_LOAD)) ? -EACCES
		       : !r                                                 ? -ENODEV
									    : may(r, 0, 0, store ? CAP_STORE : CAP_LOAD);
		if (want == 0)
			want = (int64_t)n;
		if (want > 0 && store)
			move(at(r, offset), shadow[p] + BUFFER, n);
		else if (want > 0)
			move(shadow[p] + BUFFER, at(r, offset), n);
		demand(8, call5(p, host_file_transfer, h, offset, ref, length, store), want, "transfer");
	}
}

/* The process ends, and another begins in its place. */
static void do_end(int p)
{
	process_renew(p);
	for (int i = 0; i < NUMBERS; i++)
		if (numbers[p][i])
			kill_tree((int)(numbers[p][i] - records));
	memset(shadow[p], 0, SPAN);
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL) * 1000003u;
	state = seed ? seed : 1;
	alarm(300);
	printf("# SEED=%llu\n", (unsigned long long)seed);
	records = calloc(STEPS * 2, sizeof *records);
	if (!records || processes_make())
		return 1;
	for (int c = 0; c < CVMS; c++)
		for (int i = 0; i < FILES * 4; i++)
			handles[c][i].file = NONE;
	for (step = 0; step < STEPS; step++) {
		static void (*const operations[])(int) = {
			do_derive, do_derive, do_derive, do_access, do_access, do_copy,
			do_create, do_open,   do_file,   do_file,   do_file,
		};
		int p = (int)(any() % PROCESSES);
		ready(p);
		if (any() % 32 == 0)
			do_revoke(p);
		else if (any() % 512 == 0)
			do_end(p);
		else
			operations[any() % (sizeof operations / sizeof *operations)](p);
		for (int i = 0; i < PROCESSES && step % 16 == 0; i++)
			demand(0, memcmp(memory_of(i), shadow[i], SPAN), 0, "all memory");
		for (int k = 0; k < 4; k++) {
			uint64_t index = any_index(p);
			const struct record *r = find(p, index);
			demand(0, call(p, host_capability_describe, index, CAPABILITY_LENGTH, 0, 0),
			       r ? (int64_t)r->length : -EBADF, "describe: length");
			demand(0, call(p, host_capability_describe, index, CAPABILITY_RIGHTS, 0, 0),
			       r ? (int64_t)r->permissions : -EBADF, "describe: rights");
			demand(0, call(p, host_capability_describe, index, CAPABILITY_OBJECT_TYPE, 0, 0),
			       r ? (int64_t)r->otype : -EBADF, "describe: type");
		}
	}
	processes_end();
	printf("ok 1 - as the model (%d steps, %d capabilities, %d files)\n", STEPS, made, file_count);
	int all = 1;
	for (int kind = 1; kind < 16; kind++)
		if ((kind != 2 + CAPABILITY_TYPE && kind != 2 + CAPABILITY_INVOKE && refused[kind] < 20) ||
		    (kind != 2 + CAPABILITY_INVOKE && done[kind] < 20)) {
			printf("# kind %d: %llu done, %llu refused\n", kind, (unsigned long long)done[kind],
			       (unsigned long long)refused[kind]);
			all = 0;
		}
	printf("%sok 2 - each operation succeeded and was refused\n1..2\n", all ? "" : "not ");
	return !all;
}
