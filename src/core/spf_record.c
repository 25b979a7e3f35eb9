/*
 * spf_record: see the header. A term is a mechanism (name, then ":" or "/" or
 * nothing) or a modifier (name, then "="), whichever sign comes first.
 * SPDX-License-Identifier: ISC
 */
#include "core/spf_record.h"

#include "base/num.h"

#define VERSION "v=spf1"

static const struct form {
	const char *name;
	enum spf_kind kind;
	bool has_domain, needs_domain, has_cidr;
} mechanisms[] = {
	{ "all", SPF_ALL, false, false, false },
	{ "include", SPF_INCLUDE, true, true, false },
	{ "a", SPF_A, true, false, true },
	{ "mx", SPF_MX, true, false, true },
	{ "ptr", SPF_PTR, true, false, false },
	{ "ip4", SPF_IP4, false, false, false },
	{ "ip6", SPF_IP6, false, false, false },
	{ "exists", SPF_EXISTS, true, true, false },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

bool spf_record_is(struct slice text)
{
	size_t n = sizeof VERSION - 1;

	return slice_starts_nocase(text, SLICE_LIT(VERSION)) && (text.n == n || text.p[n] == ' ');
}

struct slice spf_record_terms(struct slice text)
{
	return slice_from(text, sizeof VERSION - 1);
}

/* "%{" letter [number] ["r"] delimiters "}": its length, or 0. */
static size_t macro_expand(struct slice s)
{
	static const char letters[] = "slodiphcrtv", delimiters[] = ".-+,/_=";
	size_t i = 3;

	if (s.n < 4 || s.p[1] != '{' || !s.p[2] || !strchr(letters, ascii_lower(s.p[2])))
		return 0;
	while (i < s.n && is_digit(s.p[i]))
		i++;
	if (i == 4 && s.p[3] == '0')
		return 0;
	if (i < s.n && ascii_lower(s.p[i]) == 'r')
		i++;
	while (i < s.n && s.p[i] && strchr(delimiters, s.p[i]))
		i++;
	return i < s.n && s.p[i] == '}' ? i + 1 : 0;
}

/*
 * macro-string: visible characters, "%%", "%_", "%-" and expansions.
 * *ret_end: is the last element an expansion? *ret_tail: what stands behind the last expansion.
 */
static bool macro_string(struct slice s, bool *ret_any, bool *ret_end, struct slice *ret_tail)
{
	*ret_any = *ret_end = false;
	*ret_tail = s;
	for (size_t i = 0; i < s.n;) {
		size_t n = 1;

		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
		*ret_end = false;
		if (s.p[i] == '%') {
			bool is_pair = i + 1 < s.n && s.p[i + 1] && strchr("%_-", s.p[i + 1]);

			n = is_pair ? 2 : macro_expand(slice_from(s, i));
			if (n == 0)
				return false;
			*ret_any = true;
			*ret_end = !is_pair;
			*ret_tail = slice_from(s, i + n);
		}
		i += n;
	}
	return true;
}

/* toplabel: letters, digits and inner dashes, not all of them digits. */
static bool is_toplabel(struct slice s)
{
	bool is_number = true;

	if (s.n == 0 || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '-')
			return false;
		is_number = is_number && is_digit(s.p[i]);
	}
	return !is_number;
}

/* domain-spec: ends in an expansion or in "." toplabel ["."]. */
static enum err domain_spec(struct slice s, struct spf_term *t)
{
	bool ends_in_macro;
	struct slice tail;
	size_t dot;

	t->domain = s;
	if (s.n == 0 || !macro_string(s, &t->has_macro, &ends_in_macro, &tail))
		return ERR_SYNTAX;
	if (ends_in_macro)
		return ERR_OK;
	if (tail.n && tail.p[tail.n - 1] == '.')
		tail.n--;
	dot = slice_rfind(tail, '.');
	return dot < tail.n && is_toplabel(slice_from(tail, dot + 1)) ? ERR_OK : ERR_SYNTAX;
}

/* A prefix length as the grammar has it: no leading zero. */
static enum err cidr(struct slice s, unsigned max, uint8_t *ret)
{
	uint64_t n;

	if ((s.n > 1 && s.p[0] == '0') || num_parse(s, max, &n) != ERR_OK)
		return ERR_SYNTAX;
	*ret = (uint8_t)n;
	return ERR_OK;
}

/* Where the digits at the end of s begin. */
static size_t digits_at_end(struct slice s)
{
	size_t i = s.n;

	while (i > 0 && is_digit(s.p[i - 1]))
		i--;
	return i;
}

/* Take "/n", "//m" or "/n//m" off the end of *s. */
static enum err dual_cidr(struct slice *s, struct spf_term *t)
{
	size_t i = digits_at_end(*s);

	if (i < s->n && i >= 2 && s->p[i - 1] == '/' && s->p[i - 2] == '/') {
		if (cidr(slice_from(*s, i), 128, &t->cidr6) != ERR_OK)
			return ERR_SYNTAX;
		*s = slice_head(*s, i - 2);
		i = digits_at_end(*s);
	}
	if (i < s->n && i >= 1 && s->p[i - 1] == '/') {
		if (cidr(slice_from(*s, i), 32, &t->cidr4) != ERR_OK)
			return ERR_SYNTAX;
		*s = slice_head(*s, i - 1);
	}
	return ERR_OK;
}

/* ":" address ["/" length]; bits beyond the length do not matter. */
static enum err network(struct slice s, unsigned family, struct spf_term *t)
{
	size_t slash = slice_rfind(s, '/');
	bool is_six = family == 6;
	struct ipaddr a;
	uint8_t len = is_six ? 128 : 32;

	if (s.n == 0 || s.p[0] != ':' || ipaddr_parse(slice_from(slice_head(s, slash), 1), &a) != ERR_OK)
		return ERR_SYNTAX;
	if (slash < s.n && cidr(slice_from(s, slash + 1), len, &len) != ERR_OK)
		return ERR_SYNTAX;
	/* ::ffff:a.b.c.d has become IPv4 */
	if (is_six != (slice_find(slice_from(s, 1), ':') < s.n - 1))
		return ERR_SYNTAX;
	t->prefix = a.family == family ? prefix_of(&a, len) : (struct prefix){ .addr = { .family = 0 } };
	return ERR_OK;
}

/* args: all behind the name. */
static enum err mechanism(const struct form *f, struct slice args, struct spf_term *t)
{
	t->kind = f->kind;
	if (f->kind == SPF_IP4 || f->kind == SPF_IP6)
		return network(args, f->kind == SPF_IP4 ? 4 : 6, t);
	if (f->has_cidr && dual_cidr(&args, t) != ERR_OK)
		return ERR_SYNTAX;
	if (args.n == 0)
		return f->needs_domain ? ERR_SYNTAX : ERR_OK;
	return f->has_domain && args.p[0] == ':' ? domain_spec(slice_from(args, 1), t) : ERR_SYNTAX;
}

static enum err modifier(struct slice name, struct slice value, struct spf_term *t)
{
	bool ends_in_macro;
	struct slice tail;

	t->is_pass = false;
	t->kind = slice_eq_nocase(name, SLICE_LIT("redirect")) ? SPF_REDIRECT
		  : slice_eq_nocase(name, SLICE_LIT("exp"))    ? SPF_EXP
							       : SPF_UNKNOWN;
	if (t->kind != SPF_UNKNOWN)
		return domain_spec(value, t);
	return macro_string(value, &t->has_macro, &ends_in_macro, &tail) ? ERR_OK : ERR_SYNTAX;
}

static enum err term(struct slice s, struct spf_term *t)
{
	bool has_qualifier = strchr("+-~?", s.p[0]) && s.p[0];
	size_t n = 0;

	t->is_pass = !has_qualifier || s.p[0] == '+';
	if (has_qualifier)
		s = slice_from(s, 1);
	if (s.n == 0 || !is_alpha(s.p[0]))
		return ERR_SYNTAX;
	while (n < s.n && (is_alpha(s.p[n]) || is_digit(s.p[n]) || (s.p[n] && strchr("-_.", s.p[n]))))
		n++;
	if (n < s.n && s.p[n] == '=')
		return has_qualifier ? ERR_SYNTAX : modifier(slice_head(s, n), slice_from(s, n + 1), t);
	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
		if (slice_eq_nocase(slice_head(s, n), slice_str(mechanisms[i].name)))
			return mechanism(&mechanisms[i], slice_from(s, n), t);
	return ERR_SYNTAX;
}

enum err spf_record_next(struct slice *terms, struct spf_term *ret)
{
	struct spf_term t = { .cidr4 = 32, .cidr6 = 128 };
	size_t n;
	enum err e;

	while (terms->n && terms->p[0] == ' ')
		*terms = slice_from(*terms, 1);
	if (terms->n == 0)
		return ERR_NOTFOUND;
	n = slice_find(*terms, ' ');
	e = term(slice_head(*terms, n), &t);
	if (e != ERR_OK)
		return e;
	*terms = slice_from(*terms, n);
	*ret = t;
	return ERR_OK;
}

enum err spf_record_check(struct slice text)
{
	struct slice terms = spf_record_terms(text);
	unsigned redirects = 0, explanations = 0;
	struct spf_term t;
	enum err e;

	while ((e = spf_record_next(&terms, &t)) == ERR_OK) {
		redirects += t.kind == SPF_REDIRECT;
		explanations += t.kind == SPF_EXP;
	}
	return e == ERR_NOTFOUND && redirects <= 1 && explanations <= 1 ? ERR_OK : ERR_SYNTAX;
}
