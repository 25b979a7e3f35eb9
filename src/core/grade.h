/*
 * grade: what one attempt to mail a trap is worth (DESIGN: "Words").
 * Numbers are stored and sent: append only.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_GRADE_H
#define CORE_GRADE_H
#include <stdbool.h>

enum grade {
	GRADE_NONE = 0,
	GRADE_PROBE = 1,       /* RCPT only (call-outs too) */
	GRADE_BACKSCATTER = 2, /* bounce or auto-reply, by structure */
	GRADE_BULK = 3,        /* list or bulk mail */
	GRADE_UNSEEN = 4,      /* whole message, content not seen */
	GRADE_CONFIRMED = 5,   /* whole message, content seen */
	GRADE_MISROUTED = 6,   /* wrong MX first */
	GRADE_INSIDER = 7,     /* login or own network: alarm, never a block */
	GRADE_EXEMPT = 8,      /* allow-listed client */
	GRADE_AUTOMATIC = 9,   /* auto-reply, notice, receipt: automatic by more than one sign */
	GRADE_COUNT
};

/* A whole message that no sign makes a machine's or a list's. */
static inline bool grade_is_whole(enum grade g)
{
	return g == GRADE_UNSEEN || g == GRADE_CONFIRMED;
}

/* "probe" ...; "?" for an unknown number. */
static inline const char *grade_name(enum grade g)
{
	static const char *const names[GRADE_COUNT] = { "none", "probe", "backscatter", "bulk", "unseen", "confirmed",
		"misrouted", "insider", "exempt", "automatic" };
	return (unsigned)g < GRADE_COUNT ? names[g] : "?";
}

#endif /* CORE_GRADE_H */
