# The ported programs' own test suites, run against them in cVMs: minutes, so not part of `make check`.
.PHONY: suites
suites: port-busybox-carrel port-busybox-native
	@tests/suites/busybox
