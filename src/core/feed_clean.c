/*
 * feed_clean: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/feed_clean.h"

#include <stdlib.h>

#include "base/escape.h"

/* What ipaddr_is_private says of single addresses, as networks. */
static const struct prefix private_nets[] = {
	{ { 4, { 0 } }, 8 },
	{ { 4, { 10 } }, 8 },
	{ { 4, { 100, 64 } }, 10 },
	{ { 4, { 127 } }, 8 },
	{ { 4, { 169, 254 } }, 16 },
	{ { 4, { 172, 16 } }, 12 },
	{ { 4, { 192, 168 } }, 16 },
	{ { 4, { 224 } }, 3 },
	{ { 6, { 0 } }, 127 },
	{ { 6, { 0x01 } }, 64 },
	{ { 6, { 0xfc } }, 7 },
	{ { 6, { 0xfe, 0x80 } }, 9 },
	{ { 6, { 0xff } }, 8 },
};

void feed_rules_init(struct feed_rules *ret)
{
	*ret = (struct feed_rules){ .widest_ipv4 = FEED_WIDEST_IPV4, .widest_ipv6 = FEED_WIDEST_IPV6 };
}

/* More addresses than a prefix of the widest length has? Both ends may lie in different ones. */
static bool is_too_wide(const struct feed_line *l, const struct feed_rules *r)
{
	unsigned keep = l->first.family == 4 ? r->widest_ipv4 : r->widest_ipv6;
	unsigned width = ipaddr_bits(&l->first), borrow = 0;
	uint8_t diff[16] = { 0 };

	for (unsigned i = width / 8; i-- > 0;) {
		unsigned v = 256u + l->last.b[i] - l->first.b[i] - borrow;

		diff[i] = (uint8_t)v;
		borrow = v < 256;
	}
	for (unsigned bit = 0; bit < keep && bit < width; bit++)
		if (diff[bit / 8] & (0x80u >> bit % 8))
			return true;
	return false;
}

/* NULL: may be used. An exclusion hurts nobody. */
static const char *wrong_with(const struct feed_line *l, const struct feed_rules *r)
{
	if (l->is_out)
		return NULL;
	if (is_too_wide(l, r))
		return "too wide: nobody can mean all of these";
	if (ipaddr_is_private(&l->first) || ipaddr_is_private(&l->last))
		return "not addresses of the Internet";
	if (!r->is_documentation_allowed && (ipaddr_is_documentation(&l->first) || ipaddr_is_documentation(&l->last)))
		return "addresses of examples";
	return NULL;
}

static enum err note_refused(struct feed_report *r, unsigned line, const char *reason, struct slice text)
{
	if (!r->first) {
		r->first = calloc(FEED_REFUSED_KEPT, sizeof *r->first);
		if (!r->first)
			return ERR_NOMEM;
	}
	r->refused++;
	if (r->kept < FEED_REFUSED_KEPT) {
		struct feed_refused *f = &r->first[r->kept++];

		f->line = line;
		f->reason = reason;
		(void)escape_text(slice_trim(slice_head(text, FEED_REFUSED_TEXT)), f->text, sizeof f->text);
	}
	return ERR_OK;
}

static enum err take_line(struct slice text, unsigned number, const struct feed_rules *rules, struct prefix_set *set,
	struct feed_report *report)
{
	struct feed_line l;
	const char *wrong;

	feed_line_parse(report->format, text, number, &l);
	if (l.kind == FEED_NOTHING)
		return ERR_OK;
	l.is_out = l.is_out || rules->is_spamd_white;
	wrong = l.kind == FEED_REFUSED ? l.reason : wrong_with(&l, rules);
	if (wrong)
		return note_refused(report, number, wrong, text);
	report->entries++;
	report->exclusions += l.is_out;
	return prefix_set_add_range(set, &l.first, &l.last, l.is_out);
}

/* Inside of what a feed of its own rules may name wider than the widest of these. */
static enum err punch_private(struct prefix_set *set)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof private_nets / sizeof private_nets[0] && e == ERR_OK; i++)
		e = prefix_set_add(set, &private_nets[i], true);
	return e;
}

enum err feed_clean(
	struct slice text, const struct feed_rules *rules, struct prefix_set *set, struct feed_report *report)
{
	struct slice line;
	unsigned number = 0;
	enum err e = punch_private(set);

	report->format = rules->format == FEED_AUTO ? feed_format_guess(text) : rules->format;
	while (e == ERR_OK && slice_line(&text, &line)) {
		report->lines++;
		e = take_line(line, ++number, rules, set, report);
	}
	return e;
}

void feed_report_done(struct feed_report *r)
{
	free(r->first);
	*r = (struct feed_report){ 0 };
}
