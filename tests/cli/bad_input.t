#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What damaged images, long argument lists, a full disk, too little memory and core dumps get. Random choices come from a printed
# seed; SEED=N repeats a run.
import glob
import os
import random
import resource
import shutil
import subprocess
import tempfile
import time

CARREL, CC = os.path.abspath("build/bin/carrel"), os.path.abspath("build/bin/carrel-cc")
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
SOURCE = r"""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "fill")) {
		static char block[4096];
		int fd = open(argv[2], O_WRONLY | O_CREAT, 0644);
		for (int i = 0; i < 100000; i++)
			if (write(fd, block, sizeof block) < 0) { printf("write: %s\n", strerror(errno)); return 3; }
		return 0;
	}
	if (!strcmp(what, "spin")) {
		static char data[64];
		static volatile char add = 1;
		char *heap = malloc(4096), stack[64];
		for (const char *s = "vtbs.gbd`nod"; *s; s++) data[strlen(data)] = *s + add;    /* the secret is not in the image */
		memcpy(heap, data, 64), memcpy(stack, data, 64);
		__asm__ volatile("" : : "r"(heap), "r"(stack) : "memory");
		write(1, "up\n", 3);
		for (;;) ;
	}
	size_t n = 0;
	for (int i = 1; i < argc; i++) n += strlen(argv[i]);
	printf("%d arguments, %zu bytes\n", argc - 1, n);
	return 0;
}
"""
SECRET = bytes(c + 1 for c in b"vtbs.gbd`nod")
count = 0


def ok(condition, name, *details):
    global count
    count += 1
    print(f"{'ok' if condition else 'not ok'} {count} - {name}")
    if not condition:
        for detail in details:
            print("#", str(detail)[:400].replace("\n", "\n# "))


def run(*command, before=None):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, stdin=subprocess.DEVNULL,
                          preexec_fn=before)


def clear_error(done):
    """One line that names carrel, and an exit status of carrel's own."""
    return done.returncode in (125, 126, 127) and done.stderr.startswith("carrel: ") and done.stderr.count("\n") == 1


def damaged_images(image):
    data = open(image, "rb").read()
    path = work + "/damaged"
    refused, strange = 0, []

    def attempt(new):
        nonlocal refused
        with open(path, "wb") as file:
            file.write(new)
        done = run("timeout", "2", CARREL, "run", path)
        # Refused with one line; or accepted and then the program's own affair: it exits, crashes contained, or hangs.
        if clear_error(done):
            refused += 1
        elif done.returncode < 0 or done.returncode in (125, 126, 127) or (
                done.returncode > 128 and "ended by SIG" not in done.stderr):
            strange.append((done.returncode, done.stderr))

    for _ in range(150):
        new = bytearray(data)
        bit = random.randrange(len(new) * 8)
        new[bit // 8] ^= 1 << bit % 8
        attempt(new)
    ok(not strange and refused > 5, f"bit-flipped images: {refused} of 150 refused in one line, the others contained", strange[:3])
    refused, strange = 0, []
    for _ in range(150):                # the headers, where most can go wrong
        new = bytearray(data)
        for _ in range(random.randint(1, 4)):
            new[random.randrange(64 + 56 * 10)] = random.choice((0, 1, 0x7f, 0x80, 0xff, random.randrange(256)))
        attempt(new)
    ok(not strange and refused > 50, f"images with broken headers: {refused} of 150 refused", strange[:3])
    refused, strange = 0, []
    lengths = random.sample(range(len(data) // 2), 60)
    for length in lengths:
        attempt(data[:length])
    ok(not strange and refused == len(lengths), f"truncated images: {refused} of {len(lengths)} refused in one line", strange[:3])


def long_arguments(image):
    unit = "A" * 65536
    done = run(CARREL, "run", image, *[unit] * 16)
    ok(done.stdout == "16 arguments, 1048576 bytes\n", "1 MB of arguments", done)

    def deep():                         # Linux allows a quarter of the stack's limit
        resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    done = run(CARREL, "run", image, *[unit] * 90, before=deep)
    ok(clear_error(done) and "argument list too long" in done.stderr, "more than a cVM takes: one line", done)
    try:
        done = run(image, *[unit] * 400, before=deep)
        ok(False, "more than Linux takes: E2BIG", done)
    except OSError as error:
        ok(error.errno == 7, "more than Linux takes: E2BIG", error)
    done = run(CARREL, "run", image, *["a"] * 100000)
    ok(done.stdout == "100000 arguments, 100000 bytes\n", "100,000 short arguments", done)


def full_disk(image):
    os.mkdir(work + "/disk")
    done = run("unshare", "-rm", "sh", "-c", f"mount -t tmpfs -o size=256k none {work}/disk || exit 77; "
               f"{CARREL} run -v {work}/disk:/disk {image} fill /disk/file")
    if done.returncode == 77 or "unshare" in done.stderr:
        ok(True, "a full disk # SKIP no mounts here")
    else:
        ok(done.returncode == 3 and "No space left" in done.stdout, "a full disk: the program is told", done)


def little_memory(image):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (100 << 20, 100 << 20))
    done = run(CARREL, "run", image, before=limit)
    ok(clear_error(done) and "memory" in done.stderr, "no room for windows: one line", done)
    done = run(CARREL, "doctor", before=limit)
    ok(done.returncode == 1 and "MISSING" in done.stdout and "ulimit -v" in done.stdout, "carrel doctor says what to do", done)
    done = run(CARREL, "run", image)
    ok(done.returncode == 0, "nothing else is disturbed", done)


def core_dump(command, name):
    folder = tempfile.mkdtemp(dir=work)

    def limit():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=limit)
    child.stdout.read(3)
    child.send_signal(6)
    child.wait()
    cores = glob.glob(folder + "/core*")
    return open(cores[0], "rb").read() if cores else None


def core_dumps(image, native):
    pattern = open("/proc/sys/kernel/core_pattern").read()
    if not pattern.startswith("core") or resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        ok(True, "core dumps leave the windows out # SKIP core dumps do not become files here")
        return
    control = core_dump([native, "spin"], "native")
    core = core_dump([CARREL, "run", image, "spin"], "cVM")
    ok(control and control.count(SECRET) >= 3, "a native program's core dump has its data (so this test can see it)")
    ok(core is not None and core[:4] == b"\x7fELF" and SECRET not in core, "a core dump leaves the windows out",
       "no core" if core is None else f"found {core.count(SECRET)} times")


print(f"# SEED={SEED}")
random.seed(SEED)
work = tempfile.mkdtemp(prefix="carrel-test.")
try:
    with open(work + "/p.c", "w") as file:
        file.write(SOURCE)
    subprocess.run([CC, "-O1", work + "/p.c", "-o", work + "/p"], check=True)
    subprocess.run(["gcc", "-O1", "-w", work + "/p.c", "-o", work + "/native"], check=True)
    damaged_images(work + "/p")
    long_arguments(work + "/p")
    full_disk(work + "/p")
    little_memory(work + "/p")
    core_dumps(work + "/p", work + "/native")
finally:
    shutil.rmtree(work)
print(f"1..{count}")
