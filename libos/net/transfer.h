/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Data on its way, for those that put it there or take it away: channel.c keeps it, stream.c and message.c are the two kinds,
 * transfer.c picks one of them or the host side.
 */
#ifndef LIBOS_TRANSFER_H
#define LIBOS_TRANSFER_H
#include "libos/net/socket.h"

/* ---- channel.c ---- */
void message_free(struct message *m);
static inline void channel_put(struct channel *c, struct message *m)
{
	*(c->first ? &c->last->next : &c->first) = m;
	c->last = m;
	c->bytes += m->length;
	c->messages++;
}
/* There is one. */
static inline struct message *channel_take(struct channel *c)
{
	struct message *m = c->first;

	c->first = m->next;
	c->bytes -= m->length;
	c->messages--;
	return m;
}

struct cursor {
	const struct vectors *v;
	unsigned index;
	uint64_t at;            /* in v->list[index] */
};
/* From memory of ours to where the cursor is, or (!out) from there: how much there was room for, or -EFAULT. */
int64_t cursor_move(struct cursor *c, uint8_t *ours, uint64_t n, int out);

/* Why nothing can be sent any more. */
static inline int64_t broken(struct socket *s)
{
	return s->error ? error_take(s) : -EPIPE;
}

/* ---- stream.c; `rights` are the callee's, also on failure ---- */
int64_t stream_send(struct file *f, const struct vectors *v, unsigned flags, struct rights *rights);
int64_t stream_receive(struct file *f, const struct vectors *v, unsigned flags, struct received *r);
int64_t urgent_receive(struct socket *s, const struct vectors *v, unsigned flags, struct received *r);

/* ---- message.c ---- */
int64_t message_send(struct file *f, const struct vectors *v, unsigned flags, const struct address *to, struct rights *rights);
int64_t message_receive(struct file *f, const struct vectors *v, unsigned flags, struct received *r);
#endif
