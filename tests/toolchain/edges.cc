/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Exceptions beside what else moves stacks: signal handlers (also on a stack of their own, and while an exception is under way), fork and
 * vfork in a handler, small stacks, longjmp out of a handler, arguments on the stack. cxx_edges.t compares with g++.
 */
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unwind.h>

struct tracer {
	const char *name;
	tracer(const char *name) : name(name) {}
	~tracer() { std::printf("~%s\n", name); }
};
static volatile int handled, told, stop;
static int seen_from_handler;
static void thrower(int n)
{
	tracer t("thrower");
	if (!n)
		throw std::runtime_error("thrown");
	thrower(n - 1);
}
static _Unwind_Reason_Code count(_Unwind_Context *, void *n) { ++*(int *)n; return _URC_NO_REASON; }
static void throws_inside(int)
{
	_Unwind_Backtrace(count, &seen_from_handler);
	try { thrower(2); } catch (std::exception &e) { std::printf("in a handler: %s\n", e.what()); }
	handled++;
}
static void *on_small_stack(void *result)
{
	try { thrower(3); } catch (std::exception &) { ++*(int *)result; }
	return result;
}
__attribute__((noipa)) static int many(int a, int b, int c, int d, int e, int f, long g, long h, long i, std::string s)
{
	tracer t("many");
	if (a & 1)
		throw g + h * 2 + i * 3;
	return (int)(s.size() + i) + b + c + d + e + f;
}

int main()
{
	setbuf(stdout, nullptr);
	int status;
	try { thrower(1); } catch (std::exception &e) {
		if (!fork()) {
			try { thrower(0); } catch (...) { std::printf("child: %s\n", e.what()); }
			try { throw; } catch (std::exception &e) { std::printf("child, again: %s\n", e.what()); }
			_exit(4);
		}
		wait(&status);
		std::printf("parent of %d: %s\n", WEXITSTATUS(status), e.what());
		if (!vfork())
			_exit(9);
		wait(&status);
		std::printf("parent of %d: %s\n", WEXITSTATUS(status), e.what());
	}
	std::signal(SIGUSR1, throws_inside);
	std::raise(SIGUSR1);
	static char stack[65536];
	stack_t alternate = {};
	alternate.ss_sp = stack;
	alternate.ss_size = sizeof stack;
	sigaltstack(&alternate, nullptr);
	struct sigaction action = {};
	action.sa_handler = throws_inside;
	action.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR2, &action, nullptr);
	try { tracer t("around a handler"); std::raise(SIGUSR2); thrower(0); } catch (std::exception &) { }
	std::printf("handled %d, frames %d\n", handled, seen_from_handler > 2);

	action.sa_handler = [](int) { told++; };
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, nullptr);
	struct itimerval often = {{0, 500}, {0, 500}}, never = {};
	setitimer(ITIMER_REAL, &often, nullptr);
	long sum = 0;
	struct counter { long &n; ~counter() { n++; } };
	for (int i = 0; i < 20000 || told < 20; i++)
		try {
			counter c{sum};
			if (i % 2)
				throw i;
			throw std::string(i % 7, 's');
		} catch (int n) { sum += n & 1; } catch (std::string &s) { sum -= s.size() > 6; sum++; }
	setitimer(ITIMER_REAL, &never, nullptr);
	std::printf("interrupted: %d\n", sum >= 40000 && sum % 2 == 0);

	pthread_attr_t small;
	pthread_t thread;
	int caught = 0;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 16384);
	for (int i = 0; i < 3; i++) {
		pthread_create(&thread, &small, on_small_stack, &caught);
		pthread_join(thread, nullptr);
	}
	std::printf("caught on small stacks: %d\n", caught);

	static jmp_buf back;
	for (volatile int i = 0; i < 3; i++)
		if (!setjmp(back)) {
			try { tracer t("within setjmp"); throw 2; } catch (int) { }
			longjmp(back, 7);
		}
	for (int a = 0; a < 3; a++)
		for (int i = 0; i < 4; i++)
			try { std::printf("%d\n", many(a + i, 1, 2, 3, 4, 5, 6, 7, i, "string" + std::to_string(i))); } catch (long n) { std::printf("caught %ld\n", n); }
}
