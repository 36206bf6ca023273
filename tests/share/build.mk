# What cVMs share: guests in C with libc, and a native program that runs several cVMs in one Intravisor.
SHARE := $(B)/tests/share
SHARE_GUESTS := $(patsubst tests/share/guests/%.c,$(SHARE)/%,$(wildcard tests/share/guests/*.c))

$(SHARE_GUESTS): $(SHARE)/%: tests/share/guests/%.c
$(SHARE)/vectors: tests/share/guests/$(ISA)/vectors.c
$(SHARE_GUESTS) $(SHARE)/vectors: $(wildcard include/carrel/cp*.h tests/share/guests/*.h tests/share/guests/$(ISA)/*.h) $(LIBC)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -Wall -Wextra -Iinclude -Itests/share/guests/$(ISA) $(filter %.c,$^) -o $@

$(SHARE)/together $(SHARE)/call_storm $(SHARE)/ranges: $(SHARE)/%: $(B)/obj/tests/share/native/%.o
$(SHARE)/wide: $(SHARE)/%: $(B)/obj/tests/share/native/$(ISA)/%.o
$(SHARE)/together $(SHARE)/call_storm $(SHARE)/ranges $(SHARE)/wide: $(INTRAVISOR_LIBRARY) $(MACHINE_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(filter %.o,$^) $(INTRAVISOR_LIBS) -lseccomp -o $@

# Host calls made without guests: processes.h.
SHARE_NATIVE := $(patsubst %,$(SHARE)/%,model race stream_storm stream_linger stream_ends stream_reuse)
$(SHARE_NATIVE): $(B)/obj/tests/share/native/processes.o $(INTRAVISOR_LIBRARY) $(MACHINE_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(filter %.o,$^) $(INTRAVISOR_LIBS) -lseccomp -o $@
$(SHARE)/model $(SHARE)/race $(SHARE)/stream_storm: $(SHARE)/%: $(B)/obj/tests/share/native/%.o
$(SHARE)/stream_reuse: $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/share/native/reuse/*.c))
$(SHARE)/stream_linger: $(B)/obj/tests/share/native/stream_storm.o
$(SHARE)/stream_ends: $(B)/obj/tests/share/native/stream_ends.o
$(SHARE)/stream_storm $(SHARE)/stream_linger $(SHARE)/stream_ends $(SHARE)/stream_reuse: $(B)/obj/tests/share/native/between.o
# What a test comes between: instead of the library's, these files of it.
$(SHARE)/stream_linger $(SHARE)/stream_ends $(SHARE)/stream_reuse: $(patsubst %.c,$(B)/obj/between/%.o,$(wildcard intravisor/share/*.c))
$(B)/obj/between/intravisor/share/fast_%.o $(B)/obj/between/intravisor/host/fast_%.o: CFLAGS += $(MACHINE_FAST_FLAGS)
$(B)/obj/between/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -DBETWEEN -include tests/share/native/between.h -c $< -o $@
$(B)/obj/tests/share/native/ranges.o $(B)/obj/tests/share/native/race.o $(B)/obj/tests/share/native/$(ISA)/wide.o $(B)/obj/tests/share/native/stream_storm.o $(B)/obj/tests/share/native/stream_ends.o: CPPFLAGS += -Imachine/$(ISA)

CHECKS += $(SHARE_NATIVE) $(SHARE_GUESTS) $(SHARE)/together $(SHARE)/call_storm $(SHARE)/ranges $(SHARE)/wide $(SHARE)/vectors
