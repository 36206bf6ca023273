# The Intravisor as a library: what the command line, tests and benches link.
INTRAVISOR_SOURCES := $(filter-out intravisor/host/unlocked.c,$(wildcard intravisor/*/*.c cap/*.c))
INTRAVISOR_LIBRARY := $(B)/lib/libintravisor.a
INTRAVISOR_LIBS = $(INTRAVISOR_LIBRARY) $(MACHINE_LIBRARY) $(MACHINE_LIBS)

# Fast host calls: no vector registers, no libc; tests/escape/fast.t looks whether that is so.
$(B)/obj/intravisor/share/fast_%.o $(B)/obj/intravisor/host/fast_%.o $(B)/obj/intravisor/cvm/fast_%.o $(B)/obj/cap/access.o: CFLAGS += $(MACHINE_FAST_FLAGS)

$(INTRAVISOR_LIBRARY): $(INTRAVISOR_SOURCES:%.c=$(B)/obj/%.o)
	@mkdir -p $(@D)
	rm -f $@
	ar rcs $@ $^
