/*
 * case_id: the check character is the remainder of the first seven as a
 * polynomial over GF(32): c = x1·a^7 + x2·a^6 + ... + x7·a, with a primitive.
 * All weights a^7 ... a^0 differ and none is 0, which is exactly what finds
 * each single error and each swap of neighbours.
 * SPDX-License-Identifier: ISC
 */
#include "core/case_id.h"

#define CASE_ID_DIGITS 8 /* with the check character */

static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/* v·a modulo x^5 + x^2 + 1 */
static unsigned times_a(unsigned v)
{
	return (v << 1 ^ (v & 16 ? 0x25 : 0)) & 31;
}

static unsigned check_of(const unsigned digit[CASE_ID_DIGITS - 1])
{
	unsigned sum = 0;

	for (size_t i = 0; i < CASE_ID_DIGITS - 1; i++)
		sum = times_a(sum ^ digit[i]);
	return sum;
}

static void write_text(const unsigned digit[CASE_ID_DIGITS], char to[CASE_ID_TEXT])
{
	size_t o = 0;

	for (size_t i = 0; i < CASE_ID_DIGITS; i++) {
		if (i == CASE_ID_DIGITS / 2)
			to[o++] = '-';
		to[o++] = alphabet[digit[i]];
	}
	to[o] = '\0';
}

const char *case_id_make(uint64_t random, char to[CASE_ID_TEXT])
{
	unsigned digit[CASE_ID_DIGITS];

	for (size_t i = 0; i < CASE_ID_DIGITS - 1; i++) {
		digit[i] = (unsigned)(random & 31);
		random >>= 5;
	}
	digit[CASE_ID_DIGITS - 1] = check_of(digit);
	write_text(digit, to);
	return to;
}

static bool digit_of(char c, unsigned *ret)
{
	char upper = c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;

	for (unsigned i = 0; alphabet[i]; i++) {
		if (alphabet[i] == upper) {
			*ret = i;
			return true;
		}
	}
	return false;
}

enum err case_id_parse(struct slice s, char ret[CASE_ID_TEXT])
{
	unsigned digit[CASE_ID_DIGITS];
	size_t n = 0;

	s = slice_trim(s);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '-' && i == CASE_ID_DIGITS / 2)
			continue;
		if (n == CASE_ID_DIGITS || !digit_of(s.p[i], &digit[n]))
			return ERR_SYNTAX;
		n++;
	}
	if (n != CASE_ID_DIGITS)
		return ERR_SYNTAX;
	if (check_of(digit) != digit[CASE_ID_DIGITS - 1])
		return ERR_NOTFOUND;
	write_text(digit, ret);
	return ERR_OK;
}
