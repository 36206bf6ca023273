/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Processes and threads of one cVM. A process is a program window with what Linux keeps for it; a thread lies at the low end of
 * its library-OS stack, so the stack pointer finds it. One lock, the kernel lock, guards everything in the library OS that more
 * than one thread can reach; whoever waits gives it up meanwhile (wait.c), so what is kept across a wait is referenced.
 */
#ifndef LIBOS_PROCESS_H
#define LIBOS_PROCESS_H
#include "libos/fs/fs.h"
#include "libos/machine/machine.h"
#include <carrel/registers.h>

#define THREAD_STACK   0x40000u         /* bytes, and its alignment; the page above struct thread stays inaccessible */
#define THREAD_GUARD   0x4000u          /* offset of that page */
#define THREADS_START  0x42000000ull    /* stacks of all threads but the first */
#define THREADS_MOST   1024u
#define HEAP_START     (THREADS_START + THREADS_MOST * (uint64_t)THREAD_STACK)
#define PROCESSES_MOST 256u

#define SIGNALS        64
#define SIGNAL_BIT(n)  (1ull << ((n) - 1))
#define UNBLOCKABLE    (SIGNAL_BIT(9) | SIGNAL_BIT(19))
#define RESTART        512              /* -RESTART: EINTR, unless the handler says SA_RESTART or there is none (Linux: ERESTARTSYS) */

struct wait_queue {
	struct waiter *first, *last;
	unsigned events;                /* while waking: what has come; all ones where that is not said */
};
struct waiter {
	struct waiter *next, *before;
	struct wait_queue *queue;       /* NULL: not waiting */
	struct thread *thread;
	void (*woken)(struct waiter *); /* instead of waking `thread`, if set: called under the kernel lock */
	uint64_t key[2];                /* futexes: what is waited for */
	uint32_t bits;
	int owner;                      /* futexes that name their owner: who it is */
};

struct action {                         /* struct wire_action is the program's */
	uint64_t handler, flags, mask;
};
struct signal_info {                    /* as much of siginfo_t as there is to say */
	int signal, code, pid;
	uint32_t uid;
	int64_t value;                  /* status, or sigval */
	uint64_t address;
};
struct signal_more {                    /* real-time signals that wait behind one of the same number */
	struct signal_more *next;
	struct signal_info info;
};
#define SIGNALS_MORE_MOST 65536
struct signal_queue {                   /* the signals that wait */
	uint64_t set;
	struct signal_info info[SIGNALS + 1];
	struct signal_more *more, *last;
	unsigned more_count;
};

struct usage {                          /* struct rusage: microseconds split, the largest set, counts */
	int64_t user[2], system[2], resident, counts[13];
};

struct descriptors;
struct process {
	struct process *next;           /* of all processes */
	int id, group, session;
	struct process *parent;         /* NULL: the cVM's first, or nobody waits */
	struct thread *threads;
	unsigned thread_count;
	struct space *space;
	struct descriptors *files;
	char *directory;                /* PATH_MOST bytes */
	uint32_t mask;                  /* umask */
	uint32_t *groups;               /* setgroups */
	unsigned group_count;
	struct action actions[SIGNALS + 1];
	struct signal_queue pending;    /* sent to the process as a whole */
	struct wait_queue children;     /* woken when a child changes */
	struct wait_queue signals;      /* woken when a signal comes: signalfd */
	int exit_signal;
	int ending, dead, status;       /* ending: all threads leave; dead: to be waited for; status as wait(2) shows it */
	int stopped, reported;          /* stopped by a signal; the parent has been told */
	int executed;                   /* exec since fork: setpgid is refused */
	struct thread *vfork_parent;    /* waits until exec or the end; the space is its process's meanwhile */
	struct timer *timers;           /* timer.h */
	struct thread *timer_thread;    /* whose host timer is set for them; NULL: none is */
	int64_t timer_at;               /* for when */
	char *image, *arguments, *environment;  /* for /proc */
	size_t argument_bytes, environment_bytes;
	struct boot_image program, interpreter; /* entry 0: no dynamic linker */
	uint64_t limits[16][2];
	uint32_t order, order_counts[2];        /* it was started from outside, with so many arguments and variables; 0: it was not */
	struct usage gone, used_by_children;    /* threads that have ended; children that were waited for */
	int64_t gone_time;              /* processor time of the former, in nanoseconds */
};

struct thread {
	struct carrel_registers registers;      /* of the program when it is interrupted; the Intravisor writes them */
	struct process *process;
	struct thread *next;            /* of its process */
	int id;
	int64_t number;                 /* the Intravisor's */
	uint32_t wake;                  /* futex word of a wait: 1 when it is over */
	uint32_t alive;                 /* 0 when the host thread is out of this memory */
	int attention;                  /* something is to be done before the program goes on */
	int kick;                       /* a host call met a kick, which has to be looked at (`kicked`) */
	enum { WAITS_NOT, WAITS_AWAKE, WAITS_ASLEEP } waiting;  /* for `wake` */
	unsigned spin, waits;           /* wait.c */
	int hosting;                    /* in a host call that may block */
	int leaving;
	uint64_t mask, saved_mask;      /* blocked signals; what sigsuspend and its like put back */
	int mask_saved;
	struct signal_queue pending;
	uint64_t stack[3];              /* sigaltstack */
	uint64_t clear_id;              /* user address to clear and wake at the end */
	uint64_t robust;
	int deferred;                   /* a call that is carried out at the interruption it asked for: DEFER_* */
	uint64_t call[7];               /* number and arguments of the system call in progress, for restarts */
	int restart;                    /* RESTART_*: it ended with -RESTART */
	int64_t again;                  /* a sleep that goes on until then, on its clock, unless a handler runs; else 0 */
	int policy, priority, policy_reset, nice;     /* sched_setscheduler's and setpriority's */
	uint64_t affinity[2];           /* sched_setaffinity's; none: all */
	char name[16];
};
enum { DEFER_NONE, DEFER_CLONE, DEFER_STACK };
enum { RESTART_NOT, RESTART_CALL, RESTART_SLEEP };      /* the latter: not behind a handler, whatever its flags say */

static inline struct thread *thread_current(void)
{
	return (struct thread *)(machine_stack() & ~(uintptr_t)(THREAD_STACK - 1));
}
static inline struct process *process_current(void)
{
	return thread_current()->process;
}
/* NULL: -EBADF. As long as nothing waits. */
static inline struct file *file_get(int fd)
{
	const struct descriptors *d = process_current()->files;

	return (unsigned)fd < d->room ? d->table[fd].file : NULL;
}
/* With a reference: HELD struct file *f. Mostly it is not the last one, nor one that lock.c has to hear of. */
static inline struct file *file_hold(int fd)
{
	struct file *f = file_get(fd);

	if (f)
		f->references++;
	return f;
}
static inline void file_put(struct file **held)
{
	struct file *f = *held;

	if (f && f->references - 1 > f->kept)
		f->references--;
	else if (f)
		file_release(f);
}
#define HELD __attribute__((cleanup(file_put)))

/* lock.c */
extern int kernel_single;               /* one thread in all: the lock needs no atomic operation */
extern uint32_t kernel_word;            /* 0 free, 1 held, 2 held and somebody sleeps */
void kernel_lock_shared(void);
void kernel_unlock_shared(void);
void kernel_call(uint32_t *word);       /* wakes who sleeps on this futex, once the lock is free */
static inline void kernel_lock(void)
{
	if (kernel_single)
		kernel_word = 1;
	else
		kernel_lock_shared();
}
static inline void kernel_unlock(void)
{
	if (kernel_single)
		kernel_word = 0;
	else
		kernel_unlock_shared();
}

/* A host call that may block: without the lock. -RESTART where a signal waits before it or comes meanwhile. */
#define HOST_BLOCKING(...) (waits_not() ? -RESTART : host_result((host_begin(), HOST_KICKABLE(__VA_ARGS__))))
/* The same for what takes a while but waits for nobody: no signal cuts it short. */
#define HOST_UNLOCKED(...) host_result((host_begin(), HOST(__VA_ARGS__)))
int waits_not(void);    /* something is to be done that ends whatever this thread would wait for */
void kick_look(struct thread *t);       /* a kick that a host call met (libos.h) is not lost */
void host_begin(void);
int64_t host_result(int64_t result);

/* wait.c: under the kernel lock. A waiter is on the queue before the condition is looked at. */
#define FOR_EVER INT64_MAX              /* a deadline, else monotonic nanoseconds */
void wait_begin(struct waiter *w, struct wait_queue *queue);
void wait_end(struct waiter *w);
/* Sleeps until a waiter of this thread is woken: 0; -RESTART when a signal is to be handled; -ETIMEDOUT. */
int64_t wait_sleep(int64_t deadline);
/* The same, whatever signals come; -RESTART only when this thread is to end. Never returns without having given the lock up, or a
 * reason to stop waiting: who waits for another thread in a loop would keep it from running. */
int64_t wait_sleep_through(int64_t deadline);
unsigned wait_wake(struct wait_queue *queue, unsigned most);
void wait_dismiss(struct wait_queue *queue);     /* it is about to be no more: all wake, and are off it */
unsigned wait_wake_for(struct wait_queue *queue, unsigned most, unsigned events);
void waiter_wake(struct waiter *w);
void thread_wake(struct thread *t);
int64_t now(void);                      /* monotonic nanoseconds */

/* process.c, clone.c, exit.c, thread.c */
extern struct process *processes;
extern int foreground_group;    /* whom the terminal's signals are for; 0: the first process */
void process_first(void);
struct process *process_find(int id);
struct process *process_make(void);     /* nobody's child, without a space; NULL: no room. process_reap forgets it */
/* A child that shares nothing but what its files do. The caller gives it its id, its space, and its place in the table. */
struct process *process_copy(const struct process *from);
int process_id_new(void);               /* that no process and no thread has */
void process_thread(struct process *p, struct thread *t);       /* its first, which does not run yet */
struct thread *thread_find(int id);
struct thread *thread_slot(void);       /* a stack with its struct thread, or NULL */
void thread_slot_free(struct thread *t);
void thread_exit_now(int status) __attribute__((noreturn));
void process_exit(int status) __attribute__((noreturn));        /* all threads of the caller's process; wait(2) style */
void process_kill(struct process *p, int status);               /* marks it ending and pokes its threads */
void kicked(struct thread *t);           /* looks where a kick may have come from */
void thread_poke(struct thread *t);     /* it looks at its attention before its program goes on */
void vfork_done(struct process *p);
void process_reap(struct process *p);   /* a dead one is forgotten */
int64_t clone_now(struct thread *t);    /* at an interruption: the clone that was deferred */
struct descriptors *descriptors_copy(const struct descriptors *from);
void descriptors_drop(struct descriptors *d);
void descriptors_exec(struct descriptors *d);
struct descriptors *descriptors_make(void);
int descriptors_first(struct descriptors *d, unsigned fd, struct file *f);      /* of a process that does not run yet; takes f over. 0 */

/* usage.c */
void usage_add(struct usage *to, const struct usage *more);
void usage_of(const struct process *p, struct usage *u);        /* without its children */
int64_t time_of_thread(const struct thread *t);                 /* processor time in nanoseconds */
int64_t time_of_process(const struct process *p);
void usage_leave(struct thread *t);     /* the current thread ends */

/* sys/signal.c */
int64_t alternate_stack_now(struct thread *t);  /* at an interruption: the sigaltstack that was deferred */

/* start.c */
struct program_text {                   /* argv or envp: strings one after another */
	char *text;
	size_t bytes;
	uint32_t count;
};
void entries_set(void);                 /* of the calling thread: where its system calls, interruptions and fix-ups go */
void program_begin(struct program_text argv, struct program_text envp) __attribute__((noreturn));

/* image.c */
/* The dynamic linker that a program asks for, mapped beside it in program window `window`; entry 0: it asks for none. The program is
 * read from its file, or where it is mapped (NULL). -ENOENT: there is none. */
int64_t interpreter_map(struct file *file, const struct boot_image *program, int64_t window, struct boot_image *interpreter);

/* sys/limit.c */
uint64_t limit_now(int which);          /* the current process's soft one */

/* sys/futex.c */
void robust_release(struct thread *t);
void futex_wake_user(struct process *p, uint64_t at);

/* signal.c */
struct signal_info signal_plain(int signal);
int64_t signal_thread(struct thread *t, struct signal_info info);
int64_t signal_process(struct process *p, struct signal_info info);
void signals_forget(struct signal_queue *q, uint64_t set);      /* those of the set no longer wait */
int signal_waits(const struct thread *t);       /* is one to be handled? */
void signal_state(struct thread *t);            /* attention as the masks and queues have it */
/* libos/machine: the frame of a handler on the program's stack. */
int frame_put(struct thread *t, const struct signal_info *info, const struct action *action, uint64_t mask, int restart);
int frame_get(struct thread *t, uint64_t at, uint64_t *mask, int *restart);
void interrupted(uint64_t what, uint64_t code, uint64_t address) __attribute__((noreturn));
void resumed(struct thread *t) __attribute__((noreturn));
int64_t system_call_again(struct thread *t);    /* t->call once more; -RESTART is dealt with as at its first time */
int signal_take(struct thread *t, struct signal_info *info);    /* the next one to handle, off its queue; 0: none */
int signal_act(struct thread *t, struct signal_info *info);     /* 1: the registers enter a handler; 0: nothing more to do */
#endif
