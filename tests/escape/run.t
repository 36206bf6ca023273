#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Hostile guests through `carrel run` and the real library OS: procfs by every road, files beside a volume, a link swapped
# in by a racing process, every memory call against text, host signals while the guest's own state is hostile; and a library
# OS that attacks its volume.
import ctypes
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

CARREL = "build/bin/carrel"
BUILT = "build/tests/escape/"
tests = []


def run(*command, **more):
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    return subprocess.run([CARREL, "run", *command], text=True, timeout=120, **streams)


def expect(what, done, status, output, report=None):
    problems = []
    if done.returncode != status:
        problems.append(f"exit status {done.returncode}, not {status}")
    if output is not None and done.stdout != output:
        problems.append(f"said {done.stdout!r}")
    reported = done.stderr or ""
    if report and not re.search(report, reported):
        problems.append("another report")
    if not report and reported and status == 0 and "carrel: library OS:" not in reported:
        problems.append("a report where there should be none")
    tests.append((what, problems, reported))


def volume_make(folder):
    """vol with links that lead to `secret` beside it, each kind once."""
    vol = folder + "/vol"
    os.makedirs(vol + "/d")
    open(folder + "/secret", "w").write("secret")
    open(folder + "/file", "w").write("secret")
    for name in "/inside", "/d/file":
        open(vol + name, "w").write("inside")
    for link, target in {"up": "..", "abs": folder + "/secret", "d/deep": "../../secret", "link-out": "../secret", "link-up": "..",
                         "link-abs": folder + "/secret", "link-dir": folder, "d/link-deep": "../../secret"}.items():
        os.symlink(target, vol + "/" + link)
    os.symlink(folder, vol + "/way-out")
    os.mkdir(vol + "/door")
    open(vol + "/door/file", "w").write("inside")
    return vol


def secret_kept(folder):
    return open(folder + "/secret").read() == "secret" and sorted(os.listdir(folder)) == ["file", "secret", "vol"]


class Swap(threading.Thread):
    """Exchanges door (a directory) and way-out (a link to the outside) until stopped."""
    def __init__(self, vol):
        super().__init__()
        self.names = (vol + "/door").encode(), (vol + "/way-out").encode()
        self.stopped = False

    def run(self):
        libc = ctypes.CDLL(None, use_errno=True)
        here = -100
        while not self.stopped:
            libc.renameat2(here, self.names[0], here, self.names[1], 2)


def raced(vol, *command):
    swap = Swap(vol)
    swap.start()
    try:
        return run(*command)
    finally:
        swap.stopped = True
        swap.join()


def signalled(what, number, *command):
    """The guest says it spins, then the signal comes: the process must end by it, as a program's own would."""
    process = subprocess.Popen([CARREL, "run", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    said = process.stdout.readline()
    time.sleep(0.05)
    process.send_signal(number)
    try:
        status = process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        status = "none: it did not end"
    problems = [] if said == "spinning\n" else [f"said {said!r}"]
    if status not in (-number, 128 + number):
        problems.append(f"exit status {status}")
    tests.append((what, problems, process.stderr.read()))


def kinds():
    """One kind of handle taken for another; traps where nobody may come."""
    traps = []
    for family, host in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
            trap = socket.socket(family, kind)
            try:
                trap.bind((host, 8899))
            except OSError:         # no IPv6, or taken: the calls' own answers are still compared
                continue
            if kind == socket.SOCK_STREAM:
                trap.listen()
            trap.settimeout(0.2)
            traps.append(trap)
    ports = []
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
        with socket.socket(socket.AF_INET, kind) as one:
            one.bind(("127.0.0.1", 0))
            ports.append(one.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        open(folder + "/inside", "w").write("inside")
        open(folder + "/time", "wb").write(struct.pack("<QQ", 0, 12345))
        expect("a hostile library OS takes one kind of handle for another",
               run("-v", folder + ":/data", "-v", folder + ":/etc", "-p", f"{ports[0]}:1", "-p", f"{ports[1]}:1/udp", "--net", "host-out",
                   "--libos", BUILT + "libos/kinds", BUILT + "program/hello"), 0, "every row held\n")
    reached = []
    for trap in traps:
        try:
            trap.accept() if trap.type == socket.SOCK_STREAM else trap.recv(1000)
            reached.append(f"{trap.getsockname()} was reached")
        except TimeoutError:
            pass
        trap.close()
    tests.append(("nobody came to the host's loopback", reached, ""))


def beside(what, status, output, *command, **more):
    expect(what, subprocess.run([BUILT + "beside", *command], text=True, timeout=60, stderr=subprocess.PIPE, **more), status, output,
           "beside: intact")


def streams():
    try:
        huge = os.memfd_create("huge", os.MFD_HUGETLB)
        os.ftruncate(huge, 2 << 20)
        beside("a file of huge pages is mapped nowhere", 0, "every row held\n", "-l", BUILT + "libos/huge", BUILT + "program/hello",
               BUILT + "libos/plain", BUILT + "program/hello", stdin=huge, stdout=subprocess.PIPE)
        os.close(huge)
    except OSError as error:
        tests.append((f"a file of huge pages # SKIP {error}", [], ""))
    from_, to = os.pipe()
    os.close(from_)
    beside("a write to a pipe that nobody reads ends no process", 0, None, BUILT + "program/hello", BUILT + "libos/plain",
           BUILT + "program/hello", stdin=subprocess.DEVNULL, stdout=to, restore_signals=True)
    os.close(to)


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    expect("memory calls against text", run(BUILT + "c/memory_calls"), 0, "every call was refused\n")
    expect("a page that was data, unmapped and mapped again, is no code", run(BUILT + "c/memory_calls", "1"), 139,
           "every call was refused\n", r"SIGSEGV in its program \(access to address")
    for volume in "/:/", "/proc:/proc", "/proc/self:/proc/self", "/proc/self/mem:/proc/self/mem", "/dev:/dev":
        expect(f"procfs by every road, -v {volume}", run("-v", volume, BUILT + "c/files", "m"), 0, "every road was closed\n")
    expect("procfs by every road, the root at /host", run("-v", "/:/host", BUILT + "c/files", "m", "/host"), 0,
           "every road was closed\n")
    with tempfile.TemporaryDirectory() as folder:
        made = folder + "/made"
        os.mkdir(made)
        for link, target in {"link-mem": "/proc/self/mem", "link-self": "/proc/self", "link-fd": "/proc/self/fd",
                             "link-root": "/proc/self/root"}.items():
            os.symlink(target, made + "/" + link)
        expect("procfs through links of a volume", run("-v", "/:/", "-v", made + ":/made", BUILT + "c/files", "m"), 0,
               "every road was closed\n")
    with tempfile.TemporaryDirectory() as folder:
        vol = volume_make(folder)
        expect("files beside a volume", run("-v", vol + ":/data", BUILT + "c/files", "o"), 0, "every road was closed\n")
        expect("a link swapped in for a directory", raced(vol, "-v", vol + ":/data", BUILT + "c/files", "r"), 0,
               "every road was closed\n")
        tests.append(("nothing beside the volume changed", [] if secret_kept(folder) else ["it did"], ""))
    with tempfile.TemporaryDirectory() as folder:
        vol = volume_make(folder)
        hello = BUILT + "program/hello"
        expect("a hostile library OS walks out of its volume", run("-v", vol + ":/data", "--libos", BUILT + "libos/paths", hello), 0,
               "every row held\n")
        expect("a hostile library OS changes a read-only volume",
               run("-v", vol + ":/data:ro", "--libos", BUILT + "libos/read_only", hello), 0, "every row held\n")
        expect("a hostile library OS while a link is swapped in",
               raced(vol, "-v", vol + ":/data", "--libos", BUILT + "libos/door", hello), 0, "", "library OS: always inside")
        tests.append(("nothing beside the volume changed, again", [] if secret_kept(folder) else ["it did"], ""))
    with tempfile.TemporaryDirectory() as folder:
        open(folder + "/inside", "w").write("inside")
        before = [(os.stat(folder + name).st_mode, os.stat(folder + name).st_uid) for name in ("", "/inside")]
        stream = os.open(folder, os.O_RDONLY)
        with open(folder + "/inside", "w") as errors:
            done = run("--libos", BUILT + "libos/streams", BUILT + "program/hello", stdin=stream, stderr=errors)
        os.close(stream)
        expect("a hostile library OS changes what its standard streams lead to", done, 0, "every row held\n")
        after = [(os.stat(folder + name).st_mode, os.stat(folder + name).st_uid) for name in ("", "/inside")]
        tests.append(("which stay as they were", [] if before == after and os.listdir(folder) == ["inside"] else ["they do not"], ""))
    kinds()
    streams()
    expect("forged frames of signal handlers end their process, never its library OS", run(BUILT + "c/frames"), 0, "answered\n")
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGSEGV, signal.SIGFPE:
        signalled(f"{number.name} over a forged thread control block", number, BUILT + "program/thread_pointer", "6")
        signalled(f"{number.name} over a pending x87 exception", number, BUILT + "program/floating", "6")
    signalled("SIGTERM to a library OS that takes no signals", signal.SIGTERM, "--libos", BUILT + "libos/deaf", BUILT + "program/hello")
    expect("an innocent program afterwards", run(BUILT + "program/hello"), 0, "hello\n")
    print(f"1..{len(tests)}")
    for n, (what, problems, report) in enumerate(tests, 1):
        print(f"{'not ok' if problems else 'ok'} {n} - {what}")
        for line in problems + (report.splitlines()[:5] if problems else []):
            print("# " + line)


main()
