/*
 * test_conf_check: what is wrong with a configuration whose single values are right.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/conf_value.h"
#include "core/dns_owner.h"

#include <stdio.h>
#include <string.h>

static struct conf c;

#define SET(field, text) (void)snprintf(field, sizeof(field), "%s", text)

/* The configuration is fine. */
static void fine(void)
{
	const struct conf_key *key = NULL;
	char text[CONF_REASON] = "";

	assert_int_equal(conf_value_check(&c, &key, text), ERR_OK);
	assert_null(key);
}

/* What is wrong stands in this key, and the reason has these words. */
static void wrong(const char *section, const char *name, const char *words)
{
	const struct conf_key *key = NULL;
	char text[CONF_REASON] = "";

	assert_int_equal(conf_value_check(&c, &key, text), ERR_SYNTAX);
	assert_non_null(key);
	assert_string_equal(key->section, section);
	assert_string_equal(key->name, name);
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, text);
}

static int setup(void **state)
{
	(void)state;
	memset(&c, 0, sizeof c);
	conf_defaults(&c);
	fine();
	return 0;
}

static void test_block(void **state)
{
	(void)state;
	c.block.first_s = c.block.max_s + 1;
	wrong("block", "first", "longer than max");
}

static void test_postfix(void **state)
{
	(void)state;
	c.postfix.queues.count = 0;
	wrong("postfix", "queues", "queue_directory");
}

static void test_firewall(void **state)
{
	(void)state;
	c.firewall.ports.count = 0;
	wrong("firewall", "ports", "backend = none");
	c.firewall.backend = FW_BACKEND_NONE;
	fine();
	c.firewall.backend = FW_BACKEND_HOOK;
	wrong("firewall", "hook-add", "");
}

static void test_tarpit(void **state)
{
	(void)state;
	c.tarpit.reply = 250;
	wrong("tarpit", "reply", "450 or 554");
	c.tarpit.reply = 554;
	fine();
	SET(c.tarpit.tls_key, "/etc/ssl/key.pem");
	wrong("tarpit", "tls-key", "stands alone");
	SET(c.tarpit.tls_certificate, "/etc/ssl/cert.pem");
	fine();
	c.tarpit.tls_key[0] = '\0';
	wrong("tarpit", "tls-certificate", "stands alone");
}

static void test_dns_lists(void **state)
{
	(void)state;
	c.dns_lists = 1;
	SET(c.dns_list[0].title, "good");
	SET(c.dns_list[0].codes, "127.0.0.2");
	wrong("dns-list", "zone", "of \"good\" is no domain");
	SET(c.dns_list[0].zone, "list.example.org");
	fine();
	SET(c.dns_list[0].codes, "127.0.0");
	wrong("dns-list", "codes", "of \"good\" are none");
}

static void test_feeds(void **state)
{
	static const char *const sources[] = { "/list", "http://lists.example/a", "https://lists.example/a" };
	struct conf_feed *f = &c.feed[0];

	(void)state;
	c.feed_count = 1;
	SET(f->title, "drop");
	SET(f->layers, "policy firewall dnsbl export");
	wrong("feed", "source", "of \"drop\" is missing");
	SET(f->command, "rsync host::list /list");
	wrong("feed", "command", "whole path");
	SET(f->command, "/usr/bin/rsync host::list /list");
	fine();
	SET(f->source, "/list");
	wrong("feed", "source", "beside a command");
	f->command[0] = '\0';
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		SET(f->source, sources[i]);
		fine();
	}
	SET(f->source, "ftp://lists.example/a");
	wrong("feed", "source", "no https://");
	SET(f->source, "/list");
	SET(f->layers, "policy dns");
	wrong("feed", "layers", "another word");
	SET(f->layers, "");
	fine();
}

static void test_exports(void **state)
{
	static const char *const no_names[] = { "", ".hidden", "a/b", "/list" };

	(void)state;
	c.exports = 2;
	SET(c.export[0].title, "ours");
	SET(c.export[0].file, "list");
	SET(c.export[1].title, "zone");
	SET(c.export[1].file, "zone");
	fine();
	for (size_t i = 0; i < sizeof no_names / sizeof no_names[0]; i++) {
		SET(c.export[1].file, no_names[i]);
		wrong("export", "file", "of \"zone\" is no name");
	}
	SET(c.export[1].file, "list");
	wrong("export", "file", "of another export");
	SET(c.export[1].file, "zone");
	c.export[1].format = EXPORT_RPZ;
	wrong("export", "zone", "no domain");
	c.export[1].format = EXPORT_BIND;
	wrong("export", "zone", "no domain");
	SET(c.export[1].zone, "bl.example.org");
	fine();
	c.export[1].format = EXPORT_PLAIN;
	SET(c.export[1].zone, "bl..example.org");
	wrong("export", "zone", "no domain");
	SET(c.export[1].zone, "");
	SET(c.export[1].command, "rsync");
	wrong("export", "command", "whole path");
}

static void test_dnsbl(void **state)
{
	(void)state;
	SET(c.dnsbl.zone, "bl..example.org");
	wrong("dnsbl", "zone", "no domain");
	SET(c.dnsbl.zone, "bl.example.org");
	fine();
	c.dnsbl.listen.count = 0;
	wrong("dnsbl", "listen", "is empty");
}

static void test_dns_update(void **state)
{
	(void)state;
	SET(c.dns_update.zone, "bl.example.org");
	fine(); /* there is no server */
	SET(c.dns_update.server, "127.0.0.1:53");
	wrong("dns-update", "key-file", "signed");
	SET(c.dns_update.key_file, "/etc/limetwig/key");
	fine();
	SET(c.dns_update.zone, "");
	wrong("dns-update", "zone", "no domain");
	/* a byte more than what the name of an IPv6 host fits in front of */
	memset(c.dns_update.zone, 'a', DNS_OWNER_ZONE + 1);
	c.dns_update.zone[DNS_OWNER_ZONE + 1] = '\0';
	for (size_t i = 60; i < DNS_OWNER_ZONE; i += 60)
		c.dns_update.zone[i] = '.';
	wrong("dns-update", "zone", "longer than 189");
	c.dns_update.zone[DNS_OWNER_ZONE] = '\0';
	fine();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_block, setup),
		cmocka_unit_test_setup(test_postfix, setup),
		cmocka_unit_test_setup(test_firewall, setup),
		cmocka_unit_test_setup(test_tarpit, setup),
		cmocka_unit_test_setup(test_dns_lists, setup),
		cmocka_unit_test_setup(test_feeds, setup),
		cmocka_unit_test_setup(test_exports, setup),
		cmocka_unit_test_setup(test_dnsbl, setup),
		cmocka_unit_test_setup(test_dns_update, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
