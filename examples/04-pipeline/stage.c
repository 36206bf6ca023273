/* One stage of a pipeline over CP_Streams:
 *   stage read FILE OUT     sends a file
 *   stage turn IN OUT       turns small letters into capitals
 *   stage count IN          counts lines, words and bytes, and prints them
 * IN and OUT are names of streams; who reads a stream listens for it. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/cp_stream.h>

static char buffer[1 << 18];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int reader(const char *name)
{
	int listener = cp_stream_listen(name, CP_STREAM_BYTES, 1), fd = listener < 0 ? -1 : cp_stream_accept(listener);

	if (fd < 0)
		fail(name);
	close(listener);
	return fd;
}

/* The next stage may not have come up yet. */
static int writer(const char *name)
{
	int fd;

	for (int i = 0; (fd = cp_stream_open(name, CP_STREAM_BYTES)) < 0 && errno == ECONNREFUSED && i < 1000; i++)
		usleep(10000);
	if (fd < 0)
		fail(name);
	return fd;
}

static void send_all(int fd, ssize_t n)
{
	for (ssize_t at = 0, sent; at < n; at += sent)
		if ((sent = write(fd, buffer + at, (size_t)(n - at))) < 0)
			fail("write");
}

int main(int argc, char **argv)
{
	unsigned long lines = 0, words = 0, bytes = 0;
	int in, out = -1, inside = 0;
	ssize_t n;

	if (argc == 4 && !strcmp(argv[1], "read")) {
		if ((in = open(argv[2], O_RDONLY)) < 0)
			fail(argv[2]);
		out = writer(argv[3]);
	} else if (argc == 4 && !strcmp(argv[1], "turn")) {
		in = reader(argv[2]);
		out = writer(argv[3]);
	} else if (argc == 3 && !strcmp(argv[1], "count"))
		in = reader(argv[2]);
	else
		return 2;
	while ((n = read(in, buffer, sizeof buffer)) > 0) {
		for (ssize_t i = 0; argv[1][0] == 't' && i < n; i++)
			buffer[i] = (char)toupper((unsigned char)buffer[i]);
		for (ssize_t i = 0; argv[1][0] == 'c' && i < n; i++) {
			int space = isspace((unsigned char)buffer[i]) != 0;
			lines += buffer[i] == '\n';
			words += inside && space;
			inside = !space;
		}
		bytes += (unsigned long)n;
		if (out >= 0)
			send_all(out, n);
	}
	if (n < 0)
		fail("read");
	if (out < 0)
		printf("%lu lines, %lu words, %lu bytes\n", lines, words, bytes);
	return 0;
}
