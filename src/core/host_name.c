/*
 * host_name: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/host_name.h"

#include <stdio.h>

/* Whole labels, or parts of labels between digits and dashes. */
static const char *const words[] = { "dynamic", "dyn", "dhcp", "dsl", "adsl", "vdsl", "xdsl", "pool", "ppp", "pppoe",
	"dialup", "dial", "cable", "broadband", "client", "customer", "cust", "user", "res", "ip" };

static bool is_letter(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

/* One of the words stands in the name with no letter beside it. */
static bool has_word(struct slice name)
{
	for (size_t i = 0; i < name.n;) {
		size_t n = 0;

		while (i + n < name.n && is_letter(name.p[i + n]))
			n++;
		for (size_t k = 0; n && k < sizeof words / sizeof words[0]; k++)
			if (slice_eq_nocase(slice_of(name.p + i, n), slice_str(words[k])))
				return true;
		i += n ? n : 1;
	}
	return false;
}

/* The last two bytes of an IPv4 address both stand in the name as numbers. */
static bool has_octets(struct slice name, const struct ipaddr *a)
{
	unsigned found = 0;

	for (unsigned k = 2; k < 4; k++) {
		char text[8];
		size_t n = (size_t)snprintf(text, sizeof text, "%u", a->b[k]);

		for (size_t i = 0; i + n <= name.n; i++) {
			bool left = i == 0 || name.p[i - 1] < '1' || name.p[i - 1] > '9';
			bool right = i + n == name.n || name.p[i + n] < '0' || name.p[i + n] > '9';

			if (left && right && memcmp(name.p + i, text, n) == 0) {
				found++;
				break;
			}
		}
	}
	return found == 2;
}

bool host_name_is_generic(struct slice name, const struct ipaddr *client)
{
	if (name.n == 0 || slice_eq_nocase(name, SLICE_LIT("unknown")))
		return true;
	return has_word(name) || (client->family == 4 && has_octets(name, client));
}
