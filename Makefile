# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
#   make demo    set up everything and run the demo
#   make check   set up everything and pass the tests
#   make         build Carrel alone (needs the packages of tools/setup)
#
# Each folder brings its own rules in build.mk; targets hang themselves on ALL, SECOND (the second machine), CHECKS and PORTS.

SHELL := /bin/bash
.DEFAULT_GOAL := all
B := build
CC = gcc
# Trusted code and tools, native: warnings are errors, hardening on. A window may begin at address 0.
CFLAGS = -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror \
         -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fno-delete-null-pointer-checks -MMD -MP
CPPFLAGS = -D_GNU_SOURCE -Iinclude -Iinclude/isa/$(ISA) -I.
LDFLAGS = -pie -Wl,-z,relro,-z,now
ISA := $(shell uname -m)

ALL :=
SECOND :=
CHECKS :=

# toolchain first: others name what it builds as their prerequisites.
include toolchain/build.mk $(filter-out toolchain/build.mk,$(sort $(wildcard */build.mk */*/build.mk)))

.PHONY: all first clean
all: first $(SECOND)
first: $(ALL)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(B)/obj/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

clean:
	rm -rf $(B)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
