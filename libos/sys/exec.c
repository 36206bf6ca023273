/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * execve: a fresh window with the new image, judged before anything of the old program is given up. From then on nothing fails
 * but for want of memory, and that ends the process.
 */
#include "libos/fs/tmpfs.h"
#include "libos/process/order.h"
#include "libos/process/timer.h"
#include "libos/sys/sys.h"

#define STRINGS_MOST  0x200000u         /* bytes of arguments and environment together */
#define STRING_MOST   0x20000u
#define SCRIPTS_MOST  4
#define LINE_MOST     256

struct exec {
	struct program_text argv, envp;
	struct place place;
	struct file *file;
	int64_t window;
	struct boot_image image, interpreter;
};

static void text_drop(struct program_text *t)
{
	heap_free(t->text, t->bytes + !t->bytes);
	t->text = NULL;
}

static void exec_drop(struct exec *e)
{
	text_drop(&e->argv);
	text_drop(&e->envp);
	if (e->file)
		file_release(e->file);
	if (e->window >= 0)
		HOST(window_close, e->window);
	heap_free(e, sizeof *e);
}

/* Copies the strings that an array of the program's names. */
static int64_t text_get(struct program_text *t, uint64_t array, size_t room)
{
	char *buffer = heap_allocate(room);
	uint64_t at;
	int64_t n = 0;

	if (!buffer)
		return -ENOMEM;
	for (;; array += 8) {
		if (!array || (n = user_get(&at, (struct user){array}, 8)) || !at)
			break;
		size_t left = room - t->bytes;
		n = user_string(buffer + t->bytes, (struct user){at}, left < STRING_MOST ? left : STRING_MOST);
		if (n < 0) {
			n = n == -ENAMETOOLONG ? -E2BIG : n;
			break;
		}
		t->bytes += (size_t)n + 1;
		t->count++;
		n = 0;
	}
	if (n >= 0 && (t->text = heap_allocate(t->bytes + !t->bytes)))
		memcpy(t->text, buffer, t->bytes);
	else if (n >= 0)
		n = -ENOMEM;
	heap_free(buffer, room);
	return n;
}

/* argv becomes: interpreter, its one argument if any, the script's name, then the rest. */
static int64_t script(struct exec *e, char *line)
{
	char *interpreter = line + 2, *argument, *end;

	while (*interpreter == ' ' || *interpreter == '\t')
		interpreter++;
	for (argument = interpreter; *argument && *argument != ' ' && *argument != '\t'; argument++)
		;
	if (*argument)
		*argument++ = 0;
	while (*argument == ' ' || *argument == '\t')
		argument++;
	for (end = argument + strlen(argument); end > argument && (end[-1] == ' ' || end[-1] == '\t'); end--)
		end[-1] = 0;
	if (!*interpreter)
		return -ENOEXEC;
	const char *first[3] = {interpreter, *argument ? argument : e->place.path, e->place.path};
	uint32_t count = *argument ? 3 : 2;
	struct program_text new = {.count = count + (e->argv.count ? e->argv.count - 1 : 0)};
	size_t skip = e->argv.count ? strlen(e->argv.text) + 1 : 0;
	for (uint32_t i = 0; i < count; i++)
		new.bytes += strlen(first[i]) + 1;
	size_t at = 0;
	new.bytes += e->argv.bytes - skip;
	if (!(new.text = heap_allocate(new.bytes)))
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		memcpy(new.text + at, first[i], strlen(first[i]) + 1);
		at += strlen(first[i]) + 1;
	}
	memcpy(new.text + at, e->argv.text + skip, e->argv.bytes - skip);
	text_drop(&e->argv);
	e->argv = new;
	file_release(e->file);
	e->file = NULL;
	return place_of(interpreter, &e->place);
}

/* Opens what e->place names, through scripts, until it is an image in a window. */
static int64_t image_find(struct exec *e)
{
	char line[LINE_MOST];

	for (int i = 0;; i++) {
		struct host_stat s;
		int64_t n = place_stat(&e->place, 1, &s);
		if (n)
			return n;
		if (TYPE_OF(s.mode) != S_IFREG || !(s.mode & 0111))
			return -EACCES;
		if ((n = place_open(&e->place, O_RDONLY, 0, &e->file)))
			return n;
		n = e->file->operations->read(e->file, own_memory(line), sizeof line - 1, 0);
		if (n < 0)
			return n;
		line[n] = 0;
		if (n > 2 && line[0] == '#' && line[1] == '!') {
			char *end = strchr(line, '\n');
			if (!end || i == SCRIPTS_MOST)
				return end ? -ELOOP : -ENOEXEC;
			*end = 0;
			if ((n = script(e, line)))
				return n;
			continue;
		}
		if (n < 64 || memcmp(line, "\177ELF", 4))
			return -ENOEXEC;
		int64_t handle = e->file->handle >= 0 ? e->file->handle : node_object(e->file->node);
		if (handle < 0)
			return handle;
		if ((e->window = HOST(window_open)) >= 0)
			n = HOST(window_image, e->window, handle, own_ref(&e->image));
		if (e->file->handle < 0)
			HOST(close, handle);
		if (e->window < 0 || n)
			return e->window < 0 ? e->window : n;
		return e->image.entry ? interpreter_map(e->file, &e->image, e->window, &e->interpreter) : -ENOEXEC;
	}
}

/* All other threads of the process leave first. -RESTART: this one is to leave itself, for another that executes or for good. */
static int64_t threads_end(struct process *p)
{
	struct thread *self = thread_current();
	struct wait_queue none = {0};
	struct waiter w = {0};

	if (self->leaving || p->ending)
		return -RESTART;
	for (struct thread *t = p->threads; t; t = t->next)
		if (t != self) {
			t->leaving = 1;
			thread_poke(t);
		}
	wait_begin(&w, &none);
	int64_t error = 0;
	while (p->thread_count > 1 && error != -RESTART)
		error = wait_sleep_through(FOR_EVER);
	wait_end(&w);
	return p->thread_count > 1 ? error : 0;
}

/* In the new window, on an empty stack, still under the kernel lock. */
static void exec_begin(uint64_t argument) __attribute__((noreturn));
static void exec_begin(uint64_t argument)
{
	struct exec *e = (struct exec *)argument;
	struct program_text argv = e->argv, envp = e->envp;

	heap_free(e, sizeof *e);
	program_begin(argv, envp);
}

static int64_t execute(struct exec *e)
{
	struct process *p = process_current();
	struct thread *t = thread_current();
	struct space *space;
	char *name = NULL;
	int64_t error = image_find(e);

	if (error)
		return error == -EINVAL ? -ENOEXEC : error;
	if ((error = threads_end(p)))
		return error;
	if (!(name = heap_text(e->place.path)) ||
	    !(space = space_make(boot->memory_limit, e->window))) {
		heap_text_free(name);
		return -ENOMEM;
	}
	/* Nothing fails from here on. */
	int64_t window = e->window;
	e->window = -1;
	file_release(e->file);
	e->file = NULL;
	heap_text_free(p->image);
	p->image = name;
	p->program = e->image;
	p->interpreter = e->interpreter;
	space_release(p->space);
	p->space = space;
	p->executed = 1;
	vfork_done(p);
	descriptors_exec(p->files);
	for (int i = 1; i <= SIGNALS; i++)
		if (p->actions[i].handler != 1)
			p->actions[i] = (struct action){0};
	timers_drop(p, 0);
	t->stack[0] = t->stack[2] = 0;
	t->stack[1] = 2;
	t->clear_id = t->robust = 0;
	t->restart = 0;
	t->name[0] = 0;
	t->id = p->id;
	error = HOST(window_enter, window, own_ref(exec_begin), (uintptr_t)e);
	process_exit(9);
}

/* An open file itself is executed (fexecve): by the name it was opened with, which must still be its. */
static int64_t place_open_file(int fd, struct place *place)
{
	struct file *f = file_get(fd);
	struct host_stat opened, named;

	if (!f)
		return -EBADF;
	if (!f->path)
		return -EACCES;
	int64_t error = place_of(f->path, place);
	if (!error)
		error = place_stat(place, 1, &named);
	if (!error)
		error = f->operations->stat(f, &opened);
	return error ? error : opened.ino != named.ino || opened.dev != named.dev ? -ENOENT : 0;
}

static int64_t begin(int directory, struct user path, int allow_empty, uint64_t argv, uint64_t envp)
{
	struct exec *e = heap_allocate(sizeof *e);
	int64_t error;

	if (!e)
		return -ENOMEM;
	e->window = -1;
	char first = 0;
	int named = user_get(&first, path, 1) || first;
	error = allow_empty && !named ? place_open_file(directory, &e->place) : place_find(directory, path, 0, &e->place);
	if (!error)
		error = text_get(&e->argv, argv, STRINGS_MOST);
	if (!error)
		error = text_get(&e->envp, envp, STRINGS_MOST - e->argv.bytes);
	if (!error)
		error = execute(e);
	exec_drop(e);
	return error;
}

int64_t sys_execve(const uint64_t a[6])
{
	return begin(AT_FDCWD, USER(0), 0, a[1], a[2]);
}

int64_t sys_execveat(const uint64_t a[6])
{
	if (a[4] & ~(uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return begin((int)a[0], USER(1), (a[4] & AT_EMPTY_PATH) != 0, a[2], a[3]);
}

/* ---- a process that was started from outside ---- */
static struct program_text text_copy(const char *from, size_t bytes, uint32_t count)
{
	struct program_text t = {heap_allocate(bytes + !bytes), bytes, count};

	if (t.text)
		memcpy(t.text, from, bytes);
	return t;
}

/* The value of a variable among a block of strings, or NULL. */
static const char *variable(const char *block, size_t bytes, const char *name)
{
	for (size_t at = 0, n = strlen(name); at < bytes; at += strlen(block + at) + 1)
		if (!strncmp(block + at, name, n) && block[at + n] == '=')
			return block + at + n + 1;
	return NULL;
}

/* As execvp: a name without a slash is looked for along PATH. */
static int64_t execute_named(struct exec *e, const char *name, const char *path)
{
	char whole[PATH_MOST];
	int64_t error, best = -ENOENT;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/') || !path) {
		const char *directory = process_current()->directory;
		size_t n = *name == '/' ? format(whole, sizeof whole, "%s", name) : format(whole, sizeof whole, "%s/%s", directory, name);
		return n >= sizeof whole ? -ENAMETOOLONG : (error = place_of(whole, &e->place)) ? error : execute(e);
	}
	while (*path) {
		size_t n = 0;
		while (path[n] && path[n] != ':')
			n++;
		if (n && n + strlen(name) + 2 < sizeof whole) {
			memcpy(whole, path, n);
			format(whole + n, sizeof whole - n, "/%s", name);
			error = place_of(whole, &e->place);
			if (!error)
				error = execute(e);
			if (error != -ENOENT && error != -ENOTDIR)
				best = error;
			if (e->file)
				file_release(e->file);
			e->file = NULL;
			if (e->window >= 0)
				HOST(window_close, e->window);
			e->window = -1;
		}
		path += n + (path[n] == ':');
	}
	return best;
}

void order_begin(uint64_t argument)
{
	struct thread *t = (struct thread *)argument;
	struct process *p = t->process;
	char line[PATH_MOST];

	entries_set();
	kernel_lock();
	struct exec *e = heap_allocate(sizeof *e);
	int64_t error = -ENOMEM;
	if (e) {
		e->window = -1;
		e->argv = text_copy(p->arguments, p->argument_bytes, p->order_counts[0]);
		e->envp = text_copy(p->environment, p->environment_bytes, p->order_counts[1]);
		if (e->argv.text && e->envp.text)
			error = execute_named(e, e->argv.text, variable(p->environment, p->environment_bytes, "PATH"));
		exec_drop(e);
	}
	const char *why = error == -ENOENT || error == -ENOTDIR ? "there is no such program in the cVM"
			  : error == -ENOEXEC			? "it is not a Carrel image"
			  : error == -EACCES			? "it may not be executed, or was refused by the verifier"
								: "it cannot be started";
	size_t n = format(line, sizeof line, "carrel: exec: %s: %s\n", p->argument_bytes ? p->arguments : "", why);
	struct file *f = file_get(2);
	if (f)
		HOST(write, f->handle, own_ref(line), n < sizeof line ? n : sizeof line - 1, -1);
	process_exit((error == -ENOENT || error == -ENOTDIR ? 127 : 126) << 8);
}
