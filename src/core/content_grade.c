/*
 * content_grade: rules as tables, and the walk through the MIME parts.
 *
 *   state     a line that is the boundary   the end boundary   any other line
 *   HEADER    (bytes go to header_scan; at its end: BETWEEN or IGNORE)
 *   BETWEEN   PART_HEADER                   IGNORE             stays
 *   PART_HEADER  PART_HEADER                IGNORE             empty: REPORT or BETWEEN
 *   REPORT    PART_HEADER                   IGNORE             notes its field; all there: IGNORE, is_report
 *   IGNORE    (nothing is looked at any more)
 * SPDX-License-Identifier: ISC
 */
#include "core/content_grade.h"

enum state { STATE_HEADER, STATE_BETWEEN, STATE_PART_HEADER, STATE_REPORT, STATE_IGNORE };

#define KIND_ANY (-1)
#define REPORT_FIELDS 3

static const struct report_kind {
	const char *report_type;          /* parameter of multipart/report */
	const char *part_type;            /* the part that must be there */
	const char *field[REPORT_FIELDS]; /* ... with each of these, not empty */
} report_kinds[] = {
	{ "delivery-status", "message/delivery-status",
		{ "reporting-mta", "final-recipient", "action" } }, /* RFC 3464 */
	{ "delivery-status", "message/global-delivery-status",
		{ "reporting-mta", "final-recipient", "action" } }, /* RFC 6533 */
	{ "disposition-notification", "message/disposition-notification",
		{ "final-recipient", "disposition" } },                                                 /* RFC 8098 */
	{ "feedback-report", "message/feedback-report", { "feedback-type", "version", "user-agent" } }, /* RFC 5965 */
};
#define REPORT_KINDS ((int8_t)(sizeof report_kinds / sizeof report_kinds[0]))

/* value NULL: any but the empty one and the one in "except". */
static const struct bulk_rule {
	enum header_field field;
	const char *value;
	const char *except;
} bulk_rules[] = {
	{ HEADER_LIST_ID, NULL, NULL },
	{ HEADER_LIST_UNSUBSCRIBE, NULL, NULL },
	{ HEADER_PRECEDENCE, "bulk", NULL },
	{ HEADER_PRECEDENCE, "list", NULL },
	{ HEADER_PRECEDENCE, "junk", NULL },
	{ HEADER_AUTO_SUBMITTED, NULL, "no" },
};

void content_grade_init(struct content_grade *g, bool is_null_sender)
{
	memset(g, 0, sizeof *g);
	header_scan_init(&g->header);
	g->is_null_sender = is_null_sender;
	g->wanted = KIND_ANY;
}

/* The message's header is complete: is there a structure worth following? */
static void start_body(struct content_grade *g)
{
	struct content_type t;
	bool is_report;

	g->state = STATE_IGNORE;
	if (g->header.value[HEADER_CONTENT_TYPE].times != 1 || g->header.value[HEADER_CONTENT_TYPE].is_cut)
		return;
	if (content_type_parse(header_scan_value(&g->header, HEADER_CONTENT_TYPE), &t) != ERR_OK || !t.boundary[0])
		return;
	is_report = strcmp(t.type, "multipart/report") == 0;
	for (int8_t k = 0; is_report && k < REPORT_KINDS && g->wanted == KIND_ANY; k++)
		if (strcmp(t.report_type, report_kinds[k].report_type) == 0)
			g->wanted = k;
	if (g->wanted == KIND_ANY && !(g->is_null_sender && slice_starts(slice_str(t.type), SLICE_LIT("multipart/"))))
		return;
	memcpy(g->boundary, t.boundary, sizeof g->boundary);
	g->state = STATE_BETWEEN;
}

enum border { BORDER_NONE, BORDER_PART, BORDER_END };

static enum border border_of(const struct content_grade *g, struct slice line)
{
	struct slice b = slice_str(g->boundary);

	if (!slice_starts(line, SLICE_LIT("--")) || !slice_starts(slice_from(line, 2), b))
		return BORDER_NONE;
	line = slice_from(line, 2 + b.n);
	while (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
		line.n--;
	if (line.n == 0)
		return BORDER_PART;
	return slice_eq(line, SLICE_LIT("--")) ? BORDER_END : BORDER_NONE;
}

/* Does a part of row k fit what the message's header announced? */
static bool is_wanted(const struct content_grade *g, int8_t k)
{
	return g->wanted == KIND_ANY || strcmp(report_kinds[g->wanted].report_type, report_kinds[k].report_type) == 0;
}

static void end_part_header(struct content_grade *g)
{
	struct content_type t;

	g->state = STATE_BETWEEN;
	if (g->part.value[HEADER_CONTENT_TYPE].times != 1)
		return;
	if (content_type_parse(header_scan_value(&g->part, HEADER_CONTENT_TYPE), &t) != ERR_OK)
		return;
	for (int8_t k = 0; k < REPORT_KINDS; k++) {
		if (is_wanted(g, k) && strcmp(t.type, report_kinds[k].part_type) == 0) {
			g->kind = k;
			g->seen = 0;
			g->state = STATE_REPORT;
			return;
		}
	}
}

static void feed_part_header(struct content_grade *g, struct slice line)
{
	(void)header_scan_feed(&g->part, line);
	(void)header_scan_feed(&g->part, SLICE_LIT("\n"));
	if (g->part.is_done)
		end_part_header(g);
}

static void feed_report(struct content_grade *g, struct slice line)
{
	const struct report_kind *k = &report_kinds[g->kind];
	size_t colon = slice_find(line, ':');
	struct slice name = slice_trim(slice_head(line, colon));
	uint32_t all = 0;

	for (unsigned i = 0; i < REPORT_FIELDS && k->field[i]; i++) {
		all |= 1u << i;
		if (slice_eq_nocase(name, slice_str(k->field[i])) && slice_trim(slice_from(line, colon + 1)).n)
			g->seen |= 1u << i;
	}
	if (g->seen != all)
		return;
	g->is_report = true;
	g->state = STATE_IGNORE;
}

static void feed_line(struct content_grade *g, struct slice line)
{
	enum border border = border_of(g, line);

	if (border == BORDER_END) {
		g->state = STATE_IGNORE;
	} else if (border == BORDER_PART) {
		header_scan_init(&g->part);
		g->state = STATE_PART_HEADER;
	} else if (g->state == STATE_PART_HEADER) {
		feed_part_header(g, line);
	} else if (g->state == STATE_REPORT) {
		feed_report(g, line);
	}
}

/* Cut s into lines; what is beyond CONTENT_GRADE_LINE of a line is not looked at. */
static void feed_body(struct content_grade *g, struct slice s)
{
	while (s.n && g->state != STATE_IGNORE) {
		size_t n = slice_find(s, '\n'), room = CONTENT_GRADE_LINE - g->line_n;
		struct slice piece = slice_head(s, n < room ? n : room);

		if (piece.n)
			memcpy(g->line + g->line_n, piece.p, piece.n);
		g->line_n += piece.n;
		if (n < s.n) {
			struct slice line = { g->line, g->line_n };

			if (line.n && line.p[line.n - 1] == '\r')
				line.n--;
			feed_line(g, line);
			g->line_n = 0;
		}
		s = slice_from(s, n + 1);
	}
}

void content_grade_feed(struct content_grade *g, struct slice s)
{
	if (g->state == STATE_HEADER) {
		size_t n = header_scan_feed(&g->header, s);

		if (!g->header.is_done)
			return;
		s = slice_from(s, n);
		start_body(g);
	}
	if (g->state == STATE_IGNORE)
		return;
	s = slice_head(s, CONTENT_GRADE_BODY - g->body_bytes);
	g->body_bytes += (uint32_t)s.n;
	feed_body(g, s);
	if (g->body_bytes >= CONTENT_GRADE_BODY)
		g->state = STATE_IGNORE;
}

static bool is_bulk(const struct header_scan *h)
{
	for (size_t i = 0; i < sizeof bulk_rules / sizeof bulk_rules[0]; i++) {
		const struct bulk_rule *r = &bulk_rules[i];
		struct slice v = header_scan_value(h, r->field);

		if (v.n == 0 || (r->value && !slice_eq_nocase(v, slice_str(r->value))))
			continue;
		if (!r->except || !slice_eq_nocase(v, slice_str(r->except)))
			return true;
	}
	return false;
}

enum grade content_grade_end(struct content_grade *g)
{
	header_scan_end(&g->header);
	if (g->line_n && g->state == STATE_REPORT)
		feed_line(g, (struct slice){ g->line, g->line_n }); /* a last line without LF */
	if (g->is_report)
		return GRADE_BACKSCATTER;
	return is_bulk(&g->header) ? GRADE_BULK : GRADE_CONFIRMED;
}
