/*
 * parent_tarpit: the listeners of the tarpit, one for each of its processes,
 * all on the same port (SO_REUSEPORT). They are the parent's: while a process
 * is started anew, those who come to it wait in its queue, and nobody is
 * refused. A filter of the kernel chooses by the client's network (/24, /64),
 * so that all connections of a blocked subject come to one process and its cap
 * for one subject holds; an IPv6 network that is blocked as a whole (block widen)
 * has the cap once per process.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"
#include "io/log.h"
#include "role/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define CORES 4        /* more processes than this only if the descriptors of so many are not enough */
#define SPARE_FILES 64 /* of a process, for all but connections */
#define CONNTRACK_MAX "/proc/sys/net/netfilter/nf_conntrack_max"

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned parent_count_tarpits(const struct conf *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = cores > 1 ? least((unsigned)cores, CORES) : 1;
	struct rlimit r;

	if (!conf_has_tarpit(c))
		return 0;
	if (c->tarpit.processes)
		return least(c->tarpit.processes, ROLE_TARPITS);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_max > 2 * SPARE_FILES) {
		rlim_t files = r.rlim_max - SPARE_FILES, need = (c->tarpit.connections + files - 1) / files;

		if (need > n)
			n = need < ROLE_TARPITS ? (unsigned)need : ROLE_TARPITS;
	}
	return n;
}

/* Both families, or IPv4 alone on a host without IPv6. -1: errno. */
static int bind_tcp(uint16_t port, bool is_shared)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, off = 0, fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_v6 = fd >= 0;

	if (!is_v6)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	/* port 25 is not its own: the firewall may give it such connections. Without the right the rules fall to drop */
	(void)setsockopt(
		fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, &on, sizeof on);
	if ((is_v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		(is_shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
		bind(fd, is_v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4, is_v6 ? sizeof a6 : sizeof a4) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A second daemon would share the port without a word: only one that is nobody's is taken. */
static bool is_free(uint16_t port)
{
	int fd = bind_tcp(port, false);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Processes that are stopping have the port a moment longer than we do. */
static bool is_still_ours(const struct parent *p, uint16_t port)
{
	for (unsigned i = 0; i < ROLE_TARPITS; i++)
		if (p->child[role_tarpit(i)].pid)
			return port == p->tarpit.port;
	return false;
}

/* Which of n listeners: by the client's network, with a secret factor. */
static bool choose_by_network(int fd, unsigned n)
{
	uint32_t factor = 0;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4), /* IP version */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 12),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffffff00),
		BPF_STMT(BPF_JMP | BPF_JA, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 12),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1), /* Knuth's, so that the two halves do not cancel out */
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + 8),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 12),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = { .len = sizeof code / sizeof code[0], .filter = code };

	if (getrandom(&factor, sizeof factor, 0) != sizeof factor)
		return false;
	code[11].k = factor | 0x10001; /* odd, and never small */
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0;
}

static void close_down_to(struct parent_tarpit *t, unsigned n)
{
	/* from the end: those that stay keep their places in the kernel's list */
	while (t->count > n)
		close(t->fd[--t->count]);
}

void parent_close_tarpit(struct parent *p)
{
	close_down_to(&p->tarpit, 0);
}

static bool grow_to(struct parent_tarpit *t, unsigned n)
{
	while (t->count < n) {
		int fd = bind_tcp(t->port, true);

		if (fd < 0)
			return false;
		t->fd[t->count++] = fd;
		if (listen(fd, BACKLOG) != 0)
			return false;
	}
	if (n && !choose_by_network(t->fd[0], n))
		log_warn("tarpit", "errno=%d text=\"no filter: the connections of one subject come to all processes\"",
			errno);
	return true;
}

/* In place of those that were, if any; an error changes nothing. */
static enum err open_listeners(struct parent *p, const struct conf *c, char *text, size_t size)
{
	struct parent_tarpit new = { .port = (uint16_t)c->tarpit.port }, *t = &p->tarpit;
	unsigned n = parent_count_tarpits(c), had = 0;
	bool is_kept = t->count && new.port == t->port;

	if (is_kept) {
		new = *t;
		had = t->count;
	}
	close_down_to(&new, n);
	if ((n && !is_kept && !is_still_ours(p, new.port) && !is_free(new.port)) || !grow_to(&new, n)) {
		(void)snprintf(text, size, "tarpit port: cannot listen on TCP port %u: %s", c->tarpit.port,
			strerrordesc_np(errno));
		close_down_to(&new, had);
		return ERR_IO;
	}
	if (!is_kept)
		close_down_to(t, 0);
	*t = new;
	return ERR_OK;
}

enum err parent_open_tarpit_or_not(struct parent *p, struct conf *c, bool is_start, char *text, size_t size)
{
	enum err e = open_listeners(p, c, text, size);

	if (e == ERR_IO && (is_start || p->is_port_lost)) {
		log_alarm("tarpit", "text=\"%s\" note=\"started without it: the policy layer refuses\" remedy=\"%s\"",
			text, "see who has it: ss -ltnp; or tarpit port = another one; then: limetwig reload");
		c->tarpit.port = CONF_PORT_LOST;
		p->is_port_lost = true;
		return ERR_OK;
	}
	if (e == ERR_OK)
		p->is_port_lost = false;
	return e;
}

/* 0: no connection tracking in this kernel, or not in use. */
static uint32_t conntrack_max(void)
{
	char text[32];
	uint64_t n = 0;
	int fd = open(CONNTRACK_MAX, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text);

	if (fd >= 0)
		close(fd);
	if (got <= 0 || num_parse(slice_trim(slice_of(text, (size_t)got)), UINT32_MAX, &n) != ERR_OK)
		return 0;
	return (uint32_t)n;
}

void parent_send_part(struct child *c)
{
	struct msg_part m = { .count = (uint8_t)c->parent->tarpit.count, .conntrack = conntrack_max() };
	uint8_t bytes[16];
	struct wr w = wr_init(bytes, sizeof bytes);

	while (role_tarpit(m.index) != c->role)
		m.index++;
	if (m.index >= m.count)
		return; /* about to go */
	message_put_part(&w, MSG_PART, &m);
	if (c->channel && channel_send(c->channel, &w, NULL, 0) != ERR_OK)
		log_warn("message_lost", "type=PART to=%s", role_name(c->role));
}
