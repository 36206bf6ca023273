# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# What the demo's parts share: where things are, and how they speak.
import os
import sys

CARREL = os.path.abspath("build/bin/carrel")
HERE = os.path.abspath("build/demo")
bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


def say(text):
    print(f"{bold}{text}{plain}", flush=True)


def fail(text):
    sys.exit(f"demo: {text}")
