/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The line discipline: what a byte that was typed means, what is echoed, and what a byte becomes that is to be shown. As Linux' N_TTY.
 * Everything here is one program's own; nothing waits.
 */
#include "libos/terminal/terminal.h"

#define SIGINT  2
#define SIGQUIT 3
#define SIGTSTP 20

static int is(const struct terminal *t, int which, uint8_t c)
{
	return c && t->settings.c_cc[which] == c;
}

static int local(const struct terminal *t, tcflag_t flag)
{
	return (t->settings.c_lflag & flag) != 0;
}

static int control(uint8_t c)
{
	return c < 32 || c == 127;
}

static int continues(const struct terminal *t, uint8_t c)
{
	return (t->settings.c_iflag & IUTF8) && (c & 0xc0) == 0x80;
}

void terminal_typed(struct terminal *t, uint8_t c)
{
	if (t->output_length < TERMINAL_OUTPUT)
		t->output[(t->output_start + t->output_length++) % TERMINAL_OUTPUT] = c;
}

uint32_t terminal_room(const struct terminal *t)
{
	uint32_t used = t->output_length + TERMINAL_ECHO;

	return used < TERMINAL_OUTPUT ? (TERMINAL_OUTPUT - used) / 8 : 0;       /* a tab may be eight blanks */
}

void terminal_print(struct terminal *t, uint8_t c)
{
	const tcflag_t flags = t->settings.c_oflag;

	if (!(flags & OPOST)) {
		terminal_typed(t, c);
		return;
	}
	switch (c) {
	case '\n':
		if (flags & (ONLRET | ONLCR))
			t->column = 0;
		if (flags & ONLCR)
			terminal_typed(t, '\r');
		break;
	case '\r':
		if ((flags & ONOCR) && !t->column)
			return;
		if (flags & OCRNL)
			c = '\n';
		if (!(flags & OCRNL) || (flags & ONLRET))
			t->column = 0;
		break;
	case '\t':
		if ((flags & TABDLY) == XTABS) {
			do
				terminal_typed(t, ' ');
			while (++t->column & 7);
			return;
		}
		t->column = (t->column | 7) + 1;
		break;
	case '\b':
		t->column -= t->column > 0;
		break;
	default:
		if ((flags & OLCUC) && c >= 'a' && c <= 'z')
			c -= 32;
		t->column += !control(c) && !continues(t, c);
	}
	terminal_typed(t, c);
}

static void echo(struct terminal *t, uint8_t c)
{
	if (control(c) && c != '\t' && c != '\n' && local(t, ECHOCTL)) {
		terminal_print(t, '^');
		c ^= 64;
	}
	terminal_print(t, c);
}

static void store(struct terminal *t, unsigned c)
{
	/* A line can end even where nothing else fits. */
	if (t->length < TERMINAL_INPUT - !(c & MARK_LINE))
		t->input[(t->start + t->length++) % TERMINAL_INPUT] = (uint16_t)c;
	if (c & MARK_LINE)
		t->ready = t->length;
}

static uint8_t typed(const struct terminal *t, uint32_t i)
{
	return (uint8_t)t->input[(t->start + i) % TERMINAL_INPUT];
}

/* The column behind the first n bytes of the line being typed. */
static unsigned column_at(const struct terminal *t, uint32_t n)
{
	unsigned column = t->line_column;

	for (uint32_t i = t->ready; i < n; i++) {
		uint8_t c = typed(t, i);
		if (c == '\t')
			column = (column | 7) + 1;
		else if (control(c))
			column += local(t, ECHOCTL) ? 2 : 0;
		else
			column += !continues(t, c);
	}
	return column;
}

/* What a character of the line, now gone, takes on the screen. */
static void unshow(struct terminal *t, uint8_t c)
{
	if (c == '\t') {
		for (unsigned column = column_at(t, t->length); t->column > column;)
			terminal_print(t, '\b');
		return;
	}
	for (int i = control(c) ? local(t, ECHOCTL) ? 2 : 0 : 1; i; i--) {
		terminal_print(t, '\b');
		terminal_print(t, ' ');
		terminal_print(t, '\b');
	}
}

static void erase(struct terminal *t, uint8_t key)
{
	int all = is(t, VKILL, key), word = !all && !is(t, VERASE, key), seen = 0;

	if (t->length == t->ready)
		return;
	if (all && (!local(t, ECHO) || !local(t, ECHOK) || !local(t, ECHOKE) || !local(t, ECHOE))) {
		t->length = t->ready;
		if (local(t, ECHO)) {
			echo(t, key);
			if (local(t, ECHOK))
				terminal_print(t, '\n');
		}
		return;
	}
	while (t->length > t->ready) {
		uint32_t n = t->length - 1;
		while (n > t->ready && continues(t, typed(t, n)))
			n--;
		uint8_t c = typed(t, n), low = c | 32;
		if (word) {
			int inside = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '_' || c >= 128;
			if (seen && !inside)
				break;
			seen |= inside;
		}
		t->length = n;
		if (local(t, ECHO) && !all && !word && !local(t, ECHOE))
			echo(t, key);
		else if (local(t, ECHO))
			unshow(t, c);
		if (!all && !word)
			break;
	}
}

static void reprint(struct terminal *t, uint8_t key)
{
	echo(t, key);
	terminal_print(t, '\n');
	for (uint32_t i = t->ready; i < t->length; i++)
		echo(t, typed(t, i));
}

static void plain(struct terminal *t, uint8_t c)
{
	if (local(t, ECHO)) {
		if (t->length == t->ready)
			t->line_column = t->column;
		echo(t, c);
	}
	if ((t->settings.c_iflag & PARMRK) && c == 0xff)
		store(t, c);
	store(t, c);
}

/* With ICANON: 1 if the byte was dealt with. */
static int edits(struct terminal *t, uint8_t c)
{
	int extended = local(t, IEXTEN);

	if (is(t, VERASE, c) || is(t, VKILL, c) || (extended && is(t, VWERASE, c)))
		erase(t, c);
	else if (extended && is(t, VLNEXT, c)) {
		t->literal = 1;
		if (local(t, ECHO) && local(t, ECHOCTL)) {
			terminal_print(t, '^');
			terminal_print(t, '\b');
		}
	} else if (extended && local(t, ECHO) && is(t, VREPRINT, c))
		reprint(t, c);
	else if (c == '\n') {
		if (local(t, ECHO) || local(t, ECHONL))
			terminal_print(t, '\n');
		store(t, c | MARK_LINE);
	} else if (is(t, VEOF, c))
		store(t, MARK_LINE | MARK_END);
	else if (is(t, VEOL, c) || (extended && is(t, VEOL2, c))) {
		if (local(t, ECHO))
			echo(t, c);
		store(t, c | MARK_LINE);
	} else
		return 0;
	return 1;
}

static int signal_of(struct terminal *t, uint8_t c)
{
	int signal = is(t, VINTR, c) ? SIGINT : is(t, VQUIT, c) ? SIGQUIT : is(t, VSUSP, c) ? SIGTSTP : 0;

	if (!signal)
		return 0;
	if (!local(t, NOFLSH))
		terminal_flush(t, 1, 1);
	if (t->settings.c_iflag & IXON)
		t->stopped = 0;
	if (local(t, ECHO))
		echo(t, c);
	return signal;
}

int terminal_receive(struct terminal *t, uint8_t c)
{
	const tcflag_t flags = t->settings.c_iflag;
	int signal;

	if (flags & ISTRIP)
		c &= 0x7f;
	if ((flags & IUCLC) && local(t, IEXTEN) && c >= 'A' && c <= 'Z')
		c += 32;
	if (t->literal) {
		t->literal = 0;
		plain(t, c);
		return 0;
	}
	if ((flags & IXON) && (is(t, VSTART, c) || is(t, VSTOP, c))) {
		t->stopped = is(t, VSTOP, c);
		return 0;
	}
	if (local(t, ISIG) && (signal = signal_of(t, c)))
		return signal;
	if ((flags & IXON) && (flags & IXANY))
		t->stopped = 0;
	if (c == '\r') {
		if (flags & IGNCR)
			return 0;
		c = flags & ICRNL ? '\n' : c;
	} else if (c == '\n' && (flags & INLCR))
		c = '\r';
	if (!local(t, ICANON) || !edits(t, c))
		plain(t, c);
	return 0;
}

int terminal_full(const struct terminal *t)
{
	return t->length >= TERMINAL_INPUT - 2 && (!local(t, ICANON) || t->ready);
}

uint32_t terminal_readable(const struct terminal *t)
{
	return local(t, ICANON) ? t->ready : t->length;
}

uint32_t terminal_take(const struct terminal *t, uint8_t *to, uint32_t n, struct taken *taken)
{
	uint32_t most = terminal_readable(t), i = 0, bytes = 0;

	*taken = (struct taken){0};
	for (; i < most && !taken->line; i++) {
		uint16_t c = t->input[(t->start + i) % TERMINAL_INPUT];
		if (i == n && !(c & MARK_END))
			break;
		taken->line = local(t, ICANON) && (c & MARK_LINE);
		if (!(c & MARK_END))    /* that goes with what is before it, and is nothing itself */
			to[bytes++] = (uint8_t)c;
	}
	taken->used = i;
	return bytes;
}

void terminal_skip(struct terminal *t, const struct taken *taken)
{
	t->start = (t->start + taken->used) % TERMINAL_INPUT;
	t->length -= taken->used;
	t->ready -= t->ready < taken->used ? t->ready : taken->used;
}

void terminal_flush(struct terminal *t, int input, int output)
{
	if (input)
		t->length = t->ready = 0;
	if (output)
		t->output_length = 0;
}

void terminal_set(struct terminal *t, const struct termios *settings)
{
	tcflag_t changed = (t->settings.c_lflag ^ settings->c_lflag) & ICANON;

	t->settings = *settings;
	t->settings.c_cflag = (settings->c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8 | CREAD;
	if (!(settings->c_iflag & IXON))
		t->stopped = 0;
	if (!changed)
		return;
	/* What was typed stays: as one line, or without its ends. */
	for (uint32_t i = 0; i < t->length; i++)
		t->input[(t->start + i) % TERMINAL_INPUT] &= 0xff;
	t->ready = local(t, ICANON) ? t->length : 0;
	if (t->ready)
		t->input[(t->start + t->length - 1) % TERMINAL_INPUT] |= MARK_LINE;
}
