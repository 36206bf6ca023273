# What a newcomer types.
JOBS ?= $(shell nproc)

.PHONY: setup demo check
setup:
	@tools/setup

demo: setup
	@$(MAKE) --no-print-directory -j$(JOBS) all port-sqlite-carrel port-sqlite-native port-lua-carrel
	@examples/demo/run

check: setup
	@$(MAKE) --no-print-directory -j$(JOBS) all checks
	@tools/prove -j$(JOBS) --timer $(sort $(wildcard tests/*/*.t))

.PHONY: checks
checks: $(CHECKS)

.PHONY: tcb
tcb:
	@tools/tcb
