# Carrel: gates need no stack.
	.macro gate
	auipc	t6, 0
	srli	t6, t6, 32
	slli	t6, t6, 32
	lui	t5, 0xe
	add	t6, t6, t5
	jalr	t0, 0(t6)
	.endm
.global __unmapself
.type __unmapself, %function
__unmapself:
	li a7, 215 # SYS_munmap
	gate
	li a7, 93  # SYS_exit
	gate
	unimp
