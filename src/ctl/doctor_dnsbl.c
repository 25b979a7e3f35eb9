/*
 * doctor_dnsbl: our list as a DNS zone: does it listen on each address that it
 * shall, does it answer its test entry there when somebody asks?
 * SPDX-License-Identifier: ISC
 */
#include "base/host_port.h"
#include "core/dnsbl_zone.h"
#include "ctl/doctor.h"
#include "ctl/render.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "dnsbl"
#define PORT 53
#define WAIT_MS 1000
#define TRIES 2
#define REFUSED 5

/* A socket to this server; one that listens everywhere is asked at this host. -1: errno. */
static int connect_to(const char *server)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	struct ipaddr a;
	uint16_t port;
	int fd;

	if (host_port_parse(slice_str(server), &a, &port) != ERR_OK)
		return -1;
	a4.sin_port = a6.sin6_port = htons(port ? port : PORT);
	memcpy(&a4.sin_addr, a.b, sizeof a4.sin_addr);
	memcpy(&a6.sin6_addr, a.b, sizeof a6.sin6_addr);
	fd = socket(a.family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (a.family == 4 ? connect(fd, (struct sockaddr *)&a4, sizeof a4)
				      : connect(fd, (struct sockaddr *)&a6, sizeof a6)) != 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

/* Why the test entry is not known there; NULL: it is, or this host may not ask. */
static const char *ask(const char *server, const uint8_t *question, size_t n)
{
	uint8_t got[512];
	struct pollfd p = { .fd = connect_to(server), .events = POLLIN };
	const char *why = "does not answer";
	ssize_t size = 0;

	if (p.fd < 0)
		return "cannot be asked";
	for (unsigned i = 0; i < TRIES && size <= 0; i++)
		if (send(p.fd, question, n, MSG_NOSIGNAL) == (ssize_t)n && poll(&p, 1, WAIT_MS) > 0)
			size = recv(p.fd, got, sizeof got, MSG_DONTWAIT);
	(void)close(p.fd);
	if (size >= 12)
		why = (got[3] & 15) == REFUSED || ((got[3] & 15) == 0 && got[7]) ? NULL
										 : "does not know its test entry";
	return why;
}

static void check_answers(struct doctor *d, const json_t *t)
{
	uint8_t question[DNSBL_TEST_QUESTION];
	struct dnsbl_zone zone;
	size_t n;

	if (dnsbl_zone_init(&zone, d->conf) != ERR_OK) {
		doctor_add(d, DOCTOR_FAIL, NAME, "the name of the zone is too long", "no question is answered",
			"a shorter name in dnsbl zone; then: limetwig reload");
		return;
	}
	n = dnsbl_zone_test(&zone, '2', question);
	for (uint32_t i = 0; i < d->conf->dnsbl.listen.count; i++) {
		const char *server = d->conf->dnsbl.listen.item[i], *why = NULL;

		if (!strstr(doctor_text(t, "text"), server))
			why = ask(server, question, n);
		if (why)
			doctor_addf(d, DOCTOR_FAIL, NAME, "who asks there takes everybody for not listed",
				"journalctl -u limetwigd; is a firewall in between?", "%s %s", server, why);
	}
}

void doctor_check_dnsbl(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *t = json_object_get(f->status, "dnsbl");
	size_t before = d->count;

	if (!t)
		return;
	if (!render_bool(t, "up"))
		doctor_add(d, DOCTOR_FAIL, NAME, "does not run", "who asks takes everybody for not listed",
			"journalctl -u limetwigd: why does it end?");
	if (*doctor_text(t, "text"))
		doctor_addf(d, DOCTOR_FAIL, NAME, "who asks there takes everybody for not listed",
			"see who has it: ss -lntup; or another address in dnsbl listen; then: limetwig reload",
			"cannot listen on %s", doctor_text(t, "text"));
	check_answers(d, t);
	if (d->count == before)
		doctor_addf(d, DOCTOR_OK, NAME, NULL, NULL, "%s at %llu address%s%s", doctor_text(t, "zone"),
			(unsigned long long)render_number(t, "listening"),
			render_number(t, "listening") == 1 ? "" : "es",
			render_bool(t, "acting") ? "" : ", test entries only: blocks do not act now");
}
