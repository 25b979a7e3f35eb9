/*
 * fuzz_firewall_hook: what a site's own list command prints, and words with
 * our signs in them. Byte 0: of which block.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/firewall_hook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_list(struct slice rest)
{
	char text[HOOK_TEXT];
	struct prefix p, q;

	for (size_t before = rest.n + 1; rest.n < before && firewall_hook_next(&rest, &p);) {
		before = rest.n + 1;
		if (p.len > ipaddr_bits(&p.addr))
			abort();
		/* what we would give to its commands is what it lists */
		if (prefix_parse(slice_str(prefix_format(&p, text)), &q) != ERR_OK || !prefix_eq(&p, &q))
			abort();
	}
}

static void expand(struct slice s, uint8_t how)
{
	struct fw_op op = { .is_add = how & 1, .ttl_s = how * 1000u, .prefix = { .addr = { .family = 4 }, .len = 32 } };
	char word[CONF_ITEM];
	struct buf to;
	enum err e;

	if (how & 2)
		op.prefix = (struct prefix){ .addr = { .family = 6, .b = { 0x20, 1, 0xd, 0xb8 } }, .len = 64 };
	slice_copy(s, word, sizeof word);
	buf_init(&to, 64u + how);
	e = firewall_hook_expand(word, how & 4 ? NULL : &op, &to);
	if (to.n > to.cap || (e == ERR_OK && memchr(to.p ? to.p : "", '\0', to.n)))
		abort();
	buf_done(&to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf conf;
	const char *key = NULL;
	char text[200] = "";
	struct slice in;

	if (size == 0)
		return 0;
	in = slice_of(data + 1, size - 1);
	read_list(in);
	expand(in, data[0]);
	conf_defaults(&conf);
	conf.firewall.hook_add.count = conf.firewall.hook_remove.count = 2;
	slice_copy(SLICE_LIT("/bin/x"), conf.firewall.hook_add.item[0], CONF_ITEM);
	slice_copy(SLICE_LIT("/bin/y"), conf.firewall.hook_remove.item[0], CONF_ITEM);
	slice_copy(in, conf.firewall.hook_add.item[1], CONF_ITEM);
	slice_copy(in, conf.firewall.hook_remove_line, CONF_ITEM);
	if (!firewall_hook_check(&conf, &key, text, sizeof text) && (!key || !text[0]))
		abort();
	if (firewall_hook_batch(&conf, HOOK_ADD) == 0 || firewall_hook_batch(&conf, HOOK_ADD) > MESSAGE_HOOK_OPS)
		abort();
	return 0;
}
