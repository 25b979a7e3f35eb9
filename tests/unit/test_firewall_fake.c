/*
 * firewall_fake: addresses whose mail port refuses everybody, in a network
 * namespace of its own with real listeners and connections.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "firewall_netns.h"

#include "io/firewall_nft.h"

#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:1::7"
#define FAKE4 "203.0.113.5"
#define FAKE6 "2001:db8:2::7"
#define REAL4 "192.0.2.1"
#define REAL6 "2001:db8::1"

static bool has_netns;
static struct conf conf;

static void list_add(struct conf_list *l, const char *address)
{
	(void)snprintf(l->item[l->count++], CONF_ITEM, "%s", address);
}

static int try_it(const char *from, const char *to)
{
	int fd = netns_connect(from, to, NETNS_PORT);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

static void assert_open(int fake)
{
	assert_int_equal(try_it(CLIENT4, FAKE4), fake);
	assert_int_equal(try_it(CLIENT6, FAKE6), fake);
	assert_int_equal(try_it(CLIENT4, REAL4), 0);
	assert_int_equal(try_it(CLIENT6, REAL6), 0);
}

static void make(struct firewall_nft *f, bool is_changed)
{
	bool kept, changed;

	assert_int_equal(firewall_nft_make(f, &kept, &changed), ERR_OK);
	assert_int_equal(changed, is_changed);
}

static void test_refuses_everybody_there(void **state)
{
	static const uint16_t port[] = { NETNS_PORT };
	struct firewall_nft *f;

	(void)state;
	if (!has_netns)
		skip();
	assert_int_equal(firewall_nft_open(&f), ERR_OK);
	firewall_nft_setup(f, port, 1, false, 10000);
	assert_int_equal(firewall_nft_remove(f), ERR_OK);
	assert_open(0);
	firewall_nft_fake(f, &conf);
	make(f, true);
	assert_open(ECONNREFUSED);
	make(f, false);
	netns_nft("flush chain inet limetwig fake"); /* somebody else */
	make(f, true);
	assert_open(ECONNREFUSED);
	firewall_nft_setup(f, port, 1, true, 10000); /* action drop: still a reset */
	make(f, true);
	assert_open(ECONNREFUSED);
	firewall_nft_redirect(f, 10725); /* and with chains of another kind */
	make(f, true);
	assert_open(ECONNREFUSED);
	make(f, false);
	conf.mx.fake.count = 0;
	firewall_nft_fake(f, &conf);
	make(f, true);
	assert_open(0);
	assert_int_equal(firewall_nft_remove(f), ERR_OK);
	firewall_nft_close(f);
}

static void test_never_where_mail_is_expected(void **state)
{
	static struct conf c;
	struct ipaddr a[FIREWALL_FAKES];

	(void)state;
	list_add(&c.mx.better, "192.0.2.11");
	list_add(&c.mx.worse, "2001:db8::12");
	list_add(&c.mx.fake, "192.0.2.11");
	list_add(&c.mx.fake, "2001:db8:0::12");
	list_add(&c.mx.fake, "127.0.0.1");
	list_add(&c.mx.fake, "::1");
	list_add(&c.mx.fake, "192.0.2.10");
	assert_int_equal(firewall_fakes(&c, a), 1);
	assert_int_equal(a[0].b[3], 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_refuses_everybody_there),
		cmocka_unit_test(test_never_where_mail_is_expected) };

	list_add(&conf.mx.fake, FAKE4);
	list_add(&conf.mx.fake, FAKE6);
	has_netns = netns_enter();
	if (has_netns) {
		(void)netns_listen(REAL4, NETNS_PORT);
		(void)netns_listen(REAL6, NETNS_PORT);
		(void)netns_listen(FAKE4, NETNS_PORT);
		(void)netns_listen(FAKE6, NETNS_PORT);
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
