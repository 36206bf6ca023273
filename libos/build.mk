# The library OS: one image, compiled by our own toolchain under its own policy.
LIBOS_SOURCES := $(wildcard libos/*.c libos/*/*.c libos/machine/$(ISA)/*.[cS])
LIBOS_OBJECTS := $(patsubst %,$(B)/obj/%.o,$(basename $(LIBOS_SOURCES)))
LIBOS_CC = $(B)/bin/carrel-cc --policy=libos -O2 -g -std=gnu11 -Wall -Wextra -Werror -Iinclude -Iinclude/isa/$(ISA) -I. -Ilibos/machine/$(ISA) -MMD -MP
ALL += $(B)/lib/carrel/libos

$(LIBOS_OBJECTS): | $(TOOLCHAIN)
$(LIBOS_OBJECTS): $(B)/lib/carrel/carrel-rewrite
$(patsubst %.c,$(B)/obj/%.o,$(filter %.c,$(LIBOS_SOURCES))): $(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(LIBOS_CC) -c $< -o $@
$(patsubst %.S,$(B)/obj/%.o,$(filter %.S,$(LIBOS_SOURCES))): $(B)/obj/%.o: %.S
	@mkdir -p $(@D)
	$(LIBOS_CC) -c $< -o $@

$(B)/lib/carrel/libos: $(LIBOS_OBJECTS)
	$(LIBOS_CC) -nostdlib $^ -o $@
