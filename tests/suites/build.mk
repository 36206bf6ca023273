# Programs' own test suites, run against them in cVMs, and the ports that take minutes to build: not part of `make check`.
.PHONY: suites
suites: $(foreach port,busybox redis memcached nginx libffi libstdcxx $(SUITE_PORTS),port-$(port)-carrel port-$(port)-native) port-musl-native \
	$(foreach port,sqlite zlib bzip2 zstd xxhash xz pcre2 curl memcached redis python,port-$(port)-cheri) $(B)/tests/cheri/share/together
	@status=0; for suite in busybox redis memcached nginx sqlite libffi libstdcxx python posix openssl cheri python_cheri; do tests/suites/$$suite || status=1; done; exit $$status
