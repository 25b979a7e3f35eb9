/*
 * parent_dnsbl: the listeners of the DNS server, UDP and TCP for each address
 * of dnsbl.listen: port 53 is not open to a role without rights, and while the
 * role is started anew questions wait here. An address that somebody else has
 * is left out and said aloud; the others serve, and it is tried again.
 * SPDX-License-Identifier: ISC
 */
#include "base/host_port.h"
#include "io/log.h"
#include "role/parent.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 53
#define BACKLOG 256
#define AGAIN_FIRST_MS 2000 /* the role that is about to end may have had it */
#define AGAIN_MS 60000
#define BUFFER (4 << 20) /* bytes of questions that wait in the kernel */

static socklen_t to_kernel(const struct ipaddr *a, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *a6 = (void *)ret;
	struct sockaddr_in *a4 = (void *)ret;

	*ret = (struct sockaddr_storage){ .ss_family = a->family == 4 ? AF_INET : AF_INET6 };
	if (a->family == 4) {
		a4->sin_port = htons(port);
		memcpy(&a4->sin_addr, a->b, 4);
		return sizeof *a4;
	}
	a6->sin6_port = htons(port);
	memcpy(&a6->sin6_addr, a->b, 16);
	return sizeof *a6;
}

static bool set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* What makes it faster, or fair to all addresses of this host; without the right to it, it is slower under a flood. */
static void set_udp(int fd)
{
	if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER))
		(void)set(fd, SOL_SOCKET, SO_RCVBUF, BUFFER);
	if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER))
		(void)set(fd, SOL_SOCKET, SO_SNDBUF, BUFFER);
}

/* -1: errno. */
static int open_one(const struct ipaddr *a, uint16_t port, int type)
{
	static const struct ipaddr any4 = { .family = 4 }, any6 = { .family = 6 };
	bool is_v6 = a->family == 6, is_any = ipaddr_eq(a, &any4) || ipaddr_eq(a, &any6);
	struct sockaddr_storage sa;
	socklen_t n = to_kernel(a, port, &sa);
	int fd = socket(sa.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	if (fd < 0)
		return -1;
	if ((!is_v6 || set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
		(type == SOCK_DGRAM || set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) &&
		(type == SOCK_STREAM || !is_any ||
			(is_v6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set(fd, IPPROTO_IP, IP_PKTINFO, 1))) &&
		bind(fd, (struct sockaddr *)&sa, n) == 0 && (type == SOCK_DGRAM || listen(fd, BACKLOG) == 0))
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

static bool open_both(const char *text, struct parent_dns_listener *ret)
{
	struct parent_dns_listener l = { .tcp = -1 };
	struct ipaddr a;
	uint16_t port;
	int error;

	(void)snprintf(l.text, sizeof l.text, "%s", text);
	errno = EINVAL;
	if (host_port_parse(slice_str(text), &a, &port) != ERR_OK)
		return false;
	l.udp = open_one(&a, port ? port : PORT, SOCK_DGRAM);
	if (l.udp >= 0)
		l.tcp = open_one(&a, port ? port : PORT, SOCK_STREAM);
	if (l.tcp < 0) {
		error = errno;
		if (l.udp >= 0)
			(void)close(l.udp);
		errno = error;
		return false;
	}
	set_udp(l.udp);
	*ret = l;
	return true;
}

/* Out of those that are open: its descriptors are moved. */
static bool take_over(struct parent_dns *from, const char *text, struct parent_dns_listener *ret)
{
	for (unsigned i = 0; i < from->count; i++) {
		if (strcmp(from->at[i].text, text) != 0)
			continue;
		*ret = from->at[i];
		from->at[i] = from->at[--from->count];
		return true;
	}
	return false;
}

static void say_lost(struct msg_dnsbl_listen *m, const char *address, const char *why)
{
	size_t n = strlen(m->text);

	(void)snprintf(m->text + n, sizeof m->text - n, "%s%s: %s", n ? "; " : "", address, why);
}

void parent_close_dnsbl(struct parent *p)
{
	struct parent_dns *d = &p->dns;

	for (; d->count; d->count--) {
		(void)close(d->at[d->count - 1].udp);
		(void)close(d->at[d->count - 1].tcp);
	}
}

bool parent_wants_dnsbl(const struct parent *p, const struct conf *c)
{
	uint32_t wanted = conf_has_dnsbl(c) ? c->dnsbl.listen.count : 0;
	bool is_same = p->dns.count == wanted;

	for (uint32_t i = 0; i < wanted && is_same; i++)
		is_same = strcmp(p->dns.at[i].text, c->dnsbl.listen.item[i]) == 0;
	return !is_same;
}

void parent_open_dnsbl(struct parent *p, const struct conf *c)
{
	uint32_t wanted = conf_has_dnsbl(c) ? c->dnsbl.listen.count : 0;
	struct parent_dns new = { .listen.wanted = (uint8_t)wanted };

	for (uint32_t i = 0; i < wanted; i++) {
		const char *text = c->dnsbl.listen.item[i];
		struct parent_dns_listener *l = &new.at[new.count];

		if (new.count == ROLE_LISTENERS)
			say_lost(&new.listen, text, "there are more addresses than one process takes");
		else if (take_over(&p->dns, text, l) || open_both(text, l))
			new.count++;
		else
			say_lost(&new.listen, text, strerrordesc_np(errno));
	}
	parent_close_dnsbl(p); /* those that are left */
	new.listen.open = (uint8_t) new.count;
	new.again_ms = clock_mono_ms() + AGAIN_FIRST_MS;
	if (new.listen.text[0] && strcmp(new.listen.text, p->dns.listen.text) != 0)
		log_alarm("dnsbl", "text=\"%s\" remedy=\"%s\"", new.listen.text,
			"see who has it: ss -lntup; or another address in dnsbl listen; then: limetwig reload");
	p->dns = new;
}

void parent_check_dnsbl(struct parent *p)
{
	unsigned had = p->dns.count;

	if (p->dns.listen.open == p->dns.listen.wanted || clock_mono_ms() < p->dns.again_ms)
		return;
	parent_open_dnsbl(p, &p->conf);
	p->dns.again_ms = clock_mono_ms() + AGAIN_MS;
	if (p->dns.count > had)
		parent_restart_child(&p->child[ROLE_DNSBL]);
}

void parent_send_dns_listen(struct child *c)
{
	uint8_t bytes[MESSAGE_DNSBL_TEXT + 16];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_dnsbl_listen(&w, MSG_DNSBL_LISTEN, &c->parent->dns.listen);
	if (c->channel && channel_send(c->channel, &w, NULL, 0) != ERR_OK)
		log_warn("message_lost", "type=DNSBL_LISTEN to=%s", role_name(c->role));
}
