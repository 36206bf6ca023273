# The capability table against a model of its own, under the address and undefined-behaviour sanitizers.
$(B)/tests/cap/random: tests/cap/random.c cap/cap.c cap/access.c cap/cap.h cap/table.h machine/stored.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -g -Wall -Wextra -Wshadow -Werror -Iinclude -Iinclude/isa/$(ISA) -I. -fsanitize=address,undefined -fno-sanitize-recover=all \
		tests/cap/random.c cap/cap.c cap/access.c -o $@

CHECKS += $(B)/tests/cap/random
