/*
 * test_message_hostile: each role in a process of its own, as limetwigd runs
 * it (role_host, channel, sandbox, its real handlers), with this test as its
 * parent and as every peer. Any type, from any role, well-formed, mutated or
 * random, with descriptors of any kind: what the schema or the decoder refuses
 * ends that link; the role lives, answers PING and keeps its other link.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "firewall_netns.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "io/conf_file.h"
#include "role/role_host.h"

#define ROUNDS 5000
#define ROUNDS_OF_PROGRAMS 500 /* aliasmap and run start programs for what is well-formed */
#define PATIENCE_MS 30000      /* what the real parent gives a role before it kills it */
#define LINK_MS PATIENCE_MS
#define TYPES 125

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

static struct rig {
	char dir[64];
	enum role role;
	pid_t pid;
	int parent;
	int other; /* the link that must last, and whose it is */
	enum role other_peer;
	unsigned refused, taken;
} rig;
static uint64_t random_state;
static bool has_netns;
static uint8_t datagram[MESSAGE_MAX + 1];

static uint32_t chance(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % n;
}

/* ---- the role's process */

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *f)
{
	(void)st;
	(void)what;
	(void)f;
	return remove(path);
}

static void make_place(struct conf *c)
{
	static const char *const folders[] = { "db", "corpus", "postfix", "queue", "feeds", "export" };
	char path[128];
	FILE *f;

	(void)snprintf(rig.dir, sizeof rig.dir, "/tmp/limetwig-test-XXXXXX");
	assert_non_null(mkdtemp(rig.dir));
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

static void send_raw(int fd, const void *p, size_t n, const int *fds, size_t count)
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

static void say(enum message_type t, int which, int fd)
{
	uint8_t bytes[2] = { (uint8_t)t, (uint8_t)which };

	send_raw(rig.parent, bytes, which ? 2 : 1, &fd, fd >= 0);
}

static void hello(int fd, enum role from)
{
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_hello(&w, MSG_HELLO, &(struct msg_hello){ .version = MESSAGE_VERSION, .role = from });
	send_raw(fd, w.p, w.n, NULL, 0);
}

/* Next message of the role to its parent is this one. */
static void await(enum message_type t)
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

static int conf_fd(const struct conf *c)
{
	struct buf text;
	int fd = memfd_create("conf", MFD_CLOEXEC);

	buf_init(&text, 2 * CONF_FILE_MAX);
	assert_int_equal(conf_print(c, &text), ERR_OK);
	assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
	buf_done(&text);
	return fd;
}

static void listener(enum listener which, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", rig.dir, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 8), 0);
	say(MSG_LISTENER, (int)which, fd);
	(void)close(fd);
}

__attribute__((noreturn)) static void child(int fd)
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
static int new_link(enum role peer)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	say(MSG_LINK, (int)peer, pair[1]);
	(void)close(pair[1]);
	hello(pair[0], peer);
	return pair[0];
}

static void begin(enum role role)
{
	static struct conf c;
	int pair[2], fd;

	rig.role = role;
	rig.refused = rig.taken = 0;
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
	rig.other = -1;
}

static void end(void)
{
	int status = 0;

	(void)close(rig.other);
	say(MSG_STOP, 0, -1);
	assert_int_equal(waitpid(rig.pid, &status, 0), rig.pid);
	assert_int_equal(status, 0);
	(void)close(rig.parent);
	(void)nftw(rig.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- messages */

static void text(struct wr *w, size_t most)
{
	static const char *const some[] = { "", "a@b.example", "mx1.example.org", "../../etc/passwd", "4Xyz12345",
		"@" };
	char bytes[MESSAGE_SAMPLE_TO];
	size_t n = chance(4) ? chance(40) : chance((uint32_t)most);

	if (n >= most)
		n = most - 1;
	if (chance(2)) {
		wr_cstr(w, some[chance(6)]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(chance(8) ? 'a' + (int)chance(26) : 1 + (int)chance(255));
	wr_bytes(w, slice_of(bytes, n));
}

static void address_to(struct wr *w)
{
	struct ipaddr a = { 0 };

	if (chance(4))
		assert_int_equal(ipaddr_parse(slice_str(chance(2) ? "198.51.100.9" : "2001:db8::9"), &a), ERR_OK);
	wr_ipaddr(w, &a);
}

static uint64_t number(void)
{
	static const uint64_t some[] = { 0, 1, 2, 1700000000, UINT32_MAX, UINT64_MAX, INT64_MAX, 86400 };

	return chance(2) ? some[chance(8)] : (uint64_t)chance(1u << 30) << chance(33);
}

static void put_ops(struct wr *w)
{
	uint16_t n = (uint16_t)chance(chance(8) ? 5 : 900);

	wr_u64(w, number());
	wr_u16(w, n);
	for (unsigned i = 0; i < n; i++) {
		struct prefix p = { 0 };

		assert_int_equal(
			prefix_parse(slice_str(chance(2) ? "198.51.100.0/24" : "2001:db8:9::/64"), &p), ERR_OK);
		p.len = (uint8_t)chance(129);
		if (p.addr.family == 4 && p.len > 32)
			p.len = 32;
		p = prefix_of(&p.addr, p.len);
		wr_u8(w, (uint8_t)chance(2));
		wr_prefix(w, &p);
		wr_u32(w, (uint32_t)number());
	}
}

static void put_position(struct wr *w)
{
	wr_u64(w, number());
	wr_u64(w, number());
	text(w, 512);
}

static void put_hit(struct wr *w)
{
	wr_u64(w, number());
	wr_u64(w, number());
	address_to(w);
	wr_u16(w, (uint16_t)chance(65536));
	wr_u8(w, (uint8_t)chance(2));
	wr_u8(w, (uint8_t)chance(GRADE_COUNT));
	wr_u8(w, (uint8_t)chance(2));
	wr_u32(w, (uint32_t)number());
	for (unsigned i = 0; i < 9; i++)
		text(w, i == 2 || i == 8 ? 32 : 256);
	wr_u8(w, (uint8_t)chance(2));
	address_to(w);
}

static void put_log(struct wr *w, enum message_type t)
{
	if (t == MSG_LOG_STATE) {
		wr_u8(w, (uint8_t)chance(4));
		put_position(w);
		wr_u64(w, number());
		wr_u64(w, number());
		wr_u8(w, (uint8_t)chance(2));
		return;
	}
	wr_u64(w, number());
	address_to(w);
	if (t == MSG_LOG_MAIL)
		text(w, 256);
	text(w, t == MSG_LOG_RCPT ? 256 : 32);
	text(w, 256);
	if (t == MSG_LOG_MAIL)
		text(w, 256);
	if (t == MSG_LOG_MAIL)
		wr_u8(w, (uint8_t)(1 + chance(4)));
	if (t == MSG_LOG_MAIL)
		wr_u8(w, (uint8_t)chance(2));
	if (t == MSG_LOG_RCPT)
		wr_u16(w, (uint16_t)chance(65536));
}

static void put_run(struct wr *w, enum message_type t)
{
	uint8_t n = (uint8_t)chance(9);

	wr_u32(w, (uint32_t)number());
	wr_u8(w, (uint8_t)(1 + chance(3)));
	if (t == MSG_RUN_DONE) {
		wr_u32(w, (uint32_t)number());
		text(w, 1000);
		return;
	}
	wr_u8(w, n);
	for (unsigned i = 0; i < n; i++)
		text(w, 1000);
}

static void put_fetch(struct wr *w, enum message_type t)
{
	struct ipaddr client = { .family = chance(2) ? 4 : 6, .b = { 0x20, 1 } };
	uint32_t prefixes = chance(20);

	wr_u64(w, chance(8)); /* now and then a number that is waited for */
	if (t == MSG_SPF_SAYS || t == MSG_DNS_SAYS) {
		wr_u8(w, (uint8_t)(1 + chance(4)));
		if (t == MSG_DNS_SAYS)
			text(w, CONF_TITLE);
	} else if (t == MSG_SPF_SET) {
		wr_u8(w, (uint8_t)(SPF_DONE + chance(4)));
		wr_u8(w, (uint8_t)chance(2));
		wr_u32(w, (uint32_t)number());
		text(w, 100);
		wr_u16(w, (uint16_t)prefixes);
		for (uint32_t i = 0; i < prefixes; i++) {
			wr_ipaddr(w, &client);
			wr_u8(w, (uint8_t)chance(33));
		}
	} else {
		wr_ipaddr(w, &client);
		if (t != MSG_DNS_ASK)
			text(w, DNS_NAME);
	}
}

static void put_dns_state(struct wr *w)
{
	wr_u8(w, (uint8_t)chance(3));
	wr_u8(w, (uint8_t)(1 + chance(CONF_DNS_LISTS)));
	text(w, CONF_TITLE);
	wr_u8(w, (uint8_t)(1 + chance(2)));
	wr_u8(w, (uint8_t)chance(3));
	wr_u8(w, (uint8_t)chance(SENTINEL_WHYS));
	for (int i = 0; i < 5; i++)
		wr_u64(w, number());
}

/* A body as the decoder wants it, with values of any kind. */
static void put_body(struct wr *w, enum message_type t)
{
	uint32_t count = chance(4);

	switch ((int)t) {
	case MSG_HELLO:
		wr_u16(w, MESSAGE_VERSION);
		wr_u8(w, (uint8_t)chance(ROLE_COUNT));
		break;
	case MSG_FW_OPS:
		put_ops(w);
		break;
	case MSG_FW_DONE:
		wr_u64(w, number());
		wr_u32(w, (uint32_t)number());
		break;
	case MSG_FW_STATE:
		wr_u8(w, (uint8_t)chance(5));
		for (int i = 0; i < 5; i++)
			wr_u32(w, (uint32_t)number());
		break;
	case MSG_HIT:
		put_hit(w);
		break;
	case MSG_HIT_ACK:
		wr_u64(w, number());
		wr_u8(w, (uint8_t)(1 + chance(2)));
		break;
	case MSG_CORPUS_REMOVE:
		text(w, 32);
		break;
	case MSG_CORPUS_STATE:
		wr_u64(w, number());
		wr_u32(w, (uint32_t)number());
		wr_u32(w, chance(2));
		break;
	case MSG_CORPUS_FORGET:
		wr_u32(w, (uint32_t)number());
		wr_u8(w, (uint8_t)chance(3));
		text(w, MESSAGE_ADDRESS);
		break;
	case MSG_CORPUS_FORGOTTEN:
		for (int i = 0; i < 3; i++)
			wr_u32(w, (uint32_t)number());
		break;
	case MSG_LOG_RESUME:
		put_position(w);
		break;
	case MSG_LOG_MAIL:
	case MSG_LOG_LOGIN:
	case MSG_LOG_RCPT:
	case MSG_LOG_STATE:
		put_log(w, t);
		break;
	case MSG_RUN:
	case MSG_RUN_DONE:
		put_run(w, t);
		break;
	case MSG_MAP_APPLY:
	case MSG_LIVE_CHECK:
		wr_u32(w, (uint32_t)number());
		wr_u8(w, (uint8_t)chance(2));
		break;
	case MSG_MAP_DONE:
	case MSG_LIVE_RESULT:
		wr_u32(w, (uint32_t)number());
		wr_u8(w, (uint8_t)chance(2));
		text(w, 500);
		break;
	case MSG_TEXT:
		wr_u8(w, (uint8_t)(1 + chance(2)));
		wr_u32(w, (uint32_t)chance(6));
		wr_u32(w, count ? chance(count) : 0);
		wr_u32(w, count);
		text(w, 500);
		break;
	case MSG_SPF_WALK:
	case MSG_SPF_SET:
	case MSG_SPF_CHECK:
	case MSG_SPF_SAYS:
	case MSG_DNS_ASK:
	case MSG_DNS_SAYS:
		put_fetch(w, t);
		break;
	case MSG_DNS_STATE:
		put_dns_state(w);
		break;
	case MSG_ANSWERED:
		wr_ipaddr(w, &(struct ipaddr){ .family = 4, .b = { 192, 0, 2, (uint8_t)chance(4) } });
		text(w, MESSAGE_NAME);
		text(w, MESSAGE_ADDRESS);
		text(w, MESSAGE_ADDRESS);
		break;
	case MSG_TARPIT_STATE:
		for (unsigned i = 0; i < 7; i++)
			wr_u32(w, (uint32_t)number());
		wr_u8(w, (uint8_t)chance(TARPIT_CAPS));
		wr_u8(w, (uint8_t)chance(TARPIT_TLSES));
		wr_u8(w, (uint8_t)chance(2));
		wr_u8(w, (uint8_t)chance(ROLE_TARPITS + 1));
		for (unsigned i = 0; i < 6; i++)
			wr_u64(w, number());
		break;
	case MSG_SAMPLE:
		wr_ipaddr(w, &(struct ipaddr){ .family = 4, .b = { 192, 0, 2, (uint8_t)chance(4) } });
		wr_u32(w, (uint32_t)number());
		text(w, MESSAGE_CASE);
		text(w, MESSAGE_NAME);
		text(w, MESSAGE_ADDRESS);
		text(w, MESSAGE_SAMPLE_TO);
		break;
	case MSG_ANSWERED_END:
		wr_ipaddr(w, &(struct ipaddr){ .family = 4, .b = { 192, 0, 2, (uint8_t)chance(4) } });
		wr_u32(w, chance(UINT16_MAX));
		wr_u32(w, chance(UINT16_MAX));
		wr_u16(w, (uint16_t)chance(UINT16_MAX));
		wr_u16(w, (uint16_t)chance(UINT16_MAX));
		wr_u8(w, (uint8_t)chance(2));
		text(w, MESSAGE_NAME);
		break;
	case MSG_FEED_RUN:
		wr_u32(w, (uint32_t)number());
		wr_u16(w, (uint16_t)number());
		text(w, CONF_TITLE);
		text(w, MESSAGE_FEED_LIST);
		break;
	case MSG_FEED_RAN:
		wr_u32(w, (uint32_t)number());
		wr_u32(w, (uint32_t)number());
		wr_u8(w, (uint8_t)chance(2));
		text(w, MESSAGE_FEED_TEXT);
		break;
	case MSG_FEED_SET:
		wr_u64(w, number());
		wr_u8(w, (uint8_t)chance(FEEDS_MAX));
		wr_u8(w, (uint8_t)(1 + chance(FEED_ACTION_ALLOW)));
		wr_u8(w, (uint8_t)chance(16));
		wr_u64(w, number());
		wr_u32(w, (uint32_t)number());
		wr_u32(w, (uint32_t)number());
		wr_u32(w, (uint32_t)number());
		wr_u32(w, 2 + chance(253));
		text(w, CONF_TITLE);
		text(w, MESSAGE_FEED_TEXT);
		break;
	case MSG_FEED_TOOK:
		wr_u64(w, number());
		wr_u8(w, (uint8_t)(1 + chance(FEED_BAD)));
		text(w, CONF_TITLE);
		text(w, MESSAGE_FEED_TEXT);
		break;
	case MSG_FEED_STATE:
		wr_u8(w, (uint8_t)chance(2));
		wr_u8(w, (uint8_t)(2 + chance(FEEDS_MAX - 1)));
		wr_u8(w, (uint8_t)chance(FEED_FETCHING + 1));
		wr_u8(w, (uint8_t)(1 + chance(FEED_ACTION_ALLOW)));
		wr_u8(w, (uint8_t)chance(16));
		for (unsigned i = 0; i < 3; i++)
			wr_u64(w, number());
		for (unsigned i = 0; i < 4; i++)
			wr_u32(w, (uint32_t)number());
		text(w, CONF_TITLE);
		text(w, MESSAGE_FEED_TEXT);
		break;
	case MSG_FEED_ASK:
		wr_u8(w, (uint8_t)(1 + chance(FEED_ASK_CONFIRM)));
		text(w, CONF_TITLE);
		break;
	case MSG_FEED_GIVE:
		wr_u8(w, (uint8_t)chance(FEEDS_MAX));
		wr_u8(w, (uint8_t)(1 + chance(FEED_USE_HOLES)));
		wr_u8(w, (uint8_t)chance(16));
		wr_u8(w, (uint8_t)(2 + chance(253)));
		text(w, CONF_TITLE);
		break;
	case MSG_EXPORT_RUN:
		wr_u32(w, (uint32_t)number());
		text(w, CONF_TITLE);
		break;
	case MSG_EXPORT_RAN:
		wr_u32(w, (uint32_t)chance(4));
		wr_u32(w, (uint32_t)number());
		text(w, MESSAGE_EXPORT_TEXT);
		break;
	case MSG_EXPORT_STATE:
		wr_u8(w, (uint8_t)chance(2));
		wr_u8(w, (uint8_t)(2 + chance(CONF_EXPORTS - 1)));
		wr_u8(w, (uint8_t)chance(EXPORT_FAILED + 1));
		wr_u8(w, (uint8_t)chance(2));
		wr_u8(w, (uint8_t)chance(2));
		for (unsigned i = 0; i < 5; i++)
			wr_u64(w, number());
		wr_u32(w, (uint32_t)number());
		text(w, CONF_TITLE);
		text(w, MESSAGE_EXPORT_TEXT);
		break;
	case MSG_UPDATE_STATE:
		wr_u8(w, (uint8_t)chance(13));
		wr_u8(w, (uint8_t)chance(2));
		wr_u8(w, (uint8_t)chance(2));
		for (unsigned i = 0; i < 8; i++)
			wr_u64(w, number());
		text(w, MESSAGE_EXPORT_TEXT);
		break;
	case MSG_FEED_SAYS:
		wr_u8(w, (uint8_t)chance(FEEDS_MAX));
		text(w, MESSAGE_FEED_TEXT);
		break;
	case MSG_ACTING:
		wr_u8(w, (uint8_t)chance(2));
		break;
	case MSG_DNSBL_LISTEN:
	case MSG_DNSBL_STATE:
		wr_u8(w, 8);
		wr_u8(w, (uint8_t)chance(10));
		text(w, MESSAGE_DNSBL_TEXT);
		for (unsigned i = 0; t == MSG_DNSBL_STATE && i < 3; i++)
			wr_u8(w, (uint8_t)chance(2));
		for (unsigned i = 0; t == MSG_DNSBL_STATE && i < 5; i++)
			wr_u8(w, (uint8_t)chance(FEEDS_MAX + 2));
		for (unsigned i = 0; t == MSG_DNSBL_STATE && i < 10; i++)
			wr_u64(w, number());
		break;
	case MSG_FW_KILL:
		wr_ipaddr(w, &(struct ipaddr){ .family = 4, .b = { 192, 0, 2, (uint8_t)chance(4) } });
		wr_ipaddr(w, &(struct ipaddr){ .family = 4, .b = { 127, 0, 0, (uint8_t)chance(4) } });
		wr_u16(w, (uint16_t)chance(UINT16_MAX));
		wr_u16(w, (uint16_t)chance(30));
		wr_u8(w, (uint8_t)chance(FW_KILL_ERROR + 1));
		break;
	case MSG_LISTENER:
	case MSG_LINK:
	case MSG_FILE:
	case MSG_FW_SYNC:
		wr_u8(w, (uint8_t)(1 + chance(2)));
		break;
	default:
		break;
	}
}

static void mutate(struct wr *w)
{
	uint32_t how = chance(6);

	if (how == 0)
		for (uint32_t i = 1 + chance(4); i && w->n > 1; i--)
			w->p[1 + chance((uint32_t)w->n - 1)] ^= (uint8_t)(1u << chance(8));
	else if (how == 1 && w->n > 1)
		w->n -= 1 + chance((uint32_t)w->n - 1);
	else if (how == 2)
		for (uint32_t i = 1 + chance(20); i; i--)
			wr_u8(w, (uint8_t)chance(256));
	else if (how == 3)
		for (size_t i = 1; i < w->n; i++)
			w->p[i] = (uint8_t)chance(256);
}

/* What a peer out of its mind may hand over instead of a memory file. */
static int strange_fd(void)
{
	static const char lines[] =
		"+A old@example.org\n+D gone.example\n-A x\nlist@example.org tag=a state=armed\n\xff\n";
	static int held = -1;
	int pair[2] = { -1, -1 }, fd = -1;

	switch (chance(6)) {
	case 0: /* a pipe whose other end stays open: who reads it waits for ever */
		assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
		fd = pair[0];
		break;
	case 1:
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		fd = pair[0];
		break;
	case 2:
		return open("/dev/zero", O_RDONLY | O_CLOEXEC);
	case 3:
		fd = memfd_create("large", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fd, (off_t)8 << 30), 0);
		return fd;
	default:
		fd = memfd_create("lines", MFD_CLOEXEC);
		assert_true(write(fd, lines, sizeof lines - 1 - chance(20)) > 0);
		return fd;
	}
	if (held >= 0)
		(void)close(held);
	held = pair[1];
	return fd;
}

static bool is_ended(int fd, int wait_ms)
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

/* ---- the rounds */

static enum role other_than(enum role sender)
{
	enum role r = ROLE_FOLLOW;

	while (r == rig.role || r == sender)
		r = (enum role)(r == ROLE_TARPIT ? ROLE_ENGINE : r + 1);
	return r;
}

static void keep_other(enum role sender)
{
	if (rig.other >= 0 && rig.other_peer != sender)
		return;
	if (rig.other >= 0)
		(void)close(rig.other);
	rig.other_peer = other_than(sender);
	rig.other = new_link(rig.other_peer);
}

/* Most often one that its sender may send. */
static enum message_type some_type(enum role sender)
{
	enum message_type t, checked;
	char byte;

	for (unsigned i = 0; i < 1000; i++) {
		t = (enum message_type)chance(TYPES);
		byte = (char)t;
		if (chance(50) == 0 ||
			(strcmp(message_name(t), "?") != 0 && t != MSG_HELLO &&
				message_check(sender, rig.role, slice_of(&byte, 1), 0, &checked) != ERR_DENIED))
			return t;
	}
	return t; /* it may send nothing to this role */
}

static void one_round(void)
{
	struct wr w = wr_init(datagram, sizeof datagram);
	enum role sender = chance(2) ? ROLE_ENGINE : (enum role)(1 + chance(ROLE_COUNT - 1));
	enum message_type t, checked = 0;
	struct rd body;
	size_t fds = 0;
	int link, fd[2];
	bool is_good;

	if (sender == rig.role)
		sender = rig.role == ROLE_ENGINE ? (enum role)(2 + chance(ROLE_COUNT - 2)) : ROLE_ENGINE;
	t = some_type(sender);
	wr_u8(&w, (uint8_t)t);
	put_body(&w, t);
	if (chance(2))
		mutate(&w);
	if (w.n == 0)
		return;
	if (message_check(sender, rig.role, wr_slice(&w), 0, &checked) == ERR_SYNTAX || chance(20) == 0)
		fds = 1 + (chance(10) == 0);
	body = rd_init(w.p + 1, w.n - 1);
	is_good = message_check(sender, rig.role, wr_slice(&w), fds, &checked) == ERR_OK && checked != MSG_HELLO &&
		  message_check_body(checked, body) == ERR_OK;
	keep_other(sender);
	link = new_link(sender);
	for (size_t i = 0; i < fds; i++)
		fd[i] = strange_fd();
	send_raw(link, w.p, w.n, fd, fds);
	for (size_t i = 0; i < fds; i++)
		(void)close(fd[i]);
	if (!is_good && !is_ended(link, LINK_MS))
		fail_msg("%s keeps the link after %s of %s, %zu bytes", role_name(rig.role), message_name(t),
			role_name(sender), w.n);
	say(MSG_PING, 0, -1);
	await(MSG_PONG);
	if (is_good && is_ended(link, 0))
		fail_msg("%s ends the link after a good %s of %s", role_name(rig.role), message_name(t),
			role_name(sender));
	if (is_ended(rig.other, 0))
		fail_msg("%s ends its link to %s after %s of %s", role_name(rig.role), role_name(rig.other_peer),
			message_name(t), role_name(sender));
	rig.refused += !is_good;
	rig.taken += is_good;
	(void)close(link);
}

static void print_log(void)
{
	char command[128], out[4000];

	(void)snprintf(command, sizeof command, "tail -n 20 %s/log", rig.dir);
	(void)netns_run(out, sizeof out, "%s", command);
	(void)fprintf(stderr, "# seed %llu\n%s\n", (unsigned long long)random_state, out);
}

static void check_role(enum role role)
{
	const char *seed = getenv("LIMETWIG_SEED");
	unsigned rounds = role == ROLE_ALIASMAP || role == ROLE_RUN ? ROUNDS_OF_PROGRAMS : ROUNDS;
	double start = netns_now();

	if (!has_netns && geteuid() == 0)
		skip(); /* the firewall would be the machine's own */
	random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL) * 1000 + (uint64_t)role;
	(void)fprintf(stderr, "# %s: LIMETWIG_SEED=%llu\n", role_name(role), (unsigned long long)random_state);
	begin(role);
	for (unsigned i = 0; i < rounds; i++)
		one_round();
	end();
	(void)fprintf(stderr, "# %s: %u refused and the link ended, %u taken, %.1f s\n", role_name(role), rig.refused,
		rig.taken, netns_now() - start);
}

static int tear_down(void **state)
{
	(void)state;
	if (rig.pid > 0 && rig.dir[0] && access(rig.dir, F_OK) == 0) { /* it failed */
		(void)kill(rig.pid, SIGKILL);
		(void)waitpid(rig.pid, NULL, 0);
		print_log();
		(void)nftw(rig.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	}
	rig.pid = 0;
	return 0;
}

#define TEST(name, role)                                                                                               \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		check_role(role);                                                                                      \
	}
TEST(test_engine, ROLE_ENGINE)
TEST(test_firewall, ROLE_FIREWALL)
TEST(test_capture, ROLE_CAPTURE)
TEST(test_follow, ROLE_FOLLOW)
TEST(test_run, ROLE_RUN)
TEST(test_aliasmap, ROLE_ALIASMAP)
TEST(test_fetch, ROLE_FETCH)
TEST(test_tarpit, ROLE_TARPIT)
TEST(test_feed, ROLE_FEED)
TEST(test_dnsbl, ROLE_DNSBL)
TEST(test_publish, ROLE_PUBLISH)
#undef TEST

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_engine), TEST(test_firewall), TEST(test_capture),
		TEST(test_follow), TEST(test_run), TEST(test_aliasmap), TEST(test_fetch), TEST(test_tarpit),
		TEST(test_feed), TEST(test_dnsbl), TEST(test_publish) };

	has_netns = netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
