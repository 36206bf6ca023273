# Carrel: nothing follows crti.s.
.section .note.GNU-stack,"",@progbits
