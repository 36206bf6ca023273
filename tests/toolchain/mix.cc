// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 the Carrel authors
//
// C++ by carrel-c++ does what it does natively: exceptions through all sorts of frames, and the standard library. Prints what has to
// be the same.
#include <alloca.h>
#include <algorithm>
#include <any>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <typeinfo>
#include <unordered_map>
#include <variant>
#include <vector>
#include <csetjmp>
#include <unwind.h>

static void say(const char *what, long n) { std::cout << what << ": " << n << "\n"; }

struct tracer {
	const char *name;
	int n;
	tracer(const char *name, int n) : name(name), n(n) {}
	~tracer() { std::cout << "~" << name << n << (std::uncaught_exceptions() ? "!" : "") << " "; }
};
struct base { virtual ~base() {} virtual int id() const { return 1; } };
struct left : virtual base { int id() const override { return 2; } };
struct right : virtual base {};
struct both : left, right { int id() const override { return 4; } };
struct my_error : std::runtime_error {
	int code;
	my_error(const std::string &what, int code) : std::runtime_error(what), code(code) {}
};

// Frames of all sorts between throw and catch.
__attribute__((noinline)) static int deep(int n, int at)
{
	tracer *t = n % 500 == 0 ? new tracer("deep", n) : nullptr;
	std::unique_ptr<tracer> owned(t);
	if (n == at)
		throw my_error("deep " + std::to_string(n), n);
	return deep(n + 1, at) + 1;
}
__attribute__((noinline)) static int with_alloca(int n)
{
	tracer t("alloca", n);
	volatile char *room = (volatile char *)alloca(n * 100 + 16);
	room[n] = (char)n;
	if (n == 0)
		throw n + 7;
	return with_alloca(n - 1) + room[n];
}
__attribute__((noinline)) static int aligned(int n)
{
	alignas(64) volatile char room[256];
	tracer t("aligned", n);
	room[n] = (char)n;
	if ((unsigned long)room % 64)
		std::cout << "not aligned\n";
	if (n == 0)
		throw std::string("aligned");
	return aligned(n - 1) + room[n];
}
__attribute__((noinline)) static int large(int n)
{
	volatile char room[200000];
	tracer t("large", n);
	room[n] = (char)n;
	room[sizeof room - 1 - n] = (char)n;
	if (n == 0)
		throw 3.5;
	return large(n - 1) + room[n];
}
__attribute__((noinline)) static int many_arguments(int a, int b, int c, int d, int e, int f, int g, int h, int i, std::string s)
{
	tracer t("many", a + b + c + d + e + f + g + h + i);
	if (a == 0)
		throw s;
	return many_arguments(a - 1, b, c, d, e, f, g, h, i, s + "x") + i;
}
static int compare(const void *a, const void *b)
{
	static int calls;
	if (++calls == 5)
		throw calls;
	return *(const int *)a - *(const int *)b;
}
static int rethrow_chain(int n)
{
	try {
		tracer t("chain", n);
		if (n == 0)
			throw my_error("bottom", 99);
		return rethrow_chain(n - 1);
	} catch (my_error &e) {
		e.code++;
		throw;
	}
}
static void nested(int n)
{
	try {
		if (n == 0)
			throw std::out_of_range("innermost");
		nested(n - 1);
	} catch (...) {
		std::throw_with_nested(std::runtime_error("level " + std::to_string(n)));
	}
}
static void tell(const std::exception &e, int depth)
{
	std::cout << std::string(depth, ' ') << e.what() << "\n";
	try {
		std::rethrow_if_nested(e);
	} catch (const std::exception &inner) {
		tell(inner, depth + 1);
	}
}
struct throwing_member {
	tracer first{"member", 1};
	struct bad { bad() { throw std::logic_error("constructor"); } } second;
};
static int function_try(int n)
try {
	if (n)
		throw n;
	return 0;
} catch (int caught) {
	return caught * 2;
}
static int guarded(bool fail)
{
	struct once { once(bool fail) { if (fail) throw 5; } };
	static once the(fail);
	return 1;
}
static _Unwind_Reason_Code count_frame(_Unwind_Context *context, void *count)
{
	if (_Unwind_GetIP(context))
		++*(int *)count;
	return _URC_NO_REASON;
}
__attribute__((noinline)) static int frames(int n)
{
	int count = 0;
	if (n) {
		count = frames(n - 1);
		__asm__ volatile("" : "+r"(count));
		return count;
	}
	_Unwind_Backtrace(count_frame, &count);
	return count;
}
struct cleanup_in_loop {
	static int alive;
	cleanup_in_loop() { alive++; }
	~cleanup_in_loop() { alive--; }
};
int cleanup_in_loop::alive;
thread_local tracer of_thread("thread-local", 0);
static tracer of_program("static", 1);

static void exceptions()
{
	try { deep(0, 3000); } catch (my_error &e) { std::cout << e.what() << "\n"; say("code", e.code); }
	try { with_alloca(9); } catch (int n) { say("alloca", n); }
	try { aligned(5); } catch (std::string &s) { std::cout << s << "\n"; }
	try { large(4); } catch (double d) { std::cout << d << "\n"; }
	try { many_arguments(3, 1, 2, 3, 4, 5, 6, 7, 8, "s"); } catch (std::string &s) { std::cout << s << "\n"; }
	try {
		int numbers[] = {5, 3, 9, 1, 7, 2, 8};
		qsort(numbers, 7, sizeof numbers[0], compare);
	} catch (int n) { say("through qsort", n); }
	try { rethrow_chain(5); } catch (std::exception &e) { say(e.what(), dynamic_cast<my_error &>(e).code); }
	try { nested(3); } catch (std::exception &e) { tell(e, 0); }
	try { throwing_member m; } catch (std::logic_error &e) { std::cout << e.what() << "\n"; }
	say("function try", function_try(21) + function_try(0));
	for (int i = 0; i < 3; i++)
		try { say("guarded", guarded(i < 2)); } catch (int n) { say("guard failed", n); }
	say("frames", frames(30) - frames(10));
	try { std::vector<int>().at(3); } catch (std::out_of_range &) { std::cout << "out of range\n"; }
	try { (void)std::stoi("none"); } catch (std::invalid_argument &e) { std::cout << e.what() << "\n"; }
	try { dynamic_cast<both &>(*std::make_unique<left>()); } catch (std::bad_cast &) { std::cout << "bad cast\n"; }
	try { throw both(); } catch (base &b) { say("virtual base", b.id()); }
	try { std::any_cast<int>(std::any(1.5)); } catch (std::bad_any_cast &) { std::cout << "bad any\n"; }
	try { (void)std::get<int>(std::variant<int, double>(2.5)); } catch (std::bad_variant_access &) { std::cout << "bad variant\n"; }
	try { std::function<void()>()(); } catch (std::bad_function_call &) { std::cout << "bad function\n"; }
	try { std::vector<char> much(1ul << 40); } catch (std::bad_alloc &) { std::cout << "bad alloc\n"; }
	long sum = 0;
	for (int i = 0; i < 20000; i++)
		try {
			cleanup_in_loop a, b;
			if (i % 3)
				throw i;
			sum++;
		} catch (int n) { sum += n; }
	say("sum", sum);
	say("alive", cleanup_in_loop::alive);
	std::exception_ptr kept;
	std::thread([&] { try { deep(0, 40); } catch (...) { kept = std::current_exception(); } }).join();
	try { std::rethrow_exception(kept); } catch (my_error &e) { std::cout << "from a thread: " << e.what() << "\n"; }
	auto future = std::async(std::launch::async, [] { if (deep(0, 20)) return 1; return 2; });
	try { future.get(); } catch (my_error &e) { std::cout << "from a future: " << e.what() << "\n"; }
	std::atomic<long> caught{0};
	std::vector<std::thread> threads;
	std::cout.setstate(std::ios::failbit);          // what the tracers would say, in no order
	for (int t = 0; t < 4; t++)
		threads.emplace_back([&, t] {
			for (int i = 0; i < 2000; i++)
				try { with_alloca(0); } catch (int n) { caught += n * t; }
		});
	for (auto &t : threads)
		t.join();
	std::cout.clear();
	say("caught by threads", caught);
	static jmp_buf back;
	if (int n = setjmp(back))
		say("longjmp beside exceptions", n);
	else
		try { throw 1; } catch (int) { longjmp(back, 12); }
}

static void library()
{
	std::map<std::string, int> words;
	std::istringstream text("the quick brown fox jumps over the lazy dog the end");
	for (std::string w; text >> w;)
		words[w]++;
	for (auto &[word, n] : words)
		std::cout << word << "=" << n << " ";
	std::cout << "\n" << std::setprecision(17) << 0.1 << " " << std::scientific << 12345.678 << " " << std::hex << 255 << std::dec << std::defaultfloat << "\n";
	std::cout << std::regex_replace("2026-11-27 and 1999-01-02", std::regex("(\\d+)-(\\d+)-(\\d+)"), "$3.$2.$1") << "\n";
	std::mt19937_64 random(42);
	std::vector<unsigned long> numbers(100000);
	std::generate(numbers.begin(), numbers.end(), random);
	std::sort(numbers.begin(), numbers.end());
	say("sorted", std::is_sorted(numbers.begin(), numbers.end()));
	std::cout << numbers.front() << " " << numbers.back() << " " << std::accumulate(numbers.begin(), numbers.end(), 0ul) << "\n";
	std::unordered_map<std::string, std::list<int>> table;
	for (int i = 0; i < 5000; i++)
		table[std::to_string(i % 97)].push_back(i);
	say("buckets' sum", std::accumulate(table.begin(), table.end(), 0l, [](long s, auto &p) { return s + p.second.back(); }));
	namespace fs = std::filesystem;
	fs::path top = fs::temp_directory_path() / ("mix-cc-" + std::to_string(std::random_device()()));
	fs::create_directories(top / "a" / "b");
	std::ofstream(top / "a" / "file") << "content\n" << 3.25;
	std::set<std::string> found;
	for (auto &entry : fs::recursive_directory_iterator(top))
		found.insert(fs::relative(entry.path(), top).string());
	for (auto &name : found)
		std::cout << name << " ";
	std::ifstream in(top / "a" / "file");
	std::string line;
	double number;
	std::getline(in, line);
	in >> number;
	std::cout << line << " " << number << " " << fs::file_size(top / "a" / "file") << " " << fs::remove_all(top) << "\n";
	try { (void)fs::file_size("/nowhere/at/all"); } catch (fs::filesystem_error &e) { std::cout << e.code().message() << "\n"; }
	std::mutex mutex;
	std::condition_variable turn;
	int whose = 0;
	std::string ping;
	std::thread other([&] {
		for (int i = 0; i < 100; i++) {
			std::unique_lock lock(mutex);
			turn.wait(lock, [&] { return whose == 1; });
			ping += 'o', whose = 0;
			turn.notify_one();
		}
	});
	for (int i = 0; i < 100; i++) {
		std::unique_lock lock(mutex);
		turn.wait(lock, [&] { return whose == 0; });
		ping += 'i', whose = 1;
		turn.notify_one();
	}
	other.join();
	std::cout << ping.substr(0, 6) << " " << ping.size() << "\n";
	std::once_flag once;
	int times = 0;
	for (int i = 0; i < 3; i++)
		std::call_once(once, [&] { times++; });
	say("once", times);
	char digits[32];
	auto end = std::to_chars(digits, digits + sizeof digits, 1.0 / 3).ptr;
	std::cout << std::string(digits, end) << " " << std::boolalpha << std::optional<int>(3).has_value() << "\n";
	std::wostringstream wide;
	wide << L"wide " << 12 << std::endl;
	say("wide", wide.str().size());
	using namespace std::chrono_literals;
	auto start = std::chrono::steady_clock::now();
	std::this_thread::sleep_for(5ms);
	say("slept", std::chrono::steady_clock::now() - start >= 5ms);
	say("thread-local", of_thread.n);
}

static void last_words()
{
	std::cout << "terminate: ";
	try { throw; } catch (std::exception &e) { std::cout << e.what() << std::endl; }
	_Exit(7);
}

int main(int count, char **)
{
	std::ios::sync_with_stdio(count > 1);
	exceptions();
	library();
	std::cout << std::flush;
	std::set_terminate(last_words);
	[]() noexcept { throw std::runtime_error("out of noexcept"); }();
}
