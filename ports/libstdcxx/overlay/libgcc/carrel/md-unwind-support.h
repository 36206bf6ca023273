/* A signal handler returns to a gate, not to code: the unwinder ends there. */
