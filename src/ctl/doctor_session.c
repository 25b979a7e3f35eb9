/*
 * doctor_session: section mx with the DNS records that belong to it,
 * kill-sessions, and what keeps our SMTP server from starting. Asks no DNS.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor.h"
#include "ctl/render.h"
#include "io/firewall_rule.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MX "mx"
#define RECORDS "mx dns"
#define MOVE "put it on an interface of this host, or correct section mx"

/* ---- section mx */

static bool is_address(const struct sockaddr *sa, const struct ipaddr *a)
{
	if (sa->sa_family == AF_INET && a->family == 4)
		return memcmp(&((const struct sockaddr_in *)(const void *)sa)->sin_addr, a->b, 4) == 0;
	return sa->sa_family == AF_INET6 && a->family == 6 &&
	       memcmp(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, a->b, 16) == 0;
}

static bool is_local(const struct ifaddrs *list, const struct ipaddr *a)
{
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		if (i->ifa_addr && is_address(i->ifa_addr, a))
			return true;
	return false;
}

static void check_local(
	struct doctor *d, const struct ifaddrs *own, const struct conf_list *l, const char *key, const char *means)
{
	struct ipaddr a;

	for (uint32_t i = 0; i < l->count; i++)
		if (ipaddr_parse(slice_str(l->item[i]), &a) == ERR_OK && !is_local(own, &a))
			doctor_addf(
				d, DOCTOR_WARN, MX, means, MOVE, "%s %s is no address of this host", key, l->item[i]);
}

static void check_fake(struct doctor *d)
{
	const struct conf *c = d->conf;
	struct ipaddr a;

	for (uint32_t i = 0; i < c->mx.fake.count; i++)
		if (ipaddr_parse(slice_str(c->mx.fake.item[i]), &a) == ERR_OK && !firewall_fake_is_safe(c, &a))
			doctor_addf(d, DOCTOR_FAIL, MX, "it is passed over: mail is expected there",
				"give the fake MX an address of its own",
				"fake %s is a loopback address, or better or worse too", c->mx.fake.item[i]);
	if (c->mx.fake.count && c->firewall.backend != FW_BACKEND_NFTABLES)
		doctor_add(d, DOCTOR_WARN, MX, "fake needs firewall backend = nftables", "nothing refuses there",
			"firewall backend = nftables, or an address at which nothing listens");
}

static bool has_family(const struct conf_list *l, bool is_v6)
{
	for (uint32_t i = 0; i < l->count; i++)
		if ((strchr(l->item[i], ':') != NULL) == is_v6)
			return true;
	return false;
}

static void check_order(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const struct conf *c = d->conf;

	if (!c->mx.better.count != !c->mx.worse.count) {
		doctor_addf(d, DOCTOR_WARN, MX, "nobody is found misrouted", "set both, or neither",
			"%s is set, %s is not", c->mx.better.count ? "better" : "worse",
			c->mx.better.count ? "worse" : "better");
		return;
	}
	if (!c->mx.better.count)
		return;
	for (int v6 = 0; v6 < 2; v6++)
		if (has_family(&c->mx.worse, v6) && !has_family(&c->mx.better, v6))
			doctor_addf(d, DOCTOR_WARN, MX, "who comes over it cannot reach better, and is not judged",
				"give better an address of this family, or take it from worse",
				"worse has %s, better has not", v6 ? "IPv6" : "IPv4");
	if (render_bool(json_object_get(f->status, "mx"), "learning"))
		doctor_add(
			d, DOCTOR_OK, MX, "watches who comes where; nobody is charged in the first window", NULL, NULL);
	else if (json_object_get(f->status, "mx"))
		doctor_addf(d, DOCTOR_OK, MX, NULL, NULL, "%llu hosts came to the worse MX only, since start",
			(unsigned long long)render_number(json_object_get(f->status, "mx"), "misrouted"));
}

/* One "MX number name" for each list, with the addresses of the name. */
static size_t add_record(char *to, size_t size, const struct conf_list *l, unsigned number, const char *name)
{
	size_t n = 0;

	if (l->count == 0)
		return 0;
	n = (size_t)snprintf(to, size, "MX %u %s (", number, name);
	for (uint32_t i = 0; i < l->count && n < size; i++)
		n += (size_t)snprintf(
			to + n, size - n, "%s%s %s", i ? ", " : "", strchr(l->item[i], ':') ? "AAAA" : "A", l->item[i]);
	if (n < size)
		n += (size_t)snprintf(to + n, size - n, "); ");
	return n < size ? n : size - 1;
}

static void show_records(struct doctor *d)
{
	const struct conf *c = d->conf;
	char text[DOCTOR_TEXT - 40] = "";
	size_t n = add_record(text, sizeof text, &c->mx.fake, 10, "FAKE");

	n += add_record(text + n, sizeof text - n, &c->mx.better, 20, "BETTER");
	n += add_record(text + n, sizeof text - n, &c->mx.worse, 90, "WORSE");
	while (n && (text[n - 1] == ' ' || text[n - 1] == ';'))
		text[--n] = '\0';
	doctor_addf(d, DOCTOR_OK, RECORDS, NULL, NULL, "for each of your domains: %s", text);
}

static void check_mx(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const struct conf *c = d->conf;
	struct ifaddrs *own = NULL;

	if (c->mx.fake.count + c->mx.better.count + c->mx.worse.count == 0)
		return;
	if (getifaddrs(&own) == 0) {
		check_local(d, own, &c->mx.fake, "fake", "nothing refuses there");
		check_local(
			d, own, &c->mx.better, "better", "we do not see who comes there: nobody is found misrouted");
		check_local(d, own, &c->mx.worse, "worse", "we do not see who comes there: nobody is found misrouted");
		freeifaddrs(own);
	}
	check_fake(d);
	check_order(d, f);
	show_records(d);
}

/* ---- kill-sessions */

static void check_kill(struct doctor *d, const struct doctor_daemon_facts *f)
{
	static const struct {
		const char *state, *text, *mend;
	} states[] = {
		{ "missing", "this kernel cannot reset connections (CONFIG_INET_DIAG_DESTROY)",
			"kill-sessions = policy, or another kernel" },
		{ "denied", "limetwigd may not reset connections: no CAP_NET_ADMIN",
			"start it by its systemd unit (AmbientCapabilities), or kill-sessions = policy" },
		{ "error", "the kernel refuses to reset connections", "journalctl -u limetwigd" },
	};
	const char *state = doctor_text(json_object_get(f->status, "kill"), "state");

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (strcmp(state, states[i].state) == 0)
			doctor_add(d, DOCTOR_WARN, "kill", states[i].text,
				"kill-sessions = socket is as policy: 421 at the next recipient", states[i].mend);
}

/* ---- our SMTP server, while it does not run */

static bool is_port_taken(uint16_t port)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_v6 = fd >= 0, is_taken;

	if (!is_v6)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	is_taken = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
		   bind(fd, is_v6 ? (const struct sockaddr *)&a6 : (const struct sockaddr *)&a4,
			   is_v6 ? sizeof a6 : sizeof a4) != 0 &&
		   errno == EADDRINUSE;
	(void)close(fd);
	return is_taken;
}

/* Then the port is ours. */
static bool is_running(const json_t *status)
{
	const json_t *roles = json_object_get(status, "roles"), *r;
	size_t i;

	json_array_foreach(roles, i, r)
	{
		if (strncmp(doctor_text(r, "name"), "tarpit", 6) == 0)
			return true;
	}
	return false;
}

static void check_server(struct doctor *d, const struct doctor_daemon_facts *f)
{
	bool is_unknown = f->is_denied || (!f->status && f->processes); /* it may be ours: nobody says */

	if (!conf_wants_tarpit(d->conf) || f->conf_error || is_unknown || is_running(f->status))
		return;
	if (is_port_taken((uint16_t)d->conf->tarpit.port))
		doctor_addf(d, DOCTOR_FAIL, "tarpit",
			"the kernel leads no blocked host to us, only Postfix refuses; or a reload with it is refused",
			"see who has it: ss -ltnp; or tarpit port = another one; then: limetwig reload",
			"TCP port %u is taken", d->conf->tarpit.port);
	if (!f->status && !getpwnam("limetwig-tarpit"))
		doctor_add(d, DOCTOR_WARN, "tarpit", "there is no user limetwig-tarpit",
			"limetwigd does not start with firewall action answer or tarpit (but with --uid-base)",
			"systemd-sysusers, with the file of the package");
}

void doctor_check_session(struct doctor *d, const struct doctor_daemon_facts *f)
{
	check_mx(d, f);
	check_kill(d, f);
	check_server(d, f);
}
