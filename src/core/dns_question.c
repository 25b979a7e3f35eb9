/*
 * dns_question: names that can be asked for.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_question.h"

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

enum err dns_question_name(struct slice s, char to[DNS_NAME])
{
	size_t label = 0;

	if (s.n && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n == 0 || s.n > DNS_NAME - 3)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (c == '.' ? label == 0 : !is_name_char(c) || label == DNS_LABEL)
			return ERR_SYNTAX;
		label = c == '.' ? 0 : label + 1;
	}
	if (label == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++)
		to[i] = ascii_lower(s.p[i]);
	to[s.n] = '\0';
	return ERR_OK;
}
