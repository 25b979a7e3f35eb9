/*
 * dnsbl_text: what the zone says in words. Nothing in it comes from mail.
 * SPDX-License-Identifier: ISC
 */
#include "core/dnsbl_answer.h"

static const char *words_of(const struct dnsbl_reason *r)
{
	switch (r->why) {
	case DNSBL_BY_TEST:
		return "Test entry";
	case DNSBL_BY_PERSON:
		return "Blocked by the postmaster";
	case DNSBL_BY_WIDE:
		return "Many hosts of this network sent spam";
	case DNSBL_BY_FEED:
		return "Listed";
	case DNSBL_BY_HIT:
		break;
	}
	return "Spam came from this host";
}

/* Printable ASCII as it is: it stands in logs and replies of others. */
static size_t add(char to[DNSBL_TEXT + 1], size_t n, struct slice s)
{
	for (size_t i = 0; i < s.n && n < DNSBL_TEXT; i++)
		if (s.p[i] >= ' ' && s.p[i] <= '~')
			to[n++] = s.p[i];
	to[n] = '\0';
	return n;
}

/* With the case id in place of the first %s; a URL that needs one is left out where there is none. */
static size_t add_url(char to[DNSBL_TEXT + 1], size_t n, const char *url, const char *case_id)
{
	const char *at = strstr(url, "%s");

	if (!url[0] || (at && !case_id[0]))
		return n;
	n = add(to, n, SLICE_LIT(", "));
	if (!at)
		return add(to, n, slice_str(url));
	n = add(to, n, slice_of(url, (size_t)(at - url)));
	n = add(to, n, slice_str(case_id));
	return add(to, n, slice_str(at + 2));
}

size_t dnsbl_answer_text(const struct dnsbl_reason *r, const char *url, char to[DNSBL_TEXT + 1])
{
	size_t n = add(to, 0, slice_str(words_of(r)));

	if (r->feed) {
		n = add(to, n, SLICE_LIT(" by "));
		n = add(to, n, slice_str(r->feed));
	}
	if (r->case_id[0]) {
		n = add(to, n, SLICE_LIT(", case "));
		n = add(to, n, slice_str(r->case_id));
	}
	return add_url(to, n, url, r->case_id);
}
