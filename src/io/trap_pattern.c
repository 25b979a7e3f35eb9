/*
 * trap_pattern: PCRE2 behind a small door. Without its JIT: 100 patterns cost
 * some 25 us, only for recipients in trap domains, and a process that reads
 * hostile bytes has no memory that is writable and executable.
 * SPDX-License-Identifier: ISC
 */
#include "io/trap_pattern.h"

#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT 10000u /* below 1 ms; an ordinary match needs below 100 */
#define HEAP_LIMIT_KIB 256u
#define REASON 160

struct trap_patterns {
	pcre2_match_context *limits;
	pcre2_match_data *match;
	size_t count;
	uint64_t limited;
	struct {
		pcre2_code *code;
		uint32_t trap;
	} pattern[TRAP_TABLE_PATTERNS];
};

struct trap_patterns *trap_patterns_new(void)
{
	struct trap_patterns *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->limits = pcre2_match_context_create(NULL);
	p->match = pcre2_match_data_create(1, NULL);
	if (!p->limits || !p->match) {
		trap_patterns_free(p);
		return NULL;
	}
	pcre2_set_match_limit(p->limits, MATCH_LIMIT);
	pcre2_set_heap_limit(p->limits, HEAP_LIMIT_KIB);
	return p;
}

void trap_patterns_free(struct trap_patterns *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++)
		pcre2_code_free(p->pattern[i].code);
	pcre2_match_data_free(p->match);
	pcre2_match_context_free(p->limits);
	free(p);
}

enum err trap_patterns_add(struct trap_patterns *p, struct slice pattern, uint32_t trap, char *text, size_t text_size)
{
	uint32_t options = PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF; /* an address may be bad UTF-8 */
	pcre2_code *code;
	PCRE2_SIZE at;
	int error;

	if (p->count == TRAP_TABLE_PATTERNS) {
		(void)snprintf(text, text_size, "more than %u patterns", TRAP_TABLE_PATTERNS);
		return ERR_FULL;
	}
	code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, &error, &at, NULL);
	if (!code) {
		unsigned char reason[REASON] = "";

		(void)pcre2_get_error_message(error, reason, sizeof reason); /* cut where it does not fit */
		(void)snprintf(text, text_size, "pattern, character %zu: %s", (size_t)at + 1, (const char *)reason);
		return ERR_SYNTAX;
	}
	p->pattern[p->count].code = code;
	p->pattern[p->count++].trap = trap;
	return ERR_OK;
}

bool trap_patterns_find(struct trap_patterns *p, const struct address *a, uint32_t *ret_trap)
{
	size_t n = strlen(a->text);

	for (size_t i = 0; i < p->count; i++) {
		int rc = pcre2_match(p->pattern[i].code, (PCRE2_SPTR)a->text, n, 0, 0, p->match, p->limits);

		if (rc >= 0) {
			*ret_trap = p->pattern[i].trap;
			return true;
		}
		if (rc != PCRE2_ERROR_NOMATCH)
			p->limited++;
	}
	return false;
}

size_t trap_patterns_count(const struct trap_patterns *p)
{
	return p->count;
}

uint64_t trap_patterns_limited(const struct trap_patterns *p)
{
	return p->limited;
}
