/* Knows nothing of Carrel: a file, poll, pread, pwrite. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char line[65] = "", last[65] = "";
	int fd;

	while ((fd = open("/cap/board", O_RDWR)) < 0)
		usleep(10000);
	while (strcmp(last, "goodbye")) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (pread(fd, line, 64, 0) != 64)
			break;
		if (!line[0] || !strcmp(line, last)) {  /* until somebody has written */
			poll(&p, 1, -1);
			continue;
		}
		strcpy(last, line);
		printf("reader: %s\n", line);
		fflush(stdout);
		pwrite(fd, last[0] == 'g' ? "bye" : "thanks", 8, 64);
	}
	return 0;
}
