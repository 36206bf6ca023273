/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Streams that come and go under threads which use their handles: stream_reuse [SECONDS [SEED]]. Threads of one cVM connect, accept, send,
 * receive, close, shut down and leave by handle numbers taken at random, whatever is behind them just then (attackers.c, words.c), and are put to
 * sleep anywhere in the middle of it (halts.c). Pairs are used again at once, also by two others, which talk to each other as they should (two.c).
 * Every word says which call sent it, so for each word received there must have been a connection between both handles, with both rights, at these
 * times (book.c); no word comes twice, and none that was not sent. The two others get every word in order and are rung for whatever they sleep for,
 * however close they were to it (meetings.c). In the end all is given back (pairs.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/share/native/reuse/reuse.h"

uint64_t seed;
const char *wrong;
struct happened happened;

void say(const char *text)
{
	const char *none = NULL;

	if (__atomic_compare_exchange_n(&wrong, &none, text, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		printf("# %s\n", text);
}

void result_check(int64_t result)
{
	if (result == -EFAULT)
		say("memory that is not there");
	else if (result < 0 && result > -200)
		count(&happened.errors[-result]);
}

static int rooms_make(void)
{
	for (int p = 0; p < PROCESSES; p++) {
		if (call(p, host_memory_map, REF_PROGRAM | (START + SPAN), ROOM - SPAN, PROT_READ | PROT_WRITE, 0))
			return 1;
		memcpy(memory_of(p), "sta", 3);         /* NAME_* */
	}
	return 0;
}

static int tell(int back, int paid)
{
	const struct happened *h = &happened;
	int ran = h->opened > 500 && h->closed > 500 && h->received > 200 && h->talks > 50 && h->sleeps && h->strangers &&
		  (h->signals || !SIGNALS);

	printf("# %ld opened, %ld closed, %ld pieces received (%ld of forgotten calls), %ld refused; ",
	       h->opened, h->closed, h->received, h->forgotten, h->refused);
	printf("%ld talks, %ld sleeps, %ld strangers; %ld signals\n", h->talks, h->sleeps, h->strangers, h->signals);
	for (int i = 0; i < 200; i++)
		if (h->errors[i])
			printf("# %ld times %s\n", h->errors[i], strerror(i));
	printf("%sok 1 - every word comes by the connection it was sent to, once, and who waits is rung\n", wrong ? "not " : "");
	printf("%sok 2 - all is given back\n", back ? "" : "not ");
	printf("%sok 3 - what nobody pays for takes no memory\n", paid ? "" : "not ");
	printf("%sok 4 - all of it happened\n1..4\n", ran ? "" : "not ");
	return wrong || !back || !paid || !ran;
}

int main(int argc, char **argv)
{
	double end = seconds() + (argc > 1 ? atof(argv[1]) : 4);

	alarm(120);
	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	printf("# seed %llu\n", (unsigned long long)seed);
	if (processes_make() || halts_make() || rooms_make() || attackers_make())
		return 1;
	pairs_count();
	int paid = pairs_paid();
	meetings(seconds() + (end - seconds()) / 4);
	share_table_destroy(cvms[0]);           /* attackers_run brings one each time */
	two_begin();
	for (uint64_t state = seed | 1; seconds() < end && !wrong;)
		attackers_run(seconds() + 0.5, &state);
	two_end();
	for (int c = 1; c < CVMS; c++)
		share_table_end(cvms[c]);
	share_sweep();
	int back = pairs_back();
	words_end();
	processes_end();
	return tell(back, paid);
}
