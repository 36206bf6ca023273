# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The Open POSIX Test Suite's programs, as Carrel images and natively with the same musl; tests/suites/posix calls it, with ONLY the
# folders to build if not all. A test's file is empty where it cannot be built (the compiler's words lie in FILE.log), and says "compiled" where it is a header's test, without main.
B := build
OUT := $(B)/suites/posix
FLAGS := -O2 -w -std=gnu99 -D_POSIX_C_SOURCE=200112L -D_XOPEN_SOURCE=600 -I$(OUT)/source/include -I$(OUT)/source/functional/threads/include
SOURCES := $(shell cd $(OUT)/source && find $(or $(ONLY),conformance functional) -name '[0-9]*-*.c' -o -path '*functional*' -name '*.c')
TESTS := $(SOURCES:.c=.test)

all: $(TESTS:%=$(OUT)/carrel/%) $(TESTS:%=$(OUT)/native/%)

# Some tests forget to include fcntl.h, which other libraries' headers bring along.
define build
	@mkdir -p $(@D)
	@rm -f $@ $@.log
	@if grep -qw main $<; then $(1) $(FLAGS) $(if $(filter-out $(OUT)/source/conformance/definitions/%,$<),-include tests/suites/posix.h) $< -o $@ > $@.log 2>&1 || $(1) $(FLAGS) -include tests/suites/posix.h -include fcntl.h $< -o $@ > $@.log 2>&1; \
	else $(1) $(FLAGS) -c $< -o $@.o > $@.log 2>&1 && echo compiled > $@; fi && rm -f $@.log || : > $@
	@rm -f $@.o
endef
$(OUT)/carrel/%.test: $(OUT)/source/%.c $(B)/bin/carrel-cc $(B)/lib/carrel/carrel-rewrite $(B)/lib/carrel/sysroot/lib/libc.a
	$(call build,$(B)/bin/carrel-cc)
$(OUT)/native/%.test: $(OUT)/source/%.c ports/native-cc $(B)/ports/musl/native/sysroot/lib/libc.a
	$(call build,ports/native-cc)
