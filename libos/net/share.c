/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Sockets between cVMs of one Intravisor: TCP on their own network, and AF_UNIX by a node in a volume that both have. They are
 * CP_Streams underneath: data goes from one program's memory to the other's without the host's kernel.
 */
#include "libos/net/socket.h"
#include "libos/process/bell.h"

/* The stream becomes the socket's. */
static int64_t adopt(struct socket *s, int64_t handle)
{
	int64_t error = bell_attach(handle, &s->queue);

	if (error) {
		HOST(share_close, handle);
		return error;
	}
	s->shared = handle;
	s->state = SOCKET_CONNECTED;
	wait_wake(&s->queue, UINT32_MAX);       /* who watches it waits for that */
	return 0;
}

static unsigned kind(const struct socket *s)
{
	return s->type == SOCK_SEQPACKET ? STREAM_MESSAGES : 0;
}

const char *shared_name(const struct address *a)
{
	static char name[64];           /* until the next call, under the kernel lock */
	size_t length = a->length > 2 ? a->length - 2u : 0;

	if (length < 6 || strncmp(a->un_path, "/cap/", 5) || length - 5 >= sizeof name || memchr(a->un_path + 5, '/', length - 5))
		return NULL;
	memcpy(name, a->un_path + 5, length - 5);
	name[length - 5] = 0;
	return name[0] ? name : NULL;
}

/* ---- listening ---- */
static void listener_take(struct socket *s, int64_t handle)
{
	if (handle >= 0 && bell_attach(handle, &s->queue)) {
		HOST(share_close, handle);
		handle = -1;
	}
	s->listener = handle < 0 ? -1 : handle;
}

int64_t shared_listen(struct socket *s)
{
	if (s->listener >= 0)
		return 0;
	if (is_inet(s) && boot->address && s->type == SOCK_STREAM && address_is_network(&s->local))
		listener_take(s, HOST(stream_listen, STREAM_BY_PORT, port_of(&s->local), 0, 0, s->backlog, 0));
	else if (!is_inet(s) && s->shared_name && s->shared_by == STREAM_BY_NODE)
		listener_take(s, HOST(stream_listen, STREAM_BY_NODE, s->node_directory, own_ref(s->shared_name), strlen(s->shared_name),
				      s->backlog, kind(s)));
	else if (!is_inet(s) && s->shared_name) {
		int64_t handle = HOST(stream_listen, STREAM_BY_NAME, own_ref(s->shared_name), strlen(s->shared_name), 0, s->backlog, kind(s));
		listener_take(s, handle);
		return handle < 0 ? handle : 0;
	}
	return 0;
}

/* What has connected goes to the listener's own list, where accept and poll look. */
void shared_drain(struct socket *s)
{
	struct stream_peer peer;
	int64_t handle;

	while (s->listener >= 0 && s->pending_count < s->backlog && (handle = HOST(stream_accept, s->listener, own_ref(&peer))) >= 0) {
		struct socket *end = socket_make(s->domain, s->type, s->protocol);
		if (!end || adopt(end, handle)) {
			if (end)
				socket_free(end);
			else
				HOST(share_close, handle);
			return;
		}
		for (unsigned i = 0; i < s->option_count; i++)
			end->options[i] = s->options[i];
		end->option_count = s->option_count;
		end->local = s->local;
		if (is_inet(s)) {
			struct address from = network_address(peer.address, peer.port), here = network_address(boot->address, port_of(&s->local));
			end->peer = address_as(s->domain, &from);
			end->local = address_as(s->domain, &here);
		} else
			end->peer = (struct address){.length = 2, .family = AF_UNIX};
		*(s->pending ? &s->pending_last->pending_next : &s->pending) = end;
		s->pending_last = end;
		s->pending_count++;
	}
}

/* ---- connecting ---- */
int shared_peer(const struct address *to)
{
	uint32_t address;

	if (!boot->address || !address_four(to, &address))
		return -1;
	for (uint32_t i = 0; i < boot->peer_count && i < BOOT_PEERS; i++)
		if (boot->peers[i].address == address)
			return (int)i;
	return -1;
}

int64_t shared_connect(struct socket *s, int peer, const struct address *to)
{
	int64_t error = s->binding.bound ? 0 : name_bind_any(s);
	int64_t handle = error ? error : HOST(stream_connect, STREAM_BY_PORT, peer, port_of(to), 0, port_of(&s->local), 0);

	if (handle >= 0)
		handle = adopt(s, handle);
	if (handle < 0)
		return handle == -EAGAIN ? -ECONNREFUSED : handle;
	struct address here = network_address(boot->address, port_of(&s->local));
	name_release(s);
	s->local = address_as(s->domain, &here);
	s->peer = *to;
	return 0;
}

/* With both directions if both are granted, else with the one that is. */
int64_t shared_connect_name(struct socket *s, const char *name, const struct address *to)
{
	static const unsigned rights[] = {STREAM_RECEIVES | STREAM_SENDS, STREAM_RECEIVES, STREAM_SENDS};
	int64_t handle = -EACCES;

	for (unsigned i = 0; i < 3 && handle == -EACCES; i++)
		handle = HOST(stream_connect, STREAM_BY_NAME, own_ref(name), strlen(name), rights[i], 0, kind(s));
	if (handle >= 0)
		handle = adopt(s, handle);
	if (!handle)
		s->peer = *to;
	return handle;
}

int64_t shared_connect_node(struct socket *s, const struct place *place, const struct address *to)
{
	int64_t handle = HOST(stream_connect, STREAM_BY_NODE, place->mount->handle, own_ref(place->rest), strlen(place->rest), 0, kind(s));

	if (handle >= 0)
		handle = adopt(s, handle);
	if (!handle)
		s->peer = *to;
	return handle;
}

/* ---- data ---- */
static int64_t broken(struct socket *s, int64_t error)
{
	if (error == -ECONNRESET && s->lost)
		return -EPIPE;          /* it has been told */
	s->lost |= error == -ECONNRESET;
	return error;
}

/* A message goes as a whole: of several pieces one is made first. */
static int64_t message_join(struct socket *s, const struct vectors *v)
{
	uint8_t *whole = heap_allocate(v->length + !v->length);
	uint64_t at = 0;
	int64_t n = whole ? 0 : -ENOMEM;

	for (unsigned i = 0; !n && i < v->count; at += v->list[i++].length)
		n = memory_get(whole + at, (struct memory){v->list[i].ref}, v->list[i].length);
	if (!n)
		n = HOST_FAST(stream_send, s->shared, own_ref(whole), v->length);
	if (whole)
		heap_free(whole, v->length + !v->length);
	return n;
}

static int64_t message_send(struct file *f, const struct vectors *v, unsigned flags)
{
	struct socket *s = f->object;
	int64_t n;

	for (;;) {
		n = v->count == 1 ? HOST_FAST(stream_send, s->shared, v->list[0].ref, v->length) : message_join(s, v);
		if (n != -EAGAIN || (n = socket_wait(f, 0, (int)flags, 1)))
			return broken(s, n);
	}
}

/* All of it, unless something ends that. `n`: what a first host call gave; HOST_SLOW: none was made. */
static int64_t send_rest(struct file *f, uint64_t ref, uint64_t length, unsigned flags, int64_t n)
{
	struct socket *s = f->object;
	uint64_t done = 0;

	while (done < length) {
		if (n == HOST_SLOW)
			n = HOST_FAST(stream_send, s->shared, ref + done, length - done);
		if (n == -EAGAIN)
			n = socket_wait(f, READY_OUT, (int)flags, 1);
		if (n < 0)
			return done ? (int64_t)done : n;
		done += (uint64_t)n;
		n = HOST_SLOW;
	}
	return (int64_t)done;
}

static __attribute__((noinline)) int64_t send_more(struct file *f, uint64_t ref, uint64_t length, int64_t n)
{
	return broken(f->object, send_rest(f, ref, length, 0, n));
}

int64_t shared_send_piece(struct file *f, uint64_t ref, uint64_t length)
{
	int64_t n = host_fast(HOST_stream_send, (uint64_t)((struct socket *)f->object)->shared, ref, length, 0, 0, 0);

	return __builtin_expect(n == (int64_t)length, 1) ? n : send_more(f, ref, length, n);
}

int64_t shared_send(struct file *f, const struct vectors *v, unsigned flags)
{
	struct socket *s = f->object;
	uint64_t done = 0;

	if (s->type == SOCK_SEQPACKET)
		return message_send(f, v, flags);
	for (unsigned i = 0; i < v->count; i++) {
		int64_t n = send_rest(f, v->list[i].ref, v->list[i].length, flags, HOST_SLOW);
		if (n < 0)
			return done ? (int64_t)done : broken(s, n);
		done += (uint64_t)n;
		if ((uint64_t)n < v->list[i].length)
			break;
	}
	return (int64_t)done;
}

/* The whole message's length; what does not fit is cut off. */
static int64_t message_take(struct socket *s, const struct vectors *v, unsigned peek, struct received *r)
{
	if (v->count == 1) {
		int64_t n = HOST_FAST(stream_receive, s->shared, v->list[0].ref, v->length, peek);
		r->flags = n > (int64_t)v->length ? MSG_TRUNC | MSG_EOR : MSG_EOR;
		return n;
	}
	uint64_t room = v->length < STREAM_RING ? v->length : STREAM_RING, at = 0;
	uint8_t *whole = heap_allocate(room + !room);
	int64_t n = whole ? HOST_FAST(stream_receive, s->shared, own_ref(whole), room, peek) : -ENOMEM;

	for (unsigned i = 0; n > 0 && i < v->count && at < room && at < (uint64_t)n; i++) {
		uint64_t piece = v->list[i].length < (uint64_t)n - at ? v->list[i].length : (uint64_t)n - at;
		if (memory_put((struct memory){v->list[i].ref}, whole + at, piece))
			n = -EFAULT;
		at += piece;
	}
	r->flags = n > (int64_t)v->length ? MSG_TRUNC | MSG_EOR : MSG_EOR;
	if (whole)
		heap_free(whole, room + !room);
	return n;
}

/* Posts the buffer while it waits; whatever ends the wait, the next call takes what has come there, or the post back. One thread at a time:
 * what comes is that one's first, and the others wait until it has it. `n` as above. */
static int64_t receive_rest(struct file *f, uint64_t ref, uint64_t length, unsigned flags, int64_t n)
{
	struct socket *s = f->object;
	struct thread *t = thread_current();
	int posts = !(f->flags & O_NONBLOCK) && !(flags & MSG_DONTWAIT);

	for (; length; n = HOST_SLOW) {
		int others = s->poster && s->poster != t;
		if (n == HOST_SLOW)
			n = HOST_FAST(stream_receive, s->shared, ref, length,
				      flags & MSG_PEEK ? STREAM_PEEK : posts && !others ? STREAM_POST : 0);
		if (n != -EAGAIN)
			break;
		if (posts && !others && !(flags & MSG_PEEK))
			s->poster = t;
		int64_t error = socket_wait(f, others ? 0 : READY_IN, (int)flags, 0);
		if (error) {
			n = s->poster == t ? HOST_FAST(stream_receive, s->shared, 0, 0, 0) : 0;
			n = n > 0 ? n : error;
			break;
		}
	}
	if (s->poster == t) {
		s->poster = NULL;
		wait_wake(&s->queue, UINT32_MAX);
	}
	return length ? n : 0;
}

/* A reset is told once, to a call that has nothing else to say. */
static int64_t ended(struct socket *s, int64_t n)
{
	if (n == -ECONNRESET && s->lost)
		return 0;
	s->lost |= n == -ECONNRESET;
	return n;
}

static __attribute__((noinline)) int64_t receive_more(struct file *f, uint64_t ref, uint64_t length, int64_t n)
{
	return ended(f->object, receive_rest(f, ref, length, 0, n));
}

int64_t shared_receive_piece(struct file *f, uint64_t ref, uint64_t length)
{
	const struct socket *s = f->object;

	if (s->poster || !length)
		return receive_more(f, ref, length, HOST_SLOW);
	int64_t n = host_fast(HOST_stream_receive, (uint64_t)s->shared, ref, length, f->flags & O_NONBLOCK ? 0 : STREAM_POST, 0, 0);
	return __builtin_expect(n > 0, 1) ? n : receive_more(f, ref, length, n);
}

int64_t shared_receive(struct file *f, const struct vectors *v, unsigned flags, struct received *r)
{
	struct socket *s = f->object;
	uint64_t done = 0;
	int64_t n;

	if (s->type == SOCK_SEQPACKET) {
		while ((n = message_take(s, v, flags & MSG_PEEK ? STREAM_PEEK : 0, r)) == -EAGAIN)
			if ((n = socket_wait(f, READY_IN, (int)flags, 0)))
				return n;
		return n > (int64_t)v->length && !(flags & MSG_TRUNC) ? (int64_t)v->length : n;
	}
	for (unsigned i = 0; i < v->count; i++)
		for (uint64_t at = 0; at < v->list[i].length;) {
			int rest = done && !(flags & MSG_WAITALL);      /* takes what is there, waits for no more */
			n = receive_rest(f, v->list[i].ref + at, v->list[i].length - at, rest ? flags | MSG_DONTWAIT : flags, HOST_SLOW);
			if (n <= 0)
				return done ? (int64_t)done : ended(s, n);
			at += (uint64_t)n;
			done += (uint64_t)n;
			if ((flags & MSG_PEEK) || (at < v->list[i].length && !(flags & MSG_WAITALL)))
				return (int64_t)done;
		}
	return (int64_t)done;
}

/* ---- state ---- */
unsigned shared_ready(const struct socket *s)
{
	int64_t state = HOST_FAST(stream_state, s->shared, 1);
	unsigned ready = state & STREAM_READABLE ? READY_IN : 0;

	if (state < 0)
		return READY_ERROR;
	if (state & STREAM_WRITABLE)
		ready |= READY_OUT;
	if (state & STREAM_FINISHED)
		ready |= READY_IN | READY_RDHUP;
	if ((state & STREAM_RESET) && !s->lost)
		ready |= READY_ERROR;
	if ((state & STREAM_FINISHED) && ((state & (STREAM_GONE | STREAM_RESET)) || s->sends_no_more))
		ready |= READY_HANGUP;
	return ready;
}

int64_t shared_available(const struct socket *s)
{
	int64_t state = HOST_FAST(stream_state, s->shared, 0);

	return state < 0 ? 0 : state >> 32;
}

void shared_close(struct socket *s)
{
	if (s->shared >= 0) {
		bell_detach(s->shared);
		HOST(share_close, s->shared);
	}
	if (s->listener >= 0) {
		bell_detach(s->listener);
		HOST(share_close, s->listener);
	}
	s->shared = s->listener = -1;
	if (s->shared_name)
		heap_text_free(s->shared_name);
	s->shared_name = NULL;
}
