/*
 * num: strict numbers.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"

#include <stdio.h>

#define NUM_MAX_DURATION_S (UINT64_C(10) * 366 * 86400)

enum err num_parse(struct slice s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t d = (uint64_t)(unsigned char)s.p[i] - '0';

		if (d > 9)
			return ERR_SYNTAX;
		if (i >= 19 && v > (UINT64_MAX - d) / 10) /* 19 digits always fit */
			return ERR_LIMIT;
		v = v * 10 + d;
	}
	if (v > max)
		return ERR_LIMIT;
	*ret = v;
	return ERR_OK;
}

static uint64_t unit_seconds(char c)
{
	switch (c) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	case 'w':
		return 7 * 86400;
	default:
		return 0;
	}
}

enum err num_parse_duration(struct slice s, uint64_t *ret_s)
{
	uint64_t sum = 0;

	if (s.n == 0)
		return ERR_SYNTAX;
	while (s.n) {
		size_t digits = 0;
		uint64_t v, unit = 1;
		enum err e;

		while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
			digits++;
		e = num_parse(slice_head(s, digits), NUM_MAX_DURATION_S, &v);
		if (e != ERR_OK)
			return e;
		s = slice_from(s, digits);
		if (s.n) {
			unit = unit_seconds(s.p[0]);
			if (unit == 0)
				return ERR_SYNTAX;
			s = slice_from(s, 1);
		}
		sum += v * unit;
		if (sum > NUM_MAX_DURATION_S)
			return ERR_LIMIT;
	}
	*ret_s = sum;
	return ERR_OK;
}

enum err num_parse_size(struct slice s, uint64_t *ret_bytes)
{
	uint64_t v, shift = 0;
	enum err e;

	if (s.n && (s.p[s.n - 1] < '0' || s.p[s.n - 1] > '9')) {
		switch (s.p[--s.n]) {
		case 'k':
		case 'K':
			shift = 10;
			break;
		case 'M':
			shift = 20;
			break;
		case 'G':
			shift = 30;
			break;
		default:
			return ERR_SYNTAX;
		}
	}
	e = num_parse(s, UINT64_MAX >> shift, &v);
	if (e != ERR_OK)
		return e;
	*ret_bytes = v << shift;
	return ERR_OK;
}

const char *num_format_duration(uint64_t s, char to[NUM_TEXT])
{
	static const struct {
		uint64_t s;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' } };

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (s && s % units[i].s == 0) {
			(void)snprintf(to, NUM_TEXT, "%llu%c", (unsigned long long)(s / units[i].s), units[i].unit);
			return to;
		}
	}
	(void)snprintf(to, NUM_TEXT, "%llus", (unsigned long long)s);
	return to;
}

const char *num_format_grouped(uint64_t v, char to[NUM_TEXT + 8])
{
	char digits[NUM_TEXT];
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v), o = 0;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			to[o++] = ',';
		to[o++] = digits[i];
	}
	to[o] = '\0';
	return to;
}
