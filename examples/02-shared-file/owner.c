/* Publishes 72 bytes in the middle of its own memory as the CP_File "board", writes three lines into them, each after the last was answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/cp_file.h>

static struct {
	char private_before[13];
	char line[64];
	char answer[8];
	char private_after[13];
} memory = {"not yours", "", "none", "nor this"};

int main(void)
{
	static const char *const lines[] = {"the kettle is on", "tea is ready", "goodbye"};
	int fd = cp_file_create("board", memory.line, sizeof memory.line + sizeof memory.answer, CAP_LOAD | CAP_STORE);

	if (fd < 0) {
		perror("board");
		return 1;
	}
	for (int i = 0; i < 3; i++) {
		long sequence;
		snprintf(memory.line, sizeof memory.line, "%s", lines[i]);
		/* Only now is there a question: who looks earlier sees half a line, and the last answer beside it. */
		__atomic_store_n(&memory.answer[0], 0, __ATOMIC_RELEASE);
		sequence = cp_file_notify(fd);
		/* Stores and loads here, reads and writes there: it is one memory. */
		while (!__atomic_load_n(&memory.answer[0], __ATOMIC_ACQUIRE) && (sequence = cp_file_wait(fd, sequence, NULL)) >= 0)
			;
		printf("owner: \"%s\" was answered by \"%.8s\"\n", lines[i], memory.answer);
	}
	printf("owner: around it everything is as it was: \"%s\", \"%s\"\n", memory.private_before, memory.private_after);
	return 0;
}
