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
 * The words of subjects and text are in content_words.c.
 * Pure; all look-ups are bounded by the tables and by CONTENT_RULES_LINE.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONTENT_RULES_H
#define CORE_CONTENT_RULES_H
#include "base/slice.h"
#include "core/grade.h"

#include <stdint.h>

#define CONTENT_RULES_LINE 240 /* bytes of a line or subject that are compared */

/* Facts; a set is a uint64_t. */
/* envelope */
#define FACT_NULL (UINT64_C(1) << 0)   /* null sender */
#define FACT_DAEMON (UINT64_C(1) << 1) /* sender mailer-daemon@, postmaster@ ... */
#define FACT_LIST_SENDER                                                                                               \
	(UINT64_C(1) << 2) /* sender of a list or of bulk mail: list-bounces@, owner-list@, x+y=example.org@ */
/* header */
#define FACT_FROM_DAEMON (UINT64_C(1) << 3) /* From: of a mail system */
#define FACT_FROM_ROBOT (UINT64_C(1) << 4)  /* From: or Reply-To: of list software: majordomo@, list-request@ ... */
#define FACT_FAILED (UINT64_C(1) << 5)      /* X-Failed-Recipients */
#define FACT_REPLIED (UINT64_C(1) << 6)     /* Auto-Submitted: auto-replied */
#define FACT_RESPONDER (UINT64_C(1) << 7)   /* a field that automatic responders write */
#define FACT_AUTO (UINT64_C(1) << 8)        /* automatic mail of any kind says so */
#define FACT_LIST (UINT64_C(1) << 9)        /* list or bulk mail says so */
#define FACT_UNSUBSCRIBE (UINT64_C(1) << 10)
#define FACT_LIST_HINT (UINT64_C(1) << 11) /* fields of mailings; nothing alone */
#define FACT_THREAD (UINT64_C(1) << 12)    /* In-Reply-To, References; nothing alone */
/* subject */
#define FACT_SUBJECT_REPLY (UINT64_C(1) << 13) /* "Out of office" */
#define FACT_SUBJECT_CONFIRM (UINT64_C(1) << 14)
#define FACT_SUBJECT_VIRUS (UINT64_C(1) << 15)
#define FACT_SUBJECT_QUOTA (UINT64_C(1) << 16)
#define FACT_SUBJECT_CHALLENGE (UINT64_C(1) << 17)
#define FACT_SUBJECT_REPORT (UINT64_C(1) << 18) /* "Report Domain: ..." of RFC 7489 */
/* text */
#define FACT_TEXT_BOUNCE (UINT64_C(1) << 19) /* words of a mail system */
#define FACT_TEXT_REPLY (UINT64_C(1) << 20)
#define FACT_TEXT_CHALLENGE (UINT64_C(1) << 21)
#define FACT_TEXT_LINK (UINT64_C(1) << 22)
#define FACT_COPY (UINT64_C(1) << 23) /* a copied header in the text names the trap as author */
/* structure */
#define FACT_REPORT (UINT64_C(1) << 24)      /* a whole report part */
#define FACT_NAMED (UINT64_C(1) << 25)       /* a returned message or its header names the trap as author */
#define FACT_REPORT_FILE (UINT64_C(1) << 26) /* an aggregate report: domain!domain!time!time.xml, or a TLS report */
#define FACT_TEXT_LONG (UINT64_C(1) << 27)   /* more than CONTENT_BODY_TEXT lines or CONTENT_BODY_CHARS bytes of text */
#define FACT_SIGNED (UINT64_C(1) << 28)      /* DKIM-Signature; not verified, nothing alone */
#define FACT_OTHER (UINT64_C(1) << 29)       /* a returned message names an author who is not the trap */
#define FACT_PROGRAM (UINT64_C(1) << 30)     /* written with a mail program, says its header */
#define FACT_TEXT_FAIL (UINT64_C(1) << 31)   /* words about mail that did not arrive; weak */
#define FACT_FILE (UINT64_C(1) << 32)        /* an attachment that is no report */
#define FACT_SUBJECT_BOUNCE (UINT64_C(1) << 33) /* "Undelivered Mail Returned to Sender" */
#define FACT_SUBJECT_ABUSE (UINT64_C(1) << 34)  /* complaint, abuse report */
#define FACT_RELATED (UINT64_C(1) << 35)        /* list fields name a domain of the sender (core/content_relate) */
#define FACT_LIST_CLAIM (UINT64_C(1) << 36)     /* List-Id, Precedence: bulk: in spam as well; little alone */
#define FACT_TEXT_ADDRESS (UINT64_C(1) << 37)   /* the text has an address that is not the trap's */

/* Is this field in the table? name in lower case. */
bool content_rules_knows(struct slice name);
uint64_t content_rules_field(struct slice name, struct slice value);
/* Subject, decoded. */
uint64_t content_rules_subject(struct slice text);
uint64_t content_rules_line(struct slice line);
bool content_rules_has_link(struct slice line);
/* Local part of the envelope sender, in lower case. */
uint64_t content_rules_sender(struct slice local);
/* Value of From or Reply-To, decoded. */
uint64_t content_rules_from(struct slice value);
/* May this field of a returned header name the author? Name in lower case. */
bool content_rules_is_author(struct slice name);
enum grade content_rules_grade(uint64_t facts);

#endif /* CORE_CONTENT_RULES_H */
