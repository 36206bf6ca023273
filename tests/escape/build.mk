# Hostile guests: assembled with plain gas and linked with plain ld, so that they hold exactly the bytes an attacker chooses.
ESCAPE := $(B)/tests/escape
ESCAPE_GUESTS := $(patsubst tests/escape/%.S,$(ESCAPE)/%,$(wildcard tests/escape/program/*.S tests/escape/libos/*.S))
ESCAPE_LD := ld -pie --no-dynamic-linker --no-relax -z separate-code -z max-page-size=4096 -z noexecstack -z text

$(ESCAPE)/%: tests/escape/%.S tests/escape/guest.h tests/escape/registers.h tests/escape/resume.h $(wildcard tests/escape/libos/*.h include/carrel/*)
	@mkdir -p $(@D)
	$(CC) -Iinclude -Itests/escape -Itests/escape/libos -c $< -o $@.o
	$(ESCAPE_LD) $@.o -o $@

$(ESCAPE)/judge: $(B)/obj/tests/escape/native/judge.o $(MACHINE_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ $(MACHINE_LIBS) -o $@

$(ESCAPE)/units: $(ESCAPE)/%: $(B)/obj/tests/escape/native/%.o $(MACHINE_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ $(MACHINE_LIBS) -o $@

ESCAPE_NATIVE := $(patsubst %,$(ESCAPE)/%,beside quota sealed snapshot lockdown again descriptors replaced zero late)
$(ESCAPE)/quota: LDFLAGS += -Wl,--wrap=mmap
$(ESCAPE)/late: LDFLAGS += -Wl,--wrap=machine_system -Wl,--wrap=close
$(ESCAPE)/late: $(B)/obj/between/intravisor/host/table.o $(B)/obj/between/intravisor/host/fast_table.o
# What native/failing.h makes fail.
$(ESCAPE)/descriptors: LDFLAGS += $(patsubst %,-Xlinker --wrap=%,malloc calloc aligned_alloc mmap memfd_create eventfd epoll_create1 epoll_ctl socket accept4 \
	fstat fstatfs ftruncate write pread machine_copy_in machine_copy_out open fcntl syscall)
$(ESCAPE_NATIVE): $(ESCAPE)/%: $(B)/obj/tests/escape/native/%.o $(INTRAVISOR_LIBRARY) $(MACHINE_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(filter %.o,$^) $(INTRAVISOR_LIBS) -lseccomp -o $@

$(ESCAPE)/step: $(B)/obj/tests/escape/native/step.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $< -o $@

# The same program with nothing readable before its text: flags 0 in its first loaded segment, which holds only headers.
$(ESCAPE)/program/step_bare: $(ESCAPE)/program/step tests/escape/bare.py
	python3 tests/escape/bare.py $< $@

# Guests in C without a libc, through the real toolchain.
ESCAPE_C := $(patsubst tests/escape/%.c,$(ESCAPE)/%,$(wildcard tests/escape/c/*.c))
$(ESCAPE)/c/%: tests/escape/c/%.c tests/escape/c/direct.h $(TOOLCHAIN)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -nostdlib -ffreestanding -fno-tree-loop-distribute-patterns -Wall -Wextra -Itests/escape/c $< -o $@

CHECKS += $(ESCAPE_C) $(ESCAPE)/judge $(ESCAPE)/units $(ESCAPE_NATIVE) $(ESCAPE_GUESTS) $(ESCAPE)/step $(ESCAPE)/program/step_bare
