# carrel-cheri: the user-mode CHERI-RISC-V machine. A program of its own: nothing of Carrel's is linked into it.
ALL += $(B)/bin/carrel-cheri

EMULATOR_OBJECTS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard emulator/*.c emulator/translate/*.c)) \
	$(patsubst %.S,$(B)/obj/%.o,$(wildcard emulator/*.S emulator/translate/*.S))

$(B)/bin/carrel-cheri: $(EMULATOR_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ -lm -lpthread -o $@
# longjmp out of handlers is this program's way of raising exceptions: glibc's checked form takes it for an error on other stacks.
$(B)/obj/emulator/%.o: CFLAGS += -U_FORTIFY_SOURCE -fno-strict-aliasing
