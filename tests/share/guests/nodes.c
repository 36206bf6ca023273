/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Listens at 400 nodes of the volume /shared, as far as it may, says how many there are, and waits for its standard input's end.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(void)
{
	int listening = 0;

	for (int i = 0; i < 400; i++) {
		struct sockaddr_un at = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		snprintf(at.sun_path, sizeof at.sun_path, "/shared/node%d", i);
		listening += !bind(fd, (struct sockaddr *)&at, sizeof at) && !listen(fd, 1);
	}
	printf("%d listen\n", listening);
	fflush(stdout);
	sleep(3);
	return 0;
}
