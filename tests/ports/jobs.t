#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# A shell in a cVM on a terminal: jobs are stopped, go on in the background and in front, and are interrupted; the shell is not. And a
# program without a shell is stopped as a whole, by the terminal's own job control.
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402


class Terminal:
    def __init__(self, command):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execvp(command[0], command)

    def expect(self, pattern, seconds=20):
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return True
            if time.monotonic() > end or not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                return False
            try:
                self.text += os.read(self.fd, 4096).decode(errors="replace")
            except OSError:
                return False

    def type(self, keys):
        os.write(self.fd, keys.encode())


with tempfile.TemporaryDirectory() as folder:
    os.symlink("busybox", folder + "/sleep"), os.symlink("busybox", folder + "/cat"), os.symlink("busybox", folder + "/ps")
    subprocess.run(["cp", ports.program("busybox", "carrel", "busybox"), folder], check=True)
    t = Terminal([ports.CARREL, "run", "-v", folder + ":/bin:ro", "-e", "PS1=ready> ", ports.program("dash", "carrel", "dash"), "-i"])
    ports.ok(t.expect("ready> "), "an interactive shell", t.text)
    t.type("sleep 1000\n")
    time.sleep(1)
    t.type("\x1a")
    ports.ok(t.expect("Stopped|Suspended") and t.expect("ready> "), "Ctrl-Z stops the job in front", t.text)
    t.type("jobs\n")
    ports.ok(t.expect(r"Stopped.*sleep 1000|Suspended.*sleep 1000"), "jobs", t.text)
    t.type("bg\n")
    t.expect("ready> ")
    t.type("jobs\n")
    ports.ok(t.expect("Running.*sleep 1000"), "bg", t.text)
    t.type("ps\n")
    ports.ok(t.expect("sleep 1000"), "ps shows it", t.text)
    t.type("fg\n")
    t.expect("sleep 1000")
    time.sleep(1)
    t.type("\x03")
    ports.ok(t.expect("ready> "), "fg, and Ctrl-C ends it", t.text)
    t.type("echo status $?\n")
    ports.ok(t.expect("status 130"), "with a shell's status", t.text)
    t.expect("ready> ")
    t.type("\x03")
    t.expect("ready> ")             # what is typed right behind it could be read before the signal comes: docs/caveats.md
    t.type("echo still here\n")
    ports.ok(t.expect("\nstill here\r\n") and t.expect("ready> "), "Ctrl-C does not end the shell", t.text)
    t.type("cat\n")
    time.sleep(1)
    t.type("a line\n")
    ports.ok(t.expect("a line\r\na line"), "a job in front reads the terminal", t.text)
    t.type("\x04")
    t.expect("ready> ")
    t.type("exit 7\n")
    ports.ok(os.waitstatus_to_exitcode(os.waitpid(t.pid, 0)[1]) == 7, "exit")

    # No shell inside: Ctrl-Z stops all of the process, SIGCONT lets it go on, Ctrl-C ends it.
    t = Terminal([ports.CARREL, "run", "-v", folder + ":/bin:ro", folder + "/busybox", "sleep", "1000"])
    time.sleep(1)
    t.type("\x1a")
    pid, status = os.waitpid(t.pid, os.WUNTRACED)
    ports.ok(os.WIFSTOPPED(status), "without a shell Ctrl-Z stops the whole process", status)
    os.kill(t.pid, signal.SIGCONT)
    time.sleep(0.5)
    t.type("\x03")
    ports.ok(os.waitstatus_to_exitcode(os.waitpid(t.pid, 0)[1]) == 130, "which goes on, and ends by Ctrl-C")
ports.done()
