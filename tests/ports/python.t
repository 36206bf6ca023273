#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# CPython in a cVM: real programs, each run natively and in a cVM on the same standard library, with the same output. The cVM has a root
# file system of its own, so that programs start /bin/sh and the interpreter.
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402

NATIVE = os.path.abspath("build/ports/python/native/root/usr/bin/python3.11")

PROGRAMS = {
    "json, re, collections": r"""
import collections, json, pathlib, re, sys, sysconfig
text = (pathlib.Path(json.__file__).parent / "decoder.py").read_text()
words = collections.Counter(re.findall(r"[a-z]{3,}", text))
print(words.most_common(12), len(text))
data = json.loads(json.dumps({"words": words, "deep": [[[{"a": [None, True, 1.5e300, "\u00e9\U0001f600"]}]]]}, sort_keys=True))
print(sorted(data["words"].items())[:5], data["deep"], sys.version_info[:3])
print(re.sub(r"(?P<a>\w+) (?P<b>\w+)", r"\g<b> \g<a>", "one two three four"), sysconfig.get_config_var("SOABI"))
""",
    "zlib, bz2, hashlib, struct": r"""
import bz2, hashlib, random, struct, zlib, gzip, zipfile, io
data = random.Random(1).randbytes(200000) + b"carrel " * 100000
for packed in (zlib.compress(data, 9), bz2.compress(data), gzip.compress(data, mtime=0)):
    print(len(packed), hashlib.sha256(packed).hexdigest())
assert zlib.decompress(zlib.compress(data)) == data == bz2.decompress(bz2.compress(data))
file = io.BytesIO()
with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr(zipfile.ZipInfo("a"), data)
print(hashlib.blake2b(file.getvalue()).hexdigest()[:16], struct.pack("<dqH", 1.5, -7, 9), zlib.crc32(data), hashlib.sha3_256(data).hexdigest())
""",
    "sqlite3": r"""
import sqlite3
with sqlite3.connect("test.db") as db:
    db.execute("create table t(a integer primary key, b text, c real)")
    db.executemany("insert into t(b, c) values(?, ?)", ((f"row {n}", n / 7) for n in range(5000)))
with sqlite3.connect("test.db", isolation_level=None) as other:
    other.execute("begin exclusive")
    try:
        sqlite3.connect("test.db", timeout=0.05).execute("insert into t(b) values(1)")
    except sqlite3.OperationalError as error:
        print(error)
    other.execute("rollback")
print(db.execute("select count(*), round(sum(c), 6), max(b) from t where b like '%9%'").fetchall(), db.execute("pragma integrity_check").fetchall())
db.create_function("twice", 1, lambda x: 2 * x)
print(db.execute("select twice(21)").fetchone(), sqlite3.sqlite_version)
""",
    "decimal, datetime, unicodedata, floats": r"""
import cmath, datetime, decimal, fractions, math, statistics, unicodedata
decimal.getcontext().prec = 60
print(decimal.Decimal(2).sqrt(), decimal.Decimal(1).exp(), fractions.Fraction(math.pi).limit_denominator(1000))
print(math.gamma(7.3), math.erf(0.3), cmath.exp(1j), statistics.stdev([1, 2, 4, 8]), float.fromhex("0x1.8p-1030"))
print(datetime.datetime(2026, 2, 28, tzinfo=datetime.timezone.utc) + datetime.timedelta(days=1, microseconds=1))
print(unicodedata.normalize("NFKD", "\u00e9\ufb01"), unicodedata.name("\u2603"), "\u00df".upper(), "%.3g|%x" % (1e22, 2**70))
""",
    "threads": r"""
import queue, threading, concurrent.futures
work, done = queue.Queue(), []
def worker():
    while (n := work.get()) is not None:
        done.append(sum(range(n)))
threads = [threading.Thread(target=worker) for _ in range(8)]
for t in threads: t.start()
for n in range(400): work.put(n)
for t in threads: work.put(None)
for t in threads: t.join()
lock, total = threading.Lock(), 0
def add():
    global total
    for _ in range(20000):
        with lock: total += 1
with concurrent.futures.ThreadPoolExecutor(6) as pool:
    for _ in range(6): pool.submit(add)
event = threading.Event()
threading.Timer(0.02, event.set).start()
print(len(done), sum(done), total, event.wait(10))
""",
    "ctypes": r"""
import _ctypes_test, ctypes as c, os, threading
libc = c.CDLL(None, use_errno=True)
compare = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_int), c.POINTER(c.c_int))
numbers = (c.c_int * 500)(*(n * 7919 % 500 for n in range(500)))
calls = []
libc.qsort(numbers, len(numbers), c.sizeof(c.c_int), compare(lambda a, b: calls.append(1) or a[0] - b[0]))
print(list(numbers) == list(range(500)), len(calls) > 500)
libc.pow.restype, libc.pow.argtypes = c.c_double, [c.c_double, c.c_double]
text = c.create_string_buffer(40)
print(libc.pow(2, 0.5), libc.snprintf(text, 40, b"%s %d %.2f %ld", b"text", -7, c.c_double(1.5), c.c_long(1 << 40)), text.value)
class Division(c.Structure): _fields_ = ("quotient", c.c_long), ("rest", c.c_long)
libc.ldiv.restype, libc.ldiv.argtypes = Division, [c.c_long, c.c_long]
print(libc.ldiv(1 << 40, 1000).quotient, libc.ldiv(17, 5).rest)
class Point(c.Structure): _fields_ = ("x", c.c_int), ("y", c.c_int)
class Rect(c.Structure): _fields_ = ("left", c.c_long), ("top", c.c_long), ("right", c.c_long), ("bottom", c.c_long)
test, point, rect = c.CDLL(_ctypes_test.__file__), Point(), Rect(1, 2, 3, 4)
print(test._testfunc_byval(Point(3, 4), c.byref(point)), point.x, point.y)
test.ReturnRect.restype, test.ReturnRect.argtypes = Rect, [c.c_int, Rect, c.POINTER(Rect), Division, Rect, c.POINTER(Rect), Division, Rect]
print(test.ReturnRect(2, rect, c.byref(rect), Division(5, 6), rect, c.byref(rect), Division(7, 8), rect).bottom)
test._testfunc_i_bhilfd.restype = c.c_int
print(test._testfunc_i_bhilfd(c.c_byte(1), c.c_short(2), 3, c.c_long(4), c.c_float(5), c.c_double(6)))
libc.open(b"/not/there", 0)
print(os.strerror(c.get_errno()), c.pythonapi.PyLong_AsLong(c.py_object(77)))
half = c.CFUNCTYPE(c.c_double, c.c_double)
wrong = []
def work():
    for n in range(500):
        if half(lambda x: x / 2)(n) != n / 2: wrong.append(n)
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
fibonacci = half(lambda n: n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2))
print(wrong, fibonacci(15))
""",
    "subprocess": r"""
import os, subprocess, sys
print(subprocess.run("echo $((6 * 7)); exit 3", shell=True, capture_output=True, text=True))
child = subprocess.Popen([sys.executable, "-c", "import sys; print(sys.stdin.read()[::-1])"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(child.communicate("abc" * 50000)[0][:9], child.returncode)
sleeper = subprocess.Popen(["/bin/sh", "-c", "exec sleep 60"])
sleeper.terminate()
print(sleeper.wait(), os.waitstatus_to_exitcode(os.system("exit 5")))
print(subprocess.check_output("echo one; echo two | tr a-z A-Z", shell=True))
""",
    "multiprocessing": r"""
import multiprocessing as m
from multiprocessing import shared_memory
def square(n): return n * n
def add(lock, name):
    block = shared_memory.SharedMemory(name)
    for _ in range(300):
        with lock: block.buf[0:2] = (int.from_bytes(block.buf[0:2], "big") + 1).to_bytes(2, "big")
    block.close()
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        c = m.get_context(method)
        with c.Pool(3) as pool:
            print(method, sum(pool.map(square, range(300))), pool.apply(square, (9,)))
        lock, block = c.Lock(), shared_memory.SharedMemory(create=True, size=4096)
        children = [c.Process(target=add, args=(lock, block.name)) for _ in range(3)]
        for p in children: p.start()
        for p in children: p.join()
        print(bytes(block.buf[:3]))
        block.close(); block.unlink()
        a, b = c.Pipe()
        child = c.Process(target=b.send, args=([1, "two", 3.0],))
        child.start()
        print(a.recv(), child.join(), child.exitcode)
""",
    "asyncio and sockets": r"""
import asyncio, socket, signal, os
async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
async def ask(port, n):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for k in range(20):
        writer.write(f"client {n} line {k}\n".encode())
        answers.append(await reader.readline())
    writer.close()
    return answers[-1]
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(await asyncio.gather(*(ask(port, n) for n in range(30))))
    child = await asyncio.create_subprocess_exec("/bin/sh", "-c", "read x; echo got $x", stdin=-1, stdout=-1)
    print(await child.communicate(b"it\n"), child.returncode)
    seen = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, seen.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(seen.wait(), 10)
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.02)
    except asyncio.TimeoutError:
        print("timed out")
asyncio.run(main())
a, b = socket.socketpair()
a.sendall(b"x" * 1000); print(len(b.recv(4096)))
""",
    "http, urllib, xml, csv, tempfile": r"""
import csv, http.server, io, os, tempfile, threading, urllib.request, xml.etree.ElementTree as xml, email.message
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"path " + self.path.encode())
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print([urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{n}").read() for n in range(5)])
server.shutdown()
tree = xml.fromstring("<a><b x='1'>t</b><b/></a>")
print(xml.tostring(tree), [e.attrib for e in tree.iter("b")], list(csv.reader(io.StringIO('a,"b,c"\n1,2\n'))))
with tempfile.TemporaryDirectory() as top:
    for n in range(30):
        os.makedirs(f"{top}/d{n % 5}", exist_ok=True)
        open(f"{top}/d{n % 5}/{n}", "w").write("x" * n)
    print(sorted((len(d), len(f)) for _, d, f in os.walk(top)), sum(e.stat().st_size for e in os.scandir(top + "/d3")))
""",
    "an error's trace": r"""
import faulthandler, sys, traceback
def deep(n): return 1 / n + deep(n - 1)
try:
    deep(3)
except ZeroDivisionError:
    print(traceback.format_exc().replace(__file__, "FILE"))
try:
    def f(): f()
    f()
except RecursionError as error:
    print(error)
""",
}


def main():
    with tempfile.TemporaryDirectory(prefix="carrel-ports.") as top:
        subprocess.run(["tests/suites/rootfs", top + "/root", "python"], check=True)
        for name, text in PROGRAMS.items():
            results = {}
            for variant in ("native", "carrel"):
                work = os.path.join(top, variant, name.replace(" ", "_"))
                os.makedirs(work)
                with open(work + "/program.py", "w") as file:
                    file.write(text)
                command = [NATIVE, "program.py"]
                if variant == "carrel":
                    command = [ports.CARREL, "run", "-v", top + "/root:/", "-v", work + ":/data", "--tmpfs=/tmp", "-w", "/data",
                               "-e", "PATH=/bin:/usr/bin", "-e", "LANG=C.UTF-8", "--argv0=/usr/bin/python3.11",
                               top + "/root/usr/bin/python3.11", "program.py"]
                try:
                    run = subprocess.run(command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
                                         env={"PATH": "/bin:/usr/bin", "LANG": "C.UTF-8"})
                    results[variant] = run.returncode, run.stdout, run.stderr
                except subprocess.TimeoutExpired as expired:
                    results[variant] = "timeout", expired.stdout, expired.stderr
            good = results["carrel"][:2] == results["native"][:2] and results["native"][0] == 0 and len(results["native"][1]) > 0
            ports.ok(good, f"python: {name}", f"native {results['native']}\ncarrel {results['carrel']}")
    ports.done()


main()
