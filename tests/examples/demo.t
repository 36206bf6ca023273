#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The demo's parts, with less to do than `make demo` gives them: what they print is measured, the picture says the same, and nothing is left
# running, however it ends.
import glob
import os
import re
import signal
import subprocess
import sys
import time
import xml.dom.minidom

sys.path.insert(0, "tests")
from tap import finish, ok  # noqa: E402

PICTURE = "build/demo/two-tier.svg"
def demo(part, **settings):
    return subprocess.Popen(["examples/demo/run", part], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, **settings}, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))


def left():
    """Who still has one of the demo's directories as its own."""
    found = []
    for each in glob.glob("/proc/[0-9]*/cwd"):
        try:
            if os.readlink(each).startswith(os.path.abspath("build/demo") + "/"):
                found.append(open(each[:-3] + "cmdline").read().replace("\0", " "))
        except OSError:
            pass
    return found


def interrupted(number):
    """Ends it in the middle of its rounds: exit status and what it printed."""
    child, said = demo("two_tier", ROUNDS="1000", REQUESTS="500"), ""
    for line in child.stdout:
        said += line
        if "round 2" in line:
            running = left()
            child.send_signal(number)
            start = time.monotonic()
            rest = child.communicate(timeout=60)[0]
            return child.returncode, said + rest, running, time.monotonic() - start
    return child.wait(), said, [], 0


child = demo("sqlite", ROWS="2000", ROUNDS="1")
said = child.communicate(timeout=120)[0]
ok(child.returncode == 0 and "the same, byte for byte" in said, "SQLite in a cVM and natively", said)

if os.path.exists(PICTURE):
    os.unlink(PICTURE)
child = demo("two_tier", ROUNDS="2", REQUESTS="1000")
said = child.communicate(timeout=120)[0]
ok(child.returncode == 0 and "the same from each" in said, "the two tiers in cVMs and natively", said)
rates = re.findall(r"(?:SET|GET) +([\d,]+) requests/s", said)
ok(len(rates) == 8 and len(set(rates)) > 2, "each round has its own figures", rates)
requests = re.search(r"([\d,]+) requests +║", said)
ok(requests and 4000 <= int(requests[1].replace(",", "")) < 4100, "Redis' own count: what was sent, and little more", said)
try:
    words = [each.firstChild.data for each in xml.dom.minidom.parse(PICTURE).getElementsByTagName("text")]
except Exception as error:
    words = [repr(error)]
ok({"cVM web: nginx", "cVM redis: redis-server", "CP_Streams", requests and f"{requests[1]} requests"} <= set(words),
   "the picture has the names and the counts", words)
ok(not left(), "nothing is left running", left())

for name, number in ("Ctrl-C", signal.SIGINT), ("a signal", signal.SIGTERM):
    status, said, running, took = interrupted(number)
    ok(status not in (0, None) and len(running) >= 4 and "Traceback" not in said and took < 20, f"{name} ends it", status, said, running, took)
    ok(not left(), f"{name}: nothing is left running", left())
ok(subprocess.run(["examples/demo/run", "three"], capture_output=True, text=True).stderr == "Usage: examples/demo/run [sqlite] [two_tier]\n",
   "a part that there is not")
finish()
