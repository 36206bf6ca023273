/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * /proc as far as programs look: generated when opened, of this cVM's processes. Nothing of the host's procfs shows through.
 */
#include "libos/fs/shared.h"

#define TEXT_MOST 16384u

struct text {
	char *to;
	size_t at, room;
};
#define SAY(t, ...) ((t)->at = format_more((t)->to, (t)->at, (t)->room, __VA_ARGS__))

/* Whose entries the name at hand is about: set by plain(), under the kernel lock. */
static const struct process *shown;

static const char *program_name(void)
{
	const char *path = shown->image ? shown->image : "", *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static uint64_t memory_used(void)
{
	return shown->dead ? 0 : space_total_of(shown->space);
}

static uint64_t memory_all(void)
{
	return boot->memory_limit ? boot->memory_limit : 3ull << 30;
}

static void text_meminfo(struct text *t)
{
	uint64_t all = memory_all() >> 10, used = space_total() >> 10, left = all > used ? all - used : 0;

	SAY(t, "MemTotal:       %lu kB\nMemFree:        %lu kB\nMemAvailable:   %lu kB\nBuffers:        0 kB\nCached:         0 kB\n",
	    all, left, left);
	SAY(t, "SwapTotal:      0 kB\nSwapFree:       0 kB\n");
}

static void text_cpuinfo(struct text *t)
{
	for (int64_t i = 0, n = HOST(processors); i < n; i++)
		SAY(t, "processor\t: %ld\nmodel name\t: Carrel\n\n", i);
}

static char state(const struct process *p)
{
	return p->dead ? 'Z' : p->stopped ? 'T' : p == process_current() ? 'R' : 'S';
}

static void text_stat(struct text *t)
{
	const struct process *p = shown;

	SAY(t, "%d (%s) %c %d %d %d 0 -1 0 0 0 0 0 0 0 0 0 20 0 %u 0 0 %lu %lu\n", p->id, program_name(), state(p), p->parent ? p->parent->id : 0,
	    p->group, p->session, p->thread_count, memory_used(), memory_used() >> 12);
}

static void text_status(struct text *t)
{
	const struct process *p = shown;

	SAY(t, "Name:\t%s\nState:\t%c (%s)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nUid:\t%u\t%u\t%u\t%u\n", program_name(), state(p),
	    p->dead ? "zombie" : p->stopped ? "stopped" : p == process_current() ? "running" : "sleeping", p->id, p->id,
	    p->parent ? p->parent->id : 0, boot->uid, boot->uid, boot->uid, boot->uid);
	SAY(t, "Gid:\t%u\t%u\t%u\t%u\nVmSize:\t%lu kB\nVmRSS:\t%lu kB\nThreads:\t%u\n", boot->gid, boot->gid, boot->gid, boot->gid,
	    memory_used() >> 10, memory_used() >> 10, p->thread_count);
}

static void text_statm(struct text *t)
{
	SAY(t, "%lu %lu 0 0 0 %lu 0\n", memory_used() >> 12, memory_used() >> 12, memory_used() >> 12);
}

static void text_maps(struct text *t)
{
	const struct boot_image *program = &process_current()->program;
	uint64_t start, end, top = space_stack_top(), from = program->base ? program->base : WINDOW_ARENA_FIRST;

	if (shown != process_current())
		return;
	SAY(t, "%lx-%lx r-xp 00000000 00:00 0 %s\n", program_address(from), program_address(program->base + program->span),
	    process_current()->image);
	for (size_t i = 0; space_range(i, &start, &end); i++)
		SAY(t, "%lx-%lx rw-p 00000000 00:00 0%s\n", program_address(start), program_address(end),
		    start < top && top <= end ? " [stack]" : "");
}

static void text_mounts(struct text *t)
{
	const struct mount *m;

	for (size_t i = 0; (m = mount_number(i)); i++) {
		const char *kind = m->operations == &host_mount     ? "carrel"
				   : m->operations == &tmpfs_mount  ? "tmpfs"
				   : m->operations == &overlay_mount ? "overlay"
				   : m->operations == &device_mount ? "devtmpfs"
				   : m->operations == &shared_mount ? "carrel-cap"
								    : "proc";
		SAY(t, "%s %s %s %s 0 0\n", kind, *m->path ? m->path : "/", kind, m->read_only ? "ro" : "rw");
	}
}

static void text_uptime(struct text *t)
{
	int64_t now[2] = {0, 0};

	HOST(clock_get, 7, own_ref(now));
	SAY(t, "%ld.%d%d 0.00\n", now[0], (int)(now[1] / 100000000), (int)(now[1] / 10000000 % 10));
}

static void strings(struct text *t, const char *s, size_t bytes)
{
	bytes = bytes < t->room - t->at ? bytes : t->room - t->at;
	memcpy(t->to + t->at, s, bytes);
	t->at += bytes;
}

static void text_cmdline(struct text *t)
{
	if (!shown->dead)
		strings(t, shown->arguments, shown->argument_bytes);
}

static void text_environ(struct text *t)
{
	if (!shown->dead)
		strings(t, shown->environment, shown->environment_bytes);
}

static void text_comm(struct text *t)
{
	SAY(t, "%s\n", program_name());
}

static void text_version(struct text *t)
{
	SAY(t, "Linux version 6.1.0-carrel\n");
}

static void text_loadavg(struct text *t)
{
	SAY(t, "0.00 0.00 0.00 1/1 1\n");
}

static void text_filesystems(struct text *t)
{
	SAY(t, "nodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\n");
}

static void text_hostname(struct text *t)
{
	SAY(t, "%s\n", boot_string(boot->hostname));
}

static void text_release(struct text *t)
{
	SAY(t, "6.1.0-carrel\n");
}

static void text_one(struct text *t)
{
	SAY(t, "1\n");
}

static const struct {
	const char *name;
	void (*write)(struct text *t);
} texts[] = {
	{"meminfo", text_meminfo}, {"cpuinfo", text_cpuinfo}, {"mounts", text_mounts}, {"uptime", text_uptime},
	{"version", text_version}, {"loadavg", text_loadavg}, {"filesystems", text_filesystems}, {"self/mounts", text_mounts},
	{"self/stat", text_stat}, {"self/status", text_status}, {"self/statm", text_statm}, {"self/maps", text_maps},
	{"self/cmdline", text_cmdline}, {"self/environ", text_environ}, {"self/comm", text_comm},
	{"sys/kernel/hostname", text_hostname}, {"sys/kernel/osrelease", text_release},
	{"sys/vm/overcommit_memory", text_one},
};
#define TEXTS (sizeof texts / sizeof *texts)

/* Directories: the names in them, as names_file takes them. */
static const struct {
	const char *name, *names;
	size_t length;
} directories[] = {
#define DIRECTORY(name, list) {name, list, sizeof list}
	DIRECTORY("", "/.\0/..\0meminfo\0cpuinfo\0mounts\0uptime\0version\0loadavg\0filesystems\0/self\0/sys"),
	DIRECTORY("self", "/.\0/..\0mounts\0stat\0status\0statm\0maps\0cmdline\0environ\0comm\0@exe\0@cwd\0@root\0/fd"),
	DIRECTORY("sys", "/.\0/..\0/kernel\0/vm"),
	DIRECTORY("sys/kernel", "/.\0/..\0hostname\0osrelease"),
	DIRECTORY("sys/vm", "/.\0/..\0overcommit_memory"),
#undef DIRECTORY
};
#define DIRECTORIES (sizeof directories / sizeof *directories)

/* A process's number and "thread-self" are "self" too, but of whom is kept in `shown`. */
static const char *plain(const char *name, char *to, size_t room)
{
	size_t skip = !strncmp(name, "thread-self", 11) && (!name[11] || name[11] == '/') ? 11 : 0;
	int id = 0;

	shown = process_current();
	if (*name >= '1' && *name <= '9')
		for (; name[skip] >= '0' && name[skip] <= '9' && id < 100000000; skip++)
			id = id * 10 + name[skip] - '0';
	if (id) {
		const struct process *p = name[skip] && name[skip] != '/' ? NULL : process_find(id);
		if (!p)
			return name;
		shown = p;
	}
	if (!skip)
		return name;
	format(to, room, "self%s", name + skip);
	return to;
}

static size_t text_number(const char *name)
{
	size_t i = 0;

	while (i < TEXTS && strcmp(texts[i].name, name))
		i++;
	return i;
}

static size_t directory_number(const char *name)
{
	size_t i = 0;

	while (i < DIRECTORIES && strcmp(directories[i].name, name))
		i++;
	return i;
}

static int64_t mount_link_read(const struct mount *m, const char *name, char *to, size_t room)
{
	char other[64], text[32];
	const char *target = NULL;
	int fd = 0;

	(void)m;
	name = plain(name, other, sizeof other);
	if (!strcmp(name, "self/exe"))
		target = shown->image;
	else if (!strcmp(name, "self/cwd"))
		target = shown->directory;
	else if (!strcmp(name, "self/root"))
		target = "/";
	else if (!strncmp(name, "self/fd/", 8) && shown != process_current())
		return -EACCES;
	else if (!strncmp(name, "self/fd/", 8)) {
		const char *digit = name + 8;
		for (; *digit >= '0' && *digit <= '9' && fd < FILES_MOST; digit++)
			fd = fd * 10 + *digit - '0';
		struct file *f = *digit || !name[8] ? NULL : file_get(fd);
		if (!f)
			return -ENOENT;
		struct host_stat found;
		uint32_t type = f->operations->stat(f, &found) ? 0 : TYPE_OF(found.mode);
		format(text, sizeof text, type == S_IFSOCK ? "socket:[%lu]" : type == S_IFIFO ? "pipe:[%lu]" : "anon_inode:[%lu]", found.ino);
		target = f->path ? f->path : text;
	}
	if (!target)
		return text_number(name) < TEXTS || directory_number(name) < DIRECTORIES || !strcmp(name, "self/fd") ? -EINVAL : -ENOENT;
	size_t n = strlen(target);
	n = n < room ? n : room;
	memcpy(to, target, n);
	return (int64_t)n;
}

/* self/fd: the descriptors there are now. */
static struct file *descriptors_open(void)
{
	size_t at = sizeof "/.\0/..", room = at + 8 * (size_t)descriptor_room();
	char *list = heap_allocate(room);
	struct file *f;

	if (!list)
		return NULL;
	memcpy(list, "/.\0/..", at);
	for (uint32_t fd = 0; fd < descriptor_room(); fd++)
		if (file_get((int)fd))
			at += format(list + at, room - at, "@%u", fd) + 1;
	f = names_file(list, at);
	heap_free(list, room);
	return f;
}

/* The root: what it always has, and the processes there are now. */
static struct file *root_open(void)
{
	size_t room = directories[0].length + PROCESSES_MOST * 12, at = directories[0].length;
	char *list = heap_allocate(room);

	if (!list)
		return NULL;
	memcpy(list, directories[0].names, at);
	for (const struct process *p = processes; p; p = p->next)
		at += format(list + at, room - at, "/%d", p->id) + 1;
	struct file *f = names_file(list, at);
	heap_free(list, room);
	return f;
}

static int64_t mount_open(const struct mount *m, const char *name, int flags, uint32_t mode, struct file **f)
{
	char other[64];
	int64_t error;

	(void)mode;
	name = plain(name, other, sizeof other);
	size_t d = directory_number(name), i = text_number(name);
	if (d < DIRECTORIES || !strcmp(name, "self/fd")) {
		if ((flags & O_ACCMODE) != O_RDONLY)
			return -EISDIR;
		if (d >= DIRECTORIES && shown != process_current())
			return -EACCES;
		*f = !d ? root_open() : d < DIRECTORIES ? names_file(directories[d].names, directories[d].length) : descriptors_open();
		return *f ? 0 : -ENOMEM;
	}
	if (i == TEXTS) {
		error = mount_link_read(m, name, other, sizeof other);
		return error >= 0 ? -ELOOP : flags & O_CREAT ? -EACCES : -ENOENT;
	}
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT))
		return -EACCES;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	struct text t = {heap_allocate(TEXT_MOST), 0, TEXT_MOST};
	if (!t.to)
		return -ENOMEM;
	texts[i].write(&t);
	*f = text_file(t.to, t.at);
	heap_free(t.to, TEXT_MOST);
	return *f ? 0 : -ENOMEM;
}

static int64_t mount_stat(const struct mount *m, const char *name, struct host_stat *s)
{
	char other[64];
	uint32_t mode = S_IFREG | 0444;

	name = plain(name, other, sizeof other);
	if (directory_number(name) < DIRECTORIES || !strcmp(name, "self/fd"))
		mode = S_IFDIR | 0555;
	else if (text_number(name) == TEXTS) {
		if (mount_link_read(m, name, other, sizeof other) < 0)
			return -ENOENT;
		mode = S_IFLNK | 0777;
	}
	*s = stat_now(mode, DEVICE_PROCESS);
	return 0;
}

static int64_t mount_statistics(const struct mount *m, const char *name, struct host_statfs *s)
{
	(void)m;
	(void)name;
	*s = (struct host_statfs){.type = 0x9fa0, .bsize = 4096, .namelen = NAME_MOST};
	return 0;
}

const struct mount_operations process_mount = {
	.open = mount_open, .stat = mount_stat, .link_read = mount_link_read, .statistics = mount_statistics,
};
