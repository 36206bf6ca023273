# Carrel: fills without string instructions.
.text
.global memset
.type memset,@function
memset:
	endbr64
	mov %rdi,%rax
	movzbl %sil,%ecx
	mov $0x0101010101010101,%r8
	imul %r8,%rcx
	cmp $16,%rdx
	jb 3f
	movq %rcx,%xmm0
	punpcklqdq %xmm0,%xmm0
	movups %xmm0,(%rdi)
	movups %xmm0,-16(%rdi,%rdx)
	cmp $32,%rdx
	jbe 7f
	movups %xmm0,16(%rdi)
	movups %xmm0,-32(%rdi,%rdx)
	cmp $64,%rdx
	jbe 7f
	movups %xmm0,32(%rdi)
	movups %xmm0,48(%rdi)
	movups %xmm0,-64(%rdi,%rdx)
	movups %xmm0,-48(%rdi,%rdx)
	cmp $128,%rdx
	jbe 7f
	lea -64(%rdi,%rdx),%r8
	add $64,%rdi
	and $-16,%rdi
	.p2align 5
1:	movaps %xmm0,(%rdi)
	movaps %xmm0,16(%rdi)
	movaps %xmm0,32(%rdi)
	movaps %xmm0,48(%rdi)
	add $64,%rdi
	cmp %r8,%rdi
	jb 1b
7:	ret
3:	cmp $8,%edx
	jb 4f
	mov %rcx,(%rdi)
	mov %rcx,-8(%rdi,%rdx)
	ret
4:	cmp $4,%edx
	jb 5f
	mov %ecx,(%rdi)
	mov %ecx,-4(%rdi,%rdx)
	ret
5:	test %edx,%edx
	jz 7b
	mov %cl,(%rdi)
	mov %cl,-1(%rdi,%rdx)
	cmp $3,%edx
	jb 7b
	mov %cl,1(%rdi)
	ret
.section .note.GNU-stack,"",@progbits
