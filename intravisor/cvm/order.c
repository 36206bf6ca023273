/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Orders: what the owner of the process asks of a running cVM (a new process, a signal for it, whether a port is listened on).
 * They wait in a queue until some thread of the library OS takes them, after a kick; what became of one comes back by a call.
 * The owner wrote the orders; a hostile library OS can leave them untaken, or lie about those that are its own. Trusted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/host.h>
#include "cap/cap.h"
#include "intravisor/cvm/order.h"
#include "intravisor/host/host.h"

#define WAITING_MOST 64

struct order {
	struct order *next;
	size_t size;
	struct host_order head;
	char text[];            /* size - sizeof head bytes */
};

/* An order that is not put takes its first `handles` handles along: the owner may try as often as it likes, and the descriptors are those
 * of all cVMs. A hostile library OS that has closed one by its number meanwhile, and got another by it, loses that: its own doing. */
static int not_put(struct cvm *cvm, struct order *order, int handles, int error)
{
	for (int i = 0; i < handles; i++)
		host_close(&(struct caller){.cvm = cvm}, (const uint64_t[6]){order->head.handles[i]});
	free(order);
	return error;
}

int cvm_order(struct cvm *cvm, const struct cvm_order *wanted)
{
	if (wanted->length > HOST_ORDER_MOST - sizeof(struct host_order))
		return -E2BIG;
	struct order *order = calloc(1, sizeof *order + wanted->length);
	if (!order)
		return -ENOMEM;
	order->size = sizeof order->head + wanted->length;
	order->head = (struct host_order){.kind = wanted->kind, .id = wanted->id, .value = wanted->value, .argc = wanted->argc,
					  .envc = wanted->envc, .length = (uint32_t)wanted->length};
	if (wanted->length)
		memcpy(order->text, wanted->text, wanted->length);
	/* Handles of an order that is put and that nobody takes go with the cVM's table. */
	int handles = 0;
	for (; wanted->kind == HOST_ORDER_EXECUTE && handles < 3; handles++) {
		int64_t handle = host_handle_make(cvm, wanted->fds[handles], host_stream_permissions(wanted->fds[handles]), 0);
		if (handle < 0)
			return not_put(cvm, order, handles, (int)handle);
		order->head.handles[handles] = (uint32_t)handle;
	}
	unsigned waiting = 0;
	pthread_mutex_lock(&cvm->lock);
	struct order **link = &cvm->orders;
	for (; *link; link = &(*link)->next)
		waiting++;
	if (waiting < WAITING_MOST)
		*link = order;
	pthread_mutex_unlock(&cvm->lock);
	if (waiting == WAITING_MOST)
		return not_put(cvm, order, handles, -EAGAIN);
	cvm_kick(cvm);
	return 0;
}

int64_t host_order_take(struct caller *caller, const uint64_t a[6])
{
	struct cvm *cvm = caller->cvm;
	void *to = cvm_reference(caller, a[0], HOST_ORDER_MOST);

	if (!to)
		return -EFAULT;
	pthread_mutex_lock(&cvm->lock);
	struct order *order = cvm->orders;
	if (order)
		cvm->orders = order->next;
	pthread_mutex_unlock(&cvm->lock);
	if (!order)
		return 0;
	/* size <= HOST_ORDER_MOST: cvm_order */
	int64_t result = machine_copy_out(to, &order->head, order->size) ? -EFAULT : (int64_t)order->size;
	free(order);
	return result;
}

int64_t host_order_done(struct caller *caller, const uint64_t a[6])
{
	const struct cvm_config *config = caller->cvm->config;

	if (a[0] > UINT32_MAX)
		return -EINVAL;
	if (config->order_done)
		config->order_done(config, (uint32_t)a[0], (int)(a[1] & 0xffff));
	return 0;
}

void orders_forget(struct cvm *cvm)
{
	for (struct order *order; (order = cvm->orders);) {
		cvm->orders = order->next;
		free(order);
	}
}
