/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Exceptions beside what else moves stacks: signal handlers (also on a stack of their own, and while an exception is under way), fork and
 * vfork in a handler, small stacks, longjmp out of a handler, arguments on the stack, no register free. cxx_edges.t compares with g++.
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
/* The switch's jump needs a register where all hold something, `keep` only for the landing pad. */
__attribute__((noipa)) static long sure(long n) { if (n & 1) throw n; return n; }
__attribute__((noipa)) static long pressed(long k, const long *p)
{
	long keep = p[0] * 3 ^ k;
	try {
		long a = p[1], b = p[2], c = p[3], d = p[4], e = p[5], g = p[6], h = p[7], i = p[8], j = p[9], l = p[10], m = p[11];
		do {
			switch (k & 7) {
			case 0: a += b; c ^= d; e -= g; break;
			case 1: b += c; d ^= e; h += i; break;
			case 2: c += d; e ^= a; j -= l; break;
			case 3: d += e; a ^= b; g += m; break;
			case 4: e += g; b ^= c; i ^= h; break;
			case 5: g += h; h ^= i; l += j; break;
			case 6: h += j; i ^= l; m -= a; break;
			case 7: i += m; j ^= b; a += l; break;
			}
			k = (long)((unsigned long)k >> 3);
		} while (k);
		return sure((a + b * 3 + c * 5 + d * 7 + e * 11 + g * 13 + h * 17 + i * 19 + j * 23 + l * 29 + m * 31) | 1);
	} catch (long n) {
		return n + keep * 2;
	}
}

int main()
{
	long numbers[12], k = 0, sums = 0;
	for (long &n : numbers)
		n = k++ * 77 + 5;
	for (k = 0; k < 500; k++)
		sums = (long)((unsigned long)sums * 3 + (unsigned long)pressed(k * 1234567, numbers));
	std::printf("%lx\n", sums);
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
