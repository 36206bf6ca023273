/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Streams that come and go under threads which use their handles: stream_reuse [SECONDS [SEED]]. Threads of one cVM connect, accept, send,
 * receive, close, shut down and leave by handle numbers taken at random, whatever is behind them just then, and signals put them to sleep anywhere
 * in the middle of it. Pairs are used again at once, also by two others, which talk to each other as they should. Every word says which call
 * sent it, so for each word received there must have been a connection between both handles, with both rights, at these times; no word comes
 * twice, and none that was not sent. The two others get every word in order and are rung for whatever they sleep for. In the end all is given back.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "intravisor/share/stream.h"
#include "tests/share/native/processes.h"

#define ATTACKERS 4u                    /* of cVM 0 */
#define HANDLES 16u                     /* they try for these */
#define LIVE 13                         /* and do not open more than about so many */
#define ROOM (1u << 20)                 /* of each process, behind START */
#define NAME (REF_PROGRAM | START)      /* "s", "t", "a" */
#define DATA_OF_BELL (REF_PROGRAM | (START + 1024))
#define PIECE (128u << 10)              /* of each attacker's: the first half is sent from, the other is received to */
#define CALLS (1u << 17)                /* of each attacker's are remembered */
#define CONNECTIONS 65536u              /* numbers of these, as ports are */
#define HISTORY 2048u                    /* what a handle has been is remembered so long */
#define STRANGER 0                      /* the number of an attacker's connection to the two others */
#define CALLER EACH                     /* process: connects; the one of the next cVM accepts */
#define CALLEE (2 * EACH)

#define SIGNALS (!ISA_STORED)           /* a handler in C would run by a guest's capabilities, where it interrupts their use */

enum { OTHER_OBJECT = -1 };
struct place {                          /* what a handle has been */
	int64_t connection;             /* or OTHER_OBJECT */
	int side;
	uint32_t rights;
	uint64_t begin, end, until;     /* the call that opened it; the end of the first one that found it free again */
};
static struct slot {
	struct place places[HISTORY];
	uint64_t count;
} slots[HANDLES + LIVE * 4];
#define SLOTS (sizeof slots / sizeof *slots)
static struct {
	uint64_t number;
	int64_t slot[2];
	uint64_t place[2];              /* + 1; 0: not yet */
} connections[CONNECTIONS];
static pthread_mutex_t book = PTHREAD_MUTEX_INITIALIZER;        /* all above */
static uint64_t last_connection = 1;    /* of attackers */

static struct attacker {
	pthread_t thread;
	struct caller caller;
	uint64_t state;
	struct sent {
		uint64_t number, begin, end, handle, got;
		int64_t result;
		uint64_t words;
	} *sent;
	uint64_t calls;
	uint64_t opens;                 /* odd: it is in a call that may open something */
	int number;
} attackers[ATTACKERS];
static struct caller pair_callers[2];
static uint64_t now, seed;
static int over, attack_over, live;
static int64_t listener = -1;
static const char *wrong;
static long opened, received, foreign, closes, talks, sleeps, signals_taken, refused, forgotten, errors[200];

static void say(const char *text)
{
	const char *none = NULL;

	if (__atomic_compare_exchange_n(&wrong, &none, text, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		printf("# %s\n", text);
}

static uint64_t any(uint64_t *state)
{
	*state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static uint64_t tick(void)
{
	return __atomic_add_fetch(&now, 1, __ATOMIC_SEQ_CST);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count(long *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static int64_t by(struct caller *caller, int64_t (*host)(struct caller *, const uint64_t *), uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		  uint64_t e, uint64_t f)
{
	const uint64_t words[6] = {a, b, c, d, e, f};

	return host(caller, words);
}

/* ---- what pairs are in, so that all is seen to be given back, and what is used too late is not there ---- */
#define PAIR_MEMORY (2 * STREAM_RING + 4 * ISA_STORED)
#define LATE 64u
static long pairs_now, pairs_most, pairs_made;
static void *pair_last;

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	long result = syscall(SYS_mmap, at, length, protection, flags, fd, offset);

	if (result != -1 && length == PAIR_MEMORY) {
		__atomic_store_n(&pair_last, (void *)result, __ATOMIC_RELAXED);
		long n = __atomic_add_fetch(&pairs_now, 1, __ATOMIC_RELAXED), most = pairs_most;
		while (most < n && !__atomic_compare_exchange_n(&pairs_most, &most, n, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
	}
	return (void *)result;
}

/* Pairs alone: one that has been made is used again. */
void *aligned_alloc(size_t alignment, size_t size)
{
	void *memory = NULL;

	__atomic_add_fetch(&pairs_made, size == sizeof(struct pair), __ATOMIC_RELAXED);
	return posix_memalign(&memory, alignment, size) ? NULL : memory;
}

int munmap(void *at, size_t length)
{
	static void *late[LATE];
	static uint64_t next;

	if (length != PAIR_MEMORY)
		return (int)syscall(SYS_munmap, at, length);
	__atomic_sub_fetch(&pairs_now, 1, __ATOMIC_RELAXED);
	if (syscall(SYS_mprotect, at, length, PROT_NONE))
		abort();
	at = __atomic_exchange_n(&late[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % LATE], at, __ATOMIC_ACQ_REL);
	return at ? (int)syscall(SYS_munmap, at, length) : 0;
}

/* ---- the book ---- */
/* A handle was given out by a call between two times. */
static void note(int64_t handle, int64_t connection, int side, uint32_t rights, uint64_t begin)
{
	uint64_t end = tick();

	if (handle >= (int64_t)SLOTS) {
		say("a handle that is too high: some were lost");
		return;
	}
	pthread_mutex_lock(&book);
	struct slot *slot = &slots[handle];
	struct place *new = &slot->places[slot->count % HISTORY];
	*new = (struct place){connection, side, rights, begin, end, UINT64_MAX};
	for (uint64_t i = slot->count < 64 ? 0 : slot->count - 64; i < slot->count; i++) {
		struct place *p = &slot->places[i % HISTORY];
		if (p->end < begin && end < p->until)
			p->until = end;
		if (end < p->begin && p->end < new->until)
			new->until = p->end;
	}
	slot->count++;
	if (connection > 0) {
		if (connections[connection % CONNECTIONS].number != (uint64_t)connection) {
			connections[connection % CONNECTIONS].number = (uint64_t)connection;
			connections[connection % CONNECTIONS].place[0] = connections[connection % CONNECTIONS].place[1] = 0;
		}
		connections[connection % CONNECTIONS].slot[side] = handle;
		connections[connection % CONNECTIONS].place[side] = slot->count;
	}
	pthread_mutex_unlock(&book);
	count(&opened);
}

static int meets(const struct place *p, uint64_t begin, uint64_t end)
{
	return p->begin <= end && p->until >= begin;
}

/* Can what was sent by a handle between two times have been received by the other between two others? */
static int connected(const struct sent *sent, uint64_t begin, uint64_t end, uint64_t handle)
{
	int found = 0;

	pthread_mutex_lock(&book);
	const struct slot *slot = &slots[handle];
	for (uint64_t i = slot->count, last = i < HISTORY ? 0 : i - HISTORY; i-- > last && !found;) {
		const struct place *to = &slot->places[i % HISTORY];
		if (to->connection <= 0 || !(to->rights & CAP_LOAD) || !meets(to, begin, end) ||
		    connections[to->connection % CONNECTIONS].number != (uint64_t)to->connection)
			continue;
		uint64_t place = connections[to->connection % CONNECTIONS].place[!to->side];
		int64_t from_handle = connections[to->connection % CONNECTIONS].slot[!to->side];
		if (!place || from_handle != (int64_t)sent->handle || place + HISTORY <= slots[from_handle].count)
			continue;
		const struct place *from = &slots[from_handle].places[(place - 1) % HISTORY];
		found = (from->rights & CAP_STORE) && meets(from, sent->begin, sent->end);
	}
	pthread_mutex_unlock(&book);
	return found;
}

/* Whoever is opening something has noted it. */
static void opens_await(void)
{
	uint64_t opens[ATTACKERS];

	for (unsigned i = 0; i < ATTACKERS; i++)
		opens[i] = __atomic_load_n(&attackers[i].opens, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < ATTACKERS; i++)
		while ((opens[i] & 1) && __atomic_load_n(&attackers[i].opens, __ATOMIC_SEQ_CST) == opens[i])
			sched_yield();
}

/* ---- attackers ---- */
static void result_check(int64_t result)
{
	if (result == -EFAULT)
		say("memory that is not there");
	else if (result < 0 && result > -200)
		count(&errors[-result]);
}

static void put_to_sleep(int number)
{
	static _Thread_local uint64_t state;
	int before = errno;

	(void)number;
	state = state ? state : (uint64_t)syscall(SYS_gettid) * 2654435761u + seed;
	count(&signals_taken);
	nanosleep(&(struct timespec){0, (long)(any(&state) % (any(&state) % 8 ? 60000 : 800000))}, NULL);
	errno = before;
}

/* Between what a thread does to locks it is put to sleep now and then, too: for the linker, fast_lock and fast_unlock are these. */
void __real_fast_lock(struct fast_lock *lock);
void __real_fast_unlock(struct fast_lock *lock);
void __wrap_fast_lock(struct fast_lock *lock);
void __wrap_fast_unlock(struct fast_lock *lock);
static _Thread_local uint64_t lingers;  /* 0: this thread does not */
static void linger(void)
{
	if (lingers && any(&lingers) % 256 == 0)
		nanosleep(&(struct timespec){0, (long)(any(&lingers) % 8 ? 1 : any(&lingers) % 400000)}, NULL);
}

void __wrap_fast_lock(struct fast_lock *lock)
{
	linger();
	__real_fast_lock(lock);
	linger();
}

void __wrap_fast_unlock(struct fast_lock *lock)
{
	linger();
	__real_fast_unlock(lock);
	linger();
}

static uint64_t size_any(uint64_t *state)
{
	static const uint64_t most[] = {8, 64, 64, 512, 512, 8192, 8192, PIECE / 2};

	return (any(state) % most[any(state) % 8] & ~7ull) + 8 < PIECE / 2 ? (any(state) % most[any(state) % 8] & ~7ull) + 8 : PIECE / 2;
}

static uint64_t at_of(const struct attacker *a)
{
	return START + 4096 + (uint64_t)(a->number / EACH) * 2 * PIECE;
}

static void send_any(struct attacker *a, uint64_t handle)
{
	uint64_t n = size_any(&a->state), *words = (uint64_t *)(a->caller.program->base + at_of(a));
	struct sent *s = &a->sent[++a->calls % CALLS];

	if (n > PIECE / 2)
		n = PIECE / 2;
	__atomic_store_n(&s->number, 0, __ATOMIC_SEQ_CST);
	if (s->got > (s->result < 0 ? 0 : (uint64_t)s->result / 8))
		say("more words came of a call than it sent");
	s->end = UINT64_MAX;
	s->handle = handle;
	s->got = 0;
	s->words = n / 8;
	s->result = (int64_t)n;
	for (uint64_t i = 0; i < n / 8; i++)
		words[i] = (uint64_t)a->number << 60 | (a->calls & 0xffffffffff) << 20 | i;
	s->begin = tick();
	__atomic_store_n(&s->number, a->calls, __ATOMIC_SEQ_CST);
	int64_t result = by(&a->caller, host_stream_send, handle, REF_PROGRAM | at_of(a), n, 0, 0, 0);
	__atomic_store_n(&s->end, tick(), __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->result, result, __ATOMIC_SEQ_CST);
	result_check(result);
	if (result > (int64_t)n || (result > 0 && result % 8))
		say("a strange result of sending");
}

static void words_check(uint64_t handle, const uint64_t *words, uint64_t n, uint64_t begin, uint64_t end)
{
	for (uint64_t i = 0, k; i < n && !wrong; i = k) {
		uint64_t from = words[i] >> 60, number = words[i] >> 20 & 0xffffffffff, first = words[i] & 0xfffff;
		for (k = i + 1; k < n && words[k] == words[i] + (k - i); k++)
			;
		if (from >= ATTACKERS) {
			say("words of nobody");
			return;
		}
		if (i && first)
			say("words left out");
		struct sent *s = &attackers[from].sent[number % CALLS], call = *s;
		if (__atomic_load_n(&s->number, __ATOMIC_SEQ_CST) != number) {
			if (number > __atomic_load_n(&attackers[from].calls, __ATOMIC_SEQ_CST))
				say("words of a call that never was");
			count(&forgotten);
			continue;
		}
		if (first + (k - i) > s->words)
			say("words that were not sent");
		uint64_t got = __atomic_add_fetch(&s->got, k - i, __ATOMIC_SEQ_CST);
		if (got > s->words)
			say("words came twice");
		if (!connected(&call, begin, end, handle)) {
			opens_await();
			if (!connected(&call, begin, end, handle) && !wrong) {
				printf("# sent by %llu [%llu, %llu], received by %llu [%llu, %llu]\n", (unsigned long long)call.handle,
				       (unsigned long long)call.begin, (unsigned long long)call.end, (unsigned long long)handle,
				       (unsigned long long)begin, (unsigned long long)end);
				say("words of another connection, or without a right");
			}
		}
		count(&received);
	}
}

static void receive_any(struct attacker *a, uint64_t handle)
{
	static const uint64_t flags[] = {0, 0, STREAM_POST, STREAM_POST};
	uint64_t n = size_any(&a->state), at = at_of(a) + PIECE / 2, begin = tick();

	n = n < PIECE / 2 ? n : PIECE / 2;
	int64_t result = by(&a->caller, host_stream_receive, handle, REF_PROGRAM | at, n, flags[any(&a->state) % 4], 0, 0);
	uint64_t end = tick();
	result_check(result);
	/* A post may have been longer, and lies there too. */
	if (result > (int64_t)PIECE / 2 || (result > 0 && result % 8))
		say("a strange result of receiving");
	else if (result > 0)
		words_check(handle, (const uint64_t *)(a->caller.program->base + at), (uint64_t)result / 8, begin, end);
}

static void connect_any(struct attacker *a)
{
	uint64_t begin = tick(), rights = (any(&a->state) % 3 + 1) * STREAM_RECEIVES;
	uint64_t number = __atomic_add_fetch(&last_connection, 1, __ATOMIC_SEQ_CST);

	if (number % CONNECTIONS == STRANGER)
		number = __atomic_add_fetch(&last_connection, 1, __ATOMIC_SEQ_CST);
	int64_t handle = by(&a->caller, host_stream_connect, STREAM_BY_NAME, NAME, 1, rights, number % CONNECTIONS, 0);
	if (handle >= 0) {
		__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
		note(handle, (int64_t)number, 0, (rights & STREAM_RECEIVES ? CAP_LOAD : 0) | (rights & STREAM_SENDS ? CAP_STORE : 0), begin);
	} else if (handle == -EAGAIN || handle == -ECONNREFUSED)
		count(&refused);
	else
		result_check(handle);
}

static void listen_again(struct attacker *a)
{
	uint64_t begin = tick();
	int64_t handle = by(&a->caller, host_stream_listen, STREAM_BY_NAME, NAME, 1, 0, 3, 0);

	if (handle >= 0) {
		__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
		note(handle, OTHER_OBJECT, 0, 0, begin);
		__atomic_store_n(&listener, handle, __ATOMIC_SEQ_CST);
	}
}

static void accept_any(struct attacker *a)
{
	uint64_t begin = tick(), at = at_of(a) - 2048 - (uint64_t)(unsigned)a->number * 64;
	const struct stream_peer *peer = (const struct stream_peer *)(a->caller.program->base + at);
	int64_t handle = by(&a->caller, host_stream_accept, (uint64_t)__atomic_load_n(&listener, __ATOMIC_SEQ_CST), REF_PROGRAM | at, 0, 0, 0, 0);

	if (handle < 0) {
		if (handle == -EBADF)
			listen_again(a);
		return;
	}
	__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	uint64_t number = __atomic_load_n(&last_connection, __ATOMIC_SEQ_CST);
	number -= (uint16_t)(number - peer->port);
	note(handle, (int64_t)number, 1, CAP_LOAD | CAP_STORE, begin);
}

static void stranger(struct attacker *a)
{
	uint64_t begin = tick();
	int64_t handle = by(&a->caller, host_stream_connect, STREAM_BY_NAME, NAME + 1, 1, STREAM_RECEIVES | STREAM_SENDS, STRANGER, 0);

	if (handle >= 0) {
		__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
		note(handle, OTHER_OBJECT, 0, 0, begin);
	}
}

static void file_any(struct attacker *a)
{
	uint64_t begin = tick();
	int64_t handle = any(&a->state) % 2 ? by(&a->caller, host_file_create, NAME + 2, 1, 0, 0xff, 0, 0)
					    : by(&a->caller, host_file_open, NAME + 2, 1, GRANT_READ | GRANT_WRITE, 0, 0, 0);

	if (handle >= 0) {
		__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
		note(handle, OTHER_OBJECT, 0, 0, begin);
	}
}

static void close_any(struct attacker *a, uint64_t handle)
{
	if (!by(&a->caller, host_share_close, handle, 0, 0, 0, 0, 0)) {
		count(&closes);
		__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	}
}

static void *attack(void *argument)
{
	struct attacker *a = argument;

	lingers = a->state;
	while (!__atomic_load_n(&attack_over, __ATOMIC_RELAXED) && !wrong) {
		uint64_t what = any(&a->state) % 100, handle = any(&a->state) % HANDLES;
		int room_left = __atomic_load_n(&live, __ATOMIC_RELAXED) < LIVE;
		if (what < 30)
			send_any(a, handle);
		else if (what < 58)
			receive_any(a, handle);
		else if (what < 66)
			close_any(a, handle);
		else if (what < 68)
			by(&a->caller, host_stream_shutdown, handle, any(&a->state) % 3, 0, 0, 0, 0);
		else if (what == 68)
			by(&a->caller, host_stream_state, handle, any(&a->state) % 2, 0, 0, 0, 0);
		else if (what == 69)
			by(&a->caller, host_rung, REF_PROGRAM | (at_of(a) - 1024), 16, 0, 0, 0, 0);
		else if (what == 70)
			share_unpost(&a->caller);
		else {
			__atomic_add_fetch(&a->opens, 1, __ATOMIC_SEQ_CST);
			if (what < 80)
				accept_any(a);
			else if (room_left)
				(what < 96 ? connect_any : what < 97 ? file_any : stranger)(a);
			__atomic_add_fetch(&a->opens, 1, __ATOMIC_SEQ_CST);
		}
	}
	lingers = 0;
	share_unpost(&a->caller);
	return NULL;
}

/* ---- the two others: as one should ---- */
static int sleep_for_bell(struct caller *caller, const char *who)
{
	double until = seconds() + 20;

	count(&sleeps);
	while (by(caller, host_rung, DATA_OF_BELL, 64, 0, 0, 0, 0) <= 0) {
		sched_yield();
		if (wrong || seconds() > until) {
			say(who);
			return 0;
		}
	}
	return 1;
}

/* n bytes, numbered on from *word. */
static int talk(struct caller *caller, uint64_t handle, uint64_t n, uint64_t *word, int sends, uint64_t flags)
{
	uint64_t *words = (uint64_t *)(caller->program->base + START + 4096), begun = *word;

	for (uint64_t i = 0; i < n / 8; i++)
		words[i] = sends ? begun + i : 0;
	for (uint64_t at = 0; at < n && !wrong;) {
		uint64_t ref = REF_PROGRAM | (START + 4096 + at);
		int64_t done = sends ? by(caller, host_stream_send, handle, ref, n - at, 0, 0, 0)
				     : by(caller, host_stream_receive, handle, ref, n - at, flags, 0, 0);
		if (done == -EAGAIN) {
			if (!sleep_for_bell(caller, sends ? "nobody rang for a sender" : "nobody rang for a receiver"))
				return 0;
		} else if (done <= 0) {
			printf("# %s: %lld\n", sends ? "sending" : "receiving", (long long)done);
			say("an end, or an error, where nobody ended anything");
			return 0;
		} else
			at += (uint64_t)done;
	}
	*word += n / 8;
	for (uint64_t i = 0; i < n / 8 && !sends; i++)
		if (words[i] != begun + i) {
			printf("# %llx where %llx was due\n", (unsigned long long)words[i], (unsigned long long)(begun + i));
			say("words of another connection between the two");
			return 0;
		}
	return !wrong;
}

/* Both say the same by the connection's number. */
static int conversation(struct caller *caller, uint64_t handle, uint64_t number, int side)
{
	static const uint64_t most[] = {8, 64, 4096, 20000, 200000};
	uint64_t state = number * 2654435761u + 1, word[2] = {15ull << 60 | number << 40, 15ull << 60 | number << 40 | 1u << 30};

	for (uint64_t turns = any(&state) % 12 + 1; turns && !wrong; turns--) {
		uint64_t n = (any(&state) % most[any(&state) % 5] & ~7ull) + 8, from = any(&state) % 2, flags = any(&state) % 2 ? STREAM_POST : 0;
		if (!talk(caller, handle, n, &word[from], from == (uint64_t)side, flags))
			return 0;
	}
	/* Who hears the end of it: */
	int closer = any(&state) % 2, shuts = any(&state) % 2;
	uint64_t ref = REF_PROGRAM | (START + 4096);
	if (closer != side)
		for (int64_t done; !wrong && (done = by(caller, host_stream_receive, handle, ref, 16384, any(&state) % 2 ? STREAM_POST : 0, 0, 0)) != 0;) {
			if (done != -EAGAIN)
				say("neither an end nor nothing");
			else if (!sleep_for_bell(caller, "nobody rang for the end"))
				return 0;
		}
	else if (shuts)
		by(caller, host_stream_shutdown, handle, 1, 0, 0, 0, 0);
	by(caller, host_share_close, handle, 0, 0, 0, 0, 0);
	share_unpost(caller);
	count(&talks);
	return !wrong;
}

static void *callee(void *argument)
{
	struct caller *caller = argument;
	const struct stream_peer *peer = (const struct stream_peer *)(caller->program->base + START + 2048);
	int64_t door = by(caller, host_stream_listen, STREAM_BY_NAME, NAME + 1, 1, 0, 8, 0);

	while (!wrong) {
		int64_t handle = by(caller, host_stream_accept, (uint64_t)door, REF_PROGRAM | (START + 2048), 0, 0, 0, 0);
		if (handle == -EAGAIN) {
			if (__atomic_load_n(&over, __ATOMIC_SEQ_CST) == 2)
				break;
			if (!by(caller, host_rung, DATA_OF_BELL, 64, 0, 0, 0, 0))
				sched_yield();
		} else if (handle < 0)
			say("no connection to the two");
		else if (peer->port == STRANGER) {
			by(caller, host_share_close, (uint64_t)handle, 0, 0, 0, 0, 0);
			count(&foreign);
		} else
			conversation(caller, (uint64_t)handle, peer->port, 1);
	}
	by(caller, host_share_close, (uint64_t)door, 0, 0, 0, 0, 0);
	return NULL;
}

static void *caller_(void *argument)
{
	struct caller *caller = argument;

	for (uint64_t number = 1; !wrong && !__atomic_load_n(&over, __ATOMIC_SEQ_CST); number = number % 60000 + 1) {
		int64_t handle;
		while (((handle = by(caller, host_stream_connect, STREAM_BY_NAME, NAME + 1, 1, STREAM_RECEIVES | STREAM_SENDS, number, 0)) == -EAGAIN ||
			handle == -ECONNREFUSED) && !wrong)
			sched_yield();
		if (handle < 0)
			say("the two cannot connect");
		else
			conversation(caller, (uint64_t)handle, number, 0);
	}
	__atomic_store_n(&over, 2, __ATOMIC_SEQ_CST);
	return NULL;
}

/* ---- who is told -EAGAIN is rung for, however close the other was ---- */
static struct meeting {
	uint64_t handle[2];             /* the sender's, the receiver's */
	uint64_t arrived;               /* both count */
	int full;                       /* the sender waits for room, else the receiver for bytes */
	int64_t sent;
	int over;
	long misses;                    /* -EAGAIN */
	int64_t later[2];               /* how much the sender comes later than the receiver, so that about half of them miss: by `full` */
} meeting;

static void meet(uint64_t *mine)
{
	__atomic_add_fetch(&meeting.arrived, 1, __ATOMIC_SEQ_CST);
	*mine += 2;
	for (unsigned i = 0; __atomic_load_n(&meeting.arrived, __ATOMIC_SEQ_CST) < *mine; i++)
		if (i > 1000)
			sched_yield();
}

static void linger_until(int64_t moments)
{
	for (; moments > 0; moments--)
		__asm__ volatile("");
}

static void *meeting_sender(void *unused)
{
	uint64_t mine = 0, state = seed * 3 + 1;

	for (;;) {
		meet(&mine);
		if (meeting.over)
			return unused;
		linger_until(meeting.later[meeting.full] + (int64_t)(any(&state) % 400));
		meeting.sent = by(&pair_callers[0], host_stream_send, meeting.handle[0], REF_PROGRAM | (START + 4096), 8, 0, 0, 0);
		meet(&mine);
	}
}

static int bell_empty(int side)
{
	int rang = 0;

	while (by(&pair_callers[side], host_rung, DATA_OF_BELL, 64, 0, 0, 0, 0) > 0)
		rang = 1;
	return rang;
}

static void meetings(double end, int64_t door)
{
	pthread_t thread;
	uint64_t mine = 0, state = seed * 7 + 1, ref = REF_PROGRAM | (START + 4096);

	meeting.handle[0] = (uint64_t)by(&pair_callers[0], host_stream_connect, STREAM_BY_NAME, NAME + 1, 1, STREAM_RECEIVES | STREAM_SENDS, 0, 0);
	meeting.handle[1] = (uint64_t)by(&pair_callers[1], host_stream_accept, (uint64_t)door, 0, 0, 0, 0, 0);
	pthread_create(&thread, NULL, meeting_sender, NULL);
	while (!meeting.over) {
		meeting.full = any(&state) % 4 == 0;
		if (meeting.full && by(&pair_callers[0], host_stream_send, meeting.handle[0], ref, STREAM_RING, 0, 0, 0) != STREAM_RING)
			say("the ring was not empty");
		bell_empty(0);
		bell_empty(1);
		meeting.over = wrong || seconds() > end;
		meet(&mine);
		if (meeting.over)
			break;
		linger_until(200 - meeting.later[meeting.full]);
		int64_t got = by(&pair_callers[1], host_stream_receive, meeting.handle[1], ref, meeting.full ? STREAM_RING / 4 : 8, 0, 0, 0);
		meet(&mine);
		int misses = meeting.sent == -EAGAIN || got == -EAGAIN;
		meeting.misses += misses;
		int64_t later = meeting.later[meeting.full] + (misses == meeting.full) * 100 - 50, most = meeting.full ? 60000 : 2000;
		meeting.later[meeting.full] = later > most || later < -most ? 0 : later;        /* far off: one of both was put off its processor */
		if (meeting.sent == -EAGAIN && !bell_empty(0))
			say("nobody rang for a sender, though there is room");
		if (got == -EAGAIN && !bell_empty(1))
			say("nobody rang for a receiver, though something came");
		/* No call here is told -EAGAIN: that would be a wish to be rung for, which another round takes for its own. */
		uint64_t left = (uint64_t)by(&pair_callers[1], host_stream_state, meeting.handle[1], 0, 0, 0, 0, 0) >> 32;
		if (left && by(&pair_callers[1], host_stream_receive, meeting.handle[1], ref, left, 0, 0, 0) != (int64_t)left)
			say("not all that is there");
	}
	pthread_join(thread, NULL);
	for (int i = 0; i < 2; i++)
		by(&pair_callers[i], host_share_close, meeting.handle[i], 0, 0, 0, 0, 0);
	printf("# %llu meetings, %ld of them too early\n", (unsigned long long)mine / 4, meeting.misses);
}

static unsigned pages_of(const void *memory)
{
	unsigned char there[PAIR_MEMORY / 4096 + 1];
	unsigned n = 0;

	if (mincore((void *)(uintptr_t)memory, PAIR_MEMORY, there))
		return 0;
	for (unsigned i = 0; i < PAIR_MEMORY / 4096; i++)
		n += there[i] & 1;
	return n;
}

/* A ring takes memory as long as somebody pays for it: until its reader's end is closed, not until the pair goes. */
static int paid(int64_t door)
{
	uint64_t ref = REF_PROGRAM | (START + 4096);
	uint64_t a = (uint64_t)by(&pair_callers[0], host_stream_connect, STREAM_BY_NAME, NAME + 1, 1, STREAM_RECEIVES | STREAM_SENDS, 0, 0);
	uint64_t b = (uint64_t)by(&pair_callers[1], host_stream_accept, (uint64_t)door, 0, 0, 0, 0, 0);
	int ok = by(&pair_callers[0], host_stream_send, a, ref, STREAM_RING, 0, 0, 0) == STREAM_RING;

	ok = ok && by(&pair_callers[1], host_stream_send, b, ref, STREAM_RING, 0, 0, 0) == STREAM_RING;
	by(&pair_callers[1], host_share_close, b, 0, 0, 0, 0, 0);
	ok = ok && pages_of(pair_last) <= STREAM_RING / 4096 + 1 && cvms[2]->object_bytes == 0;
	/* What had come is still to be read, whole. */
	ok = ok && by(&pair_callers[0], host_stream_receive, a, ref, STREAM_RING, 0, 0, 0) == STREAM_RING;
	/* A post keeps the pair. */
	by(&pair_callers[0], host_share_close, a, 0, 0, 0, 0, 0);
	a = (uint64_t)by(&pair_callers[0], host_stream_connect, STREAM_BY_NAME, NAME + 1, 1, STREAM_RECEIVES | STREAM_SENDS, 0, 0);
	b = (uint64_t)by(&pair_callers[1], host_stream_accept, (uint64_t)door, 0, 0, 0, 0, 0);
	ok = ok && by(&pair_callers[1], host_stream_receive, b, ref, 16384, STREAM_POST, 0, 0) == -EAGAIN;
	ok = ok && by(&pair_callers[0], host_stream_send, a, ref, STREAM_RING, 0, 0, 0) > 0;
	ok = ok && by(&pair_callers[1], host_stream_send, b, ref, STREAM_RING, 0, 0, 0) == STREAM_RING;
	by(&pair_callers[0], host_share_close, a, 0, 0, 0, 0, 0);
	by(&pair_callers[1], host_share_close, b, 0, 0, 0, 0, 0);
	ok = ok && pages_of(pair_last) <= 1 && cvms[1]->object_bytes == 0 && cvms[2]->object_bytes == 0;
	share_unpost(&pair_callers[1]);
	return ok;
}

/* The attackers' cVM ends, and another is there. */
static void attackers_run(double end, uint64_t *state)
{
	attack_over = live = 0;
	if (share_table_create(cvms[0]))
		say("no table");
	listen_again(&attackers[0]);
	for (unsigned i = 0; i < ATTACKERS; i++)
		pthread_create(&attackers[i].thread, NULL, attack, &attackers[i]);
	while (seconds() < end && !wrong) {
		if (SIGNALS)
			pthread_kill(attackers[any(state) % ATTACKERS].thread, SIGRTMIN + 7);
		nanosleep(&(struct timespec){0, 10000}, NULL);
	}
	__atomic_store_n(&attack_over, 1, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < ATTACKERS; i++)
		pthread_join(attackers[i].thread, NULL);
	share_table_destroy(cvms[0]);
	share_sweep();
}

int main(int argc, char **argv)
{
	double end = seconds() + (argc > 1 ? atof(argv[1]) : 4);
	pthread_t threads[2];
	struct sigaction action = {.sa_handler = put_to_sleep, .sa_flags = SA_RESTART};

	alarm(120);
	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	printf("# seed %llu\n", (unsigned long long)seed);
	if (processes_make() || sigaction(SIGRTMIN + 7, &action, NULL))
		return 1;
	for (int p = 0; p < PROCESSES; p++) {
		if (call(p, host_memory_map, REF_PROGRAM | (START + SPAN), ROOM - SPAN, PROT_READ | PROT_WRITE, 0))
			return 1;
		memcpy(memory_of(p), "sta", 3);
	}
	/* What pays for rings is counted from here on. */
	uint64_t charged[CVMS];
	long tables = pairs_now;
	for (int c = 0; c < CVMS; c++)
		charged[c] = cvms[c]->object_bytes;
	for (unsigned i = 0; i < ATTACKERS; i++) {
		struct attacker *a = &attackers[i];
		*a = (struct attacker){.caller = callers[i % EACH], .number = (int)i, .state = seed * 88172645463325252ull + i * 2654435761u + 1,
				       .sent = calloc(CALLS, sizeof *a->sent)};
		if (!a->sent)
			return 1;
	}
	pair_callers[0] = callers[CALLER];
	pair_callers[1] = callers[CALLEE];
	int64_t door = by(&pair_callers[1], host_stream_listen, STREAM_BY_NAME, NAME + 1, 1, 0, 8, 0);
	int unpaid = !paid(door);
	meetings(seconds() + (end - seconds()) / 4, door);
	by(&pair_callers[1], host_share_close, (uint64_t)door, 0, 0, 0, 0, 0);
	share_table_destroy(cvms[0]);
	pthread_create(&threads[1], NULL, callee, &pair_callers[1]);
	pthread_create(&threads[0], NULL, caller_, &pair_callers[0]);
	for (uint64_t state = seed | 1; seconds() < end && !wrong;)
		attackers_run(seconds() + 0.5, &state);
	__atomic_compare_exchange_n(&over, &(int){0}, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	for (int c = 1; c < CVMS; c++)
		share_table_end(cvms[c]);
	share_sweep();
	/* A table of handles has the size of a pair's memory. And there are pairs whose memory has gone, but who are not spare yet. */
	int back = pairs_now == tables / CVMS * (CVMS - 1) && pairs_made <= pairs_most + 64;
	for (int c = 0; c < CVMS; c++)
		back &= cvms[c]->object_bytes == charged[c];
	if (!back)
		printf("# %ld pairs left, %ld made, %ld at once at most; bytes charged %llu, %llu, %llu\n", pairs_now,
		       pairs_made, pairs_most, (unsigned long long)(cvms[0]->object_bytes - charged[0]),
		       (unsigned long long)(cvms[1]->object_bytes - charged[1]), (unsigned long long)(cvms[2]->object_bytes - charged[2]));
	for (unsigned i = 0; i < ATTACKERS; i++)
		for (unsigned k = 0; k < CALLS; k++)
			if (attackers[i].sent[k].got > (attackers[i].sent[k].result < 0 ? 0 : (uint64_t)attackers[i].sent[k].result / 8))
				say("more words came of a call than it sent");
	processes_end();
	printf("# %ld opened, %ld closed, %ld pieces received (%ld of forgotten calls), %ld refused; %ld talks, %ld sleeps, %ld strangers; %ld signals\n",
	       opened, closes, received, forgotten, refused, talks, sleeps, foreign, signals_taken);
	for (int i = 0; i < 200; i++)
		if (errors[i])
			printf("# %ld times %s\n", errors[i], strerror(i));
	printf("%sok 1 - every word comes by the connection it was sent to, once, and who waits is rung\n", wrong ? "not " : "");
	printf("%sok 2 - all is given back\n", back ? "" : "not ");
	int ran = opened > 500 && closes > 500 && received > 200 && talks > 50 && sleeps && foreign && (signals_taken || !SIGNALS);
	printf("%sok 3 - what nobody pays for takes no memory\n", unpaid ? "not " : "");
	printf("%sok 4 - all of it happened\n1..4\n", ran ? "" : "not ");
	return wrong || !back || unpaid || !ran;
}
