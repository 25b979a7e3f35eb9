/*
 * fuzz_feed_plan: a spamd.conf of somebody's as a plan: each feed has a name of
 * its own that a file may have, and parts that say where they are.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/conf_value.h"
#include "core/feed_plan.h"
#include "core/feed_text.h"

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void look(const struct feed_spec *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	struct ipaddr client = { .family = 4, .b = { 192, 0, 2, 1 } };
	char store[FEED_WHERE], told[MESSAGE_FEED_TEXT + IPADDR_TEXT];
	char *argv[FEED_WORDS + 1];

	must(s->conf.title[0] && strspn(s->conf.title, allowed) == strlen(s->conf.title));
	must(s->parts >= 1 && s->parts <= FEED_PARTS && !s->part[0].is_white);
	for (unsigned i = 0; i < s->parts; i++) {
		must(s->part[i].where[0] != '\0' && s->part[i].is_white == (i > 0));
		if (s->part[i].way == FEED_WAY_COMMAND && feed_plan_words(s->part[i].where, store, argv))
			must(argv[0][0] == '/');
	}
	for (const char *c = s->text; *c; c++)
		must(*c >= ' ' && *c <= '~');
	feed_text_expand(s->text, &client, told, sizeof told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf c;
	char reason[SPAMD_CONF_REASON];
	struct spamd_conf s = { 0 };
	struct feed_plan p = { 0 };
	unsigned line;

	conf_defaults(&c);
	if (spamd_conf_parse(slice_of(data, size), &s, &line, reason) == ERR_OK) {
		must(feed_plan_make(&c, &s, &p) == ERR_OK);
		for (unsigned i = 0; i < p.count; i++) {
			look(&p.feed[i]);
			must(feed_plan_find(&p, p.feed[i].conf.title) == &p.feed[i]);
		}
	}
	feed_plan_done(&p);
	spamd_conf_done(&s);
	return 0;
}
