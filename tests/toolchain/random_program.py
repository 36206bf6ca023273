# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# A random C program without undefined behaviour that uses what is hard about a stack: frames of all sizes, alloca and variable arrays left
# by goto, aligned and large locals, many and variable arguments, structs by value, computed gotos, switches that add nothing up, nested
# functions, thread-local pointers to locals, 128-bit and x87 values, longjmp. It prints checksums.
import random

HEAD = """#include <alloca.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
typedef unsigned long u64;
typedef unsigned char u8;
struct big { u64 a[%d]; };
static void *volatile sink, *pointers[8];
static __thread void *local, *locals[4];
static __thread u64 counted = 3;
static jmp_buf back;
#define OPAQUE __attribute__((noipa)) static
OPAQUE void touch(void *p, u64 n) { for (u64 i = 0; i < n; i += 61) ((volatile u8 *)p)[i] += (u8)(i + n); sink = p; }
OPAQUE u64 sum(void *p, u64 n) { u64 s = 0; for (u64 i = 0; i < n; i++) s = s * 31 + ((u8 *)p)[i]; return s; }
OPAQUE u64 words(int n, ...) { va_list l; u64 s = 0; va_start(l, n); while (n--) s = s * 7 + va_arg(l, u64); va_end(l); return s; }
OPAQUE double doubles(int n, ...) { va_list l; double s = 0; va_start(l, n); while (n--) s = s * 0.5 + va_arg(l, double); va_end(l); return s; }
OPAQUE u64 structs(struct big b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h, struct big i) { return b.a[2] + c * 3 + d * 5 + e * 7 + f * 11 + g * 13 + h * 17 + i.a[0]; }
OPAQUE struct big made(u64 x) { struct big b; for (unsigned i = 0; i < sizeof b.a / 8; i++) b.a[i] = x * i + 1; return b; }
OPAQUE u64 address(u64 x) { char b[64]; sink = b; return (u64)(b + 16) + x * 8; }
OPAQUE void jump(int n, u64 x) { u8 b[300]; memset(b, n, 300); sink = b; if (!n) longjmp(back, (int)(x & 7) + 1); jump(n - 1, x + b[3]); sink = 0; }
"""
SIZES = [8, 24, 60, 64, 200, 1000, 1000, 5000, 17000, 20000, 33000, 70000]
ARGUMENTS = list("abcdegh")


class Function:
    """One function of the program; `earlier` are those it may call."""

    def __init__(self, source, number, earlier):
        self.r, self.number, self.earlier, self.labels = source, number, earlier, 0
        self.variables = ARGUMENTS + [f"v{i}" for i in range(source.randint(2, 16))]
        self.arrays = [(f"array{i}", source.choice(SIZES)) for i in range(source.randint(0, 3))]
        self.nested = source.random() < 0.2

    def name(self):
        return self.r.choice(self.variables)

    def expression(self, depth=0):
        kind = self.r.randint(0, 10)
        if depth > 2 or kind < 3:
            return self.name()
        if kind == 3:
            return f"{self.r.randint(0, 1 << 33)}ul"
        if kind == 4 and self.arrays:
            array, size = self.r.choice(self.arrays)
            return f"(u64){array}[{self.expression(depth + 1)} % {size}]"
        if kind == 5:
            return f"(u64)(u8)(({self.name()}) >> 8)"
        if kind == 6:
            return f"({self.expression(depth + 1)} < {self.name()} ? {self.name()} : {self.expression(depth + 1)})"
        if kind == 7:
            return f"big.a[{self.name()} % 3]"
        return f"({self.expression(depth + 1)} {self.r.choice('+-*^|&+')} {self.expression(depth + 1)})"

    def some(self, least, most, form="{}"):
        count = self.r.randint(least, most)
        return f"{count}, " + ", ".join(form.format(self.expression()) for _ in range(count))

    def statement(self, depth):
        """C text of a random statement."""
        r, e, v = self.r, self.expression, self.name
        self.labels += 1
        n, kind = self.labels, r.randint(0, 27) if depth < 4 else 0
        array, size = r.choice(self.arrays) if self.arrays else ("&big", 8)
        if kind == 6:
            return f"if ({e()} {r.choice(['<', '>', '==', '!='])} {e()}) {{ {self.block(depth + 1)} }} else {{ {self.block(depth + 1)} }}"
        if kind == 7:
            leave = r.choice(["", f"if ({v()} & 1) continue;", f"if (({v()} & 7) == 3) break;"])
            return f"for (u64 i{n} = 0; i{n} < {r.randint(0, 4)} + ({v()} & 3); i{n}++) {{ {self.block(depth + 1)} {leave} {self.statement(4)} }}"
        if kind == 8:
            return (f"{{ u8 *p = alloca({e()} % {r.choice([30, 500, 20000])} + 1); p[0] = 7; touch(p, 1); {v()} += *p; p[0] = (u8){v()}; "
                    f"sink = p; {v()} ^= sum(p, 1); }}")
        if kind == 9:
            leave = f"if ({v()} & 1) goto out;" if r.random() < 0.4 else ""
            return (f"{{ u64 n{n} = {e()} % {r.choice([30, 500, 20000])} + 2; u8 w[n{n}]; w[0] = (u8){v()}; w[n{n} - 1] = (u8){v()}; touch(w, 1); "
                    f"{self.block(depth + 1)} {leave} {v()} += w[0] * 3 + w[n{n} - 1]; }}")
        if kind == 10:
            return f"{v()} = words({self.some(1, 12)});"
        if kind == 11:
            return f"{v()} += (u64)doubles({self.some(1, 12, '(double)(({}) & 255)')}) & 0xffff;"
        if kind == 12 and self.earlier:
            return f"{v()} ^= {r.choice(self.earlier)}({', '.join(e() for _ in ARGUMENTS)}, depth - 1);"
        if kind == 13:
            return f"{v()} += structs(big, {', '.join(e() for _ in range(6))}, big);"
        if kind == 14:
            return f"big = made({e()});"
        if kind == 15 and self.arrays:
            return f"touch({array}, {size}); {v()} += sum({array}, {min(size, 300)});"
        if kind == 16:
            cases = " ".join(f"case {i}: {self.statement(depth + 2)} {r.choice(['break;', 'break;', ';'])}" for i in range(8))
            return f"switch ({e()} & 7) {{ {cases} {r.choice(['', 'default: __builtin_unreachable();'])} }}"
        if kind == 17:
            return (f"{{ u64 z = {e()}; local = &z; locals[{v()} & 3] = &z; pointers[{v()} & 7] = &z; touch(local, 8); {v()} += z; "
                    f"*(u64 *)local += 5; {v()} ^= z; }}")
        if kind == 18 and self.arrays:
            return (f"local = {array}; pointers[1] = {array}; ((u8 *)local)[{v()} % {size}] = (u8){v()}; touch(pointers[1], 8); "
                    f"if (local != (void *){array}) {v()} += 1000;")
        if kind == 19:
            return f"wide = wide * 3 + {e()}; {v()} ^= (u64)(wide >> 17);"
        if kind == 20:
            return f"x87 = x87 * 0.5L + (long double)(({e()}) & 1023); {v()} += (u64)x87;"
        if kind == 21:
            return (f"{{ static void *const t[] = {{&&x{n}a, &&x{n}b, &&x{n}c, &&x{n}d}}; goto *t[{e()} & 3]; "
                    + " ".join(f"x{n}{x}: {v()} += {e()};" for x in "abcd") + " }")
        if kind == 22:
            return f"__atomic_fetch_add(&{v()}, {e()}, __ATOMIC_SEQ_CST);"
        if kind == 23 and self.nested:
            return f"{v()} += inner({e()});"
        if kind == 24:
            return f"((u8 *)&{v()})[1] += (u8)({v()} >> 8);"
        if kind == 25:
            return f"{v()} = __builtin_bswap64({e()}) / (({v()} & 15) + 1) % (({v()} & 255) + 1);"
        if kind == 26:
            return f"counted += {v()}; {v()} = counted;"
        if kind == 27:
            return f"{v()} += address({e()}) - address(0) + ((u64)&big + ({e()}) - (u64)&big);"
        return f"{v()} {r.choice(['=', '+=', '^=', '-='])} {e()};"

    def block(self, depth):
        return " ".join(self.statement(depth) for _ in range(self.r.randint(1, 4)))

    def text(self):
        r, values = self.r, [x for x in self.variables if x not in ARGUMENTS]
        lines = [f"{r.choice(['', '__attribute__((noinline))', '__attribute__((noipa))'])} static u64 f{self.number}("
                 + ", ".join("u64 " + a for a in ARGUMENTS) + ", int depth) {"]
        lines += [f"u64 {v} = a * {r.randint(1, 99)} + (b ^ {r.randint(1, 9999)});" for v in values]
        lines += ["struct big big = {{a, b, c}}; long double x87 = b & 4095; unsigned __int128 wide = c;"]
        lines += [f"u8 {array}[{size}] {r.choice(['', '', '__attribute__((aligned(32)))', '__attribute__((aligned(64)))'])}; "
                  f"memset({array}, (int){self.name()}, {size});" for array, size in self.arrays]
        lines += ["if (depth <= 0) return (a ^ b) + c;"]
        if self.nested:
            lines += ["u64 inner(u64 z) { return z * 3 + a + v0++; }"]
        lines += [self.statement(0) for _ in range(r.randint(4, 12))]
        lines += ["out:;", "u64 result = " + " + ".join(f"{v} * {2 * i + 1}" for i, v in enumerate(self.variables)) + ";"]
        lines += [f"result ^= sum({array}, {size});" for array, size in self.arrays]
        lines += ["result += big.a[0] + big.a[1] * 3 + (u64)wide + (u64)x87;"]
        tail = f"{r.choice(self.earlier)}(result, b, c, d, e, g, h, depth - 1)" if self.earlier and r.random() < 0.4 else "result"
        return "\n\t".join(lines + [f"return {tail};"]) + "\n}\n"


def program(seed):
    source = random.Random(seed)
    parts, names = [HEAD % source.choice([3, 8, 40])], []
    for number in range(source.randint(3, 6)):
        parts.append(Function(source, number, list(names)).text())
        names.append(f"f{number}")
    calls = "".join(f'\t\ts = {f}(s, i, s >> 7, s * 3, i * 5, s ^ 99, 7, 3) * 31 + i;\n\t\tprintf("{f} %lx\\n", s);\n' for f in names)
    parts.append("int main(void)\n{\n\tu64 s = 1;\n\tfor (u64 i = 0; i < 6; i++) {\n" + calls +
                 "\t\tvolatile u64 keep = s;\n\t\tint how = setjmp(back);\n\t\tif (!how)\n\t\t\tjump((int)i, s);\n"
                 '\t\ts = keep + (u64)how;\n\t\tprintf("jump %lx\\n", s);\n\t}\n\treturn 0;\n}\n')
    return "\n".join(parts)
