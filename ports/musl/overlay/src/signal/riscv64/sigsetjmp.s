# Carrel: the mask is kept in the buffer before setjmp and put back by siglongjmp (../sigsetjmp_tail.c).
.global sigsetjmp
.global __sigsetjmp
.type sigsetjmp, %function
.type __sigsetjmp, %function
.hidden __sigsetjmp_tail
sigsetjmp:
__sigsetjmp:
	addi sp, sp, -16
	sd ra, 0(sp)
	sd a0, 8(sp)
	call __sigsetjmp_tail
	ld ra, 0(sp)
	ld a0, 8(sp)
	addi sp, sp, 16
	tail setjmp
