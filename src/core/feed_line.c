/*
 * feed_line: each format cuts the address out of its line; two parsers read
 * it: whole addresses, and the short forms of rbldnsd.
 * SPDX-License-Identifier: ISC
 */
#include "core/feed_line.h"

#include "base/num.h"
#include "base/prefix_set.h"

#define GUESS_LINES 200

static const char *const names[FEED_FORMATS] = { "auto", "list", "csv", "json", "rbldnsd", "ipset", "spamd", "cidr" };

static const char no_address[] = "no address at its begin", bad_length[] = "the prefix length is no number that fits",
		  bad_range[] = "a range needs two addresses of one kind",
		  reversed[] = "the range ends before it begins", glued[] = "malformed address";

bool feed_format_parse(const char *name, enum feed_format *ret)
{
	for (unsigned i = 0; i < FEED_FORMATS; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum feed_format)i;
			return true;
		}
	}
	return false;
}

const char *feed_format_name(enum feed_format f)
{
	return names[f];
}

/* ---- the result */

static void refuse(struct feed_line *ret, const char *reason)
{
	*ret = (struct feed_line){ .kind = FEED_REFUSED, .reason = reason };
}

static void take_range(struct feed_line *ret, const struct ipaddr *first, const struct ipaddr *last)
{
	if (first->family != last->family)
		refuse(ret, bad_range);
	else if (memcmp(first->b, last->b, sizeof first->b) > 0)
		refuse(ret, reversed);
	else
		*ret = (struct feed_line){ .kind = FEED_ENTRY, .first = *first, .last = *last };
}

/* The whole network: bits behind len are cut off. host: the text that a was read from. */
static void take_prefix(struct feed_line *ret, struct slice host, const struct ipaddr *a, struct slice len_text)
{
	struct prefix p;
	struct ipaddr last;
	uint8_t len;

	if (prefix_length_parse(len_text, host, a, &len) != ERR_OK) {
		refuse(ret, bad_length);
		return;
	}
	p = prefix_of(a, len);
	last = prefix_last(&p);
	take_range(ret, &p.addr, &last);
}

/* ---- whole addresses */

/* What an address, prefix or number of a range is made of. */
static bool is_address_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' || c == ':' ||
	       c == '/';
}

static struct slice address_word(struct slice s)
{
	size_t n = 0;

	while (n < s.n && is_address_byte(s.p[n]))
		n++;
	return slice_head(s, n);
}

static struct slice skip_blanks(struct slice s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = slice_from(s, 1);
	return s;
}

/* May stand right behind an address without being part of it. */
static bool is_end(struct slice rest)
{
	return rest.n == 0 || strchr(" \t,;#\"'|)-", rest.p[0]) != NULL;
}

/* " - b": *ret_last is b. False: no second address follows, what stands there is text. */
static bool range_end(struct slice rest, struct ipaddr *ret_last, bool *ret_is_bad)
{
	struct slice word, text = skip_blanks(rest);

	*ret_is_bad = false;
	if (text.n == 0 || text.p[0] != '-')
		return false;
	text = skip_blanks(slice_from(text, 1));
	word = address_word(text);
	if (word.n && is_end(slice_from(text, word.n)) && ipaddr_parse(word, ret_last) == ERR_OK)
		return true;
	/* "192.0.2.1 - seen twice" is text; "192.0.2.1-7" would be somebody's range */
	*ret_is_bad = rest.p[0] == '-';
	return false;
}

/* The short IPv4 networks of inet_net_pton: 10/8, 172.16/12. */
static bool short_address(struct slice s, struct ipaddr *ret)
{
	struct ipaddr a = { .family = 4 };
	unsigned n = 0;

	for (; n < 4 && s.n; n++) {
		size_t dot = slice_find(s, '.');
		uint64_t v;

		if (num_parse(slice_head(s, dot), 255, &v) != ERR_OK)
			return false;
		a.b[n] = (uint8_t)v;
		if (dot + 1 == s.n)
			return false;
		s = slice_from(s, dot + 1);
	}
	if (n == 0 || s.n)
		return false;
	*ret = a;
	return true;
}

static void parse_whole(struct slice s, bool is_short_allowed, struct feed_line *ret)
{
	struct slice word = address_word(s), rest = slice_from(s, word.n);
	size_t slash = slice_find(word, '/');
	struct slice host = slice_head(word, slash);
	struct ipaddr a, last;
	bool is_bad;

	if (word.n == 0) {
		refuse(ret, no_address);
		return;
	}
	if (!is_end(rest) || (ipaddr_parse(host, &a) != ERR_OK &&
				     !(is_short_allowed && slash < word.n && short_address(host, &a)))) {
		refuse(ret, glued);
		return;
	}
	if (slash < word.n) {
		take_prefix(ret, host, &a, slice_from(word, slash + 1));
		return;
	}
	if (range_end(rest, &last, &is_bad))
		take_range(ret, &a, &last);
	else if (is_bad)
		refuse(ret, bad_range);
	else
		take_range(ret, &a, &a);
}

/* ---- rbldnsd */

/* "127.0" with its missing octets filled; how many stood there. */
static bool octets(struct slice s, uint8_t fill, struct ipaddr *ret, unsigned *ret_n)
{
	struct ipaddr a;
	unsigned n = 1;

	if (!short_address(s, &a))
		return false;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '.';
	for (unsigned i = n; i < 4; i++)
		a.b[i] = fill;
	*ret = a;
	*ret_n = n;
	return true;
}

static void parse_octets(struct slice word, struct feed_line *ret)
{
	size_t dash = slice_find(word, '-'), slash = slice_find(word, '/');
	struct ipaddr first, last;
	unsigned n, m;

	if (slash < word.n) {
		if (octets(slice_head(word, slash), 0, &first, &n))
			take_prefix(ret, slice_head(word, slash), &first, slice_from(word, slash + 1));
		else
			refuse(ret, glued);
		return;
	}
	if (!octets(slice_head(word, dash), 0, &first, &n)) {
		refuse(ret, glued);
		return;
	}
	if (dash == word.n)
		(void)octets(word, 0xff, &last, &m);
	else if (!octets(slice_from(word, dash + 1), 0xff, &last, &m)) {
		refuse(ret, bad_range);
		return;
	} else if (m == 1 && n > 1) { /* one number: the last octet of the first */
		uint8_t v = last.b[0];

		last = first;
		last.b[n - 1] = v;
		for (unsigned i = n; i < 4; i++)
			last.b[i] = 0xff;
	}
	take_range(ret, &first, &last);
}

/* IPv6, also with its last words left out: four words are a /64. */
static void parse_words(struct slice word, struct feed_line *ret)
{
	size_t slash = slice_find(word, '/');
	struct slice host = slice_head(word, slash);
	char text[IPADDR_TEXT + 2];
	char len[NUM_TEXT] = "128";
	unsigned colons = 0;
	struct ipaddr a;

	for (size_t i = 0; i < host.n; i++)
		colons += host.p[i] == ':';
	slice_copy(host, text, IPADDR_TEXT);
	if (ipaddr_parse(host, &a) != ERR_OK) {
		if (colons < 7 && host.n < IPADDR_TEXT - 1)
			memcpy(text + host.n, "::", 3);
		if (ipaddr_parse(slice_str(text), &a) != ERR_OK) {
			refuse(ret, glued);
			return;
		}
		slice_copy(slice_str(colons == 3 ? "64" : "128"), len, sizeof len);
		if (slash == word.n && colons != 3) {
			refuse(ret, glued);
			return;
		}
	}
	if (slash == word.n && a.family == 4) /* ::ffff:192.0.2.1 */
		take_range(ret, &a, &a);
	else
		take_prefix(ret, host, &a, slash < word.n ? slice_from(word, slash + 1) : slice_str(len));
}

static void parse_rbldnsd(struct slice s, struct feed_line *ret)
{
	struct slice word;
	bool is_out = s.p[0] == '!';
	size_t n = 0;

	if (s.p[0] == ':' && (s.n < 2 || s.p[1] != ':')) /* default values; "::1" is an address */
		return;
	if (s.p[0] == '$')
		return;
	s = skip_blanks(slice_from(s, is_out));
	while (n < s.n && (is_address_byte(s.p[n]) || s.p[n] == '-'))
		n++;
	word = slice_head(s, n);
	/* values may follow right behind: "192.0.2.1:127.0.0.4:text" */
	if (slice_find(word, '.') < slice_find(word, ':'))
		word = slice_head(word, slice_find(word, ':'));
	if (word.n == 0 || !(is_end(slice_from(s, word.n)) || s.p[word.n] == ':'))
		refuse(ret, word.n ? glued : no_address);
	else if (slice_find(word, ':') < word.n)
		parse_words(word, ret);
	else
		parse_octets(word, ret);
	ret->is_out = is_out && ret->kind == FEED_ENTRY;
}

/* ---- formats around an address */

static void parse_csv(struct slice s, unsigned number, struct feed_line *ret)
{
	if (s.p[0] == '"' || s.p[0] == '\'')
		s = slice_trim(slice_from(s, 1));
	parse_whole(s, false, ret);
	if (number == 1 && ret->kind == FEED_REFUSED)
		*ret = (struct feed_line){ .kind = FEED_NOTHING };
}

/* The text of "key": "text"; no escapes are in an address. */
static bool json_text(struct slice s, struct slice key, struct slice *ret)
{
	for (size_t i = 0; i + key.n < s.n; i++) {
		struct slice rest = slice_from(s, i);

		if (!slice_starts(rest, key))
			continue;
		rest = skip_blanks(slice_from(rest, key.n));
		if (rest.n == 0 || rest.p[0] != ':')
			continue;
		rest = skip_blanks(slice_from(rest, 1));
		if (rest.n == 0 || rest.p[0] != '"')
			continue;
		rest = slice_from(rest, 1);
		*ret = slice_head(rest, slice_find(rest, '"'));
		return ret->n < rest.n;
	}
	return false;
}

static void parse_json(struct slice s, struct feed_line *ret)
{
	struct slice text;

	if (s.p[0] == '[' || s.p[0] == ']')
		return;
	if (s.p[0] != '{')
		refuse(ret, "no object");
	else if (json_text(s, SLICE_LIT("\"cidr\""), &text) || json_text(s, SLICE_LIT("\"ip\""), &text))
		parse_whole(text, false, ret);
	else if (s.p[s.n - 1] != '}' && s.p[s.n - 1] != ',')
		refuse(ret, "the object does not end");
}

static void parse_ipset(struct slice s, struct feed_line *ret)
{
	struct slice word = { NULL, 0 }, name;
	size_t n = 0;

	if (!slice_word(&s, &word) || !slice_eq(word, SLICE_LIT("add"))) {
		if (!slice_eq(word, SLICE_LIT("create")) && !slice_eq(word, SLICE_LIT("flush")) &&
			!slice_eq(word, SLICE_LIT("COMMIT")))
			refuse(ret, "not a line of ipset save");
		return;
	}
	if (!slice_word(&s, &name)) {
		refuse(ret, no_address);
		return;
	}
	s = skip_blanks(s);
	while (n < s.n && s.p[n] != ' ' && s.p[n] != ',') /* "192.0.2.1,tcp:25": the address */
		n++;
	parse_whole(slice_head(s, n), false, ret);
	if (ret->kind == FEED_ENTRY) {
		struct slice option = slice_from(s, n), w;

		while (slice_word(&option, &w))
			ret->is_out = ret->is_out || slice_eq(w, SLICE_LIT("nomatch"));
	}
}

static void parse_cidr(struct slice s, struct feed_line *ret)
{
	static const char *const good[] = { "OK", "DUNNO", "PERMIT", "PERMIT_AUTH_DESTINATION" };
	struct slice rest = s, address, action;

	if (slice_starts_nocase(s, SLICE_LIT("if ")) || slice_starts_nocase(s, SLICE_LIT("endif")) || s.p[0] == '!') {
		refuse(ret, "if, endif and ! are not understood");
		return;
	}
	parse_whole(s, false, ret);
	if (ret->kind != FEED_ENTRY || !slice_word(&rest, &address) || !slice_word(&rest, &action))
		return;
	for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++)
		ret->is_out = ret->is_out || slice_eq_nocase(action, slice_str(good[i]));
}

void feed_line_parse(enum feed_format f, struct slice line, unsigned number, struct feed_line *ret)
{
	struct slice s = slice_trim(line);

	*ret = (struct feed_line){ .kind = FEED_NOTHING };
	if (number == 1 && slice_starts(s, SLICE_LIT("\xef\xbb\xbf"))) /* a mark that editors leave */
		s = slice_trim(slice_from(s, 3));
	if (s.n == 0 || s.p[0] == '#' || s.p[0] == ';')
		return;
	if (s.n > FEED_LINE_MAX) {
		refuse(ret, "the line is too long");
		return;
	}
	switch (f) {
	case FEED_CSV:
		parse_csv(s, number, ret);
		break;
	case FEED_JSON:
		parse_json(s, ret);
		break;
	case FEED_RBLDNSD:
		parse_rbldnsd(s, ret);
		break;
	case FEED_IPSET:
		parse_ipset(s, ret);
		break;
	case FEED_CIDR:
		parse_cidr(s, ret);
		break;
	case FEED_SPAMD:
		parse_whole(s, true, ret);
		break;
	case FEED_AUTO:
	case FEED_LIST:
	case FEED_FORMATS:
	default:
		parse_whole(s, false, ret);
		break;
	}
}

/* ---- which format? */

/* What only one format has; AUTO: says nothing. */
static enum feed_format guess_line(struct slice s)
{
	static const struct {
		const char *head;
		enum feed_format format;
	} heads[] = { { "{", FEED_JSON }, { "[", FEED_JSON }, { "create ", FEED_IPSET }, { "add ", FEED_IPSET },
		{ "$SOA ", FEED_RBLDNSD }, { "$NS ", FEED_RBLDNSD }, { "$TTL ", FEED_RBLDNSD },
		{ "$DATASET ", FEED_RBLDNSD }, { ":127.", FEED_RBLDNSD }, { "!", FEED_RBLDNSD }, { "\"", FEED_CSV } };
	struct feed_line l;
	struct slice word, rest = s;

	for (unsigned i = 0; i < sizeof heads / sizeof heads[0]; i++)
		if (slice_starts(s, slice_str(heads[i].head)))
			return heads[i].format;
	feed_line_parse(FEED_LIST, s, 2, &l);
	if (l.kind == FEED_ENTRY && slice_word(&rest, &word) && slice_find(word, ',') < word.n)
		return FEED_CSV;
	if (l.kind == FEED_ENTRY && slice_word(&rest, &word) &&
		(slice_eq_nocase(word, SLICE_LIT("REJECT")) || slice_eq_nocase(word, SLICE_LIT("DUNNO")) ||
			slice_eq_nocase(word, SLICE_LIT("DISCARD"))))
		return FEED_CIDR;
	return FEED_AUTO;
}

enum feed_format feed_format_guess(struct slice head)
{
	struct slice line;

	for (unsigned i = 0; i < GUESS_LINES && slice_line(&head, &line); i++) {
		struct slice s = slice_trim(line);
		enum feed_format f;

		if (s.n == 0 || s.p[0] == '#' || s.p[0] == ';' || s.n > FEED_LINE_MAX)
			continue;
		f = guess_line(s);
		if (f != FEED_AUTO)
			return f;
	}
	return FEED_LIST;
}
