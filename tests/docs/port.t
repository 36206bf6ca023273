#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# docs/port-a-program.md by the letter: in a tree without the port it shows, the port is added from the document's own text, and its
# commands are run as they stand there. Carrel and what was fetched are this tree's.
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, "tests")
from tap import finish, ok  # noqa: E402

TOP = os.getcwd()
TEXT = open("docs/port-a-program.md").read()
def block(after):
    """The indented block that follows a phrase, without its indentation."""
    found = re.search(re.escape(after) + r"[^\n]*\n\n((?:    [^\n]*\n)+)", TEXT)
    return "".join(line[4:] + "\n" for line in found[1].splitlines())


def shell(command, folder):
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=500)


def tree(folder):
    """What git has of ports/ and README.md, less the port; build/ holds links to what `make libc all` has made."""
    shutil.copytree("ports", folder + "/ports", ignore=lambda at, names: ["xxhash"] if at == "ports" else [])
    shutil.copy("README.md", folder)
    lines = open("ports/sources").read().splitlines(True)
    open(folder + "/ports/sources", "w").writelines(line for line in lines if not line.startswith("xxhash "))
    os.mkdir(folder + "/build")
    for name in "bin", "lib", "downloads":
        os.symlink(f"{TOP}/build/{name}", f"{folder}/build/{name}")


with tempfile.TemporaryDirectory(prefix="carrel-test.") as folder:
    line, recipe = block("The line in `ports/sources`:"), block("All of `ports/xxhash/recipe`:")
    ok(line.split() in [each.split() for each in open("ports/sources")] and recipe == open("ports/xxhash/recipe").read(),
       "the document shows the port as it is", line, recipe)
    ok(len(line.splitlines() + recipe.splitlines()) <= 10, "it is at most ten lines")
    tree(folder)
    done = shell("ports/build xxhash", folder)
    ok(done.returncode == 2 and done.stderr == "ports/build: no ports/xxhash/recipe\n", "without a recipe: one line says so", done)
    os.mkdir(folder + "/ports/xxhash")
    open(folder + "/ports/xxhash/recipe", "w").write(recipe)
    done = shell("ports/build xxhash", folder)
    ok(done.returncode == 2 and done.stderr == "ports/build: no line for xxhash in ports/sources\n", "without a source: likewise", done)
    open(folder + "/ports/sources", "a").write(line)
    commands = [each[2:] for each in block("And that is the port:").splitlines() if each.startswith("$ ")]
    ok(len(commands) == 3, "the document's commands are found", commands)
    for command in commands:
        if command.startswith("make "):
            done = shell(command + " -n", TOP)
            ok(done.returncode == 0, f"make knows: {command}", done.stderr)
            continue
        done = shell(command, folder)
        ok(done.returncode == 0, command, done)
    native = shell(f"{TOP}/build/ports/xxhash/native/xxhsum README.md", folder)
    ok(native.returncode == 0 and done.stdout == native.stdout, "and the result is the native build's", done, native)
    os.unlink(folder + "/build/lib")
    shutil.rmtree(folder + "/build/ports")
    done = shell("ports/build xxhash", folder)
    ok(done.returncode == 2 and "run `make port-xxhash-carrel`" in done.stderr and done.stderr.count("\n") == 1,
       "without Carrel's libc: one line says what to run", done)
finish()
