/* An ordinary program: nothing in it knows of Carrel. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char host[64], where[256];

	gethostname(host, sizeof host);
	printf("Hello from the cVM %s, process %d, in %s\n", host, (int)getpid(), getcwd(where, sizeof where));
	printf("/etc/passwd is %s, /data/note is %s\n", access("/etc/passwd", W_OK) ? "not mine to write" : "mine: the host's is not here",
	       access("/data/note", R_OK) ? "not here" : "here");
	return 0;
}
