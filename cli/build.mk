# The command line.
ALL += $(B)/bin/carrel

$(B)/bin/carrel: $(patsubst %.c,$(B)/obj/%.o,$(wildcard cli/*.c)) $(INTRAVISOR_LIBRARY) $(MACHINE_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(filter %.o,$^) $(INTRAVISOR_LIBS) -lseccomp -o $@
