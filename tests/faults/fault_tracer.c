/*
 * fault_tracer: runs a command (limetwigd) under ptrace, as often as it is
 * told, and strikes at its roles. It sees every role from its first instruction on, whatever sandbox it
 * is in, and every thread of it. Processes that a role starts (postmap, hooks)
 * are not traced. Linux on x86-64.
 *
 *   fault_tracer COMMAND [ARGUMENT...]
 *
 * Orders, one a line on standard input; ROLE is "parent" or as limetwigd -x has it:
 *
 *   start                              the command begins, once all of its life before are gone; "parent birth" may be armed before
 *   arm ROLE birth|now kill N          dies at its Nth system call: before the call takes place
 *   arm ROLE birth|now CLASS N ERRNO   the Nth call of the class does not take place and returns ERRNO
 *   disarm ROLE                        no longer counted; "count ROLE N" tells how far it was
 *   kill ROLE                          SIGKILL
 *   end                                SIGKILL for all, and end
 *
 * birth: the next life of the role, from its exec on; now: the present one, from here on. N = 0 counts only.
 * Tells, one a line on standard output:
 *
 *   at FILE+OFFSET (of a role that is about to die by a signal of its own, and of its callers; to standard error)
 *   born ROLE PID · armed ROLE · struck ROLE N CALL DESCRIPTOR · count ROLE N · gone ROLE exit|signal NUMBER ours|own|library
 *
 * SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
int main(void)
{
	(void)fprintf(stderr, "fault_tracer: x86-64 only\n");
	return 77;
}
#else

#define ROLES 32
#define THREADS 256
#define NAME 16
#define LINE 4096
#define STACK_WORDS 512
#define STACK_SHOWN 16

enum class { CLASS_NONE, CLASS_KILL, CLASS_WRITE, CLASS_SYNC, CLASS_FILE, CLASS_SEND, CLASS_MEMORY, CLASS_SOCKET };

/* What is to happen to a role. */
struct plan {
	enum class class;
	bool is_birth; /* waits for the next exec */
	bool is_armed; /* calls are counted now */
	unsigned long at, count;
	int error;
};

struct role {
	char name[NAME];
	pid_t pid;       /* 0: none now */
	bool is_ours;    /* its death was ordered */
	bool is_library; /* it dies in a library that does not live without memory */
	struct plan plan;
};

struct thread {
	pid_t tid;
	struct role *role; /* NULL: a child of the parent before its exec */
	bool is_failing;   /* the call under way was taken away; it returns error */
	bool is_brk;       /* its call was a brk: it gets wanted back */
	int error;
	unsigned long wanted;
};

static struct role role[ROLES];
static struct thread thread[THREADS];
static char **command;
static pid_t top;                 /* the parent; 0: not now */
static sigset_t outside;          /* signals blocked when we came */
static bool is_ending, is_wanted; /* wanted: to begin when nobody is left */

static void tell(const char *text)
{
	(void)printf("%s\n", text);
	(void)fflush(stdout);
}

static void die(const char *what)
{
	(void)fprintf(stderr, "fault_tracer: %s: %s\n", what, strerror(errno));
	exit(2); /* PTRACE_O_EXITKILL takes all along */
}

/* ---- who is who */

static struct role *find_role(const char *name)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (!role[i].name[0])
			(void)snprintf(role[i].name, NAME, "%s", name);
		if (strcmp(role[i].name, name) == 0)
			return &role[i];
	}
	die("too many roles");
	return NULL;
}

static struct thread *find_thread(pid_t tid)
{
	for (size_t i = 0; i < THREADS; i++)
		if (thread[i].tid == tid)
			return &thread[i];
	return NULL;
}

static struct thread *add_thread(pid_t tid, struct role *r)
{
	struct thread *t = find_thread(tid);

	if (!t && !(t = find_thread(0)))
		die("too many threads");
	*t = (struct thread){ .tid = tid, .role = r };
	return t;
}

/* The word behind -x of a command line; "": it is none of the roles. */
static void role_of(pid_t pid, char to[NAME])
{
	char path[64], text[LINE];
	size_t n, at = 0;
	FILE *f;

	to[0] = '\0';
	(void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "r");
	n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	if (f)
		(void)fclose(f);
	text[n] = '\0';
	for (; at < n; at += strlen(text + at) + 1)
		if (strcmp(text + at, "-x") == 0 && at + 3 < n)
			(void)snprintf(to, NAME, "%.15s", text + at + 3);
}

static pid_t group_of(pid_t tid)
{
	char path[64], line[256];
	int pid = 0;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f) && sscanf(line, "Tgid: %d", &pid) != 1)
		continue;
	if (f)
		(void)fclose(f);
	return pid;
}

/* ---- system calls */

static const struct {
	enum class class;
	long number;
	const char *name;
} call[] = {
	{ CLASS_WRITE, SYS_write, "write" },
	{ CLASS_WRITE, SYS_writev, "writev" },
	{ CLASS_WRITE, SYS_pwrite64, "pwrite64" },
	{ CLASS_WRITE, SYS_pwritev, "pwritev" },
	{ CLASS_SYNC, SYS_fsync, "fsync" },
	{ CLASS_SYNC, SYS_fdatasync, "fdatasync" },
	{ CLASS_SYNC, SYS_msync, "msync" },
	{ CLASS_FILE, SYS_openat, "openat" },
	{ CLASS_FILE, SYS_open, "open" },
	{ CLASS_FILE, SYS_ftruncate, "ftruncate" },
	{ CLASS_FILE, SYS_fallocate, "fallocate" },
	{ CLASS_FILE, SYS_rename, "rename" },
	{ CLASS_FILE, SYS_renameat, "renameat" },
	{ CLASS_FILE, SYS_renameat2, "renameat2" },
	{ CLASS_FILE, SYS_link, "link" },
	{ CLASS_FILE, SYS_linkat, "linkat" },
	{ CLASS_FILE, SYS_unlink, "unlink" },
	{ CLASS_FILE, SYS_unlinkat, "unlinkat" },
	{ CLASS_FILE, SYS_mkdir, "mkdir" },
	{ CLASS_FILE, SYS_mkdirat, "mkdirat" },
	{ CLASS_FILE, SYS_statfs, "statfs" },
	{ CLASS_FILE, SYS_fstatfs, "fstatfs" },
	{ CLASS_FILE, SYS_memfd_create, "memfd_create" },
	{ CLASS_SEND, SYS_sendto, "sendto" },
	{ CLASS_SEND, SYS_sendmsg, "sendmsg" },
	{ CLASS_SEND, SYS_sendmmsg, "sendmmsg" },
	{ CLASS_SEND, SYS_recvmsg, "recvmsg" },
	{ CLASS_SEND, SYS_recvfrom, "recvfrom" },
	{ CLASS_MEMORY, SYS_mmap, "mmap" },
	{ CLASS_MEMORY, SYS_mremap, "mremap" },
	{ CLASS_MEMORY, SYS_brk, "brk" },
	{ CLASS_SOCKET, SYS_socket, "socket" },
	{ CLASS_SOCKET, SYS_socketpair, "socketpair" },
	{ CLASS_SOCKET, SYS_accept, "accept" },
	{ CLASS_SOCKET, SYS_accept4, "accept4" },
	{ CLASS_SOCKET, SYS_epoll_create1, "epoll_create1" },
	{ CLASS_SOCKET, SYS_epoll_ctl, "epoll_ctl" },
	{ CLASS_SOCKET, SYS_pipe2, "pipe2" },
	{ CLASS_SOCKET, SYS_clone, "clone" },
	{ CLASS_SOCKET, SYS_clone3, "clone3" },
};
#define CALLS (sizeof call / sizeof call[0])

static enum class class_named(const char *word) {
	static const char *const name[] = { "", "kill", "write", "sync", "file", "send", "memory", "socket" };

	for (size_t i = 1; i < sizeof name / sizeof name[0]; i++) if (strcmp(name[i], word) == 0) return (enum class)i;
	return CLASS_NONE;
}

static const char *name_of(long number, char to[NAME])
{
	for (size_t i = 0; i < CALLS; i++)
		if (call[i].number == number)
			return call[i].name;
	(void)snprintf(to, NAME, "%ld", number);
	return to;
}

static bool is_counted(enum class class, long number)
{
	if (class == CLASS_KILL)
		return true;
	for (size_t i = 0; i < CALLS; i++)
		if (call[i].number == number)
			return call[i].class == class;
	return false;
}

/*
 * Each role may call getpid; -1 would be the end of one with a filter of calls. brk says no by what it answers to 0; the C
 * library compares that with its argument, which it still has in the register.
 */
static void take_away(struct thread *t, const struct __ptrace_syscall_info *i, int error)
{
	bool is_brk = i->entry.nr == SYS_brk;
	size_t at = is_brk ? offsetof(struct user_regs_struct, rdi) : offsetof(struct user_regs_struct, orig_rax);

	if (ptrace(PTRACE_POKEUSER, t->tid, at, is_brk ? 0L : (long)SYS_getpid) != 0)
		return;
	t->is_failing = true;
	t->is_brk = is_brk;
	t->error = error;
	t->wanted = i->entry.args[0];
}

static void let_fail(struct thread *t)
{
	size_t at = t->is_brk ? offsetof(struct user_regs_struct, rdi) : offsetof(struct user_regs_struct, rax);

	(void)ptrace(PTRACE_POKEUSER, t->tid, at, t->is_brk ? (long)t->wanted : -(long)t->error);
	t->is_failing = false;
}

static void strike(struct thread *t, const struct __ptrace_syscall_info *i)
{
	struct plan *p = &t->role->plan;
	char text[160], number[NAME];

	(void)snprintf(text, sizeof text, "struck %s %lu %s %lld", t->role->name, p->count,
		name_of((long)i->entry.nr, number), (long long)i->entry.args[0]);
	p->is_armed = false;
	if (p->class == CLASS_KILL) {
		t->role->is_ours = true;
		(void)kill(t->role->pid, SIGKILL);
	} else {
		take_away(t, i, p->error);
	}
	tell(text);
}

static void on_call(struct thread *t)
{
	struct plan *p = t->role ? &t->role->plan : NULL;
	struct __ptrace_syscall_info i;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof i, &i) <= 0)
		return;
	if (i.op == PTRACE_SYSCALL_INFO_EXIT && t->is_failing) {
		let_fail(t);
	} else if (i.op == PTRACE_SYSCALL_INFO_ENTRY && p && p->is_armed && is_counted(p->class, (long)i.entry.nr) &&
		   ++p->count == p->at) {
		strike(t, &i);
	}
}

/* ---- where a role dies */

/* The word, if it is an address of code: as addr2line wants it. */
static bool tell_code(pid_t pid, unsigned long word, bool *is_library)
{
	char path[64], line[512], name[256], may[8];
	unsigned long from, to, at;
	bool is_found = false;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	f = fopen(path, "r");
	while (f && !is_found && fgets(line, sizeof line, f))
		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %255s", &from, &to, may, &at, name) == 5 && may[2] == 'x' &&
			word >= from && word < to) {
			(void)fprintf(stderr, "at %s+0x%lx\n", name, word - from + at);
			is_found = true;
			*is_library |=
				strstr(name, "/ld-linux") || strstr(name, "/libconfuse") || strstr(name, "/libseccomp");
		}
	if (f)
		(void)fclose(f);
	return is_found;
}

/* Return addresses are looked for on the stack: some are old ones. */
static void tell_death(const struct thread *t, int signo)
{
	struct user_regs_struct regs;
	bool is_library = false;

	if (ptrace(PTRACE_GETREGS, t->tid, NULL, &regs) != 0)
		return;
	(void)fprintf(stderr, "%s: signal %d\n", t->role ? t->role->name : "?", signo);
	(void)tell_code(t->tid, regs.rip, &is_library);
	for (unsigned i = 0, shown = 0; i < STACK_WORDS && shown < STACK_SHOWN; i++) {
		errno = 0;
		shown += tell_code(
			t->tid, (unsigned long)ptrace(PTRACE_PEEKDATA, t->tid, regs.rsp + 8 * i, NULL), &is_library);
		if (errno)
			break;
	}
	if (t->role && is_library)
		t->role->is_library = true;
}

/* ---- stops */

static void go_on(struct thread *t, int signo)
{
	bool is_looked_at = t->is_failing || (t->role && t->role->plan.is_armed);

	(void)ptrace(is_looked_at ? PTRACE_SYSCALL : PTRACE_CONT, t->tid, NULL, (long)signo);
}

static void on_exec(struct thread *t)
{
	long threads_only = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	char name[NAME], text[64];
	struct role *r;

	role_of(t->tid, name);
	if (!name[0] && t->tid != top)
		return;
	if (name[0])
		(void)ptrace(PTRACE_SETOPTIONS, t->tid, NULL, threads_only);
	r = find_role(name[0] ? name : "parent");
	r->pid = t->tid;
	r->is_ours = r->is_library = false;
	t->role = r;
	if (r->plan.is_birth) {
		r->plan.is_birth = false;
		r->plan.is_armed = true;
	}
	(void)snprintf(text, sizeof text, "born %s %d", r->name, (int)r->pid);
	tell(text);
}

static void on_gone(struct thread *t, int status)
{
	struct role *r = t->role;
	char text[96];

	if (r && r->pid == t->tid) {
		(void)snprintf(text, sizeof text, "gone %s %s %d %s", r->name, WIFSIGNALED(status) ? "signal" : "exit",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
			r->is_ours      ? "ours"
			: r->is_library ? "library"
					: "own");
		r->pid = 0;
		r->plan.is_armed = false;
		tell(text);
	}
	if (t->tid == top)
		top = 0;
	t->tid = 0;
}

/* A new thread, or process, is seen by its own first stop. */
static struct role *owner_of(pid_t tid)
{
	pid_t pid = group_of(tid);

	for (size_t i = 0; i < ROLES && role[i].name[0]; i++)
		if (role[i].pid && role[i].pid == pid)
			return &role[i];
	return NULL;
}

static void on_stop(pid_t tid, int status)
{
	struct thread *t = find_thread(tid);
	int event = status >> 16, signo = WSTOPSIG(status);

	if (!t)
		t = add_thread(tid, owner_of(tid));
	if (signo == (SIGTRAP | 0x80)) {
		on_call(t);
		signo = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		on_exec(t);
		signo = 0;
	} else if (event) {
		signo = 0;
	} else if (signo == SIGSEGV || signo == SIGABRT || signo == SIGSYS || signo == SIGBUS) {
		tell_death(t, signo);
	}
	go_on(t, signo);
}

static void reap(void)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		struct thread *t = find_thread(tid);

		if (WIFSTOPPED(status))
			on_stop(tid, status);
		else if (t)
			on_gone(t, status);
	}
}

/* ---- orders */

static void begin(void)
{
	long all = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
		   PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	int go[2];
	char byte = 0;

	if (pipe(go) != 0 || (top = fork()) < 0)
		die("fork");
	if (top == 0) {
		close(go[1]);
		(void)sigprocmask(SIG_SETMASK, &outside, NULL);
		if (read(go[0], &byte, 1) == 1)
			(void)execv(command[0], command);
		_exit(127);
	}
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, top, NULL, all) != 0)
		die("ptrace");
	(void)add_thread(top, NULL);
	if (write(go[1], &byte, 1) != 1)
		die("pipe");
	close(go[1]);
}

/* Its threads run: each is stopped once, and goes on looked at. */
static void look_at(struct role *r)
{
	for (size_t i = 0; i < THREADS; i++)
		if (thread[i].tid && thread[i].role == r)
			(void)ptrace(PTRACE_INTERRUPT, thread[i].tid, NULL, NULL);
}

static void arm(struct role *r, const char *when, const char *class, unsigned long at, int error)
{
	char text[64];

	r->plan = (struct plan){ .class = class_named(class), .at = at, .error = error };
	r->plan.is_birth = strcmp(when, "birth") == 0;
	r->plan.is_armed = !r->plan.is_birth && r->pid;
	if (r->plan.is_armed)
		look_at(r);
	(void)snprintf(text, sizeof text, "armed %s", r->name);
	tell(text);
}

static void obey(const char *line)
{
	char verb[NAME] = "", name[NAME] = "", when[NAME] = "", class[NAME] = "", text[64];
	unsigned long at = 0;
	int error = 0;
	struct role *r;

	(void)sscanf(line, "%15s %15s %15s %15s %lu %d", verb, name, when, class, &at, &error);
	if (strcmp(verb, "start") == 0) {
		is_wanted = top == 0;
		return;
	}
	is_ending = is_ending || strcmp(verb, "end") == 0;
	if (!name[0])
		return;
	r = find_role(name);
	if (strcmp(verb, "arm") == 0) {
		arm(r, when, class, at, error);
	} else if (strcmp(verb, "disarm") == 0) {
		(void)snprintf(text, sizeof text, "count %s %lu", r->name, r->plan.count);
		r->plan = (struct plan){ 0 };
		tell(text);
	} else if (strcmp(verb, "kill") == 0 && r->pid) {
		r->is_ours = true;
		(void)kill(r->pid, SIGKILL);
	}
}

static void hear(void)
{
	static char text[LINE];
	static size_t held;
	ssize_t n = read(STDIN_FILENO, text + held, sizeof text - 1 - held);
	char *line = text, *end;

	if (n <= 0) {
		is_ending = true;
		return;
	}
	held += (size_t)n;
	text[held] = '\0';
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		obey(line);
	}
	held = strlen(line);
	memmove(text, line, held);
}

static bool is_empty(void)
{
	for (size_t i = 0; i < THREADS; i++)
		if (thread[i].tid)
			return false;
	return true;
}

static void nothing(int signo)
{
	(void)signo;
}

int main(int argc, char **argv)
{
	struct sigaction a = { .sa_handler = nothing };
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	sigset_t child;

	if (argc < 2)
		return 2;
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigaction(SIGCHLD, &a, NULL);
	(void)sigprocmask(SIG_BLOCK, &child, &outside);
	command = argv + 1;
	while (!is_ending) {
		int n = ppoll(&in, 1, NULL, &outside);

		reap();
		if (n > 0)
			hear();
		if (is_wanted && is_empty()) {
			is_wanted = false;
			begin();
		}
	}
	tell("end");
	return 0;
}
#endif
