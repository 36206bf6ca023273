# The machine port of this host: gates, threads, faults, verifier. The decoder is the one library trusted code links.
MACHINE_SOURCES := $(wildcard machine/*.c machine/$(ISA)/*.c machine/$(ISA)/*.S)
MACHINE_LIBRARY := $(B)/lib/libmachine.a
MACHINE_LIBS := -lZydis
# Of what fast host calls run (machine.h): general registers alone.
MACHINE_FAST_FLAGS_x86_64 := -mgeneral-regs-only -mprfchw
MACHINE_FAST_FLAGS = $(MACHINE_FAST_FLAGS_$(ISA)) -fno-stack-protector -U_FORTIFY_SOURCE -fno-tree-loop-distribute-patterns
$(B)/obj/machine/$(ISA)/fast_%.o $(B)/obj/machine/fast_%.o: CFLAGS += $(MACHINE_FAST_FLAGS)
# Common code finds the ISA's context.
$(B)/obj/machine/%.o: CPPFLAGS += -Imachine/$(ISA)

$(MACHINE_LIBRARY): $(patsubst %.c,$(B)/obj/%.o,$(patsubst %.S,$(B)/obj/%.o,$(MACHINE_SOURCES)))
	@mkdir -p $(@D)
	rm -f $@
	ar rcs $@ $^
