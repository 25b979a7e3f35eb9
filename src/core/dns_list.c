/*
 * dns_list: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_list.h"

#include "base/num.h"

#include <stdio.h>

#define OCTETS 4
#define V4_TEXT 17 /* "255.255.255.255." */
#define V6_TEXT 65 /* 32 times "f." */

/* "n" or "[a..b]" off the front of *s. */
static enum err take_octet(struct slice *s, uint8_t *ret_low, uint8_t *ret_high)
{
	bool is_range = s->n && s->p[0] == '[';
	size_t end = is_range ? slice_find(*s, ']') : slice_find(*s, '.');
	struct slice text = is_range ? slice_from(slice_head(*s, end), 1) : slice_head(*s, end);
	size_t dot = slice_find(text, '.');
	uint64_t low, high;

	if (is_range && (end == s->n || dot + 1 >= text.n || text.p[dot + 1] != '.'))
		return ERR_SYNTAX;
	if (num_parse(slice_head(text, dot), 255, &low) != ERR_OK)
		return ERR_SYNTAX;
	high = low;
	if (is_range && num_parse(slice_from(text, dot + 2), 255, &high) != ERR_OK)
		return ERR_SYNTAX;
	if (high < low)
		return ERR_SYNTAX;
	*ret_low = (uint8_t)low;
	*ret_high = (uint8_t)high;
	*s = slice_from(*s, is_range ? end + 1 : end);
	return ERR_OK;
}

static enum err parse_code(struct slice s, uint8_t low[OCTETS], uint8_t high[OCTETS])
{
	for (unsigned i = 0; i < OCTETS; i++) {
		if (i && (s.n == 0 || s.p[0] != '.'))
			return ERR_SYNTAX;
		if (i)
			s = slice_from(s, 1);
		if (take_octet(&s, &low[i], &high[i]) != ERR_OK)
			return ERR_SYNTAX;
	}
	return s.n == 0 && low[0] == 127 && high[0] == 127 ? ERR_OK : ERR_SYNTAX;
}

enum err dns_codes_parse(struct slice text, struct dns_codes *ret)
{
	struct dns_codes c = { 0 };
	struct slice word;

	while (slice_word(&text, &word)) {
		if (c.count == DNS_LIST_CODES)
			return ERR_LIMIT;
		if (parse_code(word, c.code[c.count].low, c.code[c.count].high) != ERR_OK)
			return ERR_SYNTAX;
		c.count++;
	}
	if (c.count == 0)
		return ERR_SYNTAX;
	*ret = c;
	return ERR_OK;
}

bool dns_codes_has(const struct dns_codes *c, const struct ipaddr *a)
{
	for (unsigned i = 0; i < c->count && a->family == 4; i++) {
		unsigned k = 0;

		while (k < OCTETS && a->b[k] >= c->code[i].low[k] && a->b[k] <= c->code[i].high[k])
			k++;
		if (k == OCTETS)
			return true;
	}
	return false;
}

static void reversed(const struct ipaddr *a, char to[V6_TEXT])
{
	size_t n = 0;

	to[0] = '\0';
	for (unsigned i = ipaddr_bits(a) / 8; i-- > 0;)
		n += (size_t)(a->family == 4 ? snprintf(to + n, V6_TEXT - n, "%u.", a->b[i])
					     : snprintf(to + n, V6_TEXT - n, "%x.%x.", a->b[i] & 15u, a->b[i] >> 4));
}

enum err dns_list_question(const struct ipaddr *client, const char *zone, struct dns_question *ret)
{
	char name[DNS_NAME], head[V6_TEXT];
	size_t n;

	if (client->family == 0 || dns_question_name(slice_str(zone), name) != ERR_OK)
		return ERR_SYNTAX;
	reversed(client, head);
	n = strlen(head);
	if (n + strlen(name) > DNS_NAME - 3)
		return ERR_LIMIT;
	*ret = (struct dns_question){ .type = DNS_A };
	(void)snprintf(ret->name, sizeof ret->name, "%.*s%.*s", (int)n, head, DNS_NAME - 1 - (int)n, name);
	return ERR_OK;
}

static enum dns_verdict judge_one(const struct dns_codes *c, const struct ipaddr *a)
{
	if (a->family != 4 || a->b[0] != 127)
		return DNS_REWRITTEN;
	if (a->b[1] == 255 && a->b[2] == 255)
		return a->b[3] == 254 ? DNS_OPEN_RESOLVER : DNS_ERROR_CODE;
	if (a->b[1] == 0 && a->b[2] == 0 && a->b[3] == 255)
		return DNS_ERROR_CODE;
	return dns_codes_has(c, a) ? DNS_LISTED : DNS_OTHER;
}

enum dns_verdict dns_list_judge(const struct dns_codes *c, const struct dns_answer *a)
{
	enum dns_verdict worst = DNS_OTHER;

	if (a->result != DNS_OK)
		return a->result == DNS_NONE ? DNS_UNLISTED : DNS_NO_ANSWER;
	for (size_t i = 0; i < a->count; i++) {
		enum dns_verdict v = judge_one(c, &a->address[i]);

		if (dns_verdict_is_lie(v))
			return v;
		if (v == DNS_LISTED)
			worst = v;
	}
	return worst;
}
