/*
 * dns_list_rig: our list (blocks, feeds, holes) on its way into the zone of
 * dns_server_rig, by dns_mirror and dns_primary together. Time and the
 * connection, which always comes up, are the test's.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_DNS_LIST_RIG_H
#define TESTS_DNS_LIST_RIG_H
#include <stdio.h>
#include <stdlib.h>

#include "dns_server_rig.h"
#include "set_rig.h"

#define TESTS 4 /* records of the test entries: A and TXT of two */

static const char drop[CONF_TITLE] = "drop";

static struct dns_tsig_key key = { .name = "limetwig.example", .algorithm = DNS_TSIG_SHA256, .n = 32 };
static const uint8_t hash_key[SIPHASH_KEY] = { 1, 2, 3 };
static struct conf conf;
static struct dns_mirror mirror;
static struct dns_primary primary;
static struct rig rig;
static struct block_entry blocks[1000];
static size_t block_count;
static uint64_t mono_ms;

static inline struct dns_primary_time now(void)
{
	return (struct dns_primary_time){ rig_now, mono_ms, (uint16_t)(mono_ms * 7 + rig.asked[0] + 3 * rig.asked[2]) };
}

void rig_deliver(struct rig *r, struct slice message)
{
	struct dns_primary_time t = now();

	dns_primary_message(r->p, &t, message);
}

static inline void block(const char *subject, uint64_t left_s, const char *case_id)
{
	struct block_entry *e = &blocks[block_count++];

	*e = (struct block_entry){ .until = (uint32_t)(rig_now + left_s), .offence = 1 };
	assert_int_equal(prefix_parse(slice_str(subject), &e->subject), ERR_OK);
	slice_copy(slice_str(case_id), e->case_id, sizeof e->case_id);
}

/* Our list has changed. Each a prefix or NULL. */
static inline void want_all(const char *feed, const char *other, const char *holes)
{
	struct export_source s = { .now = rig_now };

	assert_int_equal(export_source_blocks(&s, blocks, block_count), ERR_OK);
	if (feed)
		source_add_list(&s, feed, drop, 9);
	if (other)
		source_add_list(&s, other, "other", 8);
	if (holes)
		source_add_list(&s, holes, NULL, 0);
	assert_int_equal(export_source_seal(&s), ERR_OK);
	dns_mirror_want(&mirror, &s, &conf);
	primary.is_dirty = true;
	export_source_done(&s);
}

static inline void want(const char *feed, const char *holes)
{
	want_all(feed, NULL, holes);
}

/* Until it waits, or that many updates are there; the connection always comes up. */
static inline void run_updates(unsigned updates)
{
	for (unsigned n = 0; n < 10000 && rig.asked[2] < updates; n++) {
		struct dns_primary_time t = now();

		switch (dns_primary_next(&primary, &t)) {
		case DNS_PRIMARY_WAIT:
			return;
		case DNS_PRIMARY_CONNECT:
			dns_primary_up(&primary, &t);
			break;
		case DNS_PRIMARY_SEND:
			rig_serve(&rig);
			break;
		case DNS_PRIMARY_AGAIN:
		case DNS_PRIMARY_CLOSE:
			break;
		}
	}
	if (rig.asked[2] < updates)
		fail_msg("it never waits");
}

static inline void run(void)
{
	run_updates(UINT32_MAX);
}

static inline int begin(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 32; i++)
		key.secret[i] = (uint8_t)i;
	conf = (struct conf){ .dnsbl = { .code_hit = 2, .code_person = 4, .code_wide = 5 },
		.dns_update = { .ttl_s = 300 } };
	slice_copy(slice_str("https://example.org/?%s"), conf.dnsbl.url, sizeof conf.dnsbl.url);
	memset(&rig, 0, sizeof rig);
	rig.p = &primary;
	rig.serial = 100;
	block_count = 0;
	mono_ms = 1000;
	rig_now = 1795332000;
	dns_mirror_init(&mirror, hash_key);
	dns_primary_init(&primary, &mirror, &key, RIG_ZONE);
	dns_mirror_want(&mirror, NULL, &conf);
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	dns_mirror_done(&mirror);
	return 0;
}

static inline const struct rig_record *find(const char *owner, unsigned type)
{
	for (size_t i = 0; i < rig.records; i++)
		if (strcmp(rig.zone[i].owner, owner) == 0 && rig.zone[i].type == type)
			return &rig.zone[i];
	return NULL;
}

static inline void assert_listed(const char *owner, unsigned code)
{
	const struct rig_record *a = find(owner, DNS_A);

	if (!a)
		fail_msg("%s is not in the zone", owner);
	assert_int_equal(a->n, 4);
	assert_int_equal(a->data[0], 127);
	assert_int_equal(a->data[3], code);
	assert_non_null(find(owner, DNS_TXT));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif /* TESTS_DNS_LIST_RIG_H */
