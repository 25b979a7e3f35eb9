/*
 * firewall_kill: connections that the engine wants reset. Its word is checked
 * here: only at our mail ports, never a client that is never blocked, so many
 * a second. A client that has not taken Postfix's last answer is waited for.
 * SPDX-License-Identifier: ISC
 */
#include "role/firewall.h"

#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "io/log.h"
#include "io/sock_destroy.h"

#define A_SECOND 100  /* more are refused */
#define UNREAD 64     /* that are waited for; more are given up */
#define UNREAD_TRY 30 /* once a second */

struct firewall_kill {
	int fd; /* -1: none yet */
	unsigned in_second, unread;
	struct {
		struct msg_fw_kill kill;
		unsigned tries;
	} wait[UNREAD];
};

static struct firewall_kill *kill_of(struct firewall *f)
{
	if (!f->kill) {
		f->kill = calloc(1, sizeof *f->kill);
		if (f->kill)
			f->kill->fd = -1;
	}
	return f->kill;
}

static bool is_port(const struct conf *c, uint16_t port)
{
	uint64_t v;

	for (uint32_t i = 0; i < c->firewall.ports.count; i++)
		if (num_parse(slice_str(c->firewall.ports.item[i]), UINT16_MAX, &v) == ERR_OK && v == port)
			return true;
	return false;
}

static bool is_allowed(struct firewall *f, const struct msg_fw_kill *k)
{
	const struct conf *c = &f->host->conf;
	struct prefix client;

	if (k->client.family != k->server.family || k->client.family == 0 || k->client_port == 0)
		return false;
	if (c->is_off || c->firewall.kill_sessions != KILL_SOCKET || !is_port(c, k->server_port))
		return false;
	client = prefix_of(&k->client, k->client.family == 4 ? 32 : 128);
	return !firewall_plan_is_never(&f->plan, &client) && ++f->kill->in_second <= A_SECOND;
}

static void tell(struct firewall *f, const struct msg_fw_kill *k, enum fw_killed result)
{
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof out);
	struct msg_fw_kill m = *k;

	m.result = (uint8_t)result;
	message_put_fw_kill(&w, MSG_FW_KILL, &m);
	(void)role_host_send(f->host, ROLE_ENGINE, &w, NULL, 0); /* it only counts them */
}

static enum fw_killed open_socket(struct firewall_kill *x)
{
	enum err e;

	if (x->fd >= 0)
		return FW_KILL_DONE;
	e = sock_destroy_open(&x->fd);
	if (e == ERR_OK)
		return FW_KILL_DONE;
	return e == ERR_NOTFOUND ? FW_KILL_MISSING : FW_KILL_ERROR;
}

/* True: the client is to be waited for. */
static bool try_one(struct firewall *f, const struct msg_fw_kill *k)
{
	enum fw_killed r = is_allowed(f, k) ? open_socket(f->kill) : FW_KILL_REFUSED;

	if (r == FW_KILL_DONE)
		r = sock_destroy(f->kill->fd, k);
	if (r == FW_KILL_UNREAD)
		return true;
	if (r == FW_KILL_ERROR)
		log_warn("kill", "errno=%d text=\"a session could not be reset\"", errno);
	tell(f, k, r);
	return false;
}

void firewall_kill_take(struct firewall *f, struct rd *body)
{
	struct msg_fw_kill k;
	struct firewall_kill *x = kill_of(f);

	if (!x || message_get_fw_kill(body, &k) != ERR_OK || k.result != FW_KILL_ASK)
		return;
	if (!try_one(f, &k))
		return;
	if (x->unread == UNREAD) {
		tell(f, &k, FW_KILL_UNREAD);
		return;
	}
	x->wait[x->unread].kill = k;
	x->wait[x->unread++].tries = 0;
}

void firewall_kill_tick(struct firewall *f)
{
	struct firewall_kill *x = f->kill;

	if (!x)
		return;
	x->in_second = 0;
	for (unsigned i = x->unread; i-- > 0;) {
		bool is_over = !try_one(f, &x->wait[i].kill);

		if (!is_over && ++x->wait[i].tries < UNREAD_TRY)
			continue;
		if (!is_over)
			tell(f, &x->wait[i].kill, FW_KILL_UNREAD);
		x->wait[i] = x->wait[--x->unread];
	}
}
