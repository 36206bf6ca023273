# The toolchain: carrel-rewrite, carrel-cc, the assembler stage, carrel-plt, image notes and the ELF-interpreter stub.
# What programs of tests and benches are linked with: a changed one is linked in anew (ports/build.mk makes it).
LIBC := $(B)/lib/carrel/sysroot/lib/libc.a
# Where the second machine (machine/cheri_riscv64/build.mk) lies: an installation of its own.
CHERI := $(B)/lib/carrel/cheri
REWRITE_SOURCES := $(wildcard toolchain/rewrite/x86_64/*.c)
TOOLCHAIN := $(B)/lib/carrel/carrel-rewrite $(B)/bin/carrel-cc $(B)/bin/carrel-c++ $(B)/lib/carrel/as/as $(B)/lib/carrel/note-program.o \
	$(B)/lib/carrel/note-libos.o $(B)/lib/carrel/carrel-stub $(B)/lib/carrel/link.specs \
	$(B)/lib/carrel/carrel-cc-cheri $(B)/lib/carrel/note-dynamic.o $(B)/lib/carrel/carrel-plt $(B)/lib/carrel/plt.o \
	$(B)/lib/carrel/sysroot/include/carrel/cp_gate.h $(CHERI)/lib/carrel/sysroot/include/carrel/cp_gate.h
ALL += $(TOOLCHAIN)

$(B)/lib/carrel/carrel-rewrite: $(REWRITE_SOURCES:%.c=$(B)/obj/%.o)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ -o $@

$(B)/bin/carrel-%: toolchain/driver/carrel-%
	@mkdir -p $(@D)
	install -m 755 $< $@

$(B)/lib/carrel/carrel-cc-cheri: toolchain/driver/carrel-cc-cheri
	@mkdir -p $(@D)
	install -m 755 $< $@

# Headers for programs, found beside libc's; what carrel/cp_call.h needs of a machine is that machine's, so that programs name none.
HEADERS := $(addprefix lib/carrel/sysroot/include/carrel/,cap.h cp.h cp_call.h cp_file.h cp_stream.h gate.h host.h hostcall.def rights.h)
ALL += $(HEADERS:%=$(B)/%) $(HEADERS:lib/carrel/%=$(CHERI)/lib/carrel/%)
$(B)/lib/carrel/sysroot/include/carrel/cp_gate.h: include/isa/$(ISA)/carrel/cp_gate.h
	@mkdir -p $(@D)
	install -m 644 $< $@
$(CHERI)/lib/carrel/sysroot/include/carrel/cp_gate.h: include/isa/cheri_riscv64/carrel/cp_gate.h
	@mkdir -p $(@D)
	install -m 644 $< $@
$(B)/lib/carrel/sysroot/include/carrel/%: include/carrel/%
	@mkdir -p $(@D)
	install -m 644 $< $@
$(CHERI)/lib/carrel/sysroot/include/carrel/%: include/carrel/%
	@mkdir -p $(@D)
	install -m 644 $< $@

$(B)/lib/carrel/as/as: toolchain/driver/as
	@mkdir -p $(@D)
	install -m 755 $< $@

$(B)/lib/carrel/link.specs: toolchain/driver/link.specs
	@mkdir -p $(@D)
	install -m 644 $< $@

$(B)/lib/carrel/carrel-plt: $(B)/obj/toolchain/plt/x86_64/main.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ -o $@

$(B)/lib/carrel/plt.o: toolchain/plt/x86_64/plt.S
	@mkdir -p $(@D)
	$(CC) -c $< -o $@

$(B)/lib/carrel/note-%.o: toolchain/driver/note.S include/carrel/image.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -DPOLICY=$(if $(filter libos,$*),1,0) $(if $(filter dynamic,$*),-DINTERPRETER) -c $< -o $@

$(B)/lib/carrel/carrel-stub: toolchain/driver/stub.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -std=gnu11 -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector \
		-fcf-protection=none -Wl,-z,noexecstack,--build-id=none,-Ttext-segment=0x7f0000000000 -mcmodel=large \
		-DCARREL_BESIDE='"$(abspath $(B)/bin/carrel)"' $< -o $@
