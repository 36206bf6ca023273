# Carrel: the child goes on behind the gate with its data stack where it was asked to be (a copy of the control stack is
# its own). What it calls lies there. GATE_SYSCALL, slot at base - 16.
.text
.global __clone
.hidden __clone
.type __clone,@function
__clone:
	and $-16,%rsi
	sub $24,%rsi
	mov %rdi,(%rsi)
	mov %rcx,8(%rsi)
	mov %rdx,%rdi
	mov %r8,%rdx
	mov %r9,%r8
	mov 8(%rsp),%r10
	mov $56,%eax
	call *%gs:0x10008
	test %eax,%eax
	jnz 1f
	xor %ebp,%ebp
	mov 8(%rsp),%rax
	mov 16(%rsp),%rdi
	call *%rax
	mov %eax,%edi
	mov $60,%eax
	call *%gs:0x10008
	hlt
1:	ret
