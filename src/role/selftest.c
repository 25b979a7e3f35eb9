/*
 * selftest: each trial is a child that enters the sandbox of the role and
 * does one thing. Exit 0: it worked; 1: refused; a signal: killed for it.
 * SPDX-License-Identifier: ISC
 */
#include "role/selftest.h"

#include "io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY_BROKEN 3 /* the sandbox itself could not be entered */

struct place {
	const struct conf *conf;
	pid_t other;  /* a process outside the sandbox */
	int listener; /* a UNIX listener made before */
	int pair[2];  /* a connected pair made before */
};

/* Forbidden to some or all. True: it worked. */
static bool do_read_shadow(const struct place *p)
{
	(void)p;
	return open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool do_read_hosts(const struct place *p)
{
	(void)p;
	return open("/etc/hosts", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool do_write_tmp(const struct place *p)
{
	(void)p;
	return open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) >= 0 ||
	       open("/var/tmp/limetwig-selftest", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0;
}

static bool do_socket(const struct place *p)
{
	(void)p;
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool do_connect(const struct place *p)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/run/limetwig-selftest-none" };

	/* answered by the kernel's own look at the name: allowed, though nobody is there */
	return connect(p->pair[0], (struct sockaddr *)&a, sizeof a) == 0 || errno == ENOENT || errno == EISCONN ||
	       errno == EINVAL || errno == ECONNREFUSED;
}

static bool do_exec(const struct place *p)
{
	char *argv[] = { NULL, NULL };
	char *env[] = { NULL };
	char name[] = "/bin/true";

	(void)p;
	argv[0] = name;
	(void)execve(name, argv, env);
	return false;
}

static bool do_ptrace(const struct place *p)
{
	return ptrace(PTRACE_ATTACH, p->other, NULL, NULL) == 0;
}

static bool do_kill(const struct place *p)
{
	return kill(p->other, 0) == 0;
}

/* On a name that is not there: the kernel got as far as looking, so it was not forbidden. */
static bool do_mount(const struct place *p)
{
	(void)p;
	return mount("none", "/limetwig-selftest-none", "tmpfs", 0, NULL) == 0 || errno == ENOENT;
}

static bool do_fork(const struct place *p)
{
	pid_t pid = fork();

	(void)p;
	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool do_setuid(const struct place *p)
{
	(void)p;
	return setresuid(4711, 4711, 4711) == 0;
}

static bool do_chroot(const struct place *p)
{
	(void)p;
	return chroot("/limetwig-selftest-none") == 0 || errno == ENOENT;
}

/* Needed by some or all. */
static bool do_talk(const struct place *p)
{
	char c;

	return send(p->pair[0], "x", 1, 0) == 1 && recv(p->pair[1], &c, 1, 0) == 1;
}

static bool do_accept(const struct place *p)
{
	return accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) < 0 && errno == EAGAIN;
}

static void *thread(void *arg)
{
	return arg;
}

static bool do_thread(const struct place *p)
{
	pthread_t t;

	(void)p;
	return pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0;
}

static bool do_memory(const struct place *p)
{
	int fd = memfd_create("x", MFD_CLOEXEC);

	(void)p;
	return fd >= 0 && write(fd, "x", 1) == 1 && timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) >= 0;
}

static bool write_below(const char *dir, const char *sub)
{
	char from[CONF_TEXT + 40], to[CONF_TEXT + 40];
	int fd;

	(void)snprintf(from, sizeof from, "%s%s/selftest.tmp", dir, sub);
	(void)snprintf(to, sizeof to, "%s%s/selftest", dir, sub);
	fd = open(from, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	return fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && rename(from, to) == 0 && unlink(to) == 0;
}

static bool do_write_db(const struct place *p)
{
	return write_below(p->conf->storage.dir, "/db");
}

static bool do_write_corpus(const struct place *p)
{
	return write_below(p->conf->storage.dir, "/corpus");
}

static bool do_netlink(const struct place *p)
{
	(void)p;
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 12) >= 0; /* 12: NETLINK_NETFILTER */
}

static bool do_run(const struct place *p)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		(void)do_exec(p);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define E ROLE_BIT(ROLE_ENGINE)
#define W ROLE_BIT(ROLE_FIREWALL)
#define C ROLE_BIT(ROLE_CAPTURE)
#define F ROLE_BIT(ROLE_FOLLOW)
#define R ROLE_BIT(ROLE_RUN)
#define A ROLE_BIT(ROLE_ALIASMAP)
#define N ROLE_BIT(ROLE_FETCH)
#define T ROLE_BIT(ROLE_TARPIT)
#define D ROLE_BIT(ROLE_DNSBL)
#define L ROLE_BIT(ROLE_FEED)
#define P ROLE_BIT(ROLE_PUBLISH)
#define LISTED (E | W | C | F | N | T | D | L | P)
#define ALL (LISTED | R | A)

static const struct trial {
	const char *what;
	bool (*act)(const struct place *p);
	unsigned never, must; /* roles that may not, roles that must be able to */
} trials[] = {
	{ "open /etc/shadow", do_read_shadow, LISTED, 0 },
	{ "open /etc/hosts", do_read_hosts, LISTED & ~L, R | A | L },
	{ "write to /tmp", do_write_tmp, ALL, 0 },
	{ "socket AF_INET", do_socket, LISTED & ~(N | L | P), N | L | P },
	{ "connect", do_connect, LISTED & ~(N | L | P), 0 },
	{ "execve", do_exec, LISTED, 0 },
	{ "fork", do_fork, LISTED, R | A },
	{ "ptrace", do_ptrace, ALL, 0 },
	{ "kill another process", do_kill, LISTED, 0 },
	{ "mount", do_mount, ALL, 0 },
	{ "chroot", do_chroot, ALL, 0 },
	{ "setresuid", do_setuid, LISTED | R, 0 },
	{ "write to db", do_write_db, W | C | F | R | A | N | D | L | P, E },
	{ "write to corpus", do_write_corpus, E | W | F | R | A | N | D | L | P, C },
	{ "netlink socket", do_netlink, E | C | F | N | D | L | P, W },
	{ "talk on a socket it was given", do_talk, 0, ALL },
	{ "memory file and timer", do_memory, 0, ALL },
	{ "accept on a listener it was given", do_accept, W | F | N | L | P, E | C | D },
	{ "start a thread", do_thread, W | F | N | D, E | C | R | A | L | P },
	{ "run a program", do_run, LISTED, R | A },
};

static bool place_init(struct place *p, const struct conf *c)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	*p = (struct place){ .conf = c, .other = getppid() };
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* the family alone: the kernel gives it a name of its own */
	return p->listener >= 0 && bind(p->listener, (struct sockaddr *)&a, sizeof a.sun_family) == 0 &&
	       listen(p->listener, 1) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->pair) == 0;
}

/* The child: its exit is the answer. */
__attribute__((noreturn)) static void attempt(const struct child *c, const struct trial *t)
{
	const struct conf *conf = &c->parent->conf;
	struct rlimit none = { 0, 0 };
	struct place p;
	char text[128];

	(void)setrlimit(RLIMIT_CORE, &none);
	if (!place_init(&p, conf) ||
		sandbox_become(c->role, conf, c->parent->is_root, c->uid, c->gid, NULL, 0) != ERR_OK ||
		sandbox_confine_files(c->role, conf, text, sizeof text) != ERR_OK ||
		sandbox_confine_calls(c->role, conf, text, sizeof text) != ERR_OK)
		_exit(TRY_BROKEN);
	_exit(t->act(&p) ? 0 : 1);
}

static enum selftest_result judge(const struct trial *t, enum role role, int status, const char **ret_how)
{
	bool worked = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	*ret_how = WIFSIGNALED(status) ? (WTERMSIG(status) == SIGSYS ? "killed" : "died")
		   : worked            ? "works"
				       : "refused";
	if (WIFEXITED(status) && WEXITSTATUS(status) == TRY_BROKEN) {
		*ret_how = "no sandbox";
		return SELFTEST_WRONG;
	}
	if (t->never & ROLE_BIT(role))
		return worked || (WIFSIGNALED(status) && WTERMSIG(status) != SIGSYS) ? SELFTEST_WRONG : SELFTEST_OK;
	return worked ? SELFTEST_OK : SELFTEST_WRONG;
}

unsigned selftest_sandbox(const struct child *c, selftest_fn fn, void *ctx)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
		const struct trial *t = &trials[i];
		const char *how = "not started";
		enum selftest_result r = SELFTEST_WRONG;
		int status = 0;
		pid_t pid;

		if (!((t->never | t->must) & ROLE_BIT(c->role)))
			continue;
		pid = fork();
		if (pid == 0)
			attempt(c, t);
		if (pid > 0 && waitpid(pid, &status, 0) == pid)
			r = judge(t, c->role, status, &how);
		wrong += r == SELFTEST_WRONG;
		fn(t->what, r, how, ctx);
	}
	return wrong;
}

static void print(const char *what, enum selftest_result r, const char *how, void *ctx)
{
	(void)ctx;
	(void)printf("%-6s %s: %s\n", r == SELFTEST_OK ? "ok" : "WRONG", what, how);
}

int selftest_main(const char *role, const struct parent_options *o)
{
	static struct parent p;
	char why[700] = "no such role";
	enum role r;

	p = (struct parent){ .options = o, .is_root = geteuid() == 0 };
	if (!role_parse(role, &r) || r == ROLE_PARENT ||
		parent_load_conf(o->conf, &p.conf, why, sizeof why) != ERR_OK ||
		parent_find_users(&p, why, sizeof why) != ERR_OK) {
		(void)fprintf(stderr, "limetwigd: %s\n", why);
		return 2;
	}
	return selftest_sandbox(&p.child[r], print, NULL) ? 1 : 0;
}
