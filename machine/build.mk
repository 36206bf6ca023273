# The machine port of this host: gates, threads, faults, verifier. The decoder is the one library trusted code links.
MACHINE_SOURCES := $(wildcard machine/$(ISA)/*.c machine/$(ISA)/*.S)
MACHINE_LIBRARY := $(B)/lib/libmachine.a
MACHINE_LIBS := -lZydis

$(MACHINE_LIBRARY): $(patsubst %.c,$(B)/obj/%.o,$(patsubst %.S,$(B)/obj/%.o,$(MACHINE_SOURCES)))
	@mkdir -p $(@D)
	rm -f $@
	ar rcs $@ $^
