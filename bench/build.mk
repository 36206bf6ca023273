# What the benches run besides the ports.
BENCH := $(B)/bench
BENCHES := $(BENCH)/gate $(BENCH)/gate_native $(BENCH)/hello $(BENCH)/hello_native

$(BENCH)/gate: bench/guest/gate.c $(TOOLCHAIN)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -nostdlib -ffreestanding -Wall -Wextra $< -o $@
$(BENCH)/gate_native: bench/guest/gate.c
	@mkdir -p $(@D)
	$(CC) -DNATIVE -O2 -nostdlib -ffreestanding -static -fno-stack-protector -Wall -Wextra $< -o $@
$(BENCH)/hello: bench/guest/hello.c $(LIBC)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 $< -o $@
$(BENCH)/hello_native: bench/guest/hello.c | port-musl-native
	@mkdir -p $(@D)
	ports/native-cc -O2 $< -o $@

$(BENCH)/loads: bench/guest/loads.c $(LIBC)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -Wall -Wextra $< -o $@
$(BENCH)/loads_native: bench/guest/loads.c | port-musl-native
	@mkdir -p $(@D)
	ports/native-cc -O2 -Wall -Wextra $< -o $@
$(BENCH)/calls: bench/guest/calls.c $(LIBC)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -Wall -Wextra $< -o $@
$(BENCH)/calls_native: bench/guest/calls.c | port-musl-native
	@mkdir -p $(@D)
	ports/native-cc -O2 -Wall -Wextra $< -o $@

# The same source for the emulated machine and for the host; window is mix.c with DDC narrowed at its start.
$(BENCH)/cheri/crossing_%: bench/cheri/crossing/program.S $(TOOLCHAIN)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc --machine=cheri -nostdlib -isystem /usr/riscv64-linux-gnu/include -DCALLS=$* $< -o $@
$(BENCH)/cheri/libos: bench/cheri/crossing/libos.c $(CHERI)/lib/carrel/note-libos.o
	@mkdir -p $(@D)
	$(CHERI_LIBOS_CC) $(CHERI_IMAGE_LINK) $^ -o $@
CHERI_BENCHES := $(basename $(notdir $(wildcard bench/cheri/*.c)))
$(BENCH)/cheri/window: bench/cheri/mix.c bench/cheri/work.h
	@mkdir -p $(@D)
	riscv64-linux-gnu-gcc -DNARROW_DATA -O2 -static -Wall -Wextra $< -o $@
$(BENCH)/cheri/%_native: bench/cheri/%.c bench/cheri/work.h
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra $< -o $@
$(BENCH)/cheri/%: bench/cheri/%.c bench/cheri/work.h
	@mkdir -p $(@D)
	riscv64-linux-gnu-gcc -O2 -static -Wall -Wextra $< -o $@

.PHONY: bench-many bench-gate bench-start bench-compute bench-verify bench-cheri bench-services bench-python
bench-services: $(BENCH)/calls $(BENCH)/calls_native all $(foreach p,redis nginx znc sqlite,port-$p-carrel port-$p-native)
bench-cheri: all $(BENCH)/cheri/crossing_1 $(BENCH)/cheri/crossing_1001 $(BENCH)/cheri/libos $(B)/bin/carrel-cheri $(BENCH)/cheri/window $(CHERI_BENCHES:%=$(BENCH)/cheri/%) $(CHERI_BENCHES:%=$(BENCH)/cheri/%_native)
bench-gate: $(BENCH)/gate $(BENCH)/gate_native $(BENCH)/loads $(BENCH)/loads_native $(B)/tests/escape/libos/plain all
bench-start: $(BENCH)/hello $(BENCH)/hello_native all
bench-compute: all                      # and all ports: ports/build.mk
bench-python: all port-python-carrel port-python-native
bench-verify: all                       # and the ports: ports/build.mk

# A native program on the Intravisor's library.
$(BENCH)/start_inside: bench/start_inside.c $(B)/lib/libintravisor.a $(B)/lib/libmachine.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) $< $(INTRAVISOR_LIBS) -lseccomp -o $@
bench-start: $(BENCH)/start_inside

$(BENCH)/idle: bench/guest/idle.c $(LIBC)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -Wall -Wextra $< -o $@
$(BENCH)/many: bench/many.c $(B)/lib/libintravisor.a $(B)/lib/libmachine.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) $< $(INTRAVISOR_LIBS) -lseccomp -o $@
bench-many: $(BENCH)/many $(BENCH)/hello $(BENCH)/idle all

# What cVMs share.
$(BENCH)/call: bench/guest/call.c $(wildcard include/carrel/cp*.h) include/carrel/gate.h $(TOOLCHAIN) $(LIBC)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -Wall -Wextra -Iinclude $< -o $@
$(BENCH)/socketpair_native: bench/guest/socketpair.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra $< -o $@
.PHONY: bench-share
bench-share: $(BENCH)/call $(BENCH)/socketpair_native $(B)/tests/share/together all

$(BENCH)/file: bench/guest/file.c $(wildcard include/carrel/c*.h) $(LIBC)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -Wall -Wextra -Iinclude $< -o $@
$(BENCH)/file_native: bench/guest/file.c
	@mkdir -p $(@D)
	$(CC) -DNATIVE -O2 -Wall -Wextra $< -o $@
$(BENCH)/stream_native: bench/guest/stream.c include/carrel/cp_stream.h
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Iinclude $< -o $@
$(BENCH)/stream: bench/guest/stream.c include/carrel/cp_stream.h $(LIBC)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -Wall -Wextra -Iinclude $< -o $@
.PHONY: bench-share_stream
bench-share_stream: $(BENCH)/stream $(BENCH)/stream_native $(B)/tests/share/together all
bench-share_file: $(BENCH)/file $(BENCH)/file_native $(BENCH)/stream_native $(B)/tests/share/together all
bench-share_redis: $(B)/tests/share/together all $(foreach p,redis,port-$p-carrel port-$p-native)
.PHONY: bench-share_redis

$(BENCH)/cplusplus: bench/guest/cplusplus.cc $(LIBC) | port-libstdcxx-carrel
	@mkdir -p $(@D)
	$(B)/bin/carrel-c++ -std=c++17 -O2 -falign-functions=32 -Wall -Wextra $< -o $@
$(BENCH)/cplusplus_native: bench/guest/cplusplus.cc | port-libstdcxx-native
	@mkdir -p $(@D)
	ports/native-c++ -std=c++17 -O2 -falign-functions=32 -Wall -Wextra $< -o $@
.PHONY: bench-cplusplus
bench-cplusplus: $(BENCH)/cplusplus $(BENCH)/cplusplus_native all
