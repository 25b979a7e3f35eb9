/*
 * mode: how far limetwig may go on this gateway. Set by `limetwig enforce`,
 * kept in the store; numbers are stored.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MODE_H
#define CORE_MODE_H
#include "base/slice.h"

enum mode {
	MODE_MONITOR = 1, /* nothing is refused, no mail kept from anybody; what would be is recorded */
	MODE_SOFT = 2,    /* refusals by policy */
	MODE_FULL = 3,    /* and the firewall layer */
};

static inline const char *mode_name(enum mode m)
{
	return m == MODE_SOFT ? "soft" : m == MODE_FULL ? "full" : "monitor";
}

/* False for an unknown word. */
static inline bool mode_parse(const char *s, enum mode *ret)
{
	for (int m = MODE_MONITOR; m <= MODE_FULL; m++) {
		if (strcmp(s, mode_name((enum mode)m)) == 0) {
			*ret = (enum mode)m;
			return true;
		}
	}
	return false;
}

#endif /* CORE_MODE_H */
