/*
 * fuzz_postfix_drift: what postconf prints of main.cf and master.cf. Byte 0: which.
 * Findings are few and have a text without control characters.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/postfix_drift.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct postfix_drift *d)
{
	if (d->count > POSTFIX_DRIFT_MAX)
		abort();
	for (unsigned i = 0; i < d->count; i++) {
		const char *end = memchr(d->text[i], '\0', POSTFIX_DRIFT_TEXT);

		if (!end || end == d->text[i])
			abort();
		for (const char *c = d->text[i]; *c; c++)
			if ((unsigned char)*c < ' ' || *c == 0x7f)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct postfix_drift d;
	static struct conf conf;
	struct slice in;
	enum err e;

	if (size == 0)
		return 0;
	in = slice_of(data + 1, size - 1);
	conf_defaults(&conf);
	conf.postfix.own_services.count = 1;
	slice_copy(SLICE_LIT("25"), conf.postfix.own_services.item[0], CONF_ITEM);
	slice_copy(SLICE_LIT("lmdb:/etc/postfix/limetwig_virtual"), conf.postfix.map, CONF_TEXT);
	slice_copy(SLICE_LIT("lmdb:/etc/postfix/limetwig_domains"), conf.postfix.domains, CONF_TEXT);
	conf.firewall.action = data[0] & 4 ? FW_ACTION_TARPIT : conf.firewall.action;
	d.count = 0;
	e = data[0] & 1 ? postfix_drift_find_master(in, &conf, data[0] & 2, &d) : postfix_drift_find(in, &conf, &d);
	if (e == ERR_OK)
		check(&d);
	else if (e != ERR_SYNTAX && e != ERR_NOMEM)
		abort();
	return 0;
}
