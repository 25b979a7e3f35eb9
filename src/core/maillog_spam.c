/*
 * maillog_spam: one short parser per filter.
 * SPDX-License-Identifier: ISC
 */
#include "core/maillog_spam.h"

/* SLICE_LIT is no constant expression: this is the same for tables. */
#define WORD(s)                                                                                                        \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	}

/* What stands behind the first (is_last: last) key, up to a ',', '>' or blank; "" when there is none. */
static struct slice value_of(struct slice s, struct slice key, bool is_last)
{
	struct slice v = { s.p, 0 };
	const char *q;
	size_t n = 0;

	while (s.n && (q = memmem(s.p, s.n, key.p, key.n)) != NULL) {
		v = s = slice_from(s, (size_t)(q - s.p) + key.n);
		if (!is_last)
			break;
	}
	while (n < v.n && v.p[n] != ',' && v.p[n] != '>' && v.p[n] != ' ')
		n++;
	return slice_head(v, n);
}

static struct slice message_id_of(struct slice s, struct slice key)
{
	const char *q = s.n ? memmem(s.p, s.n, key.p, key.n) : NULL;

	if (!q)
		return (struct slice){ s.p, 0 };
	s = slice_from(s, (size_t)(q - s.p) + key.n);
	return slice_head(s, slice_find(s, '>'));
}

static struct slice queue_id_or_none(struct slice s)
{
	return maillog_line_is_queue_id(s) ? s : (struct slice){ s.p, 0 };
}

/*
 * "(06431-09) Passed SPAM {RelayedTaggedInbound}, [192.0.2.1]:41 [192.0.2.1] <s> -> <r>,
 * Queue-ID: 4A, Message-ID: <m>, mail_id: x, Hits: 9, size: 1, queued_as: 5B, 812 ms"
 */
static void amavis_parse(struct slice s, struct maillog_line *l)
{
	static const struct slice verdicts[] = { WORD("Passed SPAM"), WORD("Passed INFECTED"), WORD("Passed BANNED"),
		WORD("Blocked ") };
	size_t close = slice_find(s, ')');
	struct slice rest = slice_from(s, close + 2);

	if (s.n == 0 || s.p[0] != '(' || close + 2 >= s.n)
		return;
	for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
		if (!slice_starts(rest, verdicts[i]))
			continue;
		l->queue_id = queue_id_or_none(value_of(rest, SLICE_LIT(", Queue-ID: "), false));
		l->next_id = queue_id_or_none(value_of(rest, SLICE_LIT(", queued_as: "), true));
		l->message_id = message_id_of(rest, SLICE_LIT(", Message-ID: <"));
		l->kind = MAILLOG_SPAM;
		return;
	}
}

/* "spamd: result: Y 15 - TEST,TEST scantime=0.3,size=1,...,mid=<m>,autolearn=no" */
static void spamd_parse(struct slice s, struct maillog_line *l)
{
	if (!slice_starts(s, SLICE_LIT("spamd: result: Y ")))
		return;
	l->message_id = message_id_of(s, SLICE_LIT(",mid=<"));
	l->kind = MAILLOG_SPAM;
}

/* "identified spam <m> (11.50/5.00) from <s> for <r> in 1.2s, 2 bytes." */
static void spampd_parse(struct slice s, struct maillog_line *l)
{
	if (!slice_starts(s, SLICE_LIT("identified spam <")))
		return;
	l->message_id = message_id_of(s, SLICE_LIT("identified spam <"));
	l->kind = MAILLOG_SPAM;
}

/*
 * "<3c1f7a>; task; rspamd_task_write_log: id: <m>, qid: <4A>, ip: 192.0.2.1, from: <s>,
 * (default: F (add header): [7.20/15.00] [...]), len: 1, ..."
 */
static void rspamd_parse(struct slice s, struct maillog_line *l)
{
	static const struct slice actions[] = { WORD(" (add header)"), WORD(" (rewrite subject)"), WORD(" (reject)"),
		WORD(" (quarantine)"), WORD(" (discard)") };
	const char *q = s.n ? memmem(s.p, s.n, "rspamd_task_write_log: ", 23) : NULL;

	/* behind "(main) " or not, the tag and the module come first and are short */
	if (!q || q - s.p > 80)
		return;
	s = slice_from(s, (size_t)(q - s.p) + 23);
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		if (!slice_has(s, actions[i]))
			continue;
		l->queue_id = queue_id_or_none(value_of(s, SLICE_LIT(", qid: <"), false));
		l->next_id = queue_id_or_none(value_of(s, SLICE_LIT(", qid: <"), true));
		l->message_id = message_id_of(s, SLICE_LIT("id: <"));
		l->kind = MAILLOG_SPAM;
		return;
	}
}

void maillog_spam_parse(struct slice ident, struct slice text, struct maillog_line *l)
{
	static const struct {
		struct slice ident;
		void (*parse)(struct slice s, struct maillog_line *l);
	} filters[] = {
		{ WORD("amavis"), amavis_parse },
		{ WORD("amavisd"), amavis_parse },
		{ WORD("spamd"), spamd_parse },
		{ WORD("spampd"), spampd_parse },
		{ WORD("rspamd"), rspamd_parse },
	};

	for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
		if (slice_eq(ident, filters[i].ident)) {
			filters[i].parse(text, l);
			return;
		}
	}
}
