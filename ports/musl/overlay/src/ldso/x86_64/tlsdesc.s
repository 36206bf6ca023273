# Carrel: static images have no TLS descriptors.
.section .note.GNU-stack,"",@progbits
