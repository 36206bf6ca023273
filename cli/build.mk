# The command line.
ALL += $(B)/bin/carrel

$(B)/bin/carrel: $(patsubst %.c,$(B)/obj/%.o,$(wildcard cli/*.c cli/deploy/*.c cli/machine/$(ISA)/*.c)) $(B)/lib/libintravisor.a $(B)/lib/libmachine.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(filter %.o,$^) $(INTRAVISOR_LIBS) -lseccomp -lyaml -o $@
