# Carrel: a cancellation resumes at __cp_cancel, which must be a landing pad. GATE_SYSCALL, slot at base - 16.
.text
.global __cp_begin
.hidden __cp_begin
.type __cp_begin,@notype
.global __cp_end
.hidden __cp_end
.type __cp_end,@notype
.global __cp_cancel
.hidden __cp_cancel
.hidden __cancel
.global __syscall_cp_asm
.hidden __syscall_cp_asm
.type __syscall_cp_asm,@function
__syscall_cp_asm:

__cp_begin:
	mov (%rdi),%eax
	test %eax,%eax
	jnz __cp_cancel
	mov %rsi,%rax
	mov %rdx,%rdi
	mov %rcx,%rsi
	mov %r8,%rdx
	mov %r9,%r10
	mov 8(%rsp),%r8
	mov 16(%rsp),%r9
	call *%gs:0x10008
__cp_end:
	ret
__cp_cancel:
	endbr64
	jmp __cancel
