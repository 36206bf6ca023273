/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * epoll sets, timerfds and signalfds: files whose readiness is all they are. And message queues.
 */
#ifndef LIBOS_EVENT_H
#define LIBOS_EVENT_H
#include "libos/fs/fs.h"

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3

struct event {                  /* struct epoll_event, which is packed on some ISAs: sys/epoll.c */
	uint32_t events;
	uint64_t data;
};

int64_t epoll_make(int close_on_exec);
uint32_t epoll_size(const struct file *set);    /* more events than this are hardly there at once */
int64_t epoll_change(struct file *set, int operation, int fd, struct file *f, uint32_t events, uint64_t data);
/* timeout in ns, -1: for ever. How many events, or -errno. */
int64_t epoll_wait(struct file *set, struct event *out, uint32_t room, int64_t timeout);

int64_t timer_file_make(int clock, int flags);
/* at: monotonic nanoseconds, 0 disarms. NULL-safe getters. -EINVAL if the file is none. */
int64_t timer_file_set(struct file *f, int64_t at, int64_t every);
int64_t timer_file_get(struct file *f, int *clock, int64_t *at, int64_t *every);

/* message.c: message queues. NULL attributes: the usual sizes. */
struct message_attributes {     /* struct mq_attr */
	int64_t flags, most, size, count, pad[4];
};
int64_t queue_open(const char *name, int flags, uint32_t mode, const struct message_attributes *attributes);    /* a descriptor */
int64_t queue_unlink(const char *name);
int queue_is(const struct file *f);     /* the following take such a one */
void queue_attributes(const struct file *f, struct message_attributes *a);
int64_t queue_notify(struct file *f, int wanted, int signal, int64_t value);    /* signal 0: registered, but nothing is sent */
int64_t queue_send(struct file *f, struct user from, uint64_t size, uint32_t priority, int64_t deadline);
int64_t queue_receive(struct file *f, struct user to, uint64_t room, uint32_t *priority, int64_t deadline);

int64_t signal_file_make(uint64_t mask, int flags);
int64_t signal_file_mask(struct file *f, uint64_t mask);
#endif
