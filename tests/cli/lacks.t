#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# A host that lacks what Carrel needs: `carrel doctor` names each lack and what to do, with exit status 1, and `carrel run` stops
# with one line before the program begins. Kernels are played by seccomp filters (lack.c), mounts and limits; processors by
# qemu-x86_64: qemu64 has no FSGSBASE, and max has it but the kernel it plays does not say so (AT_HWCAP2), as with nofsgsbase.
import os
import resource
import shutil
import subprocess
import tempfile

CARREL, CC, LACK = (os.path.abspath("build/" + name) for name in ("bin/carrel", "bin/carrel-cc", "tests/cli/lack"))
SOURCE = r"""
#include <fcntl.h>
#include <unistd.h>
int main(void) { return write(open("/data/touched", O_WRONLY | O_CREAT, 0644), "ran\n", 4) != 4 || write(1, "ran\n", 4) != 4; }
"""
EPERM, EACCES, EINVAL, ENOSYS, EAGAIN = 1, 13, 22, 38, 11
F_ADD_SEALS, READ_EXEC = 1033, 5
IN_MOUNTS = ["unshare", "-rm", "--propagation", "private", "sh", "-c"]
# what is lacking, as a prefix of the command; the check that shows it; a word of the advice; does `carrel run` stop?
LACKS = [
    ("no openat2", [LACK, f"openat2:{ENOSYS}", "--"], "openat2", "Linux 5.6", True),
    ("no futex_waitv", [LACK, f"futex_waitv:{ENOSYS}", "--"], "futex_waitv", "Linux 5.16", True),
    ("no memfd_create", [LACK, f"memfd_create:{ENOSYS}", "--"], "sealed text", "memfd_create", True),
    ("no seals", [LACK, f"fcntl:{EINVAL}:1={F_ADD_SEALS}", "--"], "sealed text", "seals", True),
    ("no executable memfds", [LACK, f"mmap:{EACCES}:1=4096:2={READ_EXEC}", "--"], "sealed text", "vm.memfd_noexec", True),
    ("no memory that becomes executable", [LACK, f"mprotect:{EACCES}:2={READ_EXEC}", "--"], "gate page", "execmem", True),
    ("no seccomp", [LACK, f"seccomp:{ENOSYS}", "--"], "seccomp", "CONFIG_SECCOMP_FILTER", True),
    ("no /proc", IN_MOUNTS + ['mount -t tmpfs none /proc && exec "$@"', "sh"], "procfs", "mount -t proc", True),
    ("no low addresses", [LACK, f"mmap:{EPERM}:0=65536", "--"], "window at 0", "vm.mmap_min_addr", False),
    ("few mappings", IN_MOUNTS + ['mount --bind few /proc/sys/vm/max_map_count && exec "$@"', "sh"], "mappings", "sysctl", False),
    ("a processor without FSGSBASE", ["qemu-x86_64", "-cpu", "qemu64"], "fsgsbase", "processor with FSGSBASE", True),
    ("a kernel that does not allow FSGSBASE", ["qemu-x86_64", "-cpu", "max"], "fsgsbase", "nofsgsbase", True),
]
count = 0


def ok(condition, name, *details):
    global count
    count += 1
    print(f"{'ok' if condition else 'not ok'} {count} - {name}")
    if not condition:
        for detail in details:
            print("#", str(detail)[:600].replace("\n", "\n# "))


def run(*command, before=None):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, cwd=work, preexec_fn=before)


def program(prefix=(), before=None):
    """`carrel run` of the program, and whether the program began."""
    if os.path.exists(work + "/data/touched"):
        os.unlink(work + "/data/touched")
    done = run(*prefix, CARREL, "run", "-v", work + "/data:/data", work + "/p", before=before)
    return done, os.path.exists(work + "/data/touched")


def one_line(done):
    return done.returncode == 125 and not done.stdout and done.stderr.startswith("carrel: ") and done.stderr.count("\n") == 1


def advised(done, check, advice):
    lines = done.stdout.splitlines()
    at = [n for n, line in enumerate(lines) if line.startswith(check + " ") and line.endswith("MISSING")]
    return done.returncode == 1 and len(at) == 1 and advice in lines[at[0] + 1]


def lacking(name, prefix, check, advice, stops):
    if run(*prefix, "/bin/true").returncode:
        ok(True, f"{name} # SKIP it cannot be played here")
        return
    done = run(*prefix, CARREL, "doctor")
    ok(advised(done, check, advice), f"{name}: carrel doctor says what to do", done)
    done, began = program(prefix)
    if stops:
        ok(one_line(done) and not began and f"lacks {check}" in done.stderr and advice in done.stderr,
           f"{name}: carrel run stops with that line, before the program", done)
    else:
        ok(done.returncode == 0 and began, f"{name}: a small program runs all the same", done)


work = tempfile.mkdtemp(prefix="carrel-test.")
try:
    os.mkdir(work + "/data")
    open(work + "/few", "w").write("1000\n")
    open(work + "/p.c", "w").write(SOURCE)
    subprocess.run([CC, "-O1", work + "/p.c", "-o", work + "/p"], check=True)
    done, began = program()
    ok(done.returncode == 0 and began and run(CARREL, "doctor").returncode == 0, "nothing lacks here", done)
    for lack in LACKS:
        lacking(*lack)
    # What the doctor cannot ask for without doing it.
    done, began = program([LACK, f"seccomp:{EINVAL}:0=1", f"prctl:{EINVAL}:0=22", "--"])
    ok(one_line(done) and not began and "system calls" in done.stderr, "a filter that is not taken: one line", done)
    done, began = program([LACK, f"clone:{EAGAIN}", f"clone3:{EAGAIN}", "--"])
    ok(done.returncode == 0 and began, "no threads to be had: a program of one runs", done)
    for name, limit, value, text in (("descriptors", resource.RLIMIT_NOFILE, 8, "Too many open files"),
                                     ("file sizes", resource.RLIMIT_FSIZE, 4096, "File too large"),
                                     ("data", resource.RLIMIT_DATA, 3 << 20, "memory")):
        done, began = program(before=lambda: resource.setrlimit(limit, (value, value)))
        ok(one_line(done) and not began and text in done.stderr, f"a small limit on {name}: one line", done)
    done, began = program()
    ok(done.returncode == 0 and began, "and nothing was disturbed", done)
finally:
    shutil.rmtree(work)
print(f"1..{count}")
