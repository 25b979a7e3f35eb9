/*
 * fuzz_spf_walk: bytes as the answers that a walk gets: a result, a lifetime,
 * then a line for each record. The walk ends within its number of questions,
 * asks for good names only, and its set is sorted and disjoint.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/spf_walk.h"

#define QUESTIONS (1 + SPF_TERMS_MAX * (1 + 2 * SPF_MX_MAX))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line of the input up to LF; an empty line ends the answer. */
static void answer(struct spf_walk *w, struct slice *in)
{
	enum dns_type type = spf_walk_question(w)->type;
	bool is_address = type == DNS_A || type == DNS_AAAA;
	struct ipaddr address[DNS_ANSWERS];
	struct slice text[DNS_ANSWERS], line;
	struct dns_answer a = { .result = DNS_NONE, .address = address, .text = text };

	while (a.count < DNS_ANSWERS && slice_line(in, &line) && line.n) {
		a.ttl_s = a.ttl_s * 7 + (uint32_t)line.n;
		if (slice_eq(line, SLICE_LIT("!"))) {
			a.result = DNS_FAILED;
			break;
		}
		if (is_address && ipaddr_parse(line, &address[a.count]) != ERR_OK)
			address[a.count] = (struct ipaddr){ .family = 4, .b = { 192, 0, 2, (uint8_t)line.n } };
		text[a.count++] = line;
		a.result = DNS_OK;
	}
	a.is_cut = a.count == DNS_ANSWERS;
	spf_walk_answer(w, &a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), domain;
	const struct spf_set *s;
	struct spf_walk *w;
	unsigned questions = 0;

	if (!slice_line(&in, &domain))
		return 0;
	w = spf_walk_new(domain);
	if (!w)
		abort();
	while (spf_walk_state(w) == SPF_ASKS) {
		char name[DNS_NAME];

		if (++questions > QUESTIONS || dns_question_name(slice_str(spf_walk_question(w)->name), name) != ERR_OK)
			abort();
		answer(w, &in);
	}
	s = spf_walk_set(w);
	for (size_t i = 0; i < s->count; i++) {
		if (i && prefix_overlaps(&s->prefix[i - 1], &s->prefix[i]))
			abort();
		if (!spf_set_has(s, &s->prefix[i].addr))
			abort();
	}
	if (spf_walk_ttl(w) < SPF_TTL_MIN || spf_walk_ttl(w) > SPF_TTL_MAX)
		abort();
	spf_walk_free(w);
	return 0;
}
