/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * descriptors LIBOS PROGRAM FOLDER: host calls that open, each made to fail at each of its own calls into the host in turn
 * (failing.h), also when the cVM's handles have run out, when only descriptors are left that no cVM gets, and when there are none. After
 * each the process has exactly as many descriptors as before, and the cVM is charged as much. FOLDER is empty. TAP.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "intravisor/cvm/order.h"
#include "tests/escape/native/rounds.h"

static void names(void)
{
	TRY("open a folder", HANDLE, HOST_open, folder, S("."), O_RDONLY | O_DIRECTORY);
	TRY("open a file", HANDLE, HOST_open, folder, S("image"), O_RDWR);
	TRY("open what is not there", NONE, HOST_open, folder, S("none"), O_RDONLY);
	TRY("open a new file", HANDLE, HOST_open, folder, S("new"), O_RDWR | O_CREAT, 0600);
	TRY("open a file without a name", HANDLE, HOST_open, folder, S("."), O_RDWR | O_TMPFILE, 0600);
	TRY("open a place", HANDLE, HOST_open, folder, S("image"), O_PATH);
	TRY("open a handle's object anew", HANDLE, HOST_open, file, 0, 0, O_RDWR);
	TRY("open a fifo: refused", NONE, HOST_open, folder, S("fifo"), O_RDONLY);
	TRY("open a link as a folder: refused", NONE, HOST_open, folder, S("link"), O_DIRECTORY);
	TRY("open procfs: refused", NONE, HOST_open, 4, S("."), O_RDONLY);
	TRY("open by a name nowhere", NONE, HOST_open, folder, BEYOND, 5, O_RDONLY);
	TRY("stat", NONE, HOST_stat, folder, S("image"), M + 4096);
	TRY("stat to nowhere", NONE, HOST_stat, folder, S("image"), BEYOND);
	TRY("link_read", NONE, HOST_link_read, folder, S("link"), M + 4096, 100);
	TRY("link_read to nowhere", NONE, HOST_link_read, folder, S("link"), BEYOND, 100);
	TRY("access", NONE, HOST_access, folder, S("image"), 7);
	TRY("mode_set", NONE, HOST_mode_set, folder, S("image"), 0600);
	TRY("owner_set", NONE, HOST_owner_set, folder, S("image"), getuid(), getgid());
	TRY("times_set", NONE, HOST_times_set, folder, S("image"), 0);
	TRY("directory_make", NONE, HOST_directory_make, folder, S("new"), 0700);
	TRY("node_make", NONE, HOST_node_make, folder, S("new"), 0010600);
	TRY("unlink: none", NONE, HOST_unlink, folder, S("new"), 0);
	TRY("rename: the second name nowhere", NONE, HOST_rename, folder, put("image"), folder, BEYOND, 5 | 3ull << 32);
	TRY("rename: none", NONE, HOST_rename, folder, put("none"), folder, put("new"), 4 | 3ull << 32);
	TRY("link_hard", NONE, HOST_link_hard, folder, put("image"), folder, put("new"), 5 | 3ull << 32);
	TRY("link_symbolic", NONE, HOST_link_symbolic, S("anywhere"), folder, S("new"));
}

static void objects(void)
{
	TRY("memory_object", HANDLE, HOST_memory_object, 4096, 0);
	TRY("memory_object: too much", NONE, HOST_memory_object, 0x40000000);
	TRY("events_make", HANDLE, HOST_events_make, 0);
	TRY("events_change", NONE, HOST_events_change, events, 1, 5, 1, 0);
	TRY("events_change: no watch for files", NONE, HOST_events_change, events, 1, file, 1, 0);
	TRY("socket_make", HANDLE, HOST_socket_make, 6, AF_INET, SOCK_STREAM);
	TRY("socket_accept", HANDLE, HOST_socket_accept, 5, M + 4096);
	TRY("socket_accept to nowhere", NONE, HOST_socket_accept, 5, BEYOND);
	TRY("bell_handle", HANDLE, HOST_bell_handle, 0);
	TRY("file_create of an object", SHARE, HOST_file_create, S("mine"), memory, CAP_LOAD | CAP_STORE | FILE_OBJECT);
	TRY("file_create of a file: refused", NONE, HOST_file_create, S("mine"), file, CAP_LOAD | FILE_OBJECT);
	TRY("file_create: not granted", NONE, HOST_file_create, S("other"), memory, CAP_LOAD | FILE_OBJECT);
	TRY("stream_listen at a node", SHARE, HOST_stream_listen, STREAM_BY_NODE, folder, S("image"), 5);
	TRY("stream_connect to a node", SHARE, HOST_stream_connect, STREAM_BY_NODE, folder, S("image"), 5);
	TRY("map a file", NONE, HOST_memory_map_file, M + 0x10000, 4096, PROT_READ, file, 0);
	TRY("map a file nowhere", NONE, HOST_memory_map_file, BEYOND, 4096, PROT_READ, file, 0);
	TRY("file_send", NONE, HOST_file_send, 1, file, 0, 16);
	TRY("window_image", NONE, HOST_window_image, window, file, M + 4096);
	TRY("window_image to nowhere", NONE, HOST_window_image, window, file, BEYOND);
	TRY("window_image of no image", NONE, HOST_window_image, window, memory, M + 4096);
}

/* What its owner asks of a cVM that never looks: no failure leaves handles behind. */
static void orders(void)
{
	const struct cvm_order order = {.kind = HOST_ORDER_EXECUTE, .id = 1, .fds = {1, 1, 1}, .argc = 1, .text = "p", .length = 2};
	struct tried t = {.name = "an order"};

	while (again(&t)) {
		const unsigned before = descriptors();
		failing_in = t.failing;
		int result = cvm_order(cvm, &order);
		failing_in = -1;
		if (result && descriptors() != before && !t.wrong++)
			printf("# an order that failed with %d left %u descriptors\n", result, descriptors() - before);
		orders_forget(cvm);
		seen(&t, NONE, result);
	}
	judged(&t);
	t = (struct tried){.name = "an order too many", .failing = 1 << 30};
	again(&t);
	const unsigned before = descriptors();
	unsigned put_in = 0;
	while (!cvm_order(cvm, &order) && put_in < 100)
		put_in++;
	if ((put_in != 64 || descriptors() != before + 3 * put_in) && ++t.wrong)
		printf("# %u orders, %u descriptors\n", put_in, descriptors() - before);
	orders_forget(cvm);
	seen(&t, NONE, -1);
	judged(&t);
}

static void starts(const struct cvm_config *config)
{
	struct tried t = {.name = "a start"};
	struct cvm_error error;
	struct cvm *other;

	for (int more = 1; more; t.failing++) {
		const unsigned before = descriptors();
		failing_in = t.failing;
		failed = 0;
		int result = cvm_create(config, &other, &error);
		failing_in = -1;
		more = failed && t.failing < 10000;
		if (!result)
			cvm_destroy(other);
		image_budget_take(&(struct image_budget){0}, 1);
		if (descriptors() != before && !t.wrong++)
			printf("# round %ld: %u descriptors of %u\n", t.failing, descriptors(), before);
		t.rounds++;
	}
	failed = 0;
	judged(&t);
}

int main(int argc, char **argv)
{
	char *none[] = {NULL}, *arguments[] = {"p", NULL};
	struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct rlimit files = {FILES, FILES};
	struct cvm_grant grant = {GRANT_FILE, "mine", GRANT_CREATE};
	struct cvm_error error;

	if (argc != 4 || setrlimit(RLIMIT_NOFILE, &files))
		return 2;
	at_folder = argv[3];
	listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listening < 0 || bind(listening, (void *)&loopback, sizeof loopback) || listen(listening, 10))
		return 2;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct cvm_mount mounts[] = {{.guest_path = "/data", .host_fd = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC), .upper_fd = -1},
				     {.guest_path = "/proc", .host_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), .upper_fd = -1}};
	struct cvm_port port = {listening, 80, 6};
	const struct cvm_config config = {.image_path = argv[2], .image_fd = -1, .libos_path = argv[1], .argc = 1, .argv = arguments, .envp = none,
					  .working_directory = "/", .hostname = "h", .standard_fds = {null, null, null}, .mounts = mounts,
					  .mount_count = 2, .ports = &port, .port_count = 1, .network = 1, .grants = &grant, .grant_count = 1,
					  .memory_limit = 256 << 20, .handles_most = HANDLES};
	if (intravisor_init(&error) || cvm_create(&config, &cvm, &error)) {
		printf("Bail out! %s\n", error.text);
		return 1;
	}
	caller = (struct caller *)cvm->threads[0];      /* which never runs */
	if (call(HOST_memory_map, M, 0x20000, PROT_READ | PROT_WRITE, 0, 0, 0)) {
		printf("Bail out! no memory\n");
		return 1;
	}
	for (scarce = NOTHING; scarce < SCARCITIES; scarce++) {
		names();
		objects();
	}
	scarce = NOTHING;
	orders();
	starts(&config);
	printf("1..%d\n", said);
	return 0;
}
