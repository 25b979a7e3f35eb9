/*
 * fuzz_words: the short forms that stand in configuration, commands and lists:
 * addresses, prefixes, servers, numbers, times, sizes, case ids, host names,
 * lengths of subjects, options of spamdb. What is read can be written, and is
 * then read as the same.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/host_port.h"
#include "base/num.h"
#include "core/case_id.h"
#include "core/host_name.h"
#include "core/spamdb_args.h"
#include "core/subject.h"
#include "core/xtext.h"

#define WORDS 32
#define TEXT 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static void try_addresses(struct slice s)
{
	char text[PREFIX_TEXT];
	struct ipaddr a, b;
	struct prefix p, q;
	uint16_t port;
	uint8_t len;

	if (ipaddr_parse(s, &a) == ERR_OK) {
		must(ipaddr_parse(slice_str(ipaddr_format(&a, text)), &b) == ERR_OK && ipaddr_eq(&a, &b));
		(void)host_name_is_generic(s, &a);
	}
	if (prefix_parse(s, &p) == ERR_OK) {
		must(p.len <= ipaddr_bits(&p.addr));
		must(prefix_parse(slice_str(prefix_format(&p, text)), &q) == ERR_OK && prefix_eq(&p, &q));
	}
	if (host_port_parse(s, &a, &port) == ERR_OK)
		must(a.family == 4 || a.family == 6);
	if (subject_length_parse(s, &p, &len) == ERR_OK)
		must(len >= p.len && len <= ipaddr_bits(&p.addr));
}

static void try_numbers(struct slice s)
{
	char text[NUM_TEXT + 8], id[CASE_ID_TEXT], again[CASE_ID_TEXT];
	uint64_t v, w;

	if (num_parse(s, 1000, &v) == ERR_OK)
		must(v <= 1000);
	if (num_parse_duration(s, &v) == ERR_OK)
		must(num_parse_duration(slice_str(num_format_duration(v, text)), &w) == ERR_OK && v == w);
	if (num_parse_size(s, &v) == ERR_OK)
		(void)num_format_grouped(v, text);
	if (case_id_parse(s, id) == ERR_OK)
		must(case_id_parse(slice_str(id), again) == ERR_OK && strcmp(id, again) == 0);
}

/* A name, a blank, an address. */
static void try_name(struct slice s)
{
	struct slice name = slice_head(s, slice_find(s, ' '));
	struct ipaddr client = { .family = 6 };

	if (ipaddr_parse(slice_from(s, name.n + 1), &client) != ERR_OK)
		memcpy(client.b, s.p, s.n < 16 ? s.n : 16);
	(void)host_name_is_generic(name, &client);
}

static void try_words(struct slice s)
{
	static char text[TEXT], name[] = "spamdb";
	struct spamd_setup_args setup;
	struct spamdb_args args;
	char *word[WORDS + 1] = { name }, *save;
	int n = 1;

	if (s.n >= TEXT)
		return;
	slice_copy(s, text, sizeof text);
	for (char *w = strtok_r(text, " ", &save); w && n < WORDS; w = strtok_r(NULL, " ", &save))
		word[n++] = w;
	if (spamdb_args_parse(n, word, &args))
		must(args.first >= 1 && args.first <= n);
	(void)spamd_setup_args_parse(n, word, &setup);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice s = slice_of(data, size);

	try_addresses(s);
	try_numbers(s);
	try_name(s);
	try_words(s);
	return 0;
}
