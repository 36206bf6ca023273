# Carrel: memcpy is in memmove.s.
.section .note.GNU-stack,"",@progbits
