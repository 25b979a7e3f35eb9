/*
 * content_grade: what the content of a message to a trap says, alone: one of
 * confirmed, bulk, backscatter. The message streams by in pieces of any size.
 *
 * Backscatter is told by structure only, never by a header that anyone can
 * add: multipart/report with a known report-type and in the body the part that
 * such a report must have, with its obligatory fields; or a null sender and
 * any multipart with such a part. Headers of list and automatic mail make it
 * bulk, never less. What counts as which is data: the tables report_kinds and
 * bulk_rules in content_grade.c; a new rule is a new row.
 *
 * Pure, no allocation, linear time; looks at CONTENT_GRADE_BODY bytes of body.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONTENT_GRADE_H
#define CORE_CONTENT_GRADE_H
#include "core/content_type.h"
#include "core/grade.h"
#include "core/header_scan.h"

#define CONTENT_GRADE_BODY (64u << 10) /* bytes of body looked at */
#define CONTENT_GRADE_LINE 1000        /* bytes of a line looked at, RFC 5321 4.5.3.1.6 */

struct content_grade {
	struct header_scan header; /* of the message; read it freely */
	/* below: private */
	struct header_scan part; /* of the MIME part at hand */
	char boundary[CONTENT_TYPE_TEXT];
	char line[CONTENT_GRADE_LINE];
	size_t line_n;
	uint32_t body_bytes;
	uint32_t seen; /* obligatory fields of the report part, bit by bit */
	uint8_t state;
	int8_t wanted; /* row of report_kinds that may match; -1 any */
	int8_t kind;   /* row the part at hand belongs to */
	bool is_null_sender;
	bool is_report; /* found */
};

void content_grade_init(struct content_grade *g, bool is_null_sender);
void content_grade_feed(struct content_grade *g, struct slice s);
/* After the last byte; call once. */
enum grade content_grade_end(struct content_grade *g);

#endif /* CORE_CONTENT_GRADE_H */
