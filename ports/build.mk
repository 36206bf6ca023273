# musl, the compiler's runtime and the programs of ports/. ports/build knows itself what is up to date. libyaml is carrel's own, on the
# machine that Debian has none for (machine/cheri_riscv64/build.mk).
SYSROOT := $(B)/lib/carrel/sysroot
PORTS := $(filter-out musl libyaml,$(patsubst ports/%/recipe,%,$(wildcard ports/*/recipe)))
PORT_IMAGES := $(PORTS:%=port-%-carrel)
PORT_NATIVES := $(PORTS:%=port-%-native)
# What takes minutes to build is left to `make suites`.
SUITE_PORTS := openssl nginx_tls curl_tls tcl xz ncurses readline sqlite_test python_full
CHECK_PORTS := $(filter-out $(SUITE_PORTS),$(PORTS))
PORT_TARGETS := port-musl-carrel port-musl-native port-musl-cheri port-libyaml-cheri_glibc $(foreach v,carrel cheri native glibc,$(PORTS:%=port-%-$v))
CXX_PORTS := libstdcxx znc               # natively by the host's C++ library, but for benches
CHECKS += $(CHECK_PORTS:%=port-%-carrel) $(patsubst %,port-%-native,$(filter-out $(CXX_PORTS),$(CHECK_PORTS))) port-znc-glibc

.PHONY: ports libc c++ $(PORT_TARGETS)
ports: $(PORT_IMAGES)
COMPUTE_PORTS := sqlite lua zstd bzip2     # what bench/compute.py runs
bench-compute: $(foreach v,carrel native glibc,$(COMPUTE_PORTS:%=port-%-$v))
bench-verify: $(CHECK_PORTS:%=port-%-carrel)
libc: port-musl-carrel
c++: port-libstdcxx-carrel
$(LIBC): libc
	@:

port-musl-carrel: $(TOOLCHAIN) $(SYSROOT)/lib/libcarrel-rt.a
$(PORT_IMAGES): libc $(B)/bin/carrel $(B)/lib/carrel/libos
port-musl-cheri: $(TOOLCHAIN) $(B)/lib/carrel/cheri/lib/carrel/note-program.o $(B)/lib/carrel/cheri/lib/carrel/program.map
$(PORTS:%=port-%-cheri): port-musl-cheri
$(PORT_NATIVES): port-musl-native
$(PORT_TARGETS): port-%:
	@ports/build $(word 1,$(subst -, ,$*)) $(word 2,$(subst -, ,$*))

# The functions gcc calls for what has no instruction; libgcc's part, but as Carrel code. Each object has its own, as with libgcc.
RT_SOURCES := $(wildcard ports/rt/*.c)
RT_OBJECTS := $(RT_SOURCES:%.c=$(B)/obj/%.o)
$(RT_OBJECTS): $(B)/obj/%.o: %.c $(TOOLCHAIN)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -fPIC -fvisibility=hidden -std=gnu11 -Wall -Wextra -Werror -ffreestanding -nostdinc -c $< -o $@
$(SYSROOT)/lib/libcarrel-rt.a: $(RT_OBJECTS)
	@mkdir -p $(@D)
	rm -f $@
	ar rcs $@ $^
