/*
 * content_grade: what a message to a trap is worth by its content alone:
 * confirmed, bulk, automatic or backscatter. The message streams by in pieces
 * of any size; what is looked for is data (core/content_rules).
 *
 * Weight 0 (backscatter) by structure only: a whole report with a null sender,
 * or a returned message that names the trap as its author. Headers that any
 * sender can add make it automatic or bulk, never less.
 *
 * Pure, no allocation, linear time, bounded (HEADER_SCAN_MAX, CONTENT_BODY_MAX).
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONTENT_GRADE_H
#define CORE_CONTENT_GRADE_H
#include "core/content_body.h"
#include "core/content_relate.h"
#include "core/grade.h"
#include "core/header_scan.h"
#include "core/received.h"

#define CONTENT_GRADE_FIELDS 150 /* fields of the tables looked at; Received count up to RECEIVED_HOPS */
#define CONTENT_GRADE_HOPS 4     /* Received fields whose host names are looked at */
#define CONTENT_GRADE_FROM 4     /* From and Reply-To looked at */
#define CONTENT_GRADE_TEXT 256   /* bytes of Message-ID and Subject kept, with NUL */

struct content_grade {
	/* of the message's header; read them freely */
	struct header_scan header;
	char message_id[CONTENT_GRADE_TEXT];
	char subject[CONTENT_GRADE_TEXT]; /* as it stands, not decoded */
	struct received_hop hop[RECEIVED_HOPS];
	size_t hops;
	/* below: private */
	char trap[ADDRESS_TEXT];
	uint32_t fields, froms;
	struct content_body body;
	struct content_relate relate;
	bool has_message_id, has_subject, is_body;
};

/* sender: of the envelope, "" null; trap: canonical, "" when the copy is for none or several. */
void content_grade_init(struct content_grade *g, struct slice sender, struct slice trap);
void content_grade_feed(struct content_grade *g, struct slice s);
/* After the last byte; call once. */
enum grade content_grade_end(struct content_grade *g);

#endif /* CORE_CONTENT_GRADE_H */
