#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# A hostile library OS on the process's own terminal (libos/terminal.S), in lock-down: afterwards that is as it was, nothing was typed,
# and it is nobody else's.
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios

sys.path.insert(0, "tests")
from tap import finish, ok  # noqa: E402

BUILT = "build/tests/escape/"


def state(terminal):
    discipline = fcntl.ioctl(terminal, 0x5424, bytes(4))    # TIOCGETD
    return termios.tcgetattr(terminal), fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8)), discipline


def owned():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


outer, inner = pty.openpty()
fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
before = state(inner)
done = subprocess.run(["build/bin/carrel", "run", "--libos", BUILT + "libos/terminal", BUILT + "program/hello"], stdin=inner, capture_output=True,
                      text=True, timeout=60, preexec_fn=owned)
ok(done.returncode == 0 and done.stdout == "every row held\n", "every row held", done)
ok(not done.stderr, "and nothing was reported", done.stderr)
ok(state(inner) == before, "the terminal is as it was", before, state(inner))
os.set_blocking(inner, False)
ok(not select.select([outer], [], [], 0.2)[0] and not select.select([inner], [], [], 0.2)[0], "nothing was written to it, and nothing typed")
finish()
