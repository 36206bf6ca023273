# What the benches run besides the ports.
BENCH := $(B)/bench
BENCHES := $(BENCH)/gate $(BENCH)/gate_native $(BENCH)/hello $(BENCH)/hello_native

$(BENCH)/gate: bench/guest/gate.c $(TOOLCHAIN)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -nostdlib -ffreestanding -Wall -Wextra $< -o $@
$(BENCH)/gate_native: bench/guest/gate.c
	@mkdir -p $(@D)
	$(CC) -DNATIVE -O2 -nostdlib -ffreestanding -static -fno-stack-protector -Wall -Wextra $< -o $@
$(BENCH)/hello: bench/guest/hello.c | libc
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 $< -o $@
$(BENCH)/hello_native: bench/guest/hello.c | port-musl-native
	@mkdir -p $(@D)
	ports/native-cc -O2 $< -o $@

.PHONY: bench-gate bench-start bench-compute bench-verify
bench-gate: $(BENCH)/gate $(BENCH)/gate_native $(B)/tests/escape/libos/plain all
bench-start: $(BENCH)/hello $(BENCH)/hello_native all
bench-compute: all                      # and all ports: ports/build.mk
bench-verify: all                       # and the ports: ports/build.mk

# A native program on the Intravisor's library.
$(BENCH)/start_inside: bench/start_inside.c $(B)/lib/libintravisor.a $(B)/lib/libmachine.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out -MMD -MP,$(CFLAGS)) $(LDFLAGS) $< $(INTRAVISOR_LIBS) -lseccomp -o $@
bench-start: $(BENCH)/start_inside
