# Guests of the second machine: the library OS's, and hostile ones.
CHERI_TESTS := $(B)/tests/cheri
CHERI_TEST_CC = $(B)/bin/carrel-cc --machine=cheri
CHERI_GUESTS := $(patsubst %,$(CHERI_TESTS)/guest/%,$(filter-out forks,$(basename $(notdir $(wildcard tests/libos/guests/*.c)))))
CHERI_HOSTILE := $(CHERI_TESTS)/program/hello $(CHERI_TESTS)/program/hostile $(CHERI_TESTS)/program/storm $(CHERI_TESTS)/libos/hostile $(CHERI_TESTS)/libos/deaf

$(CHERI_TESTS)/guest/%: tests/libos/guests/%.c tests/libos/guests/tap.h $(TOOLCHAIN) | port-musl-cheri
	@mkdir -p $(@D)
	$(CHERI_TEST_CC) -O2 -Wall -Wextra $< -o $@
$(CHERI_TESTS)/program/%: tests/cheri/program/%.c $(TOOLCHAIN) | port-musl-cheri
	@mkdir -p $(@D)
	$(CHERI_TEST_CC) -O1 -Wall -Wextra $< -o $@
$(CHERI_TESTS)/program/%: tests/cheri/program/%.S $(TOOLCHAIN) | $(CHERI)/lib/carrel/note-program.o
	@mkdir -p $(@D)
	$(CHERI_TEST_CC) -nostdlib -Iinclude -Iinclude/isa/cheri_riscv64 -isystem /usr/riscv64-linux-gnu/include $< -o $@
$(CHERI_TESTS)/libos/%: tests/cheri/libos/%.c $(CHERI)/lib/carrel/note-libos.o
	@mkdir -p $(@D)
	$(CHERI_LIBOS_CC) $(CHERI_IMAGE_LINK) $^ -o $@

# tests/share for this machine: its guests, and what runs several cVMs in one Intravisor, as programs of carrel-cheri's.
CHERI_SHARE := $(CHERI_TESTS)/share
CHERI_SHARE_GUESTS := $(patsubst tests/share/guests/%.c,$(CHERI_SHARE)/%,$(wildcard tests/share/guests/*.c))
CHERI_SHARE_NATIVE := $(patsubst %,$(CHERI_SHARE)/%,together call_storm model race stream_storm stream_linger stream_ends stream_reuse ranges)
CHERI_LIBRARY := $(filter-out $(B)/obj/cheri/cli/%,$(CHERI_OBJECTS))

$(CHERI_SHARE_GUESTS): $(CHERI_SHARE)/%: tests/share/guests/%.c $(wildcard include/carrel/cp*.h tests/share/guests/*.h tests/share/guests/cheri_riscv64/*.h) $(TOOLCHAIN) | port-musl-cheri
	@mkdir -p $(@D)
	$(CHERI_TEST_CC) -O2 -Wall -Wextra -Iinclude -Iinclude/isa/cheri_riscv64 -Itests/share/guests/cheri_riscv64 $< -o $@
# What comes between (tests/share/native/between.h): instead of these files of the Intravisor, others compiled of them.
CHERI_SHARE_BETWEEN := $(CHERI_SHARE)/stream_linger $(CHERI_SHARE)/stream_ends $(CHERI_SHARE)/stream_reuse
$(filter-out $(CHERI_SHARE_BETWEEN),$(CHERI_SHARE_NATIVE)): $(CHERI_LIBRARY)
$(CHERI_SHARE_BETWEEN): $(filter-out $(B)/obj/cheri/intravisor/share/%,$(CHERI_LIBRARY)) \
	$(patsubst %.c,$(B)/obj/cheri/between/%.o,$(wildcard intravisor/share/*.c))
$(CHERI_SHARE_NATIVE):
	@mkdir -p $(@D)
	$(CHERI_CC) -static $^ -o $@
$(filter-out $(CHERI_SHARE_BETWEEN),$(CHERI_SHARE_NATIVE)): $(CHERI_SHARE)/%: $(B)/obj/cheri/tests/share/native/%.o
$(CHERI_SHARE)/stream_linger: $(B)/obj/cheri/tests/share/native/stream_storm.o
$(CHERI_SHARE)/stream_ends: $(B)/obj/cheri/tests/share/native/stream_ends.o
$(CHERI_SHARE)/stream_reuse: $(patsubst %.c,$(B)/obj/cheri/%.o,$(wildcard tests/share/native/reuse/*.c))
$(CHERI_SHARE)/stream_storm $(CHERI_SHARE_BETWEEN): $(B)/obj/cheri/tests/share/native/between.o
$(CHERI_SHARE)/model $(CHERI_SHARE)/race $(CHERI_SHARE)/stream_storm $(CHERI_SHARE_BETWEEN): $(B)/obj/cheri/tests/share/native/processes.o
$(B)/obj/cheri/between/%.o: %.c
	@mkdir -p $(@D)
	$(CHERI_CC) $(CHERI_CPPFLAGS) $(CHERI_CFLAGS) -DBETWEEN -include tests/share/native/between.h -c $< -o $@
$(B)/obj/cheri/tests/share/%.o: CHERI_CPPFLAGS += -Imachine/cheri_riscv64 -DLIBOS='"$(CHERI)/lib/carrel/libos"' -DFOLDER='"$(CHERI_SHARE)/"'

# What is stored of capabilities, looked at by who knows the machine.
CHERI_NATIVE := $(patsubst tests/cheri/native/%.c,$(CHERI_TESTS)/native/%,$(wildcard tests/cheri/native/*.c))
$(CHERI_NATIVE): $(CHERI_TESTS)/native/%: $(B)/obj/cheri/tests/cheri/native/%.o $(B)/obj/cheri/tests/share/native/processes.o $(CHERI_LIBRARY)
	@mkdir -p $(@D)
	$(CHERI_CC) -static $^ -o $@
$(B)/obj/cheri/tests/cheri/native/%.o: CHERI_CPPFLAGS += -Imachine/cheri_riscv64

CHECKS += $(CHERI_NATIVE) $(CHERI_SHARE_GUESTS) $(CHERI_SHARE_NATIVE) $(CHERI_GUESTS) $(CHERI_HOSTILE) $(CHERI)/bin/carrel $(CHERI)/lib/carrel/libos port-lua-cheri
