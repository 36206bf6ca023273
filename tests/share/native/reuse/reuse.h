/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What the parts of stream_reuse share; main.c says what it tests. The attackers are of cVM 0, in both its processes; the two others, a caller
 * and a callee, are alone in the cVMs 1 and 2.
 */
#ifndef TESTS_REUSE_H
#define TESTS_REUSE_H
#include <pthread.h>
#include <time.h>

#include "intravisor/share/stream.h"
#include "tests/share/native/between.h"
#include "tests/share/native/processes.h"

#define ATTACKERS 4u
#define HANDLES 16u                     /* they try for these */
#define LIVE 13                         /* and do not open more than about so many */

/* Of each process, behind START: */
#define ROOM (1u << 20)
#define NAME_ATTACKERS (REF_PROGRAM | START)            /* "s": where they connect to each other */
#define NAME_TWO (NAME_ATTACKERS + 1)                   /* "t": the two */
#define NAME_FILE (NAME_ATTACKERS + 2)                  /* "a" */
#define WORDS (START + 4096)                            /* of the two; an attacker's are at at_of() */
#define BUFFER (REF_PROGRAM | WORDS)
#define STRANGER 0                      /* the number of an attacker's connection to the two */

#define SIGNALS (!ISA_STORED)           /* a handler in C would run by a guest's capabilities, where it interrupts their use */

/* A host call with its words; those left out are 0. */
#define by(caller, host, ...) host(caller, (const uint64_t[6]){__VA_ARGS__})

/* ---- main.c ---- */
extern uint64_t seed;
extern const char *wrong;               /* the first thing that was; all end when it is not NULL */
extern struct happened {
	long opened, closed, received, forgotten, refused, talks, sleeps, strangers, signals, errors[200];
} happened;
void say(const char *text);             /* something is wrong */
void result_check(int64_t result);      /* of a call by an attacker: errors are counted, but one must not be */

static inline void count(long *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static inline uint64_t any(uint64_t *state)
{
	*state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static inline double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- book.c: what the attackers' handles have been ---- */
#define CONNECTIONS 65536u              /* numbers of these, as ports are */
enum { OTHER_OBJECT = -1 };             /* instead of a connection */
struct use {                            /* of a handle, by a call between two times */
	uint64_t handle, begin, end;
};
uint64_t tick(void);
void note(int64_t handle, int64_t connection, int side, uint32_t rights, uint64_t begin);
int connected(const struct use *sent, const struct use *received);

/* ---- attackers.c; what they send and receive: words.c ---- */
#define PIECE (128u << 10)              /* of each one's: the first half is sent from, the other is received to */
#define CALLS (1u << 17)                /* of each one's are remembered */
struct attacker {
	pthread_t thread;
	struct caller caller;           /* each its own, as threads of a process are */
	uint64_t state;
	struct sent {
		struct use use;
		uint64_t number, words, got;
		int64_t result;
	} *sent;
	uint64_t calls;
	uint64_t opens;                 /* odd: it is in a call that may open something */
	int number;
};
extern struct attacker attackers[ATTACKERS];
int attackers_make(void);
void attackers_run(double end, uint64_t *state);
void opens_await(void);
void send_any(struct attacker *a, uint64_t handle);
void receive_any(struct attacker *a, uint64_t handle);
void words_end(void);

static inline uint64_t at_of(const struct attacker *a)
{
	return WORDS + (uint64_t)(a->number / EACH) * 2 * PIECE;
}

/* ---- halts.c ---- */
int halts_make(void);
void halt(pthread_t thread);            /* it sleeps now, wherever it is, for a moment */

/* ---- two.c: the caller is 0, the callee 1 ---- */
extern struct caller *const two[2];
void two_connect(uint64_t handle[2]);
int64_t two_rung(int side);             /* what host_rung says; its bell is then empty if that is 0 */
void two_begin(void);
void two_end(void);

/* ---- meetings.c, pairs.c ---- */
void meetings(double end);
void pairs_count(void);                 /* what there is now is there in the end */
int pairs_back(void);
int pairs_paid(void);
#endif
