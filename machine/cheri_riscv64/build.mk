# The second machine: all of Carrel for CHERI-RISC-V, built by Debian's cross compiler, run by carrel-cheri. Laid out as an
# installation of its own: bin/carrel, lib/carrel/libos, lib/carrel/sysroot. `make demo` does without (SECOND, not ALL).
CHERI_CC := riscv64-linux-gnu-gcc
CHERI_CPPFLAGS := -D_GNU_SOURCE -Iinclude -Iinclude/isa/cheri_riscv64 -I.
CHERI_CFLAGS = $(filter-out -fPIE,$(CFLAGS)) -fno-pie
CHERI_SOURCES := $(wildcard cli/*.c cli/deploy/*.c cli/machine/cheri_riscv64/*.c cap/*.c machine/*.c machine/cheri_riscv64/*.[cS]) $(filter-out intravisor/host/lockdown.c,$(wildcard intravisor/*/*.c))
CHERI_YAML := $(B)/ports/libyaml/cheri_glibc
CHERI_OBJECTS := $(patsubst %,$(B)/obj/cheri/%.o,$(basename $(CHERI_SOURCES)))
SECOND += $(CHERI)/bin/carrel

$(B)/obj/cheri/%.o: %.c
	@mkdir -p $(@D)
	$(CHERI_CC) $(CHERI_CPPFLAGS) $(CHERI_CFLAGS) -c $< -o $@
$(B)/obj/cheri/%.o: %.S
	@mkdir -p $(@D)
	$(CHERI_CC) $(CHERI_CPPFLAGS) $(CHERI_CFLAGS) -c $< -o $@
$(B)/obj/cheri/machine/%.o: CHERI_CPPFLAGS += -Imachine/cheri_riscv64
$(CHERI)/bin/carrel: $(CHERI_OBJECTS) $(CHERI_YAML)/lib/libyaml.a
	@mkdir -p $(@D)
	$(CHERI_CC) -static $^ -o $@

# Debian has no libyaml for this machine: ports/build makes it of Debian's sources, once.
$(CHERI_YAML)/lib/libyaml.a: ports/libyaml/recipe
	@ports/build libyaml cheri_glibc
	@touch $@
$(patsubst %.c,$(B)/obj/cheri/%.o,$(wildcard cli/deploy/*.c)): CHERI_CPPFLAGS += -isystem $(CHERI_YAML)/include
$(patsubst %.c,$(B)/obj/cheri/%.o,$(wildcard cli/deploy/*.c)): | $(CHERI_YAML)/lib/libyaml.a

$(CHERI)/lib/carrel/program.map: toolchain/driver/program.map
	@mkdir -p $(@D)
	install -m 644 $< $@
SECOND += $(CHERI)/lib/carrel/program.map $(CHERI)/lib/carrel/note-program.o

# Its library OS: stock gcc, no floating point, gp and tp left alone (include/isa/cheri_riscv64/carrel/entry.h).
CHERI_IMAGE_FLAGS := -fPIE -mno-relax
CHERI_IMAGE_LINK := -nostdlib -pie -Wl,--no-relax,-z,separate-code,-z,noexecstack,-z,text,-z,norelro,-z,max-page-size=4096,--build-id=none,--no-dynamic-linker
CHERI_LIBOS_SOURCES := $(wildcard libos/*.c libos/*/*.c libos/machine/cheri_riscv64/*.[cS])
CHERI_LIBOS_OBJECTS := $(patsubst %,$(B)/obj/cheri/%.o,$(basename $(CHERI_LIBOS_SOURCES)))
CHERI_LIBOS_CC = $(CHERI_CC) -march=rv64imac -mabi=lp64 $(CHERI_IMAGE_FLAGS) -ffreestanding -fno-stack-protector -O2 -g -std=gnu11 -Wall -Wextra -Werror \
	-Iinclude -Iinclude/isa/cheri_riscv64 -I. -Ilibos/machine/cheri_riscv64 -MMD -MP
SECOND += $(CHERI)/lib/carrel/libos

$(B)/obj/cheri/libos/%.o: libos/%.c
	@mkdir -p $(@D)
	$(CHERI_LIBOS_CC) -c $< -o $@
$(B)/obj/cheri/libos/%.o: libos/%.S
	@mkdir -p $(@D)
	$(CHERI_LIBOS_CC) -c $< -o $@
$(CHERI)/lib/carrel/note-%.o: toolchain/driver/note.S include/carrel/image.h
	@mkdir -p $(@D)
	$(CHERI_CC) $(CHERI_CPPFLAGS) -DPOLICY=$(if $(filter libos,$*),1 -march=rv64imac -mabi=lp64,0) -c $< -o $@
$(CHERI)/lib/carrel/libos: $(CHERI_LIBOS_OBJECTS) $(CHERI)/lib/carrel/note-libos.o
	$(CHERI_LIBOS_CC) $(CHERI_IMAGE_LINK) $^ -o $@
