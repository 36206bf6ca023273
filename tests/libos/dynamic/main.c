/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Everything about dlopen that a program could see, in TAP; also built for the host, where it must pass too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int count, failed;
static void ok(int good, const char *what)
{
	failed += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
}

extern __thread int two_count;
int two_alignment(void), one_kind(void), one_count(void), one_calls(int (*)(int), int), one_two(int), one_twice(int), one_depth(int);
extern int one_value, (*one_table[3])(int);
int program_value = 30;
int program_function(int x)
{
	return x + program_value;
}
static int triple(int x)
{
	return 3 * x;
}

static void *thread(void *argument)
{
	int before = two_count;

	one_count();
	*(int *)argument = before * 100 + two_count;
	return two_alignment() ? NULL : argument;
}

static int images(struct dl_phdr_info *info, size_t size, void *argument)
{
	(void)size;
	*(int *)argument += info->dlpi_phnum > 0;
	return 0;
}

static void linked(void)
{
	pthread_t other;
	void *returned = NULL;
	int result = 0, n = 0;
	jmp_buf back;

	ok(one_calls(triple, 5) == 15 + 41 + 1 + 2, "a callback into the program");
	ok(one_two(10) == 15, "data relocations");
	ok(one_table[0](4) == 8 && one_table[1](5) == 10 && one_table[1] == one_twice, "a table of functions, equal addresses in both objects");
	one_value++;
	ok(one_calls(triple, 5) == 60, "a variable that the program's copy replaces");
	ok(two_count == 10 && one_count() == 11 && two_count == 11, "a thread-local variable of an object");
	ok(!two_alignment(), "its alignment");
	ok(!pthread_create(&other, NULL, thread, &result) && !pthread_join(other, &returned) && returned == &result && result == 1011,
	   "each thread has its own");
	ok(one_depth(1000) == 1000, "deep recursion through pointers");
	if (!setjmp(back))
		longjmp(back, 1);
	else
		n = 7;
	ok(n == 7, "setjmp and longjmp");
	n = 0;
	dl_iterate_phdr(images, &n);
	ok(n >= 4, "dl_iterate_phdr sees the objects");
}

static void opened(const char *three)
{
	char *why;
	Dl_info info;
	void *h = dlopen(three, RTLD_NOW);

	ok(h != NULL, "dlopen");
	if (!h) {
		printf("# %s\n", dlerror());
		return;
	}
	int (*sorts)(void) = (int (*)(void))dlsym(h, "three_sorts"), (*program)(int) = (int (*)(int))dlsym(h, "three_program");
	int (*error)(void) = (int (*)(void))dlsym(h, "three_errno"), (*zeros)(void) = (int (*)(void))dlsym(h, "three_zeros");
	const char **name = dlsym(h, "three_name");
	ok(sorts && program && error && zeros && name, "dlsym");
	ok(sorts() == 13579, "the C library calls back into it");
	ok(program(1) == 1 + 31 + 9 && program_value == 31, "it uses the program's function and variable");
	ok(error() == ENOENT, "errno is one for all");
	ok(!zeros(), "data and zeros behind it");
	ok(!strcmp(*name, "three"), "a pointer to a constant");
	ok(dladdr((void *)sorts, &info) && !strcmp(info.dli_sname, "three_sorts") && strstr(info.dli_fname, "three.so") && info.dli_saddr == (void *)sorts,
	   "dladdr");
	ok(dladdr((void *)printf, &info) && info.dli_sname, "dladdr of the C library");
	ok(dlopen(three, RTLD_NOW) == h, "the same object once more");
	ok(!dlsym(h, "three_nothing") && (why = dlerror()) && strstr(why, "three_nothing") && !dlerror(), "a missing symbol is named, once");
	ok(!dlopen("./none.so", RTLD_NOW) && (why = dlerror()) && strstr(why, "none.so") && strstr(why, "No such file"), "a missing file");
	ok(dlsym(RTLD_DEFAULT, "program_function") == (void *)program_function, "RTLD_DEFAULT finds what the program exports");
	ok(!dlsym(RTLD_DEFAULT, "three_sorts"), "but nothing of an object opened without RTLD_GLOBAL");
	ok(dlopen(three, RTLD_NOW | RTLD_GLOBAL) == h && dlsym(RTLD_DEFAULT, "three_sorts") == (void *)sorts, "until it is opened with it");
	ok(dlopen(NULL, RTLD_NOW) && dlsym(dlopen(NULL, RTLD_NOW), "program_function"), "the program itself");
	ok(!dlclose(h) && !dlclose(h), "dlclose");
	int status = -1;
	pid_t child = fork();
	if (!child)
		_exit(sorts() == 13579 && program(1) == 42 && program_value == 32 && one_two(1) == 6 && two_count == 11 ? 5 : 6);
	ok(child > 0 && waitpid(child, &status, 0) == child && status == 5 << 8, "a forked child has it all");
	ok(program_value == 31, "and data of its own");
	child = fork();
	if (!child) {
		void *late = dlopen(three, RTLD_NOW);
		_exit(late == h ? 5 : 6);
	}
	ok(child > 0 && waitpid(child, &status, 0) == child && status == 5 << 8, "dlopen in a child");
}

static pthread_barrier_t barrier;
static int (*late_next)(void);
static void *early(void *argument)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	*(int *)argument = late_next();
	return NULL;
}
static void *new(void *argument)
{
	*(int *)argument = late_next();
	return NULL;
}

/* Thread-local variables of an object opened late: in threads that were there, in new ones, in a child. */
static void late(const char *object)
{
	pthread_t first, second;
	int one = 0, two = 0, status;

	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&first, NULL, early, &one))
		return;
	pthread_barrier_wait(&barrier);
	void *h = dlopen(object, RTLD_NOW);
	ok(h != NULL, "dlopen of an object with thread-local variables");
	if (!h) {
		printf("# %s\n", dlerror());
		exit(1);
	}
	late_next = (int (*)(void))dlsym(h, "late_next");
	ok(late_next() == 79, "they are as the object says");
	int *count = dlsym(h, "late_count");
	ok(count && *count == 71, "dlsym of one");
	pthread_barrier_wait(&barrier);
	pthread_join(first, NULL);
	ok(one == 79, "in a thread that was there before");
	ok(!pthread_create(&second, NULL, new, &two) && !pthread_join(second, NULL) && two == 79, "in a new thread");
	pid_t child = fork();
	if (!child)
		_exit(*count == 71 ? 5 : 6);
	ok(child > 0 && waitpid(child, &status, 0) == child && status == 5 << 8, "in a child");
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[2], "inner"))
		return one_two(1) == 6 ? 5 : 6;
	linked();
	opened(argc > 1 ? argv[1] : "./three.so");
	late(argc > 2 ? argv[2] : "./late.so");
	int status = -1;
	pid_t child = vfork();
	if (!child) {
		execl("/proc/self/exe", argv[0], argv[1], "inner", (char *)0);
		_exit(9);
	}
	ok(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 5, "it executes itself");
	printf("1..%d\n", count);
	return failed != 0;
}
