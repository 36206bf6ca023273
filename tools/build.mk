# What a newcomer types.
JOBS ?= $(shell nproc)

.PHONY: setup demo check
setup:
	@tools/setup

DEMO_PORTS := sqlite-carrel sqlite-native lua-carrel nginx-carrel nginx-native redis-carrel redis-native
demo: setup
	@echo "demo: building Carrel, musl and $(DEMO_PORTS), where they are not there yet; minutes, the first time" >&2
	@$(MAKE) -s --no-print-directory -j$(JOBS) first $(DEMO_PORTS:%=port-%)
	@examples/demo/run

# First, so that they do not run alone at the end. None that waits for a while at most for something: others' load would be too much for it.
LONG_TESTS := $(addprefix tests/toolchain/,cxx.t build.t)
check: setup
	@$(MAKE) --no-print-directory -j$(JOBS) all checks
	@tools/prove -j$(JOBS) --timer $(LONG_TESTS) $(filter-out $(LONG_TESTS),$(sort $(wildcard tests/*/*.t)))

.PHONY: checks
checks: $(CHECKS)

.PHONY: tcb
tcb:
	@tools/tcb
