# Carrel: as upstream's, through the gate.
	.macro gate
	auipc	t6, 0
	srli	t6, t6, 32
	slli	t6, t6, 32
	lui	t5, 0xe
	add	t6, t6, t5
	jalr	t0, 0(t6)
	.endm
.global __clone
.type  __clone, %function
__clone:
	andi a1, a1, -16
	addi a1, a1, -16
	sd a0, 0(a1)
	sd a3, 8(a1)
	mv a0, a2
	mv a2, a4
	mv a3, a5
	mv a4, a6
	li a7, 220 # SYS_clone
	gate
	beqz a0, 1f
	ret
1:	ld a1, 0(sp)
	ld a0, 8(sp)
	jalr a1
	li a7, 93 # SYS_exit
	gate
	unimp
