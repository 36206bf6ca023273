# Carrel: 16 bytes at a time, where musl's C compares one by one. What is left at the end is compared with what lies before it once more.
.text
.global memcmp
.type memcmp,@function
memcmp:
	endbr64
	xor %eax,%eax
	sub $16,%rdx
	jb 3f
1:	movups (%rdi),%xmm0
	movups (%rsi),%xmm1
	pcmpeqb %xmm1,%xmm0
	pmovmskb %xmm0,%ecx
	xor $0xffff,%ecx
	jne 2f
	test %rdx,%rdx
	je 9f
	mov $16,%ecx			# on to the next 16, or the last ones
	cmp %rcx,%rdx
	cmovb %rdx,%rcx
	add %rcx,%rdi
	add %rcx,%rsi
	sub %rcx,%rdx
	jmp 1b
2:	bsf %ecx,%ecx
	movzbl (%rdi,%rcx),%eax
	movzbl (%rsi,%rcx),%edx
	sub %edx,%eax
	ret
3:	add $8,%rdx			# fewer than 16: those above 8
	jnc 5f
	mov (%rdi),%rcx
	mov (%rsi),%r8
	cmp %r8,%rcx
	jne 4f
	mov (%rdi,%rdx),%rcx
	mov (%rsi,%rdx),%r8
	cmp %r8,%rcx
	je 9f
4:	bswap %rcx			# of words of 4 bytes too: they come out above, in the same order
	bswap %r8
	cmp %r8,%rcx
	sbb %eax,%eax
	or $1,%eax
9:	ret
5:	add $4,%rdx			# fewer than 8: those above 4
	jnc 7f
	mov (%rdi),%ecx
	mov (%rsi),%r8d
	cmp %r8d,%ecx
	jne 4b
	mov (%rdi,%rdx),%ecx
	mov (%rsi,%rdx),%r8d
	cmp %r8d,%ecx
	jne 4b
	ret
7:	add $4,%rdx
	je 9b
8:	movzbl (%rdi),%eax
	movzbl (%rsi),%ecx
	sub %ecx,%eax
	jne 9b
	add $1,%rdi
	add $1,%rsi
	sub $1,%rdx
	jne 8b
	ret
.section .note.GNU-stack,"",@progbits
