// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 the Carrel authors
//
// C++ as programs use it: prints for each part its name, the processor seconds it took, and a number that must be the same everywhere.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

static std::mt19937_64 numbers(7);

static long sort_numbers()
{
	std::vector<double> v(400000);
	for (auto &x : v)
		x = (double)numbers();
	std::sort(v.begin(), v.end());
	std::stable_sort(v.begin(), v.end(), std::greater<>());
	return (long)(v[1000] / 1e10);
}

static long sort_strings()
{
	std::vector<std::string> v(60000);
	for (auto &s : v)
		s = "key " + std::to_string(numbers());
	std::sort(v.begin(), v.end());
	return (long)v[100].size() + v[20000][5];
}

static long ordered_map()
{
	std::map<unsigned long, unsigned long> m;
	unsigned long sum = 0;
	for (int i = 0; i < 120000; i++)
		m[numbers() % 60000] += (unsigned long)i;
	for (auto &[key, value] : m)
		sum = sum * 31 + key + value;
	return (long)(sum >> 1);
}

static long hashed_map()
{
	std::unordered_map<std::string, std::vector<int>> m;
	for (int i = 0; i < 150000; i++)
		m[std::to_string(numbers() % 20000)].push_back(i);
	return std::accumulate(m.begin(), m.end(), 0l, [](long sum, auto &entry) { return sum + entry.second.back(); });
}

struct shape { virtual ~shape() {} virtual double area() const = 0; };
struct square : shape { double a; explicit square(double a) : a(a) {} double area() const override { return a * a; } };
struct circle : shape { double r; explicit circle(double r) : r(r) {} double area() const override { return 3 * r * r; } };
struct ring : circle { double inner; ring(double r, double inner) : circle(r), inner(inner) {} double area() const override { return circle::area() - 3 * inner * inner; } };

static long virtual_calls()
{
	std::vector<std::unique_ptr<shape>> shapes;
	double sum = 0;
	for (int i = 0; i < 1000; i++)
		if (unsigned long n = numbers() % 3; n == 0)
			shapes.push_back(std::make_unique<square>(i));
		else if (n == 1)
			shapes.push_back(std::make_unique<circle>(i));
		else
			shapes.push_back(std::make_unique<ring>(i, i / 2));
	for (int round = 0; round < 8000; round++)
		for (auto &s : shapes)
			sum += s->area();
	return (long)(sum / 1e6);
}

static long functions()
{
	std::vector<std::function<long(long)>> steps;
	long n = 1;
	for (long i = 0; i < 64; i++)
		steps.push_back(i % 2 ? std::function<long(long)>([i](long x) { return x * 3 + i; }) : [i](long x) { return x ^ (x >> (i % 7 + 1)); });
	for (int round = 0; round < 100000; round++)
		for (auto &step : steps)
			n = step(n) & 0xffffffffff;
	return n;
}

static long shared_pointers()
{
	struct node { std::shared_ptr<node> next; long value; };
	long sum = 0;
	for (int round = 0; round < 40; round++) {
		std::shared_ptr<node> list;
		for (long i = 0; i < 20000; i++)
			list = std::make_shared<node>(node{list, i});
		for (auto at = list; at; at = at->next)
			sum += at->value;
		while (list)            // one by one: not a recursion as long as the list
			list = std::exchange(list->next, nullptr);
	}
	return sum;
}

static long streams()
{
	long sum = 0;
	for (int i = 0; i < 60000; i++) {
		std::ostringstream out;
		out << i << ' ' << i * 0.5 << " word";
		std::istringstream in(out.str());
		long n;
		double d;
		std::string w;
		in >> n >> d >> w;
		sum += n + (long)d + (long)w.size();
	}
	return sum;
}

static long expressions()
{
	static const std::regex date("(\\d{4})-(\\d{2})-(\\d{2})T?([a-z]*)");
	std::string text;
	long sum = 0;
	for (int i = 0; i < 20000; i++)
		text += std::to_string(i) + " 2026-11-" + std::to_string(10 + i % 20) + "Tnoon, ";
	for (auto at = std::sregex_iterator(text.begin(), text.end(), date); at != std::sregex_iterator(); ++at)
		sum += at->position(3) + at->str(4).size();
	return sum;
}

static long matrices()
{
	const int n = 440;
	std::vector<std::vector<double>> a(n, std::vector<double>(n, 1.5)), b = a, c(n, std::vector<double>(n));
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++) {
			a[i][j] += i;
			double sum = 0;
			for (int k = 0; k < n; k++)
				sum += a[i][k] * b[k][j];
			c[i][j] = sum;
		}
	return (long)c[n - 1][n - 1];
}

struct counted { long &n; explicit counted(long &n) : n(n) {} ~counted() { n++; } };
__attribute__((noinline)) static int deeper(int n, long &ended)
{
	counted c(ended);
	if (n == 0)
		throw std::runtime_error("bottom");
	return deeper(n - 1, ended) + 1;
}

// 20,000 exceptions, each through ten frames that clean up.
static long exceptions()
{
	long ended = 0;
	for (int i = 0; i < 20000; i++)
		try { ended += deeper(9, ended); } catch (const std::exception &e) { ended += e.what()[0] == 'b'; }
	return ended;
}

int main()
{
	static const struct { const char *name; long (*part)(); } parts[] = {
		{"sort_numbers", sort_numbers}, {"sort_strings", sort_strings}, {"map", ordered_map}, {"unordered_map", hashed_map},
		{"virtual_calls", virtual_calls}, {"functions", functions}, {"shared_ptr", shared_pointers}, {"streams", streams},
		{"regex", expressions}, {"matrices", matrices}, {"exceptions", exceptions},
	};
	for (auto &[name, part] : parts) {
		timespec from, to;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		long result = part();
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		std::printf("%s %.6f %ld\n", name, (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9, result);
	}
}
