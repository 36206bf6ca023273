/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The fault report: after the guest has left, on the host stack. Prints window offsets only. Trusted; the facts come from
 * the fault handler, the addresses in them from the guest.
 */
#include <stdio.h>
#include <string.h>

#include "intravisor/load/load.h"

/* Images lie in the order in which they came: 0 is the program, 1 the dynamic linker of one that has it. Addresses are those of their
 * files. */
static const char *place(const struct cvm *cvm, struct window *program, uint8_t compartment, uint32_t offset, char *text, size_t room)
{
	uint32_t base = compartment == MACHINE_LIBOS ? cvm->libos_base : cvm->program_base;
	unsigned number = 0, linked = 0;

	if (program && compartment == MACHINE_PROGRAM) {
		pthread_mutex_lock(&program->lock);
		while (number + 1 < program->image_count && program->images[number + 1].base <= offset)
			base = program->images[++number].base;
		linked = number < program->image_count ? program->images[number].image->linked : 0;
		pthread_mutex_unlock(&program->lock);
	}
	if (offset < base)      /* no image's: a window's entry page, say */
		snprintf(text, room, "window+%#x", offset);
	else if (number)
		snprintf(text, room, "object %u+%#x", number, offset - base);
	else
		snprintf(text, room, "%s+%#x", compartment == MACHINE_LIBOS ? "libos" : "image", offset - base + linked);
	return text;
}

void cvm_report_fault(const struct cvm *cvm, struct window *program, const struct machine_fault *f)
{
	char text[64];
	const char *name = cvm->config->name ? cvm->config->name : cvm->config->image_path;

	fprintf(stderr, "carrel: %s: ended by SIG%s in its %s", name, sigabbrev_np(f->signal),
		f->compartment == MACHINE_LIBOS ? "library OS" : "program");
	if (f->violation[0])
		fprintf(stderr, " (%s%s%s at address %#llx)", f->reason ? f->reason : "", f->reason ? ": " : "", f->violation,
			(unsigned long long)f->address);
	else if (f->reason)
		fprintf(stderr, " (%s)", f->reason);
	else if (f->address_in_window || f->address_known)
		fprintf(stderr, " (access to address %#llx)", (unsigned long long)f->address);
	fprintf(stderr, "\n");
	if (f->pc)      /* a gate that nobody called has none */
		fprintf(stderr, "  at %s\n", place(cvm, program, (uint8_t)f->compartment, (uint32_t)f->pc, text, sizeof text));
	for (size_t i = 0; i < f->depth && i < 32; i++)
		fprintf(stderr, "  called from %s\n", place(cvm, program, f->backtrace_compartment[i], f->backtrace[i], text, sizeof text));
	if (f->depth > 32)
		fprintf(stderr, "  ... and %zu more frames\n", f->depth - 32);
	if (f->depth)
		fprintf(stderr, "  (addr2line -e %s ADDRESS names a line when the image was built with -g)\n", cvm->config->image_path);
}
