/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Asks the verifier about machine code from standard input: each line is a policy (program or libos) and hexadecimal bytes,
 * which are padded to whole pages. Prints "accept", or "refuse RULE OFFSET REASON". A tool of the tests, not trusted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/image.h>
#include "machine/machine.h"

int main(void)
{
	static char line[1 << 20], policy[16], hex[sizeof line];

	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%15s %1048000s", policy, hex) != 2)
			return 2;
		size_t length = strlen(hex) / 2, size = (length + 4095) / 4096 * 4096;
		uint8_t *text = malloc(size);
		if (!text || !length)
			return 2;
		memset(text, ISA_TRAP_BYTE, size);
		for (size_t i = 0; i < length; i++) {
			unsigned byte;
			if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
				return 2;
			text[i] = (uint8_t)byte;
		}
		struct machine_text judged = {.text = text, .size = size, .text_offset = 4096, .image_span = 65536,
			.policy = strcmp(policy, "libos") ? IMAGE_POLICY_PROGRAM : IMAGE_POLICY_LIBOS};
		struct machine_verdict verdict;
		int error = machine_verify(&judged, &verdict, NULL, NULL);
		if (!error)
			puts("accept");
		else if (verdict.rule)
			printf("refuse %s %llu %s\n", verdict.rule, (unsigned long long)verdict.offset, verdict.reason);
		else
			printf("error %d\n", error);
		free(text);
		fflush(stdout);
	}
	return 0;
}
