/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * libffi.t: what closures are used for, how they are left, and how they run out. Output is TAP.
 *      closures COUNT          no more than so many at a time: 0, if there is no such number
 *      closures freed          calls one that is no more
 */
#include <ffi.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST    3000
#define THREADS 4
#define ROUNDS  5000

static int tests;

static void ok(int good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	fflush(stdout);
}

struct callback {
	ffi_closure *closure;
	void *code;
};

static ffi_cif number_cif, compare_cif;       /* int (int); int (const void *, const void *) */

static int callback_new(struct callback *c, ffi_cif *cif, void (*work)(ffi_cif *, void *, void **, void *), void *data)
{
	c->closure = ffi_closure_alloc(sizeof *c->closure, &c->code);
	return c->closure && ffi_prep_closure_loc(c->closure, cif, work, data, c->code) == FFI_OK;
}

static int call(struct callback *c, int number)
{
	return ((int (*)(int))c->code)(number);
}

static void cifs(void)
{
	static ffi_type *numbers[] = {&ffi_type_sint}, *pointers[] = {&ffi_type_pointer, &ffi_type_pointer};

	ffi_prep_cif(&number_cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, numbers);
	ffi_prep_cif(&compare_cif, FFI_DEFAULT_ABI, 2, &ffi_type_sint, pointers);
}

static void add(ffi_cif *cif, void *result, void **arguments, void *data)
{
	(void)cif;
	*(ffi_sarg *)result = *(int *)arguments[0] + (int)(long)data;
}

static void compare(ffi_cif *cif, void *result, void **arguments, void *data)
{
	int a = **(int **)arguments[0], b = **(int **)arguments[1];

	(void)cif;
	++*(long *)data;
	*(ffi_sarg *)result = (a > b) - (a < b);
}

static void sort(void)
{
	static int numbers[1000];
	long calls = 0;
	int good;
	struct callback c;

	callback_new(&c, &compare_cif, compare, &calls);
	for (int i = 0; i < 1000; i++)
		numbers[i] = i * 7919 % 1000;
	qsort(numbers, 1000, sizeof *numbers, (int (*)(const void *, const void *))c.code);
	good = calls > 1000;
	for (int i = 0; i < 1000; i++)
		good &= numbers[i] == i;
	ok(good, "qsort compares by a closure");
	ffi_closure_free(c.closure);
}

/* Two closures that call each other by ffi_call, down to 0. */
static struct callback even, odd;

static void turn(ffi_cif *cif, void *result, void **arguments, void *other)
{
	int number = *(int *)arguments[0] - 1;
	ffi_arg below = 0;

	if (number >= 0)
		ffi_call(cif, FFI_FN(((struct callback *)other)->code), &below, (void *[]){&number});
	*(ffi_sarg *)result = number >= 0 ? (int)below + 1 : 0;
}

static jmp_buf out;

static void leave(ffi_cif *cif, void *result, void **arguments, void *data)
{
	(void)cif, (void)result, (void)data;
	longjmp(out, *(int *)arguments[0]);
}

static void leaving(void)
{
	struct callback c;
	volatile int left = 0;
	ffi_arg result;
	int number;

	callback_new(&c, &number_cif, leave, NULL);
	for (volatile int i = 1; i <= 1000; i++)
		if (!(number = setjmp(out))) {
			number = i;
			ffi_call(&number_cif, FFI_FN(c.code), &result, (void *[]){&number});
		} else
			left += number == i;
	ok(left == 1000, "longjmp out of a closure that ffi_call called");
	ffi_closure_free(c.closure);
}

static volatile int caught;

static void catch(ffi_cif *cif, void *result, void **arguments, void *data)
{
	(void)cif, (void)result;
	caught += *(int *)arguments[0] == SIGUSR1 ? (int)(long)data : 1000;
}

static void handling(void)
{
	static ffi_type *numbers[] = {&ffi_type_sint};
	struct callback c;
	ffi_cif cif;

	ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_void, numbers);
	callback_new(&c, &cif, catch, (void *)3l);
	signal(SIGUSR1, (void (*)(int))c.code);
	for (int i = 0; i < 10; i++)
		raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	ok(caught == 30, "a closure handles signals");
	ffi_closure_free(c.closure);
}

static void *worker(void *seed)
{
	struct callback mine[8];
	long wrong = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int count = 1 + (round + (int)(long)seed) % 8;
		for (int i = 0; i < count; i++)
			wrong += !callback_new(&mine[i], &number_cif, add, (void *)((long)seed * 1000 + i));
		for (int i = 0; i < count; i++)
			wrong += call(&mine[i], round) != round + (int)(long)seed * 1000 + i;
		for (int i = 0; i < count; i++)
			ffi_closure_free(mine[i].closure);
	}
	return (void *)wrong;
}

static void threads(void)
{
	pthread_t threads[THREADS];
	long wrong = 0;
	void *result;

	for (long i = 0; i < THREADS; i++)
		wrong += pthread_create(&threads[i], NULL, worker, (void *)i) != 0;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], &result), wrong += (long)result;
	ok(!wrong, "threads make, call and free closures");
}

static int fill(struct callback *all)
{
	int count = 0;

	while (count < MOST && callback_new(&all[count], &number_cif, add, (void *)(long)count))
		count++;
	return count;
}

static void exhaustion(int limit)
{
	static struct callback all[MOST], more[MOST];
	int count = fill(all), good = count == (limit ? limit : MOST), status = 0, again;

	ok(good, "so many at a time, and then NULL");
	for (int i = 0; i < count; i++)
		good &= call(&all[i], 1) == 1 + i;
	ok(good, "each has its own data");
	if (!fork()) {
		for (int i = 0; i < count; i++)
			good &= call(&all[i], 2) == 2 + i;
		ffi_closure_free(all[5].closure);
		_exit(!good || !callback_new(&all[5], &number_cif, add, NULL));
	}
	ok(wait(&status) > 0 && !status && call(&all[5], 3) == 8, "a forked child has them too, and frees its own");
	for (int i = 0; i < count; i += 2)
		ffi_closure_free(all[i].closure);
	again = fill(more);
	ok(again == (limit ? (limit + 1) / 2 : MOST), "what was freed is there again");
	good = 1;
	for (int i = 1; i < count; i += 2)
		good &= call(&all[i], 1) == 1 + i;
	ok(good, "and the others are as they were");
}

int main(int count, char **arguments)
{
	cifs();
	if (count > 1 && !strcmp(arguments[1], "freed")) {
		struct callback c;
		callback_new(&c, &number_cif, add, NULL);
		ffi_closure_free(c.closure);
		return call(&c, 1);
	}
	sort();
	callback_new(&even, &number_cif, turn, &odd);
	callback_new(&odd, &number_cif, turn, &even);
	ok(call(&even, 2000) == 2000, "closures call each other by ffi_call, 2,000 deep");
	ffi_closure_free(even.closure);
	ffi_closure_free(odd.closure);
	leaving();
	handling();
	threads();
	exhaustion(count > 1 ? atoi(arguments[1]) : 0);
	printf("1..%d\n", tests);
	return 0;
}
