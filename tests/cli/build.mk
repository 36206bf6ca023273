$(B)/tests/cli/lack: $(B)/obj/tests/cli/lack.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $< -lseccomp -o $@

CHECKS += $(B)/tests/cli/lack
