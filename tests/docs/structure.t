#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The shape of the tree: layers, the trusted budget.
echo 1..3
tools/layers >&2 && echo "ok 1 - includes point one way" || echo "not ok 1 - includes point one way"
tools/tcb >&2 && echo "ok 2 - the trusted base is within its budget" || echo "not ok 2 - the trusted base is within its budget"
grep -rnE 'assert\.h|[^_]assert\(' cap machine intravisor include/carrel >&2 && echo "not ok 3 - no check that NDEBUG removes" || echo "ok 3 - no check that NDEBUG removes"
