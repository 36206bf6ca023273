/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Sockets as files: what a descriptor of one can do that is not a socket's call.
 */
#include "libos/net/socket.h"

static unsigned socket_poll(struct file *f)
{
	struct socket *s = f->object;
	unsigned ready = s->error ? READY_ERROR : 0;

	if (s->state == SOCKET_LISTENING) {
		shared_drain(s);
		return ready | (s->pending ? READY_IN : 0);
	}
	if (s->shared >= 0)
		return ready | shared_ready(s);
	if (s->type == SOCK_DGRAM) {
		int full = s->other && s->other->in.messages >= 11;
		return ready | (s->in.first || s->in.shut ? READY_IN : 0) | (full ? 0 : READY_OUT);
	}
	if (s->reaches_out)
		return ready;
	if (s->state != SOCKET_CONNECTED)
		return ready | READY_OUT | READY_HANGUP;
	if (s->type == SOCK_STREAM ? channel_waits(s) != 0 : channel_has(&s->in))
		ready |= READY_IN;
	if (s->in.urgency == URGENT_THERE)
		ready |= READY_URGENT;
	if (s->in.finished || s->in.shut)
		ready |= READY_IN | READY_RDHUP;
	if ((s->in.finished || s->in.shut) && (s->sends_no_more || !s->other))
		ready |= READY_HANGUP;
	const struct socket *o = s->other;
	if (!o || s->sends_no_more || (s->type == SOCK_STREAM ? o->in.put - o->in.taken <= RING - RING / 4 : o->in.bytes < RING))
		ready |= READY_OUT;
	return ready;
}

static struct wait_queue *socket_queue(struct file *f)
{
	return &((struct socket *)f->object)->queue;
}

static int64_t socket_stat(struct file *f, struct host_stat *s)
{
	*s = stat_now(S_IFSOCK | 0777, DEVICE_SOCKETS);
	s->ino = ((struct socket *)f->object)->number;
	return 0;
}

static int64_t socket_vector(struct file *f, const struct host_vector *list, unsigned count, int writes)
{
	struct vectors v;               /* a kilobyte: not cleared, only what is used is set */
	struct received r;

	v.count = count;
	v.length = 0;
	for (unsigned i = 0; i < count; i++) {
		v.list[i] = list[i];
		v.length += list[i].length;
	}
	if (writes)
		return socket_send(f, &v, 0, NULL, NULL);
	int64_t n = socket_receive(f, &v, 0, &r);
	if (n >= 0)
		rights_drop(r.rights);
	return n;
}

static int64_t socket_available(struct file *f)
{
	const struct socket *s = f->object;

	if (s->state == SOCKET_LISTENING)
		return -EINVAL;
	if (s->shared >= 0)
		return shared_available(s);
	if (s->in.urgency && s->in.taken < s->in.urgent && !option_value(s, SOL_SOCKET, SO_OOBINLINE))
		return (int64_t)(s->in.urgent - s->in.taken);
	return s->type == SOCK_STREAM ? (int64_t)channel_waits(s) : s->in.first ? s->in.first->length : 0;
}

/* The shortest ways: for what is shared, where the host's system calls are not what takes the time, and for a connection that goes out, where
 * each line of memory not touched counts. */
static int is_shared_stream(const struct socket *s)
{
	return s->shared >= 0 && s->type == SOCK_STREAM;
}

static int is_host_stream(const struct socket *s)
{
	return s->reaches_out && s->state == SOCKET_CONNECTED && s->type == SOCK_STREAM && s->handle >= 0 && !s->error;
}

static __attribute__((noinline)) int64_t read_other(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	const struct host_vector one = {to.ref, n};

	if (is_host_stream(f->object) && offset < 0) {
		int64_t got = HOST_FAST(socket_take, ((struct socket *)f->object)->handle, to.ref, n, 0);
		if (got != -EAGAIN || (f->flags & O_NONBLOCK))
			return got;
	}
	return offset >= 0 ? -ESPIPE : socket_vector(f, &one, 1, 0);
}

static int64_t socket_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	return is_shared_stream(f->object) && offset < 0 ? shared_receive_piece(f, to.ref, n) : read_other(f, to, n, offset);
}

static __attribute__((noinline)) int64_t write_other(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	struct host_vector one = {from.ref, n};
	int64_t sent = 0;

	if (is_host_stream(f->object) && offset < 0) {
		sent = HOST_FAST(socket_put, ((struct socket *)f->object)->handle, from.ref, n, 0);
		if (sent == (int64_t)n || (sent < 0 && sent != -EAGAIN) || (f->flags & O_NONBLOCK))
			return sent;
		sent = sent < 0 ? 0 : sent;
		one.ref += (uint64_t)sent;
		one.length -= (uint64_t)sent;
	}
	int64_t more = offset >= 0 ? -ESPIPE : socket_vector(f, &one, 1, 1);
	return sent && more < 0 ? sent : sent + more;
}

static int64_t socket_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	return is_shared_stream(f->object) && offset < 0 ? shared_send_piece(f, from.ref, n) : write_other(f, from, n, offset);
}

static void socket_close(struct file *f)
{
	socket_free(f->object);
}

const struct file_operations socket_operations = {
	.read = socket_read, .write = socket_write, .vector = socket_vector, .available = socket_available, .stat = socket_stat, .poll = socket_poll,
	.queue = socket_queue, .close = socket_close,
};
