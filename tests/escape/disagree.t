#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The verifier against another disassembler. Random instructions, and checked branches and jumps through tables damaged at random (a
# fixed seed; another one as the first argument), are shown to the verifier; what it accepts is read by objdump, and none of that may
# name rsp, access memory but in the policy's forms, be a forbidden instruction, or branch without the whole check. A slot that
# objdump cannot read (aliases it does not know) is counted, and there must be few.
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, "tests/escape")
from assembly import assembled, verdicts       # noqa: E402

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 1
INSTRUCTIONS, BRANCHES, TABLES = 40000, 20000, 6000
PREFIXES = [b"", b"\x65\x67", b"\x67\x65", b"\x67", b"\x65", b"\x64", b"\x66", b"\xf2", b"\xf3", b"\xf0", b"\x65\x67\x66",
            b"\x66\x65\x67", b"\x65\x67\xf2", b"\xf2\x65\x67", b"\xf3\x65\x67", b"\xf0\x65\x67", b"\x65\x67\xf0", b"\x66\xf2"]
WEIGHTS = [10, 25, 5, 2, 3, 3, 6, 4, 4, 2, 4, 6, 3, 4, 4, 4, 3, 1]
LOW = ["ax", "cx", "dx", "bx", "bp", "si", "di"]
REGISTERS = {"r" + n: "e" + n for n in LOW} | {f"r{n}": f"r{n}d" for n in range(8, 16)}
FORBIDDEN = re.compile(r"(push|pop[fq ]|pop$|leave|enter|syscall|sysenter|sysret|int |int1|icebp|iret|l?ret[qw ]|lret|ljmp|lcall|"
                       r"ins[bwl]|outs|in |out |movs[bwlq] +[%(]?%ds|stos|lods|scas|cmps[bwlq] |rep|xlat|std|sti|cli$|hypercall|"
                       r"(rd|wr)(fs|gs)base|swapgs|x(save|rstor)|fx(save|rstor)|v?maskmov|v?pgather|vgather|clzero|monitor|mwait|"
                       r"(rd|wr)pkru|l[fgs]s |mov +%[cdefgs]s,|mov +.*,%[cdefgs]s$|loop|xbegin|wrss|incssp|rstorssp|kmov)")


def random_instruction(source, policy):
    if source.random() < 0.25:
        third = bytes([source.getrandbits(8)])
        code = (b"\xc5" + third if source.random() < 0.5 else
                b"\xc4" + bytes([source.getrandbits(8) & 0xe0 | source.randint(1, 3)]) + third) + bytes([source.getrandbits(8)])
    else:
        rex = b"" if source.random() < 0.4 else bytes([0x40 | source.getrandbits(4)])
        code = rex + source.choices([b"", b"\x0f", b"\x0f\x38", b"\x0f\x3a"], [4, 5, 2, 1])[0] + bytes([source.getrandbits(8)])
    modrm, sib = source.getrandbits(8), source.getrandbits(8)
    if policy == "libos" and source.random() < 0.6:
        modrm, sib = modrm & 0xf8 | source.choice([4, 6]), source.choice([0x1e, 0x3e, 0x26, sib])
    tail = bytes(source.choice([0, 0, 0, 0xff, source.getrandbits(8)]) for _ in range(10))
    whole = source.choices(PREFIXES, WEIGHTS)[0] + code + bytes([modrm, sib]) + tail
    return whole[:source.randint(4, 11)]


def branches(policy):
    """Every checked branch of the policy, by every pair of registers that gas can write."""
    text = ""
    for n, (t, s) in enumerate((t, s) for t in REGISTERS for s in REGISTERS if policy == "program" or t != "r14"):
        td, sd = REGISTERS[t], REGISTERS[s]
        load, rebase = (f"%gs:(%{td})", f"or %gs:0x10000,%{t}") if policy == "program" else (f"(%r14,%{t})", f"add %r14,%{t}")
        text += (f'.section .text.n{n},"ax"\nmov %eax,%{td}; mov {load},%{sd}; add $-0xfa1e0ff3,%{sd}; jne 1f; {rebase}; '
                 f"jmp *%{t}; 1: nop\n")
    return assembled(text)


def tables(policy):
    """Every jump through a table that gas can write, by every pair of registers."""
    text = ""
    for n, (t, s) in enumerate((t, s) for t in REGISTERS for s in REGISTERS
                               if t != s and not {t, s} & ({"r15"} if policy == "program" else {"r15", "r14", "r11"})):
        if n % 16 == 5:         # a byte of any register that can be named
            byte = ["al", "cl", "bl", "dl"][n // 16 % 4] if n % 32 == 5 or not t[1].isdigit() else "r10b"
            text += (f'.section .text.n{n},"ax"\nnop; movzbl %{byte},%{REGISTERS[t]}; lea 1f(%rip),%{s}; add (%{s},%{t},8),%{s}; jmp *%{s}\n'
                     "1: .rept 64; .quad 2f-1b, 3f-1b, 4f-1b, 2f-1b; .endr\n2: nop; 3: inc %ecx; 4: nop\n")
            continue
        text += (f'.section .text.n{n},"ax"\nnop; and ${n % 4},%{REGISTERS[t]}; lea 1f(%rip),%{s}; add (%{s},%{t},8),%{s}; jmp *%{s}\n'
                 f"1: .quad {', '.join(['2f-1b', '3f-1b', '4f-1b', '2f-1b'][:n % 4 + 1])}\n2: nop; 3: inc %ecx; 4: nop\n")
    return assembled(text)


def damaged(source, units):
    unit, other = bytearray(source.choice(units)), source.choice(units)
    at, there, kind = source.randrange(len(unit)), source.randrange(len(other)), source.random()
    if kind < 0.6:
        for _ in range(source.randint(1, 2)):
            unit[source.randrange(len(unit))] ^= 1 << source.randrange(8)
    elif kind < 0.75:
        unit[at] = source.getrandbits(8)
    elif kind < 0.85:
        unit = unit[:at] + other[there:]
    elif kind < 0.92:
        del unit[at:at + source.randint(1, 6)]
    else:
        unit[at:at] = other[there:there + source.randint(1, 8)]
    return bytes(unit)


def accepted(policy, codes):
    return sorted({code for code, answer in zip(codes, verdicts(policy, codes)) if answer == "accept"})


def read(codes, room):
    """Each code in a slot of its own, as lists of (address, text)."""
    with tempfile.NamedTemporaryFile() as flat:
        flat.write(b"".join(code.ljust(room, b"\xcc") for code in codes))
        flat.flush()
        shown = subprocess.run(["objdump", "-D", "-b", "binary", "-m", "i386:x86-64", "-w", flat.name], check=True,
                               capture_output=True, text=True).stdout
    slots = [[] for _ in codes]
    for line in shown.splitlines():
        parts = line.split("\t")
        if len(parts) == 3:
            at = int(parts[0].strip(" :"), 16)
            slots[at // room].append((at, re.sub(r"^(?:rex\S*\s+|data16\s+|repn?z (?=(?:rex\S* )?nop))*", "", re.sub(r"\s*#.*", "", parts[2]).strip())))
    return slots


def is_gate(found):
    return bool(found) and int(found.group(1), 16) in range(0x10008, 0x10008 + 8 * 32, 8)


def memory_good(policy, text):
    if re.match(r"(lea|nop|prefetch|j\w+ +0x|call +0x)", text) or "(%rip)" in text and not re.search(r"%[fg]s:", text):
        return True
    register = r"(%e\w\w|%r\d+d|%eiz)"
    if re.search(rf"%gs:(-?0x\w+)?\(({register}?(,{register},[1248])?)\)", text):
        return True
    if policy == "libos":
        return bool(re.search(r"(^|[ ,*])(-?0x\w+)?\(%r14,%r(11|15),1\)", text)) or is_gate(re.search(r"call +\*(0x\w+)\(%r14\)", text))
    stack = re.search(r"(?:^|[ ,])(-?)(?:0x)?(\w*)\(%r15\)", text)
    if stack and not text.startswith(("prefetch", "clflush", "clwb", "jmp", "call")):
        return int(stack[2] or "0", 16) <= 0x8000
    return bool(re.fullmatch(r"mov +%fs:0x60,%r(\w\w|[89]|1\d)", text)) or is_gate(re.search(r"call +\*%gs:(0x\w+)$", text))


def branch_unit(policy, texts, n):
    """Is texts[n] the branch of a whole check?"""
    branch = re.match(r"(?:jmp|call)\s+\*%(\w+)$", texts[n])
    t = branch and branch.group(1)
    if not t or n < 5 or t not in REGISTERS or t in ("r15", "r14", "r11")[:1 if policy == "program" else 3]:
        return False
    load = re.match(rf"mov\s+%gs:(?:0x0)?\(%{REGISTERS[t]}\),%(\w+)$" if policy == "program" else
                    rf"mov\s+\(%r14,%{t},1\),%(\w+)$", texts[n - 4])
    return bool(load and load.group(1) != REGISTERS[t] and re.match(rf"mov\s+.*,%{REGISTERS[t]}$", texts[n - 5]) and
                re.match(rf"add\s+\$0x5e1f00d,%{load.group(1)}$", texts[n - 3]) and re.match(r"jne\s+0x", texts[n - 2]) and
                re.match(rf"or\s+%gs:0x10000,%{t}$" if policy == "program" else rf"add\s+%r14,%{t}$", texts[n - 1]))


def table_jump(slot, n):
    """(steps, table, places) of the jump through a table whose branch is slot[n]."""
    texts = [text for _, text in slot[n - 3:n]]
    s = re.match(r"jmp\s+\*%(\w+)$", slot[n][1])
    add = n >= 3 and s and re.match(rf"add\s+(?:0x0)?\(%{s[1]},%(\w+),8\),%{s[1]}$", texts[2])
    lea = add and re.match(rf"lea\s+0x(\w+)\(%rip\),%{s[1]}$", texts[1])
    t = lea and add[1] != s[1] and REGISTERS.get(add[1])
    mask = t and re.match(rf"and\s+\$0x(\w+),%{t}$|movzbl\s+%(\w+),%{t}$", texts[0])
    most = int(mask[1] or "ff", 16) if mask else 4096
    return ([at for at, _ in slot[n - 2:n + 1]], slot[n - 1][0] + int(lea[1], 16), most + 1) if most < 4096 else None


def table_problem(policy, code):
    """A code with tables: objdump reads them once they are blanked, and their places must be where instructions begin."""
    blank, steps, places = bytearray(code.ljust(len(code) + 8, b"\xcc")), set(), set()
    tables, at = [], 0
    while at < len(blank):
        slot = read([bytes(blank)], len(blank))[0]
        found = next(((n, table_jump(slot, n)) for n in range(len(slot)) if slot[n][0] >= at and re.match(r"jmp\s+\*%[^g]", slot[n][1])
                      and table_jump(slot, n)), None)
        if not found:
            break
        n, (its, table, count) = found
        end = slot[n][0] + (3 if blank[slot[n][0]] == 0x41 else 2)
        steps.update(its)
        tables.append((table, count))
        if table == end:
            places.update(table + int.from_bytes(blank[table + 8 * i:table + 8 * i + 8], "little", signed=True) for i in range(count))
            blank[table:table + 8 * count] = b"\x90" * (8 * count)
        at = end
    slot = read([bytes(blank)], len(blank))[0]
    starts = {at for at, _ in slot if not any(t <= at < t + 8 * c for t, c in tables)}
    wrong = {place for place in places if place < len(code) or place >= 4096} - (starts - steps)        # padding lies between
    if wrong:
        return f"a place at {wrong}"
    return problem(policy, slot, steps)


def problem(policy, slot, steps=()):
    texts, inside = [text for _, text in slot], set(steps)
    for n, text in enumerate(texts):
        if re.match(r"(jmp|call)\s+\*%[^g]", text):
            if slot[n][0] in steps:
                continue
            if not branch_unit(policy, texts, n):
                return text
            inside.update(slot[k][0] for k in range(n - 4, n + 1))
    for at, text in slot:
        if re.search(r"%(rsp|esp|sp|spl)\b", text) and not text.startswith("nop"):
            return text
        if FORBIDDEN.match(text) and text != "ret":
            return text
        if policy == "program" and re.search(r",%r15[dwb]?$|^(set\w+|inc|dec|neg|not|bswap|s[ah][lr]|ro[lr]|rc[lr]|rd\w+) +%r15|^(xchg|xadd) +%r15[dwb]?,", text) \
           and not re.match(r"(v?cmp|test|bt |v?u?comis|v?cvt\w+2s[sd] |v?pinsr|v?mov[dq] +.*mm|push|out)", text):
            return text             # it would need what is not here
        memory = "(" in text and "%st(" not in text or re.search(r"%[fg]s:|[ ,]0x\w+(,|$)", text) and not re.match(r"(j|call +0x)", text)
        if memory and at not in inside and not memory_good(policy, text):
            return text
        target = re.match(r"j\w+\s+0x(\w+)", text)
        if target and int(target.group(1), 16) in inside:
            return text
    return None


def main():
    print("1..6")
    number = 0
    for policy in "program", "libos":
        source = random.Random(f"{policy} {SEED}")
        units = branches(policy)
        for what, room, codes in (("random instructions", 16, [random_instruction(source, policy) for _ in range(INSTRUCTIONS)]),
                                  ("damaged checked branches", 96, units + [damaged(source, units) for _ in range(BRANCHES)])):
            number += 1
            codes = [code for code in accepted(policy, codes) if len(code) <= room - 8 or room == 16]
            slots = read(codes, room)
            unread = sum(any("(bad)" in text for _, text in slot) for slot in slots)
            bad = [(code, found) for code, slot in zip(codes, slots) if not any("(bad)" in text for _, text in slot)
                   and (found := problem(policy, slot))]
            report(number, f"{policy}: {what}, {len(codes)} accepted, {unread} that objdump cannot read", bad,
                   len(codes) > 100 and unread * 20 < len(codes))
        units = tables(policy)
        codes = accepted(policy, units + [damaged(source, units) for _ in range(TABLES)])
        bad = [(code, found) for code in codes if (found := table_problem(policy, code))]
        number += 1
        report(number, f"{policy}: damaged jumps through tables, {len(codes)} accepted", bad, len(units) < len(codes) < TABLES // 2)


def report(number, what, bad, enough):
    print(f"{'ok' if not bad and enough else 'not ok'} {number} - {what}")
    for code, found in bad[:10]:
        print(f"# {code.hex()}: {found}")


main()
