/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Instructions as text, for `carrel verify -v`.
 */
#include <string.h>
#include <Zydis/Zydis.h>

#include "cli/cli.h"

void instruction_text(const uint8_t *bytes, size_t available, char *text, size_t room)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction i;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	ZydisFormatter formatter;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, available, &i, o)) ||
	    !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &i, o, i.operand_count_visible, text, room,
							  ZYDIS_RUNTIME_ADDRESS_NONE, NULL)))
		strncpy(text, "(bad)", room);
}
