/*
 * content_body: line by line.
 *
 *   state     a line that is a boundary    any other line
 *   BETWEEN   HEADER, or the level above   stays
 *   HEADER    the same                     field of the part; at its end TEXT, REPORT, RETURNED, deeper, or BETWEEN
 *   TEXT      the same                     compared with the tables, looked at for a copied header
 *   REPORT    the same                     fields of a report
 *   RETURNED  the same                     fields of a returned header; at its end BETWEEN
 *   IGNORE    (nothing is looked at any more)
 * SPDX-License-Identifier: ISC
 */
#include "core/content_body.h"

#include "core/content_rules.h"

enum state { STATE_BETWEEN, STATE_HEADER, STATE_TEXT, STATE_REPORT, STATE_RETURNED, STATE_IGNORE };

#define KIND_ANY (-1)
#define REPORT_FIELDS 3

static const struct report_kind {
	const char *report_type;          /* parameter of multipart/report */
	const char *part_type;            /* the part that must be there */
	const char *field[REPORT_FIELDS]; /* ... with each of these, not empty */
	uint64_t facts;
} report_kinds[] = {
	{ "delivery-status", "message/delivery-status", { "reporting-mta", "final-recipient", "action" },
		FACT_REPORT }, /* RFC 3464 */
	{ "delivery-status", "message/global-delivery-status", { "reporting-mta", "final-recipient", "action" },
		FACT_REPORT }, /* RFC 6533 */
	{ "disposition-notification", "message/disposition-notification", { "final-recipient", "disposition" },
		FACT_REPORT }, /* RFC 8098 */
	{ "disposition-notification", "message/global-disposition-notification", { "final-recipient", "disposition" },
		FACT_REPORT },
	{ "feedback-report", "message/feedback-report", { "feedback-type", "version", "user-agent" },
		FACT_REPORT },                                                                     /* RFC 5965 */
	{ "tlsrpt", "application/tlsrpt+gzip", { NULL }, FACT_SUBJECT_REPORT | FACT_REPORT_FILE }, /* RFC 8460 */
	{ "tlsrpt", "application/tlsrpt+json", { NULL }, FACT_SUBJECT_REPORT | FACT_REPORT_FILE },
};
#define REPORT_KINDS ((int8_t)(sizeof report_kinds / sizeof report_kinds[0]))

static const char *const returned_types[] = { "message/rfc822", "text/rfc822-headers", "message/rfc822-headers",
	"text/rfc822-header", "message/global", "message/global-headers" };

/* Fields by which a copied header is known: three of them, one naming the trap as author. */
static const char *const copy_fields[] = { "received", "return-path", "from", "to", "subject", "date", "message-id",
	"mime-version", "content-type", "sender", "reply-to", "x-mailer" };
#define COPY_FIELDS 3

void content_body_init(struct content_body *b, uint64_t facts, struct slice trap)
{
	*b = (struct content_body){ .facts = facts, .trap = trap, .kind = KIND_ANY };
	header_scan_init(&b->part, NULL);
}

/* ---- the trap's address in a value */

static bool is_address_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr(".-_+", c) || (unsigned char)c >= 0x80;
}

/* Does the address stand around the "@" at position at? */
static bool is_at(struct slice s, size_t at, struct slice address)
{
	size_t local = slice_rfind(address, '@');
	struct slice found;

	if (at < local || s.n - (at - local) < address.n)
		return false;
	found = slice_head(slice_from(s, at - local), address.n);
	if (!slice_eq_nocase(found, address))
		return false;
	s = slice_from(s, at - local + address.n);
	if (s.n && s.p[0] != '.' && is_address_char(ascii_lower(s.p[0])))
		return false;
	if (s.n > 1 && s.p[0] == '.' && is_address_char(ascii_lower(s.p[1])))
		return false;
	return at == local || !is_address_char(ascii_lower(found.p[-1]));
}

static bool has_trap(const struct content_body *b, struct slice value)
{
	size_t at;

	if (slice_rfind(b->trap, '@') == b->trap.n)
		return false;
	for (at = slice_find(value, '@'); at < value.n; at += 1 + slice_find(slice_from(value, at + 1), '@'))
		if (is_at(value, at, b->trap))
			return true;
	return false;
}

/* An address that is not the trap's: a report names whom it could not reach. */
static bool has_address(const struct content_body *b, struct slice line)
{
	size_t at = slice_find(line, '@');

	return at > 0 && at + 1 < line.n && is_address_char(ascii_lower(line.p[at - 1])) &&
	       is_address_char(ascii_lower(line.p[at + 1])) && !is_at(line, at, b->trap);
}

/* ---- header of a part */

static bool is_report_file(struct slice value)
{
	size_t marks = 0;

	for (size_t i = 0; i < value.n; i++)
		marks += value.p[i] == '!';
	return marks >= 3;
}

void content_body_field(struct content_body *b, struct slice name, struct slice value, bool is_cut)
{
	if (slice_eq(name, SLICE_LIT("content-type"))) {
		b->is_file |= is_report_file(value);
		if (b->types < 2)
			b->types++;
		if (b->types > 1 || is_cut || content_type_parse(value, &b->type) != ERR_OK)
			b->type = (struct content_type){ .type = "?" };
		/* text whose parameters are broken is still text to people */
		if (b->types == 1 && b->type.type[0] == '?' && slice_starts_nocase(value, SLICE_LIT("text/plain")))
			b->type = (struct content_type){ .type = "text/plain" };
	} else if (slice_eq(name, SLICE_LIT("content-disposition"))) {
		b->is_file |= is_report_file(value);
	} else if (slice_eq(name, SLICE_LIT("content-transfer-encoding"))) {
		b->encoding = (uint8_t)content_decode_encoding(value);
	}
}

static void begin_header(struct content_body *b)
{
	header_scan_init(&b->part, NULL);
	b->type = (struct content_type){ .type = "" };
	b->types = 0;
	b->encoding = ENCODING_PLAIN;
	b->is_file = false;
	b->state = STATE_HEADER;
}

static bool is_wanted(const struct content_body *b, int8_t k)
{
	const struct content_level *l = b->depth ? &b->level[b->depth - 1] : NULL;

	if (!l)
		return false;
	if (!l->is_report)
		return b->facts & FACT_NULL;
	return l->kind == KIND_ANY || strcmp(report_kinds[l->kind].report_type, report_kinds[k].report_type) == 0;
}

static void enter_multipart(struct content_body *b)
{
	struct content_level *l;

	b->state = STATE_BETWEEN;
	if (!b->type.boundary[0] || b->depth >= CONTENT_BODY_DEPTH)
		return;
	b->is_preamble = b->depth == 0;
	content_decode_init(&b->text, ENCODING_PLAIN);
	l = &b->level[b->depth++];
	memcpy(l->boundary, b->type.boundary, sizeof l->boundary);
	l->kind = KIND_ANY;
	l->is_report = strcmp(b->type.type, "multipart/report") == 0;
	for (int8_t k = 0; l->is_report && k < REPORT_KINDS && l->kind == KIND_ANY; k++)
		if (strcmp(b->type.report_type, report_kinds[k].report_type) == 0)
			l->kind = k;
	if (l->is_report && l->kind == KIND_ANY && b->type.report_type[0])
		l->is_report = false; /* a kind that nobody knows is a multipart like any other */
}

static bool enter_report(struct content_body *b)
{
	for (int8_t k = 0; k < REPORT_KINDS; k++) {
		if (strcmp(b->type.type, report_kinds[k].part_type) != 0 || !is_wanted(b, k))
			continue;
		if (!report_kinds[k].field[0])
			b->facts |= report_kinds[k].facts;
		b->kind = k;
		b->seen = 0;
		b->is_own_report = false;
		header_scan_init(&b->part, NULL);
		b->state = STATE_REPORT;
		return true;
	}
	return false;
}

static bool is_returned(const char *type)
{
	for (size_t i = 0; i < sizeof returned_types / sizeof returned_types[0]; i++)
		if (strcmp(type, returned_types[i]) == 0)
			return true;
	return false;
}

static void copy_end(struct content_body *b)
{
	b->copy = 0;
	b->is_copy_named = false;
}

/* Something to open: neither text nor a part of a report. */
static bool is_file(const struct content_body *b)
{
	struct slice type = slice_str(b->type.type);

	return type.n && !slice_starts(type, SLICE_LIT("text/")) && !slice_starts(type, SLICE_LIT("message/"));
}

/* The header of the message or of a part is complete: what is its content? */
static void enter_part(struct content_body *b)
{
	struct slice type = slice_str(b->type.type);

	if (b->is_file)
		b->facts |= FACT_REPORT_FILE;
	if (slice_starts(type, SLICE_LIT("multipart/"))) {
		enter_multipart(b);
		return;
	}
	if (enter_report(b))
		return;
	b->state = STATE_BETWEEN;
	if (is_file(b))
		b->facts |= FACT_FILE;
	if (b->depth && is_returned(b->type.type)) {
		b->state = b->encoding == ENCODING_BASE64 ? STATE_BETWEEN : STATE_RETURNED;
		header_scan_init(&b->part, NULL);
		b->type = (struct content_type){ .type = "" };
		b->types = 0;
	} else if (type.n == 0 || slice_starts(type, SLICE_LIT("text/"))) {
		copy_end(b);
		content_decode_init(&b->text, (enum content_encoding)b->encoding);
		b->state = STATE_TEXT;
	}
}

void content_body_start(struct content_body *b)
{
	enter_part(b);
	if (b->state == STATE_BETWEEN && b->depth == 0)
		b->state = STATE_IGNORE;
}

/* ---- fields of parts */

static void report_field(struct content_body *b)
{
	const struct report_kind *k = &report_kinds[b->kind];
	struct slice name = header_scan_name(&b->part), value = header_scan_value(&b->part);
	uint32_t all = 0;

	for (unsigned i = 0; i < REPORT_FIELDS && k->field[i]; i++) {
		all |= 1u << i;
		if (slice_eq(name, slice_str(k->field[i])) && value.n)
			b->seen |= 1u << i;
	}
	/* a report about the trap itself is not the trap's own mail come back */
	b->is_own_report |= slice_eq(name, SLICE_LIT("final-recipient")) && has_trap(b, value);
	if (content_rules_is_author(name) && has_trap(b, value))
		b->facts |= FACT_NAMED;
	if (b->seen == all && !b->is_own_report)
		b->facts |= k->facts;
}

static void returned_field(struct content_body *b)
{
	if (slice_eq(header_scan_name(&b->part), SLICE_LIT("content-type")))
		content_body_field(b, SLICE_LIT("content-type"), header_scan_value(&b->part), b->part.is_cut);
	else if (content_rules_is_author(header_scan_name(&b->part)))
		b->facts |= has_trap(b, header_scan_value(&b->part)) ? FACT_NAMED : FACT_OTHER;
}

static void part_field(struct content_body *b)
{
	if (b->state == STATE_HEADER)
		content_body_field(b, header_scan_name(&b->part), header_scan_value(&b->part), b->part.is_cut);
	else if (b->state == STATE_REPORT)
		report_field(b);
	else if (b->state == STATE_RETURNED)
		returned_field(b);
}

static void feed_part(struct content_body *b, struct slice s)
{
	while (s.n && !b->part.is_done) {
		s = slice_from(s, header_scan_feed(&b->part, s));
		if (b->part.has_field)
			part_field(b);
	}
}

static void feed_fields(struct content_body *b, struct slice line)
{
	feed_part(b, line);
	feed_part(b, SLICE_LIT("\n"));
	if (!b->part.is_done)
		return;
	if (b->state == STATE_HEADER)
		enter_part(b);
	else if (b->state == STATE_REPORT)
		header_scan_init(&b->part, NULL); /* the next recipient */
	else if ((b->facts & FACT_NULL) && strcmp(b->type.type, "multipart/report") == 0)
		enter_multipart(b); /* a gateway that sends a bounce on as an attachment */
	else
		b->state = STATE_BETWEEN;
}

/* ---- text */

static struct slice unquote(struct slice line)
{
	while (line.n && (line.p[0] == '>' || line.p[0] == ' ' || line.p[0] == '|'))
		line = slice_from(line, 1);
	return line;
}

/* A header copied into the text: lines of fields with nothing between them. */
static void look_for_copy(struct content_body *b, struct slice line)
{
	struct slice s = unquote(line), name;
	size_t colon = slice_find(s, ':');
	char text[HEADER_NAME];
	unsigned n = 0;

	name = slice_head(s, colon);
	if (s.n == 0) {
		copy_end(b);
		return;
	}
	if (colon == s.n || name.n >= sizeof text || slice_find(name, ' ') < name.n) {
		if (line.p[0] != ' ' && line.p[0] != '\t' && line.p[0] != '>')
			copy_end(b);
		return;
	}
	for (size_t i = 0; i < name.n; i++)
		text[i] = ascii_lower(name.p[i]);
	name = slice_of(text, name.n);
	for (size_t i = 0; i < sizeof copy_fields / sizeof copy_fields[0]; i++) {
		if (slice_eq(name, slice_str(copy_fields[i])))
			b->copy |= 1u << i;
		n += (b->copy >> i) & 1;
	}
	b->is_copy_named |= content_rules_is_author(name) && has_trap(b, slice_from(s, colon + 1));
	if (b->is_copy_named && n >= COPY_FIELDS)
		b->facts |= FACT_COPY;
}

static void look_at_text(struct content_body *b, struct slice line)
{
	if (line.n == 0) {
		copy_end(b);
		return;
	}
	b->text_bytes += (uint32_t)line.n;
	if (b->text_lines++ < CONTENT_BODY_TEXT)
		b->facts |= content_rules_line(line);
	if (b->text_lines > CONTENT_BODY_TEXT || b->text_bytes > CONTENT_BODY_CHARS)
		b->facts |= FACT_TEXT_LONG;
	if (!(b->facts & FACT_TEXT_ADDRESS) && has_address(b, line))
		b->facts |= FACT_TEXT_ADDRESS;
	if (!(b->facts & FACT_TEXT_LINK) && content_rules_has_link(line))
		b->facts |= FACT_TEXT_LINK;
	look_for_copy(b, line);
}

static void feed_text(struct content_body *b, struct slice line)
{
	struct slice text;

	if (!line.p)
		line = SLICE_LIT("");
	while (content_decode_next(&b->text, &line, &text))
		look_at_text(b, text);
}

/* The part ends here, in whatever it was. */
static void end_part(struct content_body *b)
{
	struct slice text;

	if (b->state == STATE_TEXT && content_decode_rest(&b->text, &text))
		look_at_text(b, text);
	if (b->state != STATE_REPORT && b->state != STATE_RETURNED)
		return;
	header_scan_end(&b->part);
	if (b->part.has_field)
		part_field(b);
}

/* ---- lines */

enum border { BORDER_NONE, BORDER_PART, BORDER_END };

static enum border border_of(const struct content_level *l, struct slice line)
{
	struct slice b = slice_str(l->boundary);

	line = slice_from(line, 2);
	if (!slice_starts(line, b))
		return BORDER_NONE;
	line = slice_from(line, b.n);
	while (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
		line.n--;
	if (line.n == 0)
		return BORDER_PART;
	return slice_eq(line, SLICE_LIT("--")) ? BORDER_END : BORDER_NONE;
}

/* A boundary of any level ends all that are deeper. */
static bool feed_border(struct content_body *b, struct slice line)
{
	if (!slice_starts(line, SLICE_LIT("--")))
		return false;
	for (uint8_t i = b->depth; i-- > 0;) {
		enum border border = border_of(&b->level[i], line);

		if (border == BORDER_NONE)
			continue;
		end_part(b);
		b->is_preamble = false;
		b->depth = (uint8_t)(border == BORDER_PART ? i + 1 : i);
		b->state = STATE_BETWEEN;
		if (border == BORDER_PART)
			begin_header(b);
		else if (b->depth == 0)
			b->state = STATE_IGNORE;
		return true;
	}
	return false;
}

static void feed_line(struct content_body *b, struct slice line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (feed_border(b, line))
		return;
	if (b->state == STATE_TEXT || b->is_preamble) /* old programs show what stands before the first part */
		feed_text(b, line);
	else if (b->state != STATE_BETWEEN && b->state != STATE_IGNORE)
		feed_fields(b, line);
}

/* Cut s into lines; what is beyond CONTENT_BODY_LINE of a line is not looked at. */
void content_body_feed(struct content_body *b, struct slice s)
{
	s = slice_head(s, CONTENT_BODY_MAX - b->bytes);
	b->bytes += (uint32_t)s.n;
	while (s.n && b->state != STATE_IGNORE) {
		size_t n = slice_find(s, '\n'), room = CONTENT_BODY_LINE - b->line_n;
		struct slice piece = slice_head(s, n < room ? n : room);

		if (piece.n)
			memcpy(b->line + b->line_n, piece.p, piece.n);
		b->line_n += piece.n;
		if (n < s.n) {
			feed_line(b, (struct slice){ b->line, b->line_n });
			b->line_n = 0;
		}
		s = slice_from(s, n + 1);
	}
}

void content_body_end(struct content_body *b)
{
	if (b->line_n) /* a last line without LF */
		feed_line(b, (struct slice){ b->line, b->line_n });
	b->line_n = 0;
	end_part(b);
}
