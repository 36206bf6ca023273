#include "emulator/translate/translate.h"
bool translate_init(void){return false;}
bool translate_block(struct cpu *cpu, struct block *block){(void)cpu;(void)block;return true;}
void translate_flush(void){}
void translate_enter(struct cpu *cpu, const void *native){(void)cpu;(void)native;}
const void *translate_no_code(void){return 0;}
const struct operation *translate_fault(struct cpu *cpu, void *context){(void)cpu;(void)context;return 0;}
size_t translate_total(void){return 0;}
size_t translate_bytes(void){return 0;}
