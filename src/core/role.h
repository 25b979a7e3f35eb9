/*
 * role: the processes of limetwigd (DESIGN: "Processes"). Numbers are part of
 * the message format: append only. One role may run in several processes: the
 * tarpit does. The first has the role's number, the others have numbers of their own
 * behind all roles; role_kind() gives what they are: rights, user and messages.
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
	ROLE_FEED = 9,     /* lists from outside */
	ROLE_DNSBL = 10,   /* answers the DNS about our list */
	ROLE_PUBLISH = 11, /* our list as files, and in other DNS servers */
	ROLE_COUNT
};

#define ROLE_BIT(r) (1u << (r))
#define ROLE_TARPITS 16                                      /* processes of it at most */
#define ROLE_TARPIT_MORE 16                                  /* the second one */
#define ROLE_PROCESSES (ROLE_TARPIT_MORE + ROLE_TARPITS - 1) /* numbers in use end here */

/* Process n (from 0) of the tarpit. */
static inline enum role role_tarpit(unsigned n)
{
	return n ? (enum role)(ROLE_TARPIT_MORE + n - 1) : ROLE_TARPIT;
}

/* The role of this process; ROLE_COUNT where there is none of this number. */
static inline enum role role_kind(enum role r)
{
	unsigned n = (unsigned)r;

	return n < ROLE_COUNT ? r : n >= ROLE_TARPIT_MORE && n < ROLE_PROCESSES ? ROLE_TARPIT : ROLE_COUNT;
}

/* "engine", "tarpit", "tarpit2" ...: the argument of -x, part of log lines; of a kind: of user names. */
static inline const char *role_name(enum role r)
{
	static const char *const names[ROLE_COUNT] = { "parent", "engine", "firewall", "capture", "follow", "run",
		"aliasmap", "fetch", "tarpit", "feed", "dnsbl", "publish" };
	static const char *const more[ROLE_TARPITS - 1] = { "tarpit2", "tarpit3", "tarpit4", "tarpit5", "tarpit6",
		"tarpit7", "tarpit8", "tarpit9", "tarpit10", "tarpit11", "tarpit12", "tarpit13", "tarpit14", "tarpit15",
		"tarpit16" };

	if ((unsigned)r < ROLE_COUNT)
		return names[r];
	return role_kind(r) == ROLE_TARPIT ? more[(unsigned)r - ROLE_TARPIT_MORE] : "?";
}

/* False for an unknown name. */
static inline bool role_parse(const char *name, enum role *ret)
{
	for (unsigned r = 0; r < ROLE_PROCESSES; r++) {
		if (role_kind((enum role)r) != ROLE_COUNT && strcmp(name, role_name((enum role)r)) == 0) {
			*ret = (enum role)r;
			return true;
		}
	}
	return false;
}

#endif /* CORE_ROLE_H */
