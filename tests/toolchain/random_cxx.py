# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# A random C++ program without undefined behaviour (and a file of C that it calls through) whose exceptions cross frames of all sorts: large,
# aligned and variable ones, many and variable arguments, virtual calls, lambdas, function try blocks, tables of switches, constructors and
# destructors that throw, C with cleanups, threads; with values in registers and vectors across. It prints what it sees on the way.
import random

HEAD = r"""#include <csetjmp>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <pthread.h>
typedef unsigned long u64; typedef unsigned char u8;
typedef int Int4 __attribute__((vector_size(16))); typedef long Long4 __attribute__((vector_size(32)));
struct Big { u64 a[%d]; };
#define OPAQUE __attribute__((noipa)) static
static thread_local u64 trace = 1; static thread_local long fuel, quiet, lines;
static thread_local std::exception_ptr kept;
static thread_local jmp_buf back; static void *volatile sink;
OPAQUE void say(const char *what, u64 n) { trace = trace * 1099511628211 + n * 31 + (u8)what[0]; if (!quiet && lines++ < 2000) printf("%%s %%lx\n", what, n); }
struct Other { u64 m = 77; virtual ~Other() {} };
struct E0 { u64 n; E0(u64 n) : n(n) {} virtual u64 id() const { return n; } virtual ~E0() {} };
struct E1 : E0 { E1(u64 n) : E0(n * 3) {} u64 id() const { return n + 1; } };
struct E2 : virtual E0 { E2(u64 n) : E0(n * 5) {} u64 id() const { return n + 2; } };
struct E3 : Other, E1 { E3(u64 n) : E1(n) {} u64 id() const { return n + m; } ~E3() { say("~E3", n); } };
struct E4 : E2, E1 { E4(u64 n) : E0(n), E2(n), E1(n) {} u64 id() const { return 4; } };
struct Guard { u64 &r; u64 n; Guard(u64 &r, u64 n) : r(r), n(n) {} ~Guard() { r = r * 3 + n; say("~Guard", r); } };
struct Value { u64 n; Value(u64 n) : n(n) {} Value(const Value &o) : n(o.n + 1) {} ~Value() { say("~Value", n); } };
OPAQUE void thrower(u64 n) { if ((n & 7) == 1) throw (int)(n & 255); if ((n & 15) == 2) throw E3(n); }
struct Deep { u64 n; Deep(u64 n) : n(n) {} ~Deep() { Value v(n); try { Value w(n * 2); thrower(n); } catch (int i) { say("deep", i); } catch (E0 &e) { say("deep", e.id()); } } };
struct Loud { u64 n; Loud(u64 n) : n(n) {} ~Loud() noexcept(false) { say("~Loud", n); if (!std::uncaught_exceptions() && n %% 7 == 0) throw E1(n); } };
struct Half { Value v; Deep d; Half(u64 n) : v(n), d(n >> 2) { if ((n & 7) == 1) throw E2(n); } };
OPAQUE void touch(void *p, u64 n) { for (u64 i = 0; i < n; i += 61) ((volatile u8 *)p)[i] += (u8)(i + n); sink = p; }
OPAQUE u64 sum(void *p, u64 n) { u64 s = 0; for (u64 i = 0; i < n; i++) s = s * 31 + ((u8 *)p)[i]; return s; }
OPAQUE u64 words(int n, ...) { va_list l; u64 s = 0; va_start(l, n); while (n--) s = s * 7 + va_arg(l, u64); va_end(l); if (s %% 11 == 0) throw E1(s); return s; }
OPAQUE Value made(u64 n) { Value v(n); if ((n & 7) == 1) throw (u64)n; return v; }
OPAQUE Big large(Big b, u64 n) { Deep d(n >> 3); b.a[1] += n; if ((n & 7) == 1) throw b; return b; }
OPAQUE u64 takes(Value v, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g) { if ((g & 7) == 1) throw E2(v.n); return v.n + a + b * 2 + c * 3 + d * 4 + e * 5 + f * 6 + g * 7; }
OPAQUE void again() { throw; }
OPAQUE void jump(int n, u64 x) { u8 b[300]; memset(b, n, 300); sink = b; if (!n) longjmp(back, (int)(x & 7) + 1); jump(n - 1, x + b[3]); sink = 0; }
OPAQUE u64 setter(u64 n) { volatile u64 k = n; int how = setjmp(back); if (!how) jump((int)(n & 7), n); return k * 9 + (u64)how; }
extern "C" u64 c_through(u64 (*)(void *, u64), void *, u64 n, u64 *seen);
extern "C" int c_sort(int *n, u64 count, int (*f)(const void *, const void *));
static int compare(const void *a, const void *b) { int x = *(const int *)a, y = *(const int *)b; if (x + y == 40) throw x; return x < y ? -1 : x > y; }
"""
C = r"""#include <string.h>
typedef unsigned long u64;
struct seen { u64 *to, n; };
static void end(struct seen *s) { *s->to = *s->to * 7 + s->n; }
static __attribute__((noinline)) u64 inner(u64 (*f)(void *, u64), void *p, u64 n, u64 a, u64 b, u64 c, u64 d, u64 *seen)
{
	__attribute__((cleanup(end))) struct seen s = {seen, n + a};
	char *m = __builtin_alloca((n & %d) + 1), w[%d] __attribute__((aligned(64)));
	m[0] = (char)n;
	memset(w, (int)n, sizeof w);
	u64 r = f(p, n) + a * 2 + b * 3 + c * 5 + d * 7;
	s.n += (u64)m[0] + (u64)w[5];
	return r + s.n;
}
u64 c_through(u64 (*f)(void *, u64), void *p, u64 n, u64 *seen)
{
	__attribute__((cleanup(end))) struct seen s = {seen, n};
	u64 r = n & 4 ? inner(f, p, n, n * 3, n ^ 5, n + 9, n >> 3, seen) : f(p, n);
	return r * 3;
}
int c_sort(int *n, u64 count, int (*f)(const void *, const void *))
{
	for (u64 i = 1; i < count; i++)
		for (u64 j = i; j && f(&n[j - 1], &n[j]) > 0; j--) { int t = n[j]; n[j] = n[j - 1]; n[j - 1] = t; }
	return n[0];
}
"""
SIZES = [8, 24, 64, 200, 1000, 5000, 17000, 33000, 50000]
ARGUMENTS = list("abcdpqrs")
THROWN = ["E0({})", "E1({})", "E2({})", "E3({})", "E4({})", "(int)({} & 1023)", "(u64)({})", '(const char *)"text"', "Big{{{{{}, 2, 3}}}}", "(double)({} & 255)"]
CAUGHT = [("E0 &x", "x.id()"), ("E0 x", "x.id()"), ("const E1 &x", "x.id()"), ("E2 &x", "x.id()"), ("Other &x", "x.m"), ("int x", "(u64)x"), ("E3 x", "x.id()"),
          ("u64 x", "x"), ("const char *x", "(u64)x[0]"), ("Big &x", "x.a[0]"), ("Big x", "x.a[1]"), ("double x", "(u64)x"), ("E2 x", "x.id()")]


class Function:
    """One function of the program; `earlier` are those it may call."""

    def __init__(self, source, number, earlier):
        self.r, self.number, self.earlier, self.labels = source, number, earlier, 0
        self.variables = ARGUMENTS + [f"v{i}" for i in range(source.randint(2, 16))]
        self.arrays = [(f"array{i}", source.choice(SIZES)) for i in range(source.randint(0, 2))]
        self.kind = source.choice(["plain", "plain", "plain", "variable", "big", "virtual", "vector", "pointer"])
        self.kept = source.random() < 0.15

    def name(self):
        return self.r.choice(self.variables)

    def all(self):
        """Every variable there is."""
        parts = [f"{v} * {2 * i + 1}" for i, v in enumerate(self.variables)] + ["(u64)dd", "(u64)xx", "(u64)(unsigned)(vec[1] + vec[3])", "(u64)(wide[0] + wide[3])", "big.a[0]"]
        return " + ".join(parts + [f"{array}[{size} / 2]" for array, size in self.arrays])

    def expression(self, depth=0):
        kind = self.r.randint(0, 8)
        if depth > 2 or kind < 3:
            return self.name()
        if kind == 3:
            return f"{self.r.randint(0, 1 << 33)}ul"
        if kind == 4 and self.arrays:
            array, size = self.r.choice(self.arrays)
            return f"(u64){array}[{self.expression(depth + 1)} % {size}]"
        if kind == 5:
            return f"({self.expression(depth + 1)} < {self.name()} ? {self.name()} : {self.expression(depth + 1)})"
        if kind == 6:
            return f"big.a[{self.name()} % 3]"
        return f"({self.expression(depth + 1)} {self.r.choice('+-*^|&+')} {self.expression(depth + 1)})"

    def throw(self):
        return "throw " + self.r.choice(THROWN).format(self.expression(2)) + ";"

    def call(self):
        kind, name = self.r.choice(self.earlier)
        values = ", ".join(self.expression(1) for _ in ARGUMENTS)
        return {"variable": f"{name}(depth - 1, {values})", "big": f"{name}(big, {values}, depth - 1)", "virtual": f"{name}_object->call({values}, depth - 1)",
                "vector": f"{name}(vec, dd, xx, {values}, depth - 1)", "pointer": f"{name}_pointers[{self.name()} & 1]({values}, depth - 1)"}.get(
                    kind, f"{name}({values}, depth - 1)")

    def handlers(self, depth):
        r, some = self.r, self.r.sample(CAUGHT, self.r.randint(1, 4))
        if r.random() < 0.5:
            some.append(("...", "1"))
        out = ""
        for what, value in some:
            body = f'say("caught {what}", {value} + {self.all()});' if r.random() < 0.6 else f"{self.name()} ^= {value};"
            if r.random() < 0.4:
                body += " " + self.statement(depth + 2)
            body += r.choice(["", "", "", " throw;", " again();", f" {self.throw()}", " goto out;", " return 3;", " kept = std::current_exception();",
                              f" if ({self.name()} & 1) throw;"])
            out += f" catch ({what}) {{ {body} }}"
        return out

    def statement(self, depth):
        """C++ text of a random statement."""
        r, e, v = self.r, self.expression, self.name
        self.labels += 1
        n, kind = self.labels, r.randint(4, 36) if depth < 4 else r.randint(0, 5)
        array, size = r.choice(self.arrays) if self.arrays else ("(u8 *)&big", 8)
        kind = {9: 8, 10: 8, 11: 8, 12: 8, 17: 17 * bool(self.earlier), 18: 17 * bool(self.earlier), 19: 17 * bool(self.earlier), 33: 33 * bool(self.arrays)}.get(kind, kind)
        count, leave = r.randint(1, 12), r.choice(["", f"if ({v()} & 1) continue;", f"if (({v()} & 7) == 3) break;"])
        forms = {
            7: lambda: f"for (u64 i{n} = 0; i{n} < {r.randint(0, 4)} + ({v()} & 3); i{n}++) {{ {self.block(depth + 1)} {leave} {self.statement(4)} }}",
            20: lambda: f"{v()} = words({count}, {', '.join(e(1) for _ in range(count))});",
            21: lambda: f"try {{ switch ({e()} & 7) {{ {' '.join(self.case(i, depth) for i in range(8))} }} }}{self.handlers(depth)}",
            4: lambda: f"if (({e()} & 31) == {r.randint(0, 31)}) {self.throw()}",
            5: lambda: f"thrower({e()} & 255);",
            6: lambda: f"if ({e()} {r.choice(['<', '>', '==', '!='])} {e()}) {{ {self.block(depth + 1)} }} else {{ {self.block(depth + 1)} }}",
            8: lambda: f"try {{ {self.block(depth + 1)} }}{self.handlers(depth)}",
            13: lambda: f"{{ Guard g({v()}, {e()}); {self.block(depth + 1)} }}",
            14: lambda: f"{{ {r.choice(['Value', 'Deep', 'Loud'])} o({e()}); {self.block(depth + 1)} }}",
            15: lambda: f"{{ u8 *space = (u8 *)alloca({e()} % {r.choice([30, 500, 4000])} + 1); space[0] = (u8){v()}; sink = space; {self.statement(depth + 1)} {v()} ^= sum(space, 1); }}",
            16: lambda: (f"{{ u64 n{n} = {e()} % {r.choice([30, 500, 20000])} + 2; u8 w[n{n}]; w[0] = (u8){v()}; w[n{n} - 1] = (u8){v()}; touch(w, 1); "
                        f"{self.block(depth + 1)} {v()} += w[0] * 3 + w[n{n} - 1]; }}"),
            17: lambda: f"{v()} ^= {self.call()};",
            22: lambda: (f"{{ auto f{n} = [&](u64 z) -> u64 {{ Guard g({v()}, z); if ((z & 3) == 1) {self.throw()} {v()} += z; return z * 3; }}; "
                        f"try {{ {v()} += f{n}({e()}); {self.statement(depth + 2)} }}{self.handlers(depth)} }}"),
            23: lambda: (f"{{ auto f{n} = [&](u64 z) -> u64 {{ Value o(z); thrower(z >> 1); {v()} += z; return z * 3; }}; typedef decltype(f{n}) F{n}; u64 seen = {e()}; "
                        f"try {{ {v()} += c_through([](void *f, u64 z) {{ return (*(F{n} *)f)(z); }}, &f{n}, {e()} & 255, &seen); }}{self.handlers(depth)} say(\"seen\", seen); }}"),
            24: lambda: f"{{ Value o = made({e()}); {v()} += o.n; {self.statement(depth + 1)} }}",
            25: lambda: f"big = large(big, {e()});",
            26: lambda: f"{v()} = takes({r.choice([f'Value({e()})', f'made({e()})'])}, {', '.join(e(1) for _ in range(7))});",
            27: lambda: f"dd = dd * 0.5 + (double)({e()} & 1023); xx = xx * 0.25L + (long double)({e()} & 4095); vec = vec * 3 + (int)({v()} & 4095); wide = wide + (long)({v()} & 65535);",
            28: lambda: f"if (kept && ({v()} & 1)) {{ std::exception_ptr now = kept; kept = nullptr; std::rethrow_exception(now); }}",
            29: lambda: f"{{ Half *h = new Half({e()}); {v()} ^= h->v.n; delete h; }}",
            30: lambda: f"{{ Half h[2] = {{Half({e()}), Half({e()})}}; {v()} ^= h[1].v.n; }}",
            31: lambda: f"{v()} += setter({e()});",
            32: lambda: f"{{ int n[8]; for (int i = 0; i < 8; i++) n[i] = (int)(({e()} + i * 7) & 31); {v()} += (u64)c_sort(n, 8, compare); }}",
            33: lambda: f"touch({array}, {size}); {v()} += sum({array}, {min(size, 300)});",
            34: lambda: f"{{ struct Once {{ Once(u64 n) {{ throw n; }} }}; try {{ static Once once({e()}); }} catch (u64 x) {{ {v()} += x; }} }}",
            35: lambda: f"if (({v()} & 15) == 3) goto out;",
        }
        return forms.get(kind, lambda: f"{v()} {r.choice(['=', '+=', '^=', '-='])} {e()};")()

    def case(self, i, depth):
        return f"case {i}: {self.statement(depth + 2)} {self.r.choice(['break;', 'break;', ';'])}"

    def block(self, depth):
        return " ".join(self.statement(depth) for _ in range(self.r.randint(1, 4)))

    def text(self):
        r, n, values = self.r, self.number, [x for x in self.variables if x not in ARGUMENTS]
        given = ", ".join("u64 " + a for a in ARGUMENTS) + ", int depth"
        head = {"variable": f"f{n}(int depth, u64 a, ...)", "big": f"f{n}(Big b0, {given})", "vector": f"f{n}(Int4 v, double d0, long double x0, {given})"}.get(self.kind, f"f{n}({given})")
        lines = [f"{r.choice(['', '__attribute__((noinline))', '__attribute__((noipa))'])} static u64 {head} {'noexcept try' if self.kept else ''} {{"]
        if self.kind == "variable":
            lines += ["va_list l; va_start(l, a);"] + [f"u64 {a} = va_arg(l, u64);" for a in ARGUMENTS[1:]] + ["va_end(l);"]
        lines += [f"u64 {v} = a * {r.randint(1, 99)} + (b ^ {r.randint(1, 9999)});" for v in values]
        lines += [f"double dd = {'d0' if self.kind == 'vector' else '(double)(b & 255)'}; long double xx = {'x0' if self.kind == 'vector' else '(long double)(c & 255)'};"]
        lines += [f"Int4 vec = {'v' if self.kind == 'vector' else '{(int)(a & 255), 2, 3, 4}'}; Long4 wide = {{1, (long)(b & 4095), 3, 4}};"]
        lines += ["Big big = b0;" if self.kind == "big" else "Big big = {{a, b, c}};"]
        lines += [f"u8 {array}[{size}] {r.choice(['', '', '__attribute__((aligned(32)))', '__attribute__((aligned(128)))'])}; "
                  f"memset({array}, (int){self.name()}, {size});" for array, size in self.arrays]
        lines += [f"if (depth <= 0 || --fuel < 0) {{ if ((a ^ b) & 1) {self.throw()} return a + c; }}"]
        lines += [self.statement(0) for _ in range(r.randint(3, 8))]
        lines += ["out:;", f"u64 result = {self.all()};"]
        tail = self.call() if self.earlier and r.random() < 0.4 else "result"
        lines += [f"return {tail};", f'}} catch (...) {{ say("kept in", {n}); return 5; }}' if self.kept else "}"]
        if self.kind == "virtual":
            lines += [f"struct S{n} {{ virtual u64 call({given}) {{ return 1; }} }}; struct T{n} : Other, S{n} {{ u64 call({given}) {{ return f{n}({', '.join(ARGUMENTS)}, depth) + m; }} }};",
                      f"static T{n} t{n}; static S{n} *volatile f{n}_object = &t{n};"]
        if self.kind == "pointer":
            lines += [f"static u64 other_f{n}({given}) {{ Value o(a); return f{n}(b, a, {', '.join(ARGUMENTS[2:])}, depth); }}",
                      f"static u64 (*volatile f{n}_pointers[])({given}) = {{f{n}, other_f{n}}};"]
        return "\n\t".join(lines) + "\n"


MAIN = r"""
static void guarded(u64 n, u64 &s) { try { fuel = %d; s = top(n, s); } catch (E0 &e) { s = e.id(); } catch (int i) { s = (u64)i; } catch (...) { s ^= 99; } }
static void *thread(void *p) { u64 &s = *(u64 *)p; quiet = 1; for (u64 n = 0; n < 3; n++) guarded(n * 5 + s, s); s ^= trace; kept = nullptr; return p; }
int main()
{
	u64 s = 1, t[3] = {1, 2, 3};
	for (u64 n = 0; n < 6; n++) { guarded(n, s); say("main", s); }
	pthread_t id[3]; pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 4 << 20);
	for (int i = 0; i < 3; i++) pthread_create(&id[i], &a, thread, &t[i]);
	for (int i = 0; i < 3; i++) { pthread_join(id[i], 0); say("thread", t[i]); }
	kept = nullptr;
	printf("trace %%lx\n", trace);
	std::set_terminate([] { printf("terminate %%lx\n", trace); fflush(stdout); _Exit(7); });
	%s
}
"""
ENDS = ["return 0;", "Value v(s); throw E3(s);", "[&]() noexcept { Value v(s); thrower((s | 7) - 6); }();", "try { throw E3(s); } catch (E1 &) { static Value v(s); exit(3); }",
        "struct Bad { ~Bad() { throw 1; } }; try { Bad b; throw 2; } catch (int) { }"]


def program(seed):
    """C++ and C."""
    source = random.Random(seed)
    parts, earlier = [HEAD % source.choice([3, 8, 40])], []
    for number in range(source.randint(3, 6)):
        function = Function(source, number, list(earlier))
        parts.append(function.text())
        earlier.append((function.kind, f"f{number}"))
    last = Function(source, 99, earlier)
    last.variables, last.arrays, calls = ["n", "s"], [], []
    for one in earlier:
        last.earlier = [one]
        calls.append(f"try {{ s = s * 31 + {last.call()}; }} catch (u64 x) {{ s += x; }}")
    parts.append("static u64 top(u64 n, u64 s) { int depth = 5; Big big = {{n, s, 3}}; double dd = 3; long double xx = 4; Int4 vec = {1, 2, 3, 4}; Guard g(s, n);\n\t"
                 + "\n\t".join(calls) + "\n\treturn s; }")
    parts.append(MAIN % (source.choice([30, 100, 300]), source.choice(ENDS)))
    return "\n".join(parts), C % (source.choice([15, 4095]), source.choice([16, 5000, 40000]))
