/* Carrel: called before setjmp: keeps the signal mask when asked to. */
#include <setjmp.h>
#include <signal.h>
#include "syscall.h"

hidden int __sigsetjmp_tail(sigjmp_buf jb, int save)
{
	jb->__fl = save;
	if (save)
		__syscall(SYS_rt_sigprocmask, SIG_SETMASK, 0, jb->__ss, _NSIG/8);
	return 0;
}
