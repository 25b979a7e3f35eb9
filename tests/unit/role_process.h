/*
 * role_process: a role in a process of its own, as limetwigd runs it
 * (role_host, channel, sandbox, its real handlers), with the test as its parent
 * and as every peer. It says to its log what it logs; a test that fails prints it.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_ROLE_PROCESS_H
#define TESTS_ROLE_PROCESS_H
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "firewall_netns.h"
#include "folder.h"
#include "io/conf_file.h"
#include "role/role_host.h"

#define PATIENCE_MS 30000 /* what the real parent gives a role before it kills it */

static const struct role_ops *const ops[ROLE_COUNT] = { [ROLE_ENGINE] = &engine_ops,
	[ROLE_FIREWALL] = &firewall_ops,
	[ROLE_CAPTURE] = &capture_ops,
	[ROLE_FOLLOW] = &follow_ops,
	[ROLE_RUN] = &run_ops,
	[ROLE_ALIASMAP] = &aliasmap_ops,
	[ROLE_FETCH] = &fetch_ops,
	[ROLE_TARPIT] = &tarpit_ops,
	[ROLE_FEED] = &feed_ops,
	[ROLE_DNSBL] = &dnsbl_ops,
	[ROLE_PUBLISH] = &publish_ops };

static struct {
	char dir[64];
	enum role role;
	pid_t pid;
	int parent;
} rig;

static inline void make_place(struct conf *c)
{
	static const char *const folders[] = { "db", "corpus", "postfix", "queue", "feeds", "export" };
	char path[128];
	FILE *f;

	assert_int_equal(make_folder(rig.dir, sizeof rig.dir), 0);
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", rig.dir, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	(void)snprintf(path, sizeof path, "%s/postfix/main.cf", rig.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f, "compatibility_level = 3.6\nmyhostname = mx1.example.org\n");
	(void)fclose(f);
	conf_defaults(c);
	(void)snprintf(c->storage.dir, CONF_TEXT, "%s", rig.dir);
	(void)snprintf(c->storage.run, CONF_TEXT, "%s", rig.dir);
	(void)snprintf(c->postfix.dir, CONF_TEXT, "%s/postfix", rig.dir);
	(void)snprintf(c->postfix.map, CONF_TEXT, "hash:%s/postfix/map", rig.dir);
	(void)snprintf(c->postfix.domains, CONF_TEXT, "hash:%s/postfix/domains", rig.dir);
	c->postfix.queues.count = 1;
	(void)snprintf(c->postfix.queues.item[0], CONF_ITEM, "%s/queue", rig.dir);
	c->traps.files.count = c->allow.files.count = 0;
	c->alarm.command.count = 1;
	(void)snprintf(c->alarm.command.item[0], CONF_ITEM, "/bin/true");
	c->storage.db_size = 64 << 20;
}

static inline void send_raw(int fd, const void *p, size_t n, const int *fds, size_t count)
{
	struct iovec v = { .iov_len = n };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int) * 4)];
	} control = { 0 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	memcpy(&v.iov_base, &p, sizeof p);
	if (count) {
		m.msg_control = control.space;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * count);
	}
	(void)sendmsg(fd, &m, MSG_NOSIGNAL); /* the other end may have closed already */
}

static inline void say(enum message_type t, int which, int fd)
{
	uint8_t bytes[2] = { (uint8_t)t, (uint8_t)which };

	send_raw(rig.parent, bytes, which ? 2 : 1, &fd, fd >= 0);
}

static inline void hello(int fd, enum role from)
{
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_hello(&w, MSG_HELLO, &(struct msg_hello){ .version = MESSAGE_VERSION, .role = from });
	send_raw(fd, w.p, w.n, NULL, 0);
}

/* Next message of the role to its parent is this one. */
static inline void await(enum message_type t)
{
	uint8_t in[64];
	struct pollfd p = { .fd = rig.parent, .events = POLLIN };

	do {
		if (poll(&p, 1, PATIENCE_MS) != 1 || recv(rig.parent, in, sizeof in, 0) <= 0) {
			int status = 0;

			(void)waitpid(rig.pid, &status, WNOHANG);
			fail_msg("%s: no %s: status %x", role_name(rig.role), message_name(t), (unsigned)status);
		}
	} while (in[0] != t);
}

static inline int conf_fd(const struct conf *c)
{
	struct buf text;
	int fd = memfd_create("conf", MFD_CLOEXEC);

	buf_init(&text, 2 * CONF_FILE_MAX);
	assert_int_equal(conf_print(c, &text), ERR_OK);
	assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
	buf_done(&text);
	return fd;
}

static inline void listener(enum listener which, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", rig.dir, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 8), 0);
	say(MSG_LISTENER, (int)which, fd);
	(void)close(fd);
}

__attribute__((noreturn)) static inline void child(int fd)
{
	char path[128];
	int log;

	(void)snprintf(path, sizeof path, "%s/log", rig.dir);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)dup2(log, STDERR_FILENO);
	(void)dup2(log, STDOUT_FILENO);
	(void)dup2(fd, ROLE_FD_PARENT);
	(void)syscall(SYS_close_range, ROLE_FD_PARENT + 1, ~0u, 0);
	_exit(role_host_run(rig.role, ops[rig.role], NULL));
}

/* A new link to the role, from this peer. */
static inline int new_link(enum role peer)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	say(MSG_LINK, (int)peer, pair[1]);
	(void)close(pair[1]);
	hello(pair[0], peer);
	return pair[0];
}

static inline void begin(enum role role)
{
	static struct conf c;
	int pair[2], fd;

	rig.role = role;
	make_place(&c);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	rig.pid = fork();
	assert_true(rig.pid >= 0);
	if (rig.pid == 0)
		child(pair[1]);
	(void)close(pair[1]);
	rig.parent = pair[0];
	hello(rig.parent, ROLE_PARENT);
	fd = conf_fd(&c);
	say(MSG_CONFIG, 0, fd);
	(void)close(fd);
	if (role == ROLE_ENGINE) {
		listener(LISTENER_CONTROL, "control");
		listener(LISTENER_POLICY, "policy");
	} else if (role == ROLE_CAPTURE) {
		listener(LISTENER_LMTP, "lmtp");
	}
	say(MSG_START, 0, -1);
	await(MSG_READY);
}

static inline void end(void)
{
	int status = 0;

	say(MSG_STOP, 0, -1);
	assert_int_equal(waitpid(rig.pid, &status, 0), rig.pid);
	assert_int_equal(status, 0);
	(void)close(rig.parent);
	clear(rig.dir);
}

static inline bool is_ended(int fd, int wait_ms)
{
	static uint8_t in[MESSAGE_MAX];
	double until = netns_now() + wait_ms / 1000.0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	do {
		int left = (int)((until - netns_now()) * 1000);

		if (poll(&p, 1, left > 0 ? left : 0) != 1)
			return false;
		if (recv(fd, in, sizeof in, MSG_DONTWAIT) <= 0)
			return true;
	} while (wait_ms == 0 || netns_now() < until);
	return false;
}

/* Where a test has failed: its log, and nothing is left. */
static inline int kill_it(void **state)
{
	char out[4000];

	(void)state;
	if (rig.pid > 0 && rig.dir[0] && access(rig.dir, F_OK) == 0) {
		(void)kill(rig.pid, SIGKILL);
		(void)waitpid(rig.pid, NULL, 0);
		(void)netns_run(out, sizeof out, "tail -n 20 %s/log", rig.dir);
		(void)fprintf(stderr, "%s\n", out);
		clear(rig.dir);
	}
	rig.pid = 0;
	return 0;
}

#endif /* TESTS_ROLE_PROCESS_H */
