/*
 * content_body: walks through the MIME parts of a body that streams by and
 * notes the facts that stand in it (core/content_rules): a whole report part
 * (RFC 3464, 6533, 8098, 5965), a returned message or header that names the trap
 * as author, the same copied into the text, words of mail systems.
 *
 * A report counts only where it stands: in a multipart/report of its kind, or
 * in any multipart of a message with the null sender; with all its obligatory
 * fields in one part. Text is decoded, reports and returned headers are not: no
 * mail system encodes them, and what is not understood is no fact.
 *
 * Pure, no allocation, linear time; looks at CONTENT_BODY_MAX bytes.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONTENT_BODY_H
#define CORE_CONTENT_BODY_H
#include "core/address.h"
#include "core/content_decode.h"
#include "core/content_type.h"
#include "core/header_scan.h"

#define CONTENT_BODY_MAX (64u << 10) /* bytes of body looked at */
#define CONTENT_BODY_LINE 1000       /* bytes of a line looked at, RFC 5321 4.5.3.1.6 */
#define CONTENT_BODY_DEPTH 4         /* multiparts in one another */
#define CONTENT_BODY_TEXT 40         /* lines of text compared with the tables: more than a notice has */
#define CONTENT_BODY_CHARS 2500      /* bytes of text, the same */

struct content_level {
	char boundary[CONTENT_TYPE_TEXT];
	bool is_report; /* multipart/report */
	int8_t kind;    /* ... of this row of report_kinds; -1 any */
};

struct content_body {
	uint64_t facts; /* FACT_... of core/content_rules; those of the envelope are set by the caller before start */
	struct slice trap; /* canonical address; borrowed */
	/* below: private */
	struct header_scan part; /* header of the part, fields of a report, returned header */
	struct content_level level[CONTENT_BODY_DEPTH];
	char line[CONTENT_BODY_LINE];
	size_t line_n;
	struct content_decode text;
	struct content_type type; /* of the part whose header is being read */
	uint32_t bytes;
	uint32_t seen; /* fields of the report part, bit by bit */
	uint32_t copy; /* fields of a copied header in the text, bit by bit */
	uint32_t text_lines, text_bytes;
	uint8_t depth, state, types;
	int8_t kind;      /* row the report part at hand belongs to */
	uint8_t encoding; /* of the part, enum content_encoding */
	bool is_file, is_own_report, is_copy_named, is_preamble;
};

/* trap: the address this copy was for, canonical; "" unknown. It must outlive b. */
void content_body_init(struct content_body *b, uint64_t facts, struct slice trap);
/* A field of the message's own header; name in lower case. */
void content_body_field(struct content_body *b, struct slice name, struct slice value, bool is_cut);
/* The header is complete. */
void content_body_start(struct content_body *b);
void content_body_feed(struct content_body *b, struct slice s);
/* After the last byte; call once. */
void content_body_end(struct content_body *b);

#endif /* CORE_CONTENT_BODY_H */
