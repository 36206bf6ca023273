# Carrel: handlers return to the entry page; nothing comes here.
.global __restore
.type __restore, %function
__restore:
.global __restore_rt
.type __restore_rt, %function
__restore_rt:
	unimp
