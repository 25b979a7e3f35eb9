/*
 * test_firewall_by_hook: the firewall role with backend = hook, with this test
 * as the engine and as the role run: which calls follow on which changes.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>

#include "firewall_netns.h"
#include "firewall_rig.h"

static struct channel *run;
static struct msg_hook asked; /* the call that waits for its end; what 0: none */
static bool has_netns;

static void on_call(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	(void)peer;
	(void)fds;
	(void)n;
	assert_int_equal(t, MSG_HOOK);
	assert_int_equal(asked.what, 0); /* one at a time */
	assert_int_equal(message_get_hook(body, &asked), ERR_OK);
	loop_stop(h.loop);
}

static void set_words(struct conf_list *l, const char *program)
{
	l->count = 2;
	(void)snprintf(l->item[0], CONF_ITEM, "%s", program);
	(void)snprintf(l->item[1], CONF_ITEM, "%%s");
}

static int setup(void **state)
{
	int pair[2];

	(void)state;
	memset(&h, 0, sizeof h);
	asked.what = 0;
	h.role = ROLE_FIREWALL;
	h.ops = &firewall_ops;
	h.loop = loop_new();
	conf_defaults(&h.conf);
	h.conf.firewall.backend = FW_BACKEND_HOOK;
	h.conf.firewall.action = FW_ACTION_REJECT;
	h.conf.firewall.max_elements = 8;
	set_words(&h.conf.firewall.hook_add, "/bin/add");
	set_words(&h.conf.firewall.hook_remove, "/bin/remove");
	assert_int_equal(firewall_ops.start(&h), ERR_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	h.link[ROLE_RUN] = channel_new(h.loop, pair[0], ROLE_FIREWALL, ROLE_RUN, on_role_message, on_closed, NULL);
	run = channel_new(h.loop, pair[1], ROLE_RUN, ROLE_FIREWALL, on_call, on_closed, NULL);
	firewall_ops.linked(&h, ROLE_RUN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	channel_free(run);
	channel_free(h.link[ROLE_RUN]);
	role_free(h.ctx);
	loop_free(h.loop);
	return 0;
}

static struct firewall *role(void)
{
	return h.ctx;
}

static void change(bool is_add, uint32_t host)
{
	static struct msg_fw_ops m;
	static uint8_t bytes[MESSAGE_MAX];
	struct wr w = wr_init(bytes, sizeof bytes);
	uint8_t b[4] = { 20, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host };
	struct ipaddr a = { .family = 4 };
	struct rd r;

	memcpy(a.b, b, sizeof b);
	m = (struct msg_fw_ops){ .seq = 1, .count = 1 };
	m.op[0] = (struct fw_op){ .is_add = is_add, .prefix = prefix_of(&a, 32), .ttl_s = is_add ? 3600 : 0 };
	message_put_fw_ops(&w, MSG_FW_OPS, &m);
	r = rd_init(bytes + 1, w.n - 1);
	firewall_ops.message(&h, ROLE_ENGINE, MSG_FW_OPS, &r, NULL, 0);
}

static void await_call(enum hook_what what, size_t count)
{
	while (!asked.what)
		go_on();
	assert_int_equal(asked.what, what);
	assert_int_equal(asked.count, count);
}

static void end_call(int status)
{
	static uint8_t bytes[MESSAGE_FW_TEXT + 32];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct msg_hook_done m = { .seq = asked.seq, .status = status };

	asked.what = 0;
	message_put_hook_done(&w, MSG_HOOK_DONE, &m);
	assert_int_equal(channel_send(run, &w, NULL, 0), ERR_OK);
}

static bool is_asked_for(uint32_t host)
{
	return asked.op[0].prefix.addr.b[3] == host;
}

/* A flood of blocks that end while a program runs needs no program, and no memory that grows. */
static void what_waits_has_a_cap(void **state)
{
	size_t cap;

	(void)state;
	change(true, 1);
	await_call(HOOK_ADD, 1);
	end_call(0);
	change(true, 2);
	await_call(HOOK_ADD, 1);
	cap = role()->hooks.touched.cap;
	assert_true(cap < 3000);
	for (uint32_t i = 0; i < 3000; i++) {
		change(true, 1000 + i);
		change(false, 1000 + i);
		assert_true(role()->hooks.touched.count <= cap);
	}
	change(false, 1);
	change(true, 3);
	end_call(0);
	/* what was to be done among them is done */
	for (int i = 0; i < 2; i++) {
		while (!asked.what)
			go_on();
		assert_true(is_asked_for(asked.what == HOOK_ADD ? 3 : 1));
		end_call(0);
	}
	while (role()->plan.present < 2)
		go_on();
	assert_int_equal(asked.what, 0);
	assert_int_equal(role()->plan.wanted.count, 2);
}

static void remove_in_vain(void)
{
	change(true, 1);
	await_call(HOOK_ADD, 1);
	end_call(0);
	change(false, 1);
	await_call(HOOK_REMOVE, 1);
	end_call(1);
	while (role()->hooks.running)
		go_on();
}

/* One that no block wants any more would stay in the other program for ever. */
static void a_removal_that_failed_is_tried_again(void **state)
{
	(void)state;
	remove_in_vain();
	assert_int_equal(asked.what, 0);
	role()->hooks.checked_ms = clock_mono_ms() - h.conf.firewall.hook_check_s * 1000;
	firewall_hook_tick(role());
	await_call(HOOK_REMOVE, 1);
	assert_true(is_asked_for(1));
	end_call(0);
	while (role()->hooks.running)
		go_on();
	/* it is gone: nobody asks once more */
	role()->hooks.checked_ms = clock_mono_ms() - h.conf.firewall.hook_check_s * 1000;
	firewall_hook_tick(role());
	go_on();
	assert_int_equal(asked.what, 0);
}

/* Blocked anew in the meantime: it is there, and it stays. */
static void a_removal_that_failed_gives_way_to_a_new_block(void **state)
{
	(void)state;
	remove_in_vain();
	change(true, 1);
	await_call(HOOK_ADD, 1);
	end_call(0);
	while (role()->hooks.running)
		go_on();
	role()->hooks.checked_ms = clock_mono_ms() - h.conf.firewall.hook_check_s * 1000;
	firewall_hook_tick(role());
	for (int i = 0; i < 2 && !asked.what; i++)
		go_on();
	assert_int_not_equal(asked.what, HOOK_REMOVE);
}

/* What run hands over as the output of hook-list. */
static void end_list(const char *text, bool is_sealed)
{
	static uint8_t bytes[MESSAGE_FW_TEXT + 32];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct msg_hook_done m = { .seq = asked.seq };
	int fd = memfd_create("list", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	if (is_sealed)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE), 0);
	asked.what = 0;
	message_put_hook_done(&w, MSG_HOOK_DONE, &m);
	assert_int_equal(channel_send(run, &w, &fd, 1), ERR_OK);
	(void)close(fd);
	while (role()->hooks.running)
		go_on();
}

/* Who could still cut it off could end us while we read. */
static void a_list_that_can_change_is_refused(void **state)
{
	(void)state;
	h.conf.firewall.hook_list.count = 1;
	(void)snprintf(h.conf.firewall.hook_list.item[0], CONF_ITEM, "/bin/list");
	role()->hooks.checked_ms = clock_mono_ms() - h.conf.firewall.hook_check_s * 1000;
	firewall_hook_tick(role());
	await_call(HOOK_LIST, 0);
	end_list("192.0.2.1\n", false);
	assert_false(role()->hooks.has_compared);
	assert_int_equal(role()->state, FW_HOOK);
	loop_remove(role()->hooks.again);
	role()->hooks.again = NULL;
	firewall_hook_pump(role());
	await_call(HOOK_LIST, 0);
	end_list("192.0.2.1\n", true);
	assert_true(role()->hooks.has_compared);
}

/* The hooks are emptied when the kernel takes over; what it has then stays known. */
static void the_kernel_takes_over(void **state)
{
	(void)state;
	if (!has_netns)
		skip();
	set_words(&h.conf.firewall.hook_flush, "/bin/flush");
	change(true, 1);
	await_call(HOOK_ADD, 1);
	end_call(0);
	while (role()->plan.present < 1)
		go_on();
	h.conf.firewall.backend = FW_BACKEND_NFTABLES;
	firewall_ops.reloaded(&h);
	await_call(HOOK_FLUSH, 0);
	while (role()->plan.present < 1 || role()->plan.is_filling)
		go_on();
	assert_true(netns_has("20.0.0.1"));
	end_call(0);
	while (role()->hooks.running)
		go_on();
	assert_int_equal(role()->plan.present, 1);
	assert_int_equal(role()->state, FW_OK);
	assert_int_equal(firewall_nft_remove(role()->nft), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_waits_has_a_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(a_removal_that_failed_is_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_removal_that_failed_gives_way_to_a_new_block, setup, teardown),
		cmocka_unit_test_setup_teardown(a_list_that_can_change_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(the_kernel_takes_over, setup, teardown),
	};

	has_netns = netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
