/*
 * test_firewall_kill: the firewall role is asked to reset connections; a real
 * one, whose client takes nothing, in a network namespace of our own.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "firewall_netns.h"
#include "firewall_rig.h"
#include "kernel_destroys.h"

#define CLIENT "198.51.100.7"
#define SERVER "192.0.2.1"
#define ASKS 500 /* several times what is done in a second */

static struct channel *engine;
static struct msg_fw_kill told; /* the last answer; ASK: none */
static unsigned answers, refused;
static bool has_netns;
static int listener, server, client;

static void on_answer(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	(void)peer;
	(void)fds;
	(void)n;
	if (t != MSG_FW_KILL)
		return;
	assert_int_equal(message_get_fw_kill(body, &told), ERR_OK);
	answers++;
	refused += told.result == FW_KILL_REFUSED;
	loop_stop(h.loop);
}

static int setup(void **state)
{
	int pair[2];

	(void)state;
	memset(&h, 0, sizeof h);
	told.result = FW_KILL_ASK;
	listener = server = client = -1;
	h.role = ROLE_FIREWALL;
	h.ops = &firewall_ops;
	h.loop = loop_new();
	conf_defaults(&h.conf);
	h.conf.firewall.action = FW_ACTION_REJECT;
	h.conf.firewall.kill_sessions = KILL_SOCKET;
	if (!has_netns)
		return 0;
	assert_int_equal(firewall_ops.start(&h), ERR_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	h.link[ROLE_ENGINE] =
		channel_new(h.loop, pair[0], ROLE_FIREWALL, ROLE_ENGINE, on_role_message, on_closed, NULL);
	engine = channel_new(h.loop, pair[1], ROLE_ENGINE, ROLE_FIREWALL, on_answer, on_closed, NULL);
	listener = netns_listen(SERVER, NETNS_PORT);
	client = netns_connect(CLIENT, SERVER, NETNS_PORT);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (has_netns) {
		channel_free(engine);
		channel_free(h.link[ROLE_ENGINE]);
		role_free(h.ctx);
		(void)close(client);
		(void)close(server);
		(void)close(listener);
	}
	loop_free(h.loop);
	return 0;
}

static bool is_alive(void)
{
	struct pollfd p = { .fd = server };

	assert_true(poll(&p, 1, 0) >= 0);
	return !(p.revents & (POLLERR | POLLHUP));
}

static struct msg_fw_kill this_session(void)
{
	struct sockaddr_in sa = { 0 };
	socklen_t n = sizeof sa;
	struct msg_fw_kill k = { .server_port = NETNS_PORT };

	assert_int_equal(getsockname(client, (struct sockaddr *)&sa, &n), 0);
	k.client_port = ntohs(sa.sin_port);
	assert_int_equal(ipaddr_parse(SLICE_LIT(CLIENT), &k.client), ERR_OK);
	assert_int_equal(ipaddr_parse(SLICE_LIT(SERVER), &k.server), ERR_OK);
	return k;
}

static void ask_for(const struct msg_fw_kill *k)
{
	uint8_t bytes[64];
	struct wr w = wr_init(bytes, sizeof bytes);

	told.result = FW_KILL_ASK;
	message_put_fw_kill(&w, MSG_FW_KILL, k);
	assert_int_equal(channel_send(engine, &w, NULL, 0), ERR_OK);
}

static void ask(void)
{
	struct msg_fw_kill k = this_session();

	ask_for(&k);
}

static void is_refused(const struct msg_fw_kill *k)
{
	ask_for(k);
	while (told.result == FW_KILL_ASK)
		go_on();
	assert_int_equal(told.result, FW_KILL_REFUSED);
	assert_true(is_alive());
}

static void fill_window(void)
{
	static char much[1 << 20];

	while (send(server, much, sizeof much, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		;
}

static void a_session_is_reset(void **state)
{
	(void)state;
	if (!has_netns || !kernel_destroys())
		skip();
	ask();
	while (told.result == FW_KILL_ASK)
		go_on();
	assert_int_equal(told.result, FW_KILL_DONE);
	assert_false(is_alive());
}

/* Switched off while a client is waited for: he is left alone. */
static void nobody_is_reset_when_it_is_off(void **state)
{
	const struct firewall *f = h.ctx;

	(void)state;
	if (!has_netns || !kernel_destroys())
		skip();
	fill_window();
	ask();
	do {
		go_on();
		assert_int_not_equal(told.result, FW_KILL_MISSING);
	} while (!f->kill);
	assert_int_equal(told.result, FW_KILL_ASK);
	h.conf.is_off = true;
	while (told.result == FW_KILL_ASK) /* at the next tick */
		go_on();
	assert_int_equal(told.result, FW_KILL_REFUSED);
	assert_true(is_alive());
}

/* The engine is not believed: only at our mail ports, never our own side, so many a second. */
static void what_may_not_be_is_refused(void **state)
{
	struct msg_fw_kill k, other;

	(void)state;
	if (!has_netns)
		skip();
	k = other = this_session();
	(void)snprintf(h.conf.firewall.ports.item[0], CONF_ITEM, "2525");
	h.conf.firewall.ports.count = 1;
	is_refused(&k);
	(void)snprintf(h.conf.firewall.ports.item[0], CONF_ITEM, "%d", NETNS_PORT);
	(void)snprintf(h.conf.own_networks.item[0], CONF_ITEM, "198.51.100.0/24");
	h.conf.own_networks.count = 1;
	firewall_ops.reloaded(&h);
	is_refused(&k);
	h.conf.own_networks.count = 0;
	firewall_ops.reloaded(&h);
	h.conf.firewall.kill_sessions = KILL_POLICY;
	is_refused(&k);
	h.conf.firewall.kill_sessions = KILL_SOCKET;
	other.client.b[3] ^= 1; /* no such connection: only counted */
	answers = refused = 0;
	for (unsigned i = 0; i < ASKS; i++)
		ask_for(&other);
	while (answers < ASKS)
		go_on();
	assert_in_range(refused, 1, ASKS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_session_is_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(what_may_not_be_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_reset_when_it_is_off, setup, teardown),
	};

	has_netns = netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
