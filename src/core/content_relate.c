/*
 * content_relate: words of domain characters, told to be domains by what
 * stands before them.
 * SPDX-License-Identifier: ISC
 */
#include "core/content_relate.h"

#define COUNTRY_LABEL 2
#define SHORT_LABEL 3 /* "co", "com", "org", "ac", "gov": a suffix of two labels, most likely */

void content_relate_init(struct content_relate *r)
{
	r->sender.n = r->list.n = 0;
}

static bool is_domain_char(char c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

/* "@x", "//x", "<x>", "d=x" as a tag of its own. */
static bool is_domain_at(struct slice s, size_t start, size_t end)
{
	char before = start > 0 ? s.p[start - 1] : ' ', before2 = start > 1 ? s.p[start - 2] : ' ';

	if (before == '@')
		return true;
	if (before == '/')
		return before2 == '/';
	if (before == '<')
		return end < s.n && s.p[end] == '>';
	return before == '=' && before2 == 'd' && (start == 2 || s.p[start - 3] == ' ' || s.p[start - 3] == ';');
}

/* The part that belongs to one organisation, as far as the labels tell. Empty: no domain name, or an IP address. */
static struct slice organisation_of(struct slice domain)
{
	size_t dot, dot2;

	while (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	dot = slice_rfind(domain, '.');
	if (dot >= domain.n || dot == 0 || (domain.p[domain.n - 1] >= '0' && domain.p[domain.n - 1] <= '9'))
		return slice_head(domain, 0);
	dot2 = slice_rfind(slice_head(domain, dot), '.');
	if (dot2 >= dot)
		return domain;
	if (dot - dot2 - 1 <= SHORT_LABEL && domain.n - dot - 1 == COUNTRY_LABEL) {
		dot = dot2;
		dot2 = slice_rfind(slice_head(domain, dot), '.');
		if (dot2 >= dot)
			return domain;
	}
	return slice_from(domain, dot2 + 1);
}

static void add_domain(struct content_relate_side *side, struct slice domain)
{
	struct slice o = organisation_of(domain);

	if (o.n == 0 || o.n >= CONTENT_RELATE_TEXT)
		return;
	for (uint8_t i = 0; i < side->n; i++)
		if (slice_eq_nocase(slice_str(side->domain[i]), o))
			return;
	for (size_t i = 0; i < o.n; i++)
		side->domain[side->n][i] = ascii_lower(o.p[i]);
	side->domain[side->n++][o.n] = '\0';
}

void content_relate_add(struct content_relate_side *side, struct slice value)
{
	for (size_t i = 0, end; i < value.n && side->n < CONTENT_RELATE_DOMAINS; i = end + 1) {
		for (end = i; end < value.n && is_domain_char(value.p[end]);)
			end++;
		if (end > i && is_domain_at(value, i, end))
			add_domain(side, slice_head(slice_from(value, i), end - i));
	}
}

/* "from said.example (name.example [192.0.2.1])" */
void content_relate_add_hop(struct content_relate_side *side, struct slice value)
{
	static const struct slice from = { "from ", 5 };
	size_t end;

	if (!slice_starts_nocase(value, from))
		return;
	value = slice_from(value, from.n);
	for (unsigned i = 0; i < 2 && side->n < CONTENT_RELATE_DOMAINS; i++) {
		for (end = 0; end < value.n && is_domain_char(value.p[end]);)
			end++;
		add_domain(side, slice_head(value, end));
		value = slice_from(value, slice_find(value, '(') + 1);
	}
}

/* The same, or one below the other. */
static bool is_same(struct slice a, struct slice b)
{
	if (a.n < b.n) {
		struct slice c = a;

		a = b;
		b = c;
	}
	return slice_eq(slice_from(a, a.n - b.n), b) && (a.n == b.n || a.p[a.n - b.n - 1] == '.');
}

bool content_relate_is(const struct content_relate *r)
{
	for (uint8_t i = 0; i < r->sender.n; i++)
		for (uint8_t k = 0; k < r->list.n; k++)
			if (is_same(slice_str(r->sender.domain[i]), slice_str(r->list.domain[k])))
				return true;
	return false;
}
