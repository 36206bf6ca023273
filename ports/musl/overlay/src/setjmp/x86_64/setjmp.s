# Carrel: where the data stack stands is 8 bytes above %rsp (docs/architecture.md, "The dual stack"); the control stack's depth and the return offset come from GATE_CONTROL_MARK, slot at base - 32.
.text
.global __setjmp
.global _setjmp
.global setjmp
.type __setjmp,@function
.type _setjmp,@function
.type setjmp,@function
__setjmp:
_setjmp:
setjmp:
	endbr64
	mov %rbx,(%rdi)
	mov %rbp,8(%rdi)
	mov %r12,16(%rdi)
	mov %r13,24(%rdi)
	mov %r14,32(%rdi)
	lea 8(%rsp),%rdx
	mov %rdx,40(%rdi)
	mov %rdi,%rbx
	mov $0xffffffff,%edi
	call *%gs:0x10018
	mov %rax,48(%rbx)
	mov %rdx,56(%rbx)
	mov (%rbx),%rbx
	xor %eax,%eax
	ret
