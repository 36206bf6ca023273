# The emulator's tests make their own programs with the cross compiler; they need nothing built but carrel-cheri.
CHECKS += $(B)/bin/carrel-cheri
