/*
 * content_rules: what is known of automatic mail, as data. One table a place
 * to look at (header fields, subject, text, sender, From), each row gives
 * facts; one table of grades, each row a set of facts. A new product or
 * language is a new row with its source in a comment.
 *
 * The rule of the house: weight 0 only for a structure that names the trap as
 * the author of what came back, or a null sender with a report. What any
 * sender can add lowers a grade, never to 0.
 *
 * Pure; all look-ups are bounded by the tables and by CONTENT_RULES_LINE.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONTENT_RULES_H
#define CORE_CONTENT_RULES_H
#include "base/slice.h"
#include "core/grade.h"

#include <stdint.h>

#define CONTENT_RULES_LINE 240 /* bytes of a line or subject that are compared */

enum content_fact {
	/* envelope */
	FACT_NULL = 1u << 0,        /* null sender */
	FACT_DAEMON = 1u << 1,      /* sender mailer-daemon@, postmaster@ ... */
	FACT_LIST_SENDER = 1u << 2, /* sender of a list or of bulk mail: list-bounces@, owner-list@, x+y=example.org@ */
	/* header */
	FACT_FROM_DAEMON = 1u << 3, /* From: of a mail system */
	FACT_FROM_ROBOT = 1u << 4,  /* From: or Reply-To: of list software: majordomo@, list-request@ ... */
	FACT_FAILED = 1u << 5,      /* X-Failed-Recipients */
	FACT_REPLIED = 1u << 6,     /* Auto-Submitted: auto-replied */
	FACT_RESPONDER = 1u << 7,   /* a field that automatic responders write */
	FACT_AUTO = 1u << 8,        /* automatic mail of any kind says so */
	FACT_LIST = 1u << 9,        /* list or bulk mail says so */
	FACT_UNSUBSCRIBE = 1u << 10,
	FACT_LIST_HINT = 1u << 11, /* fields of mailings; nothing alone */
	FACT_THREAD = 1u << 12,    /* In-Reply-To, References; nothing alone */
	/* subject */
	FACT_SUBJECT_REPLY = 1u << 13, /* "Out of office" */
	FACT_SUBJECT_CONFIRM = 1u << 14,
	FACT_SUBJECT_VIRUS = 1u << 15,
	FACT_SUBJECT_QUOTA = 1u << 16,
	FACT_SUBJECT_CHALLENGE = 1u << 17,
	FACT_SUBJECT_REPORT = 1u << 18, /* "Report Domain: ..." of RFC 7489 */
	/* text */
	FACT_TEXT_BOUNCE = 1u << 19, /* words of a mail system */
	FACT_TEXT_REPLY = 1u << 20,
	FACT_TEXT_CHALLENGE = 1u << 21,
	FACT_TEXT_LINK = 1u << 22,
	FACT_COPY = 1u << 23, /* a copied header in the text names the trap as author */
	/* structure */
	FACT_REPORT = 1u << 24,      /* a whole report part */
	FACT_NAMED = 1u << 25,       /* a returned message or its header names the trap as author */
	FACT_REPORT_FILE = 1u << 26, /* an aggregate report: domain!domain!time!time.xml */
	FACT_DATA_REPORT = 1u << 27, /* multipart/report of another kind with its part (TLSRPT) */
	FACT_TEXT_LONG = 1u << 28,   /* more than CONTENT_BODY_LONG lines of text */
	FACT_SIGNED = 1u << 29,      /* DKIM-Signature; not verified, nothing alone */
};

/* name in lower case. */
uint32_t content_rules_field(struct slice name, struct slice value);
/* Subject, decoded. */
uint32_t content_rules_subject(struct slice text);
uint32_t content_rules_line(struct slice line);
/* Local part of the envelope sender, in lower case. */
uint32_t content_rules_sender(struct slice local);
/* Value of From or Reply-To, decoded. */
uint32_t content_rules_from(struct slice value);
/* May this field of a returned header name the author? Name in lower case. */
bool content_rules_is_author(struct slice name);
enum grade content_rules_grade(uint32_t facts);

#endif /* CORE_CONTENT_RULES_H */
