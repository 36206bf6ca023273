/* Exports one function. It runs on the thread that serves, in this cVM, when another cVM calls it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <carrel/cp_call.h>

static long calls;

/* Counts the words of the text in buffer 0; a copy in capitals goes to buffer 1. */
static long words(long length, long b, long c, long d, long e, long f)
{
	char text[4096];
	long n = 0;

	(void)b, (void)c, (void)d, (void)e, (void)f;
	if (length < 0 || length > (long)sizeof text || cp_call_read(0, 0, text, (size_t)length) < 0)
		return -1;
	for (long i = 0; i < length; i++) {
		n += isalpha((unsigned char)text[i]) && (!i || !isalpha((unsigned char)text[i - 1]));
		text[i] = (char)toupper((unsigned char)text[i]);
	}
	if (cp_call_write(1, 0, text, (size_t)length) < 0)
		return -1;
	calls++;
	return n;
}

int main(void)
{
	int slot = cp_call_export("words", words);

	if (slot < 0) {
		perror("words");
		return 1;
	}
	cp_call_serve(slot);
	perror("serve");
	return 1;
}
