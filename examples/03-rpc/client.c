/* Calls `words` in another cVM. What it passes are words and capabilities to two buffers of its own: one to read, one to write. */
#include <stdio.h>
#include <string.h>

#include <carrel/cp_call.h>

int main(void)
{
	char text[] = "a call takes the caller's thread along", answer[64] = "";
	struct cp_buffer buffers[] = {{text, sizeof text - 1, CP_READ}, {answer, sizeof answer - 1, CP_WRITE}};
	const long words[6] = {sizeof text - 1};
	struct timespec a, b;
	int slot;
	long n;

	while ((slot = cp_call_open("words")) < 0 && errno == ENOENT)
		usleep(10000);
	if (slot < 0 || cp_call(slot, words, buffers, 2, 1000, &n, NULL)) {
		perror("words");
		return 1;
	}
	printf("%ld words: %s\n", n, answer);
	buffers[1].rights = CP_READ;
	cp_call(slot, words, buffers, 2, 1000, &n, NULL);
	printf("without the right to write the answer: %ld\n", n);
	clock_gettime(CLOCK_MONOTONIC, &a);
	buffers[1].rights = CP_WRITE;
	for (int i = 0; i < 100000; i++)
		if (cp_call(slot, words, buffers, 2, 1000, &n, NULL))
			return 1;
	clock_gettime(CLOCK_MONOTONIC, &b);
	fprintf(stderr, "figure: %.0f ns a call\n", ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 1e5);
	return 0;
}
