/*
 * role: the processes of limetwigd (DESIGN: "Processes"). Numbers are part of
 * the message format: append only.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_ROLE_H
#define CORE_ROLE_H
#include "base/slice.h"

enum role {
	ROLE_PARENT = 0,   /* supervises; root, no foreign input */
	ROLE_ENGINE = 1,   /* policy server, control socket, decisions, store */
	ROLE_FIREWALL = 2, /* kernel sets */
	ROLE_CAPTURE = 3,  /* LMTP server, grading, corpus */
	ROLE_FOLLOW = 4,   /* mail log */
	ROLE_RUN = 5,      /* fixed argv lists */
	ROLE_ALIASMAP = 6, /* root helper: Postfix's view of the traps (alias map, live check) */
	ROLE_FETCH = 7,    /* questions to the DNS */
	ROLE_TARPIT = 8,   /* SMTP server for blocked clients */
	ROLE_COUNT
};

#define ROLE_BIT(r) (1u << (r))

/* "engine", "firewall" ...: the argument of -x, part of user names and log lines. */
static inline const char *role_name(enum role r)
{
	static const char *const names[ROLE_COUNT] = { "parent", "engine", "firewall", "capture", "follow", "run",
		"aliasmap", "fetch", "tarpit" };
	return (unsigned)r < ROLE_COUNT ? names[r] : "?";
}

/* False for an unknown name. */
static inline bool role_parse(const char *name, enum role *ret)
{
	for (int r = 0; r < ROLE_COUNT; r++) {
		if (strcmp(name, role_name((enum role)r)) == 0) {
			*ret = (enum role)r;
			return true;
		}
	}
	return false;
}

#endif /* CORE_ROLE_H */
