/*
 * received: the part before "by" is cut into words and comments. The forms:
 *
 *   from helo (name [1.2.3.4])                        Postfix, Sendmail, OpenSMTPD, Google
 *   from helo (user@name [IPv6:2001:db8::1] (may be forged))        Sendmail with ident
 *   from name ([1.2.3.4]:1234 helo=helo)              Exim; from [1.2.3.4] (helo=helo)
 *   from name (1.2.3.4)                               Exchange; from helo (2001:db8::1)
 *   from name (HELO helo) (user@1.2.3.4)              qmail
 *   from helo (name [::ffff:1.2.3.4])                 Courier
 *   from 1.2.3.4 (EHLO helo)                          old Yahoo
 *
 * The address is in the first comment that has one; later comments are TLS
 * and login, with names that the client gave itself.
 * SPDX-License-Identifier: ISC
 */
#include "core/received.h"

static bool has_nocase(struct slice s, struct slice part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (slice_starts_nocase(slice_from(s, i), part))
			return true;
	return false;
}

static bool parse_address(struct slice s, struct ipaddr *ret)
{
	if (slice_starts_nocase(s, SLICE_LIT("IPv6:")))
		s = slice_from(s, 5);
	return ipaddr_parse(s, ret) == ERR_OK;
}

static bool is_helo_comment(struct slice c)
{
	return slice_starts_nocase(c, SLICE_LIT("HELO ")) || slice_starts_nocase(c, SLICE_LIT("EHLO ")) ||
	       slice_starts_nocase(c, SLICE_LIT("helo="));
}

/* What may follow "[address]" in a comment: nothing, ":port", or more words. */
static bool is_after_address(struct slice s)
{
	if (s.n && s.p[0] == ':')
		for (s = slice_from(s, 1); s.n && s.p[0] >= '0' && s.p[0] <= '9';)
			s = slice_from(s, 1);
	return s.n == 0 || s.p[0] == ' ';
}

/*
 * c: what stands between the parentheses. The last brackets hold the address:
 * before them is the client's text. Without brackets "user@address" or the address alone.
 */
static bool comment_address(struct slice c, struct ipaddr *ret)
{
	size_t open, close, at;

	c = slice_trim(c);
	if (is_helo_comment(c))
		return false;
	for (size_t i = 0; i < c.n; i++)
		if (slice_starts_nocase(slice_from(c, i), SLICE_LIT(" helo=")))
			c.n = i;
	close = slice_rfind(c, ']');
	if (close < c.n && is_after_address(slice_from(c, close + 1))) {
		open = slice_rfind(slice_head(c, close), '[');
		return open < close && parse_address(slice_head(slice_from(c, open + 1), close - open - 1), ret);
	}
	at = slice_rfind(c, '@');
	return parse_address(at < c.n ? slice_from(c, at + 1) : c, ret);
}

/* Cut a comment (with those in it) off the front of *s, which starts with its parenthesis. False: nothing closes it. */
static bool cut_comment(struct slice *s, struct slice *ret)
{
	size_t depth = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] == '(') {
			depth++;
		} else if (s->p[i] == ')' && --depth == 0) {
			*ret = slice_from(slice_head(*s, i), 1);
			*s = slice_from(*s, i + 1);
			return true;
		}
	}
	return false;
}

static struct slice cut_word(struct slice *s)
{
	size_t i = 0;
	struct slice w;

	while (i < s->n && s->p[i] != ' ' && s->p[i] != '(')
		i++;
	w = slice_head(*s, i);
	*s = slice_from(*s, i);
	return w;
}

/* No comment has an address: is it the first word itself? is_smtp_word: a comment said "(EHLO helo)". */
static bool word_address(struct slice word, bool is_exim, bool is_smtp_word, struct ipaddr *ret)
{
	size_t close = slice_find(word, ']');

	if (is_exim && word.n && word.p[0] == '[' && close < word.n)
		return parse_address(slice_head(slice_from(word, 1), close - 1), ret);
	return is_smtp_word && parse_address(word, ret);
}

static void parse_from(struct slice s, struct received_hop *ret)
{
	struct slice word = cut_word(&s), c = { 0 };
	bool is_exim = false, is_smtp_word = false;

	for (;;) {
		s = slice_trim(s);
		if (s.n && s.p[0] == '(') {
			if (!cut_comment(&s, &c))
				return;
			is_exim |= slice_starts_nocase(c, SLICE_LIT("helo="));
			is_smtp_word |= slice_starts_nocase(c, SLICE_LIT("EHLO "));
			if (comment_address(c, &ret->from)) {
				ret->kind = RECEIVED_FROM;
				return;
			}
			continue;
		}
		c = cut_word(&s);
		if (c.n == 0)
			return;
		if (slice_eq_nocase(c, SLICE_LIT("by")))
			break;
	}
	is_exim |= has_nocase(s, SLICE_LIT("(Exim "));
	if (word_address(word, is_exim, is_smtp_word, &ret->from))
		ret->kind = RECEIVED_FROM;
	else if (has_nocase(s, SLICE_LIT(" with LMTP ")))
		ret->kind = RECEIVED_INNER;
}

/* What a mail system writes when it hands a message to itself; a local user's submission is none of these. */
static bool is_inner(struct slice s)
{
	if (slice_starts(s, SLICE_LIT("(qmail ")))
		return has_nocase(s, SLICE_LIT(" invoked from network)")) ||
		       has_nocase(s, SLICE_LIT(" invoked by alias)"));
	if (!slice_starts_nocase(s, SLICE_LIT("by ")))
		return false;
	return has_nocase(s, SLICE_LIT(" with SMTP id ")) || has_nocase(s, SLICE_LIT(" with LMTP "));
}

void received_parse(struct slice value, struct received_hop *ret)
{
	*ret = (struct received_hop){ .kind = RECEIVED_UNKNOWN };
	value = slice_trim(value);
	if (slice_starts_nocase(value, SLICE_LIT("from ")))
		parse_from(slice_trim(slice_from(value, 5)), ret);
	else if (is_inner(value))
		ret->kind = RECEIVED_INNER;
	if (ret->kind != RECEIVED_FROM)
		ret->from = (struct ipaddr){ 0 };
}

bool received_walk(
	const struct received_hop *hop, size_t hops, const struct prefix_table *trusted, struct ipaddr *ret_client)
{
	for (size_t i = 0; i < hops; i++) {
		uint32_t value;

		if (hop[i].kind == RECEIVED_INNER)
			continue;
		if (hop[i].kind != RECEIVED_FROM)
			return false;
		if (ipaddr_is_private(&hop[i].from) || prefix_table_find(trusted, &hop[i].from, &value))
			continue;
		*ret_client = hop[i].from;
		return true;
	}
	return false;
}

static enum err add_list(struct prefix_table *t, const struct conf_list *l, enum received_trust value)
{
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < l->count && e == ERR_OK; i++) {
		struct prefix p;

		e = prefix_parse(slice_str(l->item[i]), &p);
		if (e == ERR_OK)
			e = prefix_table_add(t, &p, value);
	}
	return e;
}

enum err received_trust(struct prefix_table *t, const struct conf *c)
{
	enum err e = add_list(t, &c->forwarders, RECEIVED_FORWARDER);

	if (e == ERR_OK)
		e = add_list(t, &c->own_networks, RECEIVED_OWN);
	if (e == ERR_OK)
		e = add_list(t, &c->postfix.own_hosts, RECEIVED_OWN);
	return e == ERR_OK ? prefix_table_seal(t) : e;
}
