/*
 * engine_kill: the session that brought a host its block is not left open. Who
 * is noted here was charged with a hit; whether he is blocked is asked when it
 * matters, since the breaker or a DNS list may still speak for him.
 *
 * At its next recipient Postfix closes the session for 421. With kill-sessions
 * = socket the firewall role resets it too: after a second, so that Postfix's
 * answer to the message is on its way, and the role waits until it was read.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_session.h"

#include "base/num.h"
#include "io/log.h"

#define AFTER_S 1  /* from the hit to the reset */
#define UNTIL_S 10 /* a block that is asked for (DNS lists) is waited for */
#define KEPT_S 300 /* a session that does nothing is ended by Postfix then */

#define KEY 19

static uint16_t port_of(struct slice s)
{
	uint64_t v;

	return num_parse(s, UINT16_MAX, &v) == ERR_OK ? (uint16_t)v : 0;
}

void engine_kill_ends(const struct policy_request *r, struct session_ends *ret)
{
	*ret = (struct session_ends){ .client_port = port_of(r->client_port), .server_port = port_of(r->server_port) };
	if (ipaddr_parse(r->server_address, &ret->server) != ERR_OK)
		ret->server = (struct ipaddr){ 0 };
}

static struct slice key_of(const struct ipaddr *client, uint16_t port, uint8_t to[KEY])
{
	to[0] = client->family;
	memcpy(to + 1, client->b, sizeof client->b);
	to[17] = (uint8_t)(port >> 8);
	to[18] = (uint8_t)port;
	return slice_of(to, KEY);
}

void engine_kill_note(struct engine *e, const struct ipaddr *client, const struct session_ends *ends)
{
	uint8_t key[KEY];
	void *v;

	if (e->host->conf.firewall.kill_sessions == KILL_NO || ends->client_port == 0)
		return;
	if (keymap_put(&e->sessions->kill, key_of(client, ends->client_port, key), &v, NULL) != ERR_OK)
		return; /* he is refused all the same */
	*(struct engine_kill *)v = (struct engine_kill){ .client = *client, .ends = *ends, .at = clock_wall_s() };
}

bool engine_kill_is_due(struct engine *e, const struct policy_request *r, const struct gate_result *g)
{
	uint8_t key[KEY];

	/* at a shared provider others send through the same session */
	if (e->sessions->kill.count == 0 || subject_is_identity(&g->block.subject))
		return false;
	if (!keymap_del(&e->sessions->kill, key_of(&g->client, port_of(r->client_port), key)))
		return false;
	e->sessions->told++;
	return true;
}

struct tick {
	struct engine *e;
	uint64_t now;
	unsigned asked;
};

static bool is_blocked(const struct engine *e, const struct ipaddr *client, uint64_t now)
{
	struct gate_view v = engine_gate_view(e);
	struct block_entry b;

	return block_index_find(&e->blocks, client, now, &b) && gate_origin_of(&v, client) == GATE_FOREIGN;
}

static bool ask(struct engine *e, const struct engine_kill *k)
{
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof out);

	message_put_fw_kill(&w, MSG_FW_KILL,
		&(struct msg_fw_kill){ .client = k->client,
			.server = k->ends.server,
			.client_port = k->ends.client_port,
			.server_port = k->ends.server_port });
	return role_host_send(e->host, ROLE_FIREWALL, &w, NULL, 0) == ERR_OK;
}

/* The entry stays for the policy layer: there may be no such socket here, or no such kernel. */
static bool look(void *value, void *ctx)
{
	struct engine_kill *k = value;
	struct tick *t = ctx;

	if (t->now >= k->at + KEPT_S || t->now < k->at)
		return false;
	if (t->e->host->conf.firewall.kill_sessions != KILL_SOCKET || k->is_asked || !engine_is_enforcing(t->e))
		return true;
	if (t->now < k->at + AFTER_S + 1 || t->now > k->at + UNTIL_S || t->asked == ENGINE_KILL_TELLS)
		return true;
	if (k->ends.server.family != k->client.family || !is_blocked(t->e, &k->client, t->now))
		return true;
	t->asked++;
	k->is_asked = ask(t->e, k);
	t->e->sessions->killed[FW_KILL_ASK] += k->is_asked;
	return true;
}

void engine_kill_tick(struct engine *e, uint64_t now)
{
	struct tick t = { e, now, 0 };

	(void)keymap_retain(&e->sessions->kill, 0, look, &t);
}

void engine_kill_done(struct engine *e, const struct msg_fw_kill *m)
{
	char client[IPADDR_TEXT];
	uint8_t key[KEY];

	if (m->result == FW_KILL_ASK)
		return;
	e->sessions->killed[m->result]++;
	if (m->result != FW_KILL_DONE)
		return;
	(void)keymap_del(&e->sessions->kill, key_of(&m->client, m->client_port, key));
	log_info("kill", "client=%s port=%u text=\"session reset\"", ipaddr_format(&m->client, client), m->client_port);
	engine_watch(e, "kill", "client=%s port=%u", client, m->client_port);
}

/* The first thing that stands in the way, as far as it was met; "" nothing. */
static const char *state_of(const struct engine_sessions *x)
{
	if (x->killed[FW_KILL_MISSING])
		return "missing";
	if (x->killed[FW_KILL_DENIED])
		return "denied";
	return x->killed[FW_KILL_ERROR] ? "error" : "ok";
}

void engine_kill_status(const struct engine *e, json_t *j, json_t *warnings)
{
	static const char *const modes[] = { "", "no", "policy", "socket" };
	const struct engine_sessions *x = e->sessions;
	enum conf_kill mode = e->host->conf.firewall.kill_sessions;
	const char *state = mode == KILL_SOCKET ? state_of(x) : "ok";

	if (mode == KILL_NO)
		return;
	(void)json_object_set_new(j, "kill",
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "mode", modes[mode], "state", state, "told",
			(json_int_t)x->told, "asked", (json_int_t)x->killed[FW_KILL_ASK], "reset",
			(json_int_t)x->killed[FW_KILL_DONE], "gone", (json_int_t)x->killed[FW_KILL_GONE], "refused",
			(json_int_t)x->killed[FW_KILL_REFUSED], "unread", (json_int_t)x->killed[FW_KILL_UNREAD]));
	if (strcmp(state, "missing") == 0)
		(void)json_array_append_new(
			warnings, json_string("kill-sessions = socket: this kernel cannot reset connections "
					      "(CONFIG_INET_DIAG_DESTROY); it is as policy"));
	else if (strcmp(state, "ok") != 0)
		(void)json_array_append_new(
			warnings, json_string("kill-sessions = socket: the kernel refuses; it is as policy"));
}
