# The library OS: its parts as ordinary programs against a made-up host, and guests that are also built for the host.
LIBOS_TESTS := $(B)/tests/libos
LIBOS_UNIT_SOURCES := libos/user.c libos/format.c $(wildcard libos/fs/*.c libos/mem/*.c)
LIBOS_UNIT_FLAGS = -std=gnu11 -O1 -g -Wall -Wextra -Werror -fno-builtin -Iinclude -Iinclude/isa/$(ISA) -Itests/libos/unit -I. -fsanitize=undefined -fno-sanitize-recover

$(LIBOS_TESTS)/unit/%: tests/libos/unit/%.c tests/libos/unit/fake.c tests/libos/unit/fake.h tests/libos/guests/tap.h \
		$(LIBOS_UNIT_SOURCES) $(wildcard libos/*.h libos/*/*.h include/carrel/*)
	@mkdir -p $(@D)
	$(CC) $(LIBOS_UNIT_FLAGS) $< tests/libos/unit/fake.c $(LIBOS_UNIT_SOURCES) -o $@

LIBOS_GUESTS := $(basename $(notdir $(wildcard tests/libos/guests/*.c)))
$(LIBOS_TESTS)/guest/%: tests/libos/guests/%.c tests/libos/guests/tap.h $(TOOLCHAIN) $(LIBC)
	@mkdir -p $(@D)
	$(B)/bin/carrel-cc -O2 -Wall -Wextra $< -o $@
$(LIBOS_TESTS)/native/%: tests/libos/guests/%.c tests/libos/guests/tap.h
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra $< -o $@

$(LIBOS_TESTS)/share: $(B)/obj/tests/libos/native/share.o $(INTRAVISOR_LIBRARY) $(MACHINE_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $< $(INTRAVISOR_LIBS) -lseccomp -o $@

CHECKS += $(LIBOS_TESTS)/share $(LIBOS_TESTS)/unit/space $(LIBOS_TESTS)/unit/tmpfs $(LIBOS_GUESTS:%=$(LIBOS_TESTS)/guest/%) \
	$(LIBOS_GUESTS:%=$(LIBOS_TESTS)/native/%)
