# Carrel: copies without string instructions. Up to 128 bytes everything is loaded before anything is stored, so
# overlap needs no care; above that the direction is chosen by it.
.text
.global memcpy
.type memcpy,@function
.global __memcpy_fwd_alias_1
.hidden __memcpy_fwd_alias_1
.type __memcpy_fwd_alias_1,@function
.global memmove
.type memmove,@function
memcpy:
__memcpy_fwd_alias_1:
memmove:
	endbr64
	mov %rdi,%rax
	cmp $16,%rdx
	jb 3f
	cmp $32,%rdx
	ja 1f
	movups (%rsi),%xmm0
	movups -16(%rsi,%rdx),%xmm1
	movups %xmm0,(%rdi)
	movups %xmm1,-16(%rdi,%rdx)
	ret
1:	cmp $64,%rdx
	ja 2f
	movups (%rsi),%xmm0
	movups 16(%rsi),%xmm1
	movups -32(%rsi,%rdx),%xmm2
	movups -16(%rsi,%rdx),%xmm3
	movups %xmm0,(%rdi)
	movups %xmm1,16(%rdi)
	movups %xmm2,-32(%rdi,%rdx)
	movups %xmm3,-16(%rdi,%rdx)
	ret
2:	cmp $128,%rdx
	ja 8f
	movups (%rsi),%xmm0
	movups 16(%rsi),%xmm1
	movups 32(%rsi),%xmm2
	movups 48(%rsi),%xmm3
	movups -64(%rsi,%rdx),%xmm4
	movups -48(%rsi,%rdx),%xmm5
	movups -32(%rsi,%rdx),%xmm6
	movups -16(%rsi,%rdx),%xmm7
	movups %xmm0,(%rdi)
	movups %xmm1,16(%rdi)
	movups %xmm2,32(%rdi)
	movups %xmm3,48(%rdi)
	movups %xmm4,-64(%rdi,%rdx)
	movups %xmm5,-48(%rdi,%rdx)
	movups %xmm6,-32(%rdi,%rdx)
	movups %xmm7,-16(%rdi,%rdx)
	ret
3:	cmp $8,%edx
	jb 4f
	mov (%rsi),%rcx
	mov -8(%rsi,%rdx),%r8
	mov %rcx,(%rdi)
	mov %r8,-8(%rdi,%rdx)
	ret
4:	cmp $4,%edx
	jb 5f
	mov (%rsi),%ecx
	mov -4(%rsi,%rdx),%r8d
	mov %ecx,(%rdi)
	mov %r8d,-4(%rdi,%rdx)
	ret
5:	cmp $2,%edx
	jb 6f
	movzwl (%rsi),%ecx
	movzbl -1(%rsi,%rdx),%r8d
	mov %cx,(%rdi)
	mov %r8b,-1(%rdi,%rdx)
	ret
6:	test %edx,%edx
	jz 7f
	movzbl (%rsi),%ecx
	mov %cl,(%rdi)
7:	ret
	# more than 128 bytes
8:	mov %rdi,%rcx
	sub %rsi,%rcx
	cmp %rdx,%rcx
	jb 9f
	# forward: the first 16 and the last 64 bytes are kept, the loop stores to aligned addresses
	movups (%rsi),%xmm8
	movups -64(%rsi,%rdx),%xmm4
	movups -48(%rsi,%rdx),%xmm5
	movups -32(%rsi,%rdx),%xmm6
	movups -16(%rsi,%rdx),%xmm7
	lea -64(%rdi,%rdx),%r8
	lea 16(%rdi),%rcx
	and $-16,%rcx
	mov %rcx,%r9
	sub %rdi,%r9
	add %r9,%rsi
	.p2align 5
1:	movups (%rsi),%xmm0
	movups 16(%rsi),%xmm1
	movups 32(%rsi),%xmm2
	movups 48(%rsi),%xmm3
	movaps %xmm0,(%rcx)
	movaps %xmm1,16(%rcx)
	movaps %xmm2,32(%rcx)
	movaps %xmm3,48(%rcx)
	add $64,%rsi
	add $64,%rcx
	cmp %r8,%rcx
	jb 1b
	movups %xmm4,(%r8)
	movups %xmm5,16(%r8)
	movups %xmm6,32(%r8)
	movups %xmm7,48(%r8)
	movups %xmm8,(%rax)
	ret
	# backward
9:	movups (%rsi),%xmm4
	movups 16(%rsi),%xmm5
	movups 32(%rsi),%xmm6
	movups 48(%rsi),%xmm7
	movups -16(%rsi,%rdx),%xmm8
	lea -1(%rdi,%rdx),%rcx
	and $-16,%rcx
	lea -16(%rdi,%rdx),%r9
	mov %rcx,%r8
	sub %rdi,%r8
	add %r8,%rsi
	lea 64(%rdi),%r8
	.p2align 5
1:	movups -16(%rsi),%xmm0
	movups -32(%rsi),%xmm1
	movups -48(%rsi),%xmm2
	movups -64(%rsi),%xmm3
	movaps %xmm0,-16(%rcx)
	movaps %xmm1,-32(%rcx)
	movaps %xmm2,-48(%rcx)
	movaps %xmm3,-64(%rcx)
	sub $64,%rsi
	sub $64,%rcx
	cmp %r8,%rcx
	ja 1b
	movups %xmm4,(%rax)
	movups %xmm5,16(%rax)
	movups %xmm6,32(%rax)
	movups %xmm7,48(%rax)
	movups %xmm8,(%r9)
	ret
.section .note.GNU-stack,"",@progbits
