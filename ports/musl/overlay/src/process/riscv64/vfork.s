# Carrel: there is no fork here (addresses are absolute), but vfork is; upstream's would ask for a fork. It keeps ra, so the child
# may use the stack above.
	.macro gate
	auipc	t6, 0
	srli	t6, t6, 32
	slli	t6, t6, 32
	lui	t5, 0xe
	add	t6, t6, t5
	jalr	t0, 0(t6)
	.endm
.global vfork
.type vfork, %function
vfork:
	li a0, 0x4111 # CLONE_VM | CLONE_VFORK | SIGCHLD
	li a1, 0
	li a2, 0
	li a3, 0
	li a4, 0
	li a7, 220 # SYS_clone
	gate
	.hidden __syscall_ret
	tail __syscall_ret
