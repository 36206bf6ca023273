/* Knows nothing of Carrel: a file, poll, pread, pwrite. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char line[65] = "", answer[8] = "";
	int fd;

	while ((fd = open("/cap/board", O_RDWR)) < 0)
		usleep(10000);
	while (strcmp(line, "goodbye")) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (pread(fd, answer, 8, 64) != 8)
			break;
		if (answer[0]) {        /* until there is a question */
			poll(&p, 1, -1);
			continue;
		}
		if (pread(fd, line, 64, 0) != 64)
			break;
		printf("reader: %s\n", line);
		fflush(stdout);
		/* Its first byte last: with it the answer is there. */
		snprintf(answer, sizeof answer, "%s", line[0] == 'g' ? "bye" : "thanks");
		pwrite(fd, answer + 1, 7, 65);
		pwrite(fd, answer, 1, 64);
	}
	return 0;
}
