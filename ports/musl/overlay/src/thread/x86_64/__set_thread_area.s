# Carrel: GATE_THREAD_POINTER, slot at base - 48.
.text
.global __set_thread_area
.hidden __set_thread_area
.type __set_thread_area,@function
__set_thread_area:
	call *%gs:0x10028
	ret
