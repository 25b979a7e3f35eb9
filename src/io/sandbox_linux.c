/*
 * sandbox_linux: capabilities and Landlock by raw system calls (glibc of
 * Debian 12 has neither), seccomp by libseccomp. A role that is given a call
 * group lives with a list of all it may do: anything else kills the process.
 * What libraries try and can do without is answered with an error instead.
 * SPDX-License-Identifier: ISC
 */
#include "io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than Debian 12's headers; which ABI brought them stands behind. */
#define FS_REFER (UINT64_C(1) << 13)    /* 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14) /* 3 */
#define NET_ALL UINT64_C(3)             /* 4: bind and connect of TCP */
#define FS_IOCTL (UINT64_C(1) << 15)    /* 5 */
#define SCOPE_ALL UINT64_C(3)           /* 6: abstract sockets, signals */

struct ruleset { /* as the kernel has it; shorter ones are cut by size */
	uint64_t fs, net, scope;
};

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                                                       \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |              \
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | FS_REFER | FS_TRUNCATE)
#define FS_OF_FILE                                                                                                     \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE)

static enum err failed(const char *what, char *text, size_t size)
{
	(void)snprintf(text, size, "%s: errno %d", what, errno);
	return ERR_IO;
}

static enum err caps_set(uint64_t keep, bool is_inherited)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) != 0)
		return ERR_IO;
	for (int i = 0; i < 2; i++) {
		d[i].permitted &= (uint32_t)(keep >> (32 * i));
		d[i].effective = d[i].permitted;
		d[i].inheritable = is_inherited ? d[i].permitted : 0;
	}
	return syscall(SYS_capset, &h, d) == 0 ? ERR_OK : ERR_IO;
}

/* Needs SETPCAP: without it (a caller who is not root) there is nothing to take away. */
static void caps_bound(uint64_t keep)
{
	for (int cap = 0; cap < 64; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

enum err sandbox_limit_caps(enum role role)
{
	struct sandbox_rights r;

	sandbox_rights(role, NULL, &r);
	caps_bound(r.caps);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return caps_set(r.caps, false);
}

enum err sandbox_become(
	enum role role, const struct conf *c, bool is_root, uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{
	static struct sandbox_rights r;
	enum err e;

	if (!is_root)
		return ERR_OK;
	sandbox_rights(role, c, &r);
	caps_bound(r.caps);
	if (setgroups(n, groups) != 0 || setresgid(gid, gid, gid) != 0)
		return ERR_IO;
	if (uid == 0) /* exec gives root what the bounding set leaves */
		return ERR_OK;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setresuid(uid, uid, uid) != 0)
		return ERR_IO;
	e = caps_set(r.caps, true);
	for (int cap = 0; e == ERR_OK && cap < 64; cap++)
		if (r.caps >> cap & 1) /* a container may lack it: the role will say so itself */
			(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	return e;
}

static uint64_t landlock_rights(unsigned may, uint64_t handled)
{
	return handled & ((may & MAY_READ ? FS_READ : 0) | (may & MAY_WRITE ? FS_WRITE : 0) |
				 (may & MAY_EXEC ? LANDLOCK_ACCESS_FS_EXECUTE : 0));
}

/* A path that is not there (/lib32, a journal) is nothing to allow. */
static enum err landlock_allow(int ruleset, const struct sandbox_path *p, uint64_t handled)
{
	struct landlock_path_beneath_attr a = { .allowed_access = landlock_rights(p->may, handled) };
	struct stat st;
	enum err e = ERR_OK;

	a.parent_fd = open(p->path, O_PATH | O_CLOEXEC);
	if (a.parent_fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? ERR_OK : ERR_IO;
	if (fstat(a.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		a.allowed_access &= FS_OF_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &a, 0) != 0)
		e = ERR_IO;
	close(a.parent_fd);
	return e;
}

static struct ruleset landlock_handled(long abi, const struct sandbox_rights *r)
{
	struct ruleset h = { .fs = FS_REFER - 1 };

	h.fs |= abi >= 2 ? FS_REFER : 0;
	h.fs |= abi >= 3 ? FS_TRUNCATE : 0;
	h.fs |= abi >= 5 && !(r->calls & CALLS_ANY) ? FS_IOCTL : 0;
	h.net = abi >= 4 && !r->has_network ? NET_ALL : 0;
	h.scope = abi >= 6 ? SCOPE_ALL : 0;
	return h;
}

static enum err landlock_enter(const struct sandbox_rights *r, char *text, size_t size)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset h;
	enum err e = ERR_OK;
	int fd;

	if (abi < 1) {
		(void)snprintf(text, size, "landlock=none");
		return ERR_OK;
	}
	h = landlock_handled(abi, r);
	fd = (int)syscall(SYS_landlock_create_ruleset, &h, abi >= 6 ? sizeof h : abi >= 4 ? 16 : 8, 0);
	if (fd < 0)
		return failed("landlock_create_ruleset", text, size);
	for (unsigned i = 0; i < r->paths && e == ERR_OK; i++)
		e = landlock_allow(fd, &r->path[i], h.fs);
	if (e != ERR_OK)
		e = failed("landlock_add_rule", text, size);
	else if (syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		e = failed("landlock_restrict_self", text, size);
	else
		(void)snprintf(text, size, "landlock=%ld", abi);
	close(fd);
	return e;
}

enum err sandbox_confine_files(enum role role, const struct conf *c, char *text, size_t size)
{
	static struct sandbox_rights r;

	sandbox_rights(role, c, &r);
	/* ambient ones have done their work at exec: a program this role runs gets none, but for root */
	if (!r.is_handed_on)
		(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (caps_set(r.caps, r.is_handed_on) != ERR_OK)
		return failed("capset", text, size);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed("no_new_privs", text, size);
	return landlock_enter(&r, text, size);
}

/* clang-format off */
static const char *const calls_base[] = {
	"read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "close", "close_range", "fstat",
	"newfstatat", "lseek",
	"munmap", "mremap", "madvise", "brk", "mlock", "munlock", "mincore",
	"futex", "set_robust_list", "get_robust_list", "rseq", "membarrier", "sched_yield", "sched_getaffinity",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigpending", "sigaltstack", "restart_syscall",
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getgroups", "getresuid", "getresgid", "getpgrp",
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6",
	"eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime", "pipe2", "dup", "dup2", "dup3", "fcntl",
	"getrandom", "sendmsg", "sendmmsg", "recvmsg", "recvmmsg", "sendto", "recvfrom", "shutdown", "socketpair",
	"getsockopt", "setsockopt", "getsockname", "getpeername", "memfd_create", "ftruncate", "getrlimit",
	"getrusage", "sysinfo", "uname", "exit", "exit_group", NULL,
};

static const char *const calls_files[] = {
	"open", "openat", "creat", "access", "faccessat", "faccessat2", "stat", "lstat", "statx",
	"statfs", "fstatfs", "getdents64", "getcwd", "readlink", "readlinkat", "unlink", "unlinkat", "rename", "renameat",
	"renameat2", "link", "linkat", "mkdir", "mkdirat", "rmdir", "truncate", "fsync", "fdatasync", "sync_file_range", "syncfs",
	"msync", "fallocate", "fadvise64", "flock", "fchmod", "fchmodat", "umask", "utimensat", "sendfile", "copy_file_range",
	"inotify_init1", "inotify_add_watch", "inotify_rm_watch", NULL,
};

/* Libraries try these on the way and live with a refusal. */
static const char *const calls_refused[] = { "open", "openat", "access", "faccessat", "faccessat2", "stat", "lstat",
	"statx", "statfs", "readlink", "readlinkat", "getcwd", "fadvise64", NULL };
static const char *const calls_refused_always[] = { "prlimit64", "setrlimit", "sched_setscheduler", NULL };

/* What no program that run or aliasmap start has a use for. */
static const char *const calls_never[] = {
	"ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise",
	"mount", "umount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "fsconfig", "fspick", "mount_setattr",
	"pivot_root", "chroot", "unshare", "setns", "swapon", "swapoff", "reboot", "kexec_load", "kexec_file_load",
	"init_module", "finit_module", "delete_module", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
	"io_uring_enter", "io_uring_register", "add_key", "request_key", "keyctl", "open_by_handle_at", "name_to_handle_at",
	"acct", "quotactl", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname",
	"iopl", "ioperm", "modify_ldt", "vhangup", "syslog", "lookup_dcookie", "fanotify_init", "personality", "mknod", "mknodat", NULL,
};
/* clang-format on */

/* A name that this architecture or this libseccomp does not know needs no rule. */
static int rule_each(scmp_filter_ctx f, uint32_t action, const char *const *name)
{
	int e = 0;

	for (; *name && e == 0; name++) {
		int nr = seccomp_syscall_resolve_name(*name);

		if (nr >= 0)
			e = seccomp_rule_add(f, action, nr, 0);
	}
	return e;
}

/* Only with this value (under mask) of argument arg. */
static int rule_arg(scmp_filter_ctx f, const char *name, unsigned arg, uint64_t mask, uint64_t value)
{
	int nr = seccomp_syscall_resolve_name(name);

	return nr < 0 ? 0 : seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value));
}

static int rules_of_args(scmp_filter_ctx f, unsigned calls)
{
	static const unsigned long ioctls[] = { FIONREAD, FIONBIO, 0x5401 /* TCGETS: isatty */ };
	static const unsigned long prctls[] = { PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE,
		0x53564d41 /* PR_SET_VMA */ };
	int e = rule_arg(f, "tgkill", 0, UINT64_MAX, (uint64_t)getpid()); /* abort() */

	for (size_t i = 0; e == 0 && i < sizeof ioctls / sizeof ioctls[0]; i++)
		e = rule_arg(f, "ioctl", 1, UINT32_MAX, ioctls[i]);
	for (size_t i = 0; e == 0 && i < sizeof prctls / sizeof prctls[0]; i++)
		e = rule_arg(f, "prctl", 0, UINT32_MAX, prctls[i]);
	/* memory is not to be made code: the program and its libraries are loaded */
	for (size_t i = 0; e == 0 && i < 2; i++)
		e = rule_arg(f, i ? "mprotect" : "mmap", 2, PROT_EXEC, 0);
	if (e == 0 && calls & CALLS_THREADS)
		e = rule_arg(f, "clone", 0, CLONE_THREAD, CLONE_THREAD);
	if (e == 0 && calls & CALLS_NETLINK)
		e = rule_arg(f, "socket", 0, UINT32_MAX, AF_NETLINK);
	for (size_t i = 0; e == 0 && calls & CALLS_INTERNET && i < 2; i++)
		e = rule_arg(f, "socket", 0, UINT32_MAX, i ? AF_INET6 : AF_INET);
	return e;
}

static int rules_listed(scmp_filter_ctx f, unsigned calls)
{
	static const char *const threads[] = { "clone3", NULL };
	static const char *const accepts[] = { "accept4", "accept", "listen", NULL };
	static const char *const sockets[] = { "socket", NULL };
	static const char *const binds[] = { "bind", NULL };
	static const char *const connects[] = { "connect", NULL };
	int e = rule_each(f, SCMP_ACT_ALLOW, calls_base);

	e = e ? e : rules_of_args(f, calls);
	e = e ? e : rule_each(f, SCMP_ACT_ERRNO(EACCES), calls_refused_always);
	/* its flags lie in memory, where no filter sees them: glibc falls back to clone */
	e = e ? e : rule_each(f, SCMP_ACT_ERRNO(ENOSYS), threads);
	if (e == 0)
		e = calls & CALLS_FILES ? rule_each(f, SCMP_ACT_ALLOW, calls_files)
					: rule_each(f, SCMP_ACT_ERRNO(EACCES), calls_refused);
	if (e == 0 && calls & CALLS_ACCEPT)
		e = rule_each(f, SCMP_ACT_ALLOW, accepts);
	if (e == 0)
		e = rule_each(f, calls & CALLS_INTERNET ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EACCES), connects);
	if (e == 0 && calls & CALLS_NETLINK)
		e = rule_each(f, SCMP_ACT_ALLOW, binds);
	else if (e == 0 && !(calls & CALLS_INTERNET))
		e = rule_each(f, SCMP_ACT_ERRNO(EACCES), sockets);
	return e;
}

struct program {
	void *p;
	size_t n;
};

/* The filter as the kernel takes it; p NULL: errno. */
static struct program export_filter(scmp_filter_ctx f)
{
	struct program ret = { NULL, 0 };
	int fd = memfd_create("filter", MFD_CLOEXEC), e = fd < 0 ? -errno : seccomp_export_bpf(f, fd);
	struct stat st;
	void *p;

	errno = -e;
	if (e == 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p != MAP_FAILED)
			ret = (struct program){ p, (size_t)st.st_size };
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

/*
 * libseccomp 2.5 makes a wrong program without a word where it gets no memory: only what comes out twice the same is
 * used. 0 or -errno.
 */
static int load_filter(scmp_filter_ctx f)
{
	struct program a = export_filter(f), b = a.p ? export_filter(f) : a;
	struct sock_fprog prog = { .len = (unsigned short)(a.n / sizeof(struct sock_filter)), .filter = a.p };
	long done = -1;

	if (a.p && b.p && (a.n != b.n || memcmp(a.p, b.p, a.n) != 0))
		errno = ENOMEM;
	else if (a.p && b.p)
		done = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
	if (done > 0) /* a thread that does not follow */
		errno = EBUSY;
	if (done != 0)
		done = errno ? -errno : -EINVAL;
	if (b.p)
		(void)munmap(b.p, b.n);
	if (a.p)
		(void)munmap(a.p, a.n);
	return (int)done;
}

enum err sandbox_confine_calls(enum role role, const struct conf *c, char *text, size_t size)
{
	static struct sandbox_rights r;
	scmp_filter_ctx f;
	int e;

	sandbox_rights(role, c, &r);
	f = seccomp_init(r.calls & CALLS_ANY ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
	if (!f)
		return failed("seccomp_init", text, size);
	e = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (e == 0)
		e = r.calls & CALLS_ANY ? rule_each(f, SCMP_ACT_ERRNO(EPERM), calls_never) : rules_listed(f, r.calls);
	if (e == 0)
		e = load_filter(f);
	seccomp_release(f);
	errno = e < 0 ? -e : 0;
	if (e != 0)
		return failed("seccomp", text, size);
	(void)snprintf(text, size, "seccomp=%s", r.calls & CALLS_ANY ? "denied" : "listed");
	return ERR_OK;
}
