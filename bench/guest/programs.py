# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Pure Python programs of the kinds pyperformance has, for bench/python.py: programs.py NAME TIMES runs one so many times, for a tenth of a
# second or so each, and prints a checksum of its work and the processor's seconds for each; programs.py alone lists the names. The same
# work each time.
import json
import math
import pickle
import random
import re
import sys
import time


def nbody():
    bodies = [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.478], [4.841, -1.160, -0.103, 0.606, 2.811, -0.025, 0.0377],
              [8.343, 4.124, -0.403, -1.010, 1.825, 0.008, 0.0112], [12.894, -15.111, -0.223, 1.082, 0.868, -0.010, 0.0017],
              [15.379, -25.919, 0.179, 0.979, 0.594, -0.034, 0.0020]]
    pairs = [(a, b) for i, a in enumerate(bodies) for b in bodies[i + 1:]]
    for _ in range(12000):
        for a, b in pairs:
            dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
            pull = 0.001 / (dx * dx + dy * dy + dz * dz) ** 1.5
            ma, mb = a[6] * pull, b[6] * pull
            a[3] -= dx * mb
            a[4] -= dy * mb
            a[5] -= dz * mb
            b[3] += dx * ma
            b[4] += dy * ma
            b[5] += dz * ma
        for body in bodies:
            body[0] += 0.001 * body[3]
            body[1] += 0.001 * body[4]
            body[2] += 0.001 * body[5]
    return f"{sum(map(sum, bodies)):.9f}"


def fannkuch():
    n, best, checksum = 8, 0, 0
    order, count, r, sign = list(range(n)), [0] * n, n, 1
    while True:
        while r != 1:
            count[r - 1] = r
            r -= 1
        flipped, flips = order[:], 0
        while first := flipped[0]:
            flipped[:first + 1] = flipped[first::-1]
            flips += 1
        best = max(best, flips)
        checksum += sign * flips
        sign = -sign
        while True:
            if r == n:
                return best, checksum
            order.insert(r, order.pop(0))
            count[r] -= 1
            if count[r] > 0:
                break
            r += 1


def spectral_norm():
    def times(u, transposed):
        span = range(len(u))
        if transposed:
            return [sum(u[j] / ((i + j) * (i + j + 1) // 2 + j + 1) for j in span) for i in span]
        return [sum(u[j] / ((i + j) * (i + j + 1) // 2 + i + 1) for j in span) for i in span]
    u = [1.0] * 100
    for _ in range(10):
        v = times(times(u, False), True)
        u = times(times(v, False), True)
    return f"{math.sqrt(sum(a * b for a, b in zip(u, v)) / sum(b * b for b in v)):.9f}"


class Task:
    """An operating system's queue of tasks that send packets to each other, after Richards' benchmark."""

    def __init__(self, name, priority, work):
        self.name, self.priority, self.work, self.inbox, self.done = name, priority, work, [], 0

    def step(self, tasks):
        packet = self.inbox.pop(0)
        self.done += 1
        return self.work(self, packet, tasks)


class Idle(Task):
    def step(self, tasks):
        self.done = (self.done >> 1) ^ (0xD008 if self.done & 1 else 0)
        return tasks[1 + self.done % (len(tasks) - 1)], (self.name, self.done)


def richards():
    def work(task, packet, tasks):
        sender, value = packet
        value = (value * 25173 + 13849 + task.priority) & 0xFFFF
        return (tasks[1 + value // 64 % (len(tasks) - 1)], (task.name, value)) if value & 56 else None

    def device(task, packet, tasks):
        return tasks[task.priority - 1], (task.name, packet[1] ^ 0x55)
    tasks = [Idle("idle", 0, None)] + [Task(f"task{n}", n, device if n % 3 == 0 else work) for n in range(1, 7)]
    tasks[0].done, handled = 1, 0
    for _ in range(50000):
        ready = [task for task in tasks[1:] if task.inbox]
        task = max(ready, key=lambda t: t.priority) if ready else tasks[0]
        sent = task.step(tasks)
        if sent:
            sent[0].inbox.append(sent[1])
            handled += 1
            del sent[0].inbox[8:]
    return handled, [task.done for task in tasks[1:]]


class Variable:
    def __init__(self, value):
        self.value, self.constraints = value, []


class Scale:
    def __init__(self, source, scale, offset, target):
        self.source, self.scale, self.offset, self.target = source, scale, offset, target
        source.constraints.append(self)

    def execute(self):
        self.target.value = (self.source.value * self.scale.value + self.offset.value) % 1000003

    def outputs(self):
        return self.target.constraints


def constraints():
    """Chains and trees of one-way constraints, planned and executed, as in DeltaBlue."""
    scale, offset = Variable(3), Variable(1)
    chain = [Variable(n) for n in range(400)]
    for a, b in zip(chain, chain[1:]):
        Scale(a, scale, offset, b)
    tree = [Variable(n) for n in range(511)]
    for n in range(1, 511):
        Scale(tree[(n - 1) // 2], scale, offset, tree[n])
    total = 0
    for turn in range(250):
        scale.value = 1 + turn % 2
        for start in (chain[0], tree[0]):
            start.value = turn
            plan, todo = [], list(start.constraints)
            while todo:
                constraint = todo.pop()
                plan.append(constraint)
                todo.extend(constraint.outputs())
            for constraint in plan:
                constraint.execute()
        total = (total + chain[-1].value + tree[-1].value) % 1000003
    return total


WORDS = ("harbour", "lantern", "quiet", "window", "copper", "river", "seven", "market", "stone", "letter", "winter", "garden")


def records(count):
    source = random.Random(7)
    return [{"id": n, "name": " ".join(source.choices(WORDS, k=3)), "price": round(source.uniform(1, 500), 2), "tags": source.sample(WORDS, 4),
             "stock": {"here": source.randrange(100), "there": None, "open": n % 3 == 0}} for n in range(count)]


def json_dumps():
    data, size = records(1500), 0
    for indent in (None, None, 1, None, None, 2):
        size += len(json.dumps(data, indent=indent, sort_keys=True))
    return size


def json_loads():
    text, total = json.dumps(records(3000)), 0
    for _ in range(12):
        total += sum(record["stock"]["here"] for record in json.loads(text))
    return total


def pickling():
    data, size = records(3000), 0
    for protocol in (2, 4, 5) * 5:
        packed = pickle.dumps(data, protocol)
        size += len(packed) + len(pickle.loads(packed))
    return size


def text_of(count):
    source = random.Random(11)
    return "\n".join(f"{source.choice(WORDS).capitalize()} {source.choice(WORDS)}, {source.randrange(1900, 2030)}-{source.randrange(1, 13):02}-"
                     f"{source.randrange(1, 29):02}: {' '.join(source.choices(WORDS, k=9))} <{source.choice(WORDS)}@{source.choice(WORDS)}.org>."
                     for _ in range(count))


def regex():
    text, total = text_of(1000), 0
    patterns = [r"\b(\d{4})-(\d\d)-(\d\d)\b", r"<([\w.]+)@([\w.]+)>", r"(?i)\b(?:wi\w+|[gl]\w*e[rn])\b", r"^(\w+) (\w+),", r"(\w)\1", r"[aeiou]{2,}[^aeiou\s]"]
    for pattern in patterns:
        compiled = re.compile(pattern, re.M)
        for _ in range(5):
            total += sum(len(match.group()) for match in compiled.finditer(text))
    return total, len(re.sub(r"(\w+)@(\w+)", r"\2 at \1", text))


def text_processing():
    text, counts = text_of(1000), {}
    for _ in range(16):
        for line in text.split("\n"):
            head, _, rest = line.partition(": ")
            for word in rest.lower().replace("<", " ").replace(">.", "").split():
                counts[word] = counts.get(word, 0) + 1
            key = head.strip().upper()[:3].ljust(5, "-")
            counts[key] = counts.get(key, 0) + len("".join(reversed(head)).title())
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]


def containers():
    source, total = random.Random(3), 0
    for _ in range(2):
        numbers = [source.randrange(100000) for _ in range(40000)]
        groups = {}
        for number in numbers:
            groups.setdefault(number % 997, []).append(number)
        squares = {number: number * number for number in numbers}
        unique = sorted(set(numbers))
        total += sum(len(group) for group in groups.values() if group[0] in squares) + len(unique)
        total += sum(a < b for a, b in zip(unique, numbers))
    return total


class Vector:
    __slots__ = ("x", "y", "z")

    def __init__(self, x, y, z):
        self.x, self.y, self.z = x, y, z

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other):
        return Vector(self.x - other.x, self.y - other.y, self.z - other.z)

    def dot(self, other):
        return self.x * other.x + self.y * other.y + self.z * other.z

    def scaled(self, by):
        return Vector(self.x * by, self.y * by, self.z * by)

    def unit(self):
        return self.scaled(1 / math.sqrt(self.dot(self)))


def raytrace():
    spheres = [(Vector(x, y, 6 + (x + y) % 3), 0.9) for x in range(-2, 3) for y in range(-2, 3)]
    light, shade = Vector(1, 2, -1).unit(), 0
    for row in range(60):
        for column in range(80):
            ray, nearest, hit = Vector((column - 40) / 53, (row - 30) / 53, 1).unit(), 1e9, None
            for centre, radius in spheres:
                along = centre.dot(ray)
                inside = along * along - centre.dot(centre) + radius * radius
                if inside > 0 and 0 < (distance := along - math.sqrt(inside)) < nearest:
                    nearest, hit = distance, centre
            if hit:
                shade += max(0, int(255 * (ray.scaled(nearest) - hit).unit().dot(light)))
    return shade


def floats():
    total = 0.0
    points = [(math.sin(n), math.cos(n) * 3, math.sin(n) ** 2 / 2) for n in range(60000)]
    for x, y, z in points:
        norm = math.sqrt(x * x + y * y + z * z)
        total += x / norm + y / norm - z / norm
    for _ in range(5):
        total += max(points)[0] + sum(map(max, points))
    return f"{total:.6f}"


def generators():
    def tree(depth):
        if depth:
            yield from tree(depth - 1)
            yield depth
            yield from tree(depth - 1)

    def pairs(items):
        for a in items:
            yield a, a * a
    return sum(b - a for a, b in pairs(tree(16)))


def queens():
    def place(row, columns, left, right):
        if row == size:
            return 1
        found = 0
        for column in range(size):
            if column not in columns and row + column not in left and row - column not in right:
                found += place(row + 1, columns | {column}, left | {row + column}, right | {row - column})
        return found
    size = 8
    return sum(place(0, frozenset(), frozenset(), frozenset()) for _ in range(20))


def integers():
    total, a, b = 0, 1, 1
    for n in range(6000):
        a, b = b, a + b
        total ^= b & 0xFFFFFFFF
    for n in range(2, 120):
        total += pow(3, n ** 9, 10 ** 40 + n) % 1009
    sieve = bytearray([1]) * 300000
    for n in range(2, 548):
        if sieve[n]:
            sieve[n * n::n] = bytes(len(range(n * n, len(sieve), n)))
    for n in range(500000):
        total = (total * 31 + (n ^ (n >> 3))) & 0xFFFFFF
    return total, sum(sieve)


PROGRAMS = [nbody, fannkuch, spectral_norm, richards, constraints, json_dumps, json_loads, pickling, regex, text_processing, containers, raytrace,
            floats, generators, queens, integers]
if len(sys.argv) == 2:
    program = {program.__name__: program for program in PROGRAMS}[sys.argv[1]]
    for _ in sys.stdin:
        start = time.process_time()
        result = program()
        print(time.process_time() - start, result, flush=True)
else:
    print(*(program.__name__ for program in PROGRAMS))
