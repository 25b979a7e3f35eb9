/*
 * content_grade: the header here, the body in content_body, the judgement in
 * content_rules.
 * SPDX-License-Identifier: ISC
 */
#include "core/content_grade.h"

#include "core/content_rules.h"
#include "core/encoded_word.h"

static uint64_t envelope_facts(struct slice sender)
{
	if (sender.n == 0 || slice_eq(sender, SLICE_LIT("<>")))
		return FACT_NULL;
	return content_rules_sender(slice_head(sender, slice_rfind(sender, '@')));
}

/* Fields that are looked at here or in content_body, besides those of the tables. */
static bool wants(struct slice name)
{
	static const char *const names[] = { "received", "message-id", "subject", "from", "reply-to", "content-type",
		"content-disposition", "content-transfer-encoding" };

	if (name.n < 4)
		return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_eq(name, slice_str(names[i])))
			return true;
	return content_rules_knows(name);
}

void content_grade_init(struct content_grade *g, struct slice sender, struct slice trap)
{
	header_scan_init(&g->header, wants);
	content_relate_init(&g->relate);
	content_relate_add(&g->relate.sender, sender);
	g->fields = g->froms = 0;
	g->message_id[0] = g->subject[0] = '\0';
	g->has_message_id = g->has_subject = g->is_body = false;
	g->hops = 0;
	slice_copy(trap, g->trap, sizeof g->trap);
	content_body_init(&g->body, envelope_facts(sender), slice_str(g->trap));
}

static void look_at_subject(struct content_grade *g, struct slice value)
{
	char text[HEADER_VALUE];
	size_t n = encoded_word_decode(value, text, sizeof text);

	g->body.facts |= content_rules_subject(slice_of(text, n));
}

static void look_at_from(struct content_grade *g, struct slice value)
{
	char text[HEADER_VALUE];
	size_t n = encoded_word_decode(value, text, sizeof text);

	g->body.facts |= content_rules_from(slice_of(text, n));
	content_relate_add(&g->relate.sender, value);
}

static void look_at_known(struct content_grade *g, struct slice name, struct slice value)
{
	uint64_t facts = content_rules_field(name, value);

	g->body.facts |= facts;
	if (facts & FACT_SIGNED)
		content_relate_add(&g->relate.sender, value);
	if (facts & (FACT_LIST | FACT_LIST_CLAIM | FACT_LIST_HINT | FACT_UNSUBSCRIBE))
		content_relate_add(&g->relate.list, value);
	content_body_field(&g->body, name, value, g->header.is_cut);
}

/* The first of a field counts: a second Subject is not what people see. */
static bool keep_first(bool *has, struct slice value, char to[CONTENT_GRADE_TEXT])
{
	if (*has)
		return false;
	*has = true;
	slice_copy(value, to, CONTENT_GRADE_TEXT);
	return true;
}

static void add_hop(struct content_grade *g, struct slice value)
{
	if (g->hops == RECEIVED_HOPS)
		return;
	if (g->hops < CONTENT_GRADE_HOPS)
		content_relate_add_hop(&g->relate.sender, value);
	if (g->header.is_cut)
		value.n = 0;
	received_parse(value, &g->hop[g->hops++]);
}

static void look_at_field(struct content_grade *g)
{
	struct slice name = header_scan_name(&g->header), value = header_scan_value(&g->header);

	if (++g->fields > CONTENT_GRADE_FIELDS)
		header_scan_skip_rest(&g->header);
	if (slice_eq(name, SLICE_LIT("received"))) {
		add_hop(g, value);
	} else if (slice_eq(name, SLICE_LIT("message-id"))) {
		(void)keep_first(&g->has_message_id, value, g->message_id);
	} else if (slice_eq(name, SLICE_LIT("subject"))) {
		if (keep_first(&g->has_subject, value, g->subject))
			look_at_subject(g, value);
	} else if (slice_eq(name, SLICE_LIT("from")) || slice_eq(name, SLICE_LIT("reply-to"))) {
		if (g->froms++ < CONTENT_GRADE_FROM)
			look_at_from(g, value);
	} else {
		look_at_known(g, name, value);
	}
}

static void end_header(struct content_grade *g)
{
	g->is_body = true;
	if (content_relate_is(&g->relate))
		g->body.facts |= FACT_RELATED;
	content_body_start(&g->body);
}

void content_grade_feed(struct content_grade *g, struct slice s)
{
	while (s.n && !g->header.is_done) {
		s = slice_from(s, header_scan_feed(&g->header, s));
		if (g->header.has_field)
			look_at_field(g);
	}
	if (!g->header.is_done)
		return;
	if (!g->is_body)
		end_header(g);
	content_body_feed(&g->body, s);
}

enum grade content_grade_end(struct content_grade *g)
{
	header_scan_end(&g->header);
	if (!g->is_body) {
		if (g->header.has_field)
			look_at_field(g);
		end_header(g);
	}
	content_body_end(&g->body);
	return content_rules_grade(g->body.facts);
}
