/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What programs look up in /etc where no volume gives one: who they are, and what localhost is.
 */
#include "libos/fs/tmpfs.h"

static void text_put(const struct mount *m, const char *name, const char *text)
{
	struct file *f;

	if (m->operations->open(m, name, O_WRONLY | O_CREAT | O_EXCL, 0644, &f))
		return;
	node_write(f->node, own_memory((void *)text), strlen(text), 0);
	file_release(f);
}

static void address_put(char *line, size_t room, uint32_t address, const char *name)
{
	format(line, room, "%u.%u.%u.%u %s\n", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255, name);
}

/* itself by the address that the others on its virtual network use, if it is on one; NULL: no memory. */
static char *hosts_text(size_t *size)
{
	static const char local[] = "127.0.0.1 localhost\n::1 localhost\n";
	const char *host = boot_string(boot->hostname);
	size_t room = sizeof local + 32 + strlen(host), at = sizeof local - 1;
	uint32_t count = boot->peer_count < BOOT_PEERS ? boot->peer_count : BOOT_PEERS;

	for (uint32_t i = 0; i < count; i++)
		room += 32 + strlen(boot_string(boot->peers[i].name));
	char *text = heap_allocate(*size = room);
	if (!text)
		return NULL;
	memcpy(text, local, at);
	address_put(text + at, room - at, boot->address ? boot->address : 0x7f000001u, host);
	for (uint32_t i = 0; i < count; i++) {
		at = strlen(text);
		address_put(text + at, room - at, boot->peers[i].address, boot_string(boot->peers[i].name));
	}
	return text;
}

struct node *etc_hosts(void)
{
	size_t room;
	char *text = hosts_text(&room);
	struct node *n = text ? node_make(S_IFREG | 0644) : NULL;

	if (n) {
		n->links = 1;
		node_write(n, own_memory(text), strlen(text), 0);
	}
	if (text)
		heap_free(text, room);
	return n;
}

void etc_fill(const struct mount *m)
{
	char text[512];
	const char *host = boot_string(boot->hostname);

	m->operations->directory_make(m, "etc", 0755);  /* or a volume lies in it: what it gives stays */
	text_put(m, "etc/hosts", "");   /* where etc_hosts is mounted */
	format(text, sizeof text, "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n");
	if (boot->uid && boot->uid != 65534)
		format_more(text, strlen(text), sizeof text, "user:x:%u:%u:user:/:/bin/sh\n", boot->uid, boot->gid);
	text_put(m, "etc/passwd", text);
	format(text, sizeof text, "root:x:0:\nnogroup:x:65534:\n");
	if (boot->gid && boot->gid != 65534)
		format_more(text, strlen(text), sizeof text, "user:x:%u:\n", boot->gid);
	text_put(m, "etc/group", text);
	format(text, sizeof text, "%s\n", host);
	text_put(m, "etc/hostname", text);
}
