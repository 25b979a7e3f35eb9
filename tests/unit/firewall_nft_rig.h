/*
 * firewall_nft_rig: firewall_nft on the kernel of a network namespace of the
 * test's own: opened, its table made, elements put in and read back.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_FIREWALL_NFT_RIG_H
#define TESTS_FIREWALL_NFT_RIG_H
#include "firewall_netns.h"
#include "io/firewall_nft.h"

static bool has_netns;

static inline struct firewall_nft *open_nft(void)
{
	static const uint16_t port[] = { NETNS_PORT };
	struct firewall_nft *f;

	if (!has_netns)
		skip();
	assert_int_equal(firewall_nft_open(&f), ERR_OK);
	firewall_nft_setup(f, port, 1, false, 10000);
	return f;
}

static inline void make(struct firewall_nft *f, bool is_kept, bool is_changed)
{
	bool kept, changed;

	assert_int_equal(firewall_nft_make(f, &kept, &changed), ERR_OK);
	assert_int_equal(kept, is_kept);
	assert_int_equal(changed, is_changed);
}

static inline struct firewall_nft *open_made(void)
{
	struct firewall_nft *f = open_nft();

	assert_int_equal(firewall_nft_remove(f), ERR_OK);
	make(f, false, true);
	return f;
}

static inline void op(struct firewall_nft *f, bool is_add, const char *prefix, uint32_t ttl)
{
	struct fw_op o = { .is_add = is_add, .ttl_s = ttl };
	bool done;

	assert_int_equal(prefix_parse(slice_str(prefix), &o.prefix), ERR_OK);
	assert_int_equal(firewall_nft_apply(f, &o, 1, &done), ERR_OK);
	assert_true(done);
}

struct seen {
	size_t n;
	struct prefix p;
	uint64_t left_ms;
};

static inline void on_element(void *ctx, const struct prefix *p, uint64_t left_ms)
{
	struct seen *s = ctx;

	s->n++;
	s->p = *p;
	s->left_ms = left_ms;
}

static inline struct seen dump(struct firewall_nft *f)
{
	struct seen s = { 0 };

	assert_int_equal(firewall_nft_dump(f, on_element, &s), ERR_OK);
	return s;
}

#endif /* TESTS_FIREWALL_NFT_RIG_H */
