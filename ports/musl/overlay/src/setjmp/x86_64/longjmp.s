# Carrel: GATE_CONTROL_UNWIND, slot at base - 40, goes back to the depth and the landing pad behind the call of setjmp.
.text
.global _longjmp
.global longjmp
.type _longjmp,@function
.type longjmp,@function
_longjmp:
longjmp:
	endbr64
	xor %eax,%eax
	cmp $1,%esi
	adc %esi,%eax
	mov %eax,%edx
	mov (%rdi),%rbx
	mov 8(%rdi),%rbp
	mov 16(%rdi),%r12
	mov 24(%rdi),%r13
	mov 32(%rdi),%r14
	mov 40(%rdi),%rsi
	lea -8(%rsi),%rsp
	mov 56(%rdi),%rsi
	mov 48(%rdi),%rdi
	call *%gs:0x10020
	hlt
