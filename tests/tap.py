# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# Tests in Python in TAP: ok(CONDITION, NAME, what is shown if it fails...) for each check, and finish().
_count = 0


def ok(condition, name, *details):
    global _count
    _count += 1
    print(f"{'ok' if condition else 'not ok'} {_count} - {name}", flush=True)
    if not condition:
        for detail in details:
            print("#", str(detail)[-1500:].replace("\n", "\n# "))


def finish():
    print(f"1..{_count}")
