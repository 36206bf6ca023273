# The second machine: all of Carrel for CHERI-RISC-V, built by Debian's cross compiler, run by carrel-cheri. Laid out as an
# installation of its own: bin/carrel, lib/carrel/libos, lib/carrel/sysroot.
CHERI := $(B)/lib/carrel/cheri
CHERI_CC := riscv64-linux-gnu-gcc
CHERI_CPPFLAGS := -D_GNU_SOURCE -Iinclude -Iinclude/isa/cheri_riscv64 -I.
CHERI_CFLAGS = $(filter-out -fPIE,$(CFLAGS)) -fno-pie
CHERI_SOURCES := $(wildcard cli/*.c cap/*.c machine/cheri_riscv64/*.[cS]) $(filter-out intravisor/host/lockdown.c,$(wildcard intravisor/*/*.c))
CHERI_OBJECTS := $(patsubst %,$(B)/obj/cheri/%.o,$(basename $(CHERI_SOURCES)))
ALL += $(CHERI)/bin/carrel

$(B)/obj/cheri/%.o: %.c
	@mkdir -p $(@D)
	$(CHERI_CC) $(CHERI_CPPFLAGS) $(CHERI_CFLAGS) -c $< -o $@
$(B)/obj/cheri/%.o: %.S
	@mkdir -p $(@D)
	$(CHERI_CC) $(CHERI_CPPFLAGS) $(CHERI_CFLAGS) -c $< -o $@
$(CHERI)/bin/carrel: $(CHERI_OBJECTS)
	@mkdir -p $(@D)
	$(CHERI_CC) -static $^ -o $@
