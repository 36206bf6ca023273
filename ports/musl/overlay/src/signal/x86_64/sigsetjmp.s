# Carrel: the mask is kept in the buffer here and put back by siglongjmp: a return address cannot be popped.
.text
.global sigsetjmp
.global __sigsetjmp
.type sigsetjmp,@function
.type __sigsetjmp,@function
.hidden __sigsetjmp_tail
sigsetjmp:
__sigsetjmp:
	endbr64
	push %rdi
	call __sigsetjmp_tail
	pop %rdi
	jmp setjmp
