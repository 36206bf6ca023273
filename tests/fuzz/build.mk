# The fuzz: its guests, and what runs them.
FUZZ := $(B)/tests/fuzz
FUZZ_CC = $(B)/bin/carrel-cc -O2 -g -std=gnu11 -Wall -Wextra -Iinclude -Iinclude/isa/$(ISA) -I.

$(FUZZ)/program: tests/fuzz/program/calls.c libos/sys/table.def libos/sys/private.def $(TOOLCHAIN) $(LIBC)
	@mkdir -p $(@D)
	$(FUZZ_CC) $< -o $@
$(FUZZ)/libos: tests/fuzz/libos/calls.c $(wildcard include/carrel/*) $(TOOLCHAIN)
	@mkdir -p $(@D)
	$(FUZZ_CC) --policy=libos -ffreestanding -fno-tree-loop-distribute-patterns -nostdlib $< -o $@
$(FUZZ)/fuzz: $(B)/obj/tests/fuzz/native/fuzz.o $(INTRAVISOR_LIBRARY) $(MACHINE_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $< $(INTRAVISOR_LIBS) -lseccomp -o $@

CHECKS += $(FUZZ)/program $(FUZZ)/libos $(FUZZ)/fuzz
