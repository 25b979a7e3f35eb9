/*
 * master_cf: a cursor over the words of a logical line; edits are insertions
 * right behind the "=" of an override.
 * SPDX-License-Identifier: ISC
 */
#include "core/master_cf.h"

#include <stdio.h>

#define LINE_HEAD "  -o { " /* of a line that add_line made */
#define LINE_MAX_OURS 200

/* Behind white space and, at the start of a physical line, comment lines. */
static size_t skip_space(struct slice text, size_t p, size_t end)
{
	while (p < end && main_cf_is_space(text.p[p])) {
		bool is_line_end = text.p[p++] == '\n';

		while (is_line_end && p < end) {
			size_t line_end = main_cf_line_end(text, p);

			if (!main_cf_is_comment((struct slice){ text.p + p, line_end - p }))
				break;
			p = line_end < end ? line_end : end;
		}
	}
	return p;
}

/* The next word of text[*pos, end): up to white space, or braces and all. */
static bool next_word(struct slice text, size_t *pos, size_t end, struct slice *ret)
{
	size_t p = skip_space(text, *pos, end), begin = p, depth = 0;

	for (; p < end && (depth > 0 || !main_cf_is_space(text.p[p])); p++) {
		if (text.p[p] == '{' && (depth > 0 || p == begin))
			depth++;
		else if (text.p[p] == '}' && depth > 0)
			depth--;
	}
	*pos = p;
	*ret = (struct slice){ text.p + begin, p - begin };
	return p > begin;
}

static bool read_fields(struct slice text, struct master_service *s)
{
	struct slice *const fields[] = { &s->name, &s->type, &s->private, &s->unpriv, &s->chroot, &s->wakeup,
		&s->maxproc, &s->command };
	size_t pos = s->begin;

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (!next_word(text, &pos, s->end, fields[i]))
			return false;
	s->args = pos;
	return true;
}

bool master_cf_next(struct slice text, size_t *pos, struct master_service *ret)
{
	struct master_service s;

	while (main_cf_next(text, pos, &s.begin, &s.end)) {
		if (read_fields(text, &s)) {
			*ret = s;
			return true;
		}
	}
	return false;
}

/* "name = value" or "{ name = value }": all behind the "=", untrimmed, when the name is parameter. */
static bool split_override(struct slice word, const char *parameter, struct slice *ret_value)
{
	size_t eq;

	if (word.n >= 2 && word.p[0] == '{' && word.p[word.n - 1] == '}')
		word = (struct slice){ word.p + 1, word.n - 2 };
	eq = slice_find(word, '=');
	if (eq == word.n || !slice_eq(slice_trim(slice_head(word, eq)), slice_str(parameter)))
		return false;
	*ret_value = slice_from(word, eq + 1);
	return true;
}

/* The next -o of this parameter at or behind *pos; the value borrows the text. */
static bool next_override(struct slice text, size_t *pos, size_t end, const char *parameter, struct slice *ret_value)
{
	struct slice word;

	while (next_word(text, pos, end, &word)) {
		if (!slice_starts(word, SLICE_LIT("-o")))
			continue;
		word = slice_from(word, 2);
		if (word.n == 0 && !next_word(text, pos, end, &word))
			return false;
		if (split_override(word, parameter, ret_value))
			return true;
	}
	return false;
}

bool master_cf_option(struct slice text, const struct master_service *s, const char *parameter, struct slice *ret_value)
{
	size_t pos = s->args;
	bool is_there = false;

	while (next_override(text, &pos, s->end, parameter, ret_value))
		is_there = true;
	if (is_there)
		*ret_value = slice_trim(*ret_value);
	return is_there;
}

/*
 * Item and a comma right behind the "=", so that a value on lines of its own
 * (in braces) stays folded; no comma where the value is empty.
 */
static enum err add_item(struct buf *b, struct slice value, const char *item)
{
	size_t at = (size_t)(value.p - b->p);
	enum err e = slice_trim(value).n ? main_cf_replace(b, at, at, SLICE_LIT(",")) : ERR_OK;

	return e == ERR_OK ? main_cf_replace(b, at, at, slice_str(item)) : e;
}

/* Behind the last line of the service; where the text ends there without LF, it does so afterwards. */
static enum err add_line(struct buf *b, const struct master_service *s, const struct master_cf_edit *d)
{
	bool has_lf = s->end > 0 && b->p[s->end - 1] == '\n';
	char line[LINE_MAX_OURS];
	int n = snprintf(line, sizeof line, "%s" LINE_HEAD "%s = %s }%s", has_lf ? "" : "\n", d->parameter, d->item,
		has_lf ? "\n" : "");

	if (n < 0 || (size_t)n >= sizeof line)
		return ERR_LIMIT;
	return main_cf_replace(b, s->end, s->end, slice_of(line, (size_t)n));
}

static enum err edit_service(struct buf *b, const struct master_service *s, const struct master_cf_edit *d)
{
	size_t pos = s->args, end = s->end;
	struct slice value;

	if (d->is_line && !master_cf_option(buf_slice(b), s, d->parameter, &value))
		return add_line(b, s, d);
	while (next_override(buf_slice(b), &pos, end, d->parameter, &value)) {
		size_t before = b->n;
		enum err e;

		if (main_cf_has_item(value, d->item, NULL))
			continue;
		e = add_item(b, value, d->item);
		if (e != ERR_OK)
			return e;
		pos += b->n - before;
		end += b->n - before;
	}
	return ERR_OK;
}

static enum err apply_edit(struct buf *b, const struct master_cf_edit *d)
{
	struct master_service s;
	size_t pos = 0;
	enum err e = ERR_OK;

	while (e == ERR_OK && master_cf_next(buf_slice(b), &pos, &s)) {
		size_t before = b->n;

		if (!slice_eq(s.name, d->name) || !slice_eq(s.type, d->type))
			continue;
		e = edit_service(b, &s, d);
		pos += b->n - before;
	}
	return e;
}

static bool is_transport(const struct master_service *s)
{
	return (slice_eq(s->name, SLICE_LIT(MASTER_CF_TRANSPORT)) || slice_eq(s->name, SLICE_LIT(MASTER_CF_HANDBACK)) ||
		       slice_eq(s->name, SLICE_LIT(MASTER_CF_CLEANUP)) ||
		       slice_eq(s->name, SLICE_LIT(MASTER_CF_HAND))) &&
	       slice_eq(s->type, SLICE_LIT("unix"));
}

/*
 * The way back: reached through a socket that only root and Postfix can open.
 * Whatever the site asks of foreign mail was asked when it first came in, and
 * its addresses are already what the alias maps made of them. It has grown by
 * a few header lines: the size limit, which cleanup holds as well, is off.
 */
#define HANDBACK_LINES                                                                                                 \
	"  -o syslog_name=postfix/" MASTER_CF_HANDBACK "\n"                                                            \
	"  -o mynetworks=127.0.0.0/8,[::1]/128\n"                                                                      \
	"  -o smtpd_authorized_xforward_hosts=127.0.0.0/8,[::1]/128\n"                                                 \
	"  -o smtpd_delay_reject=yes\n"                                                                                \
	"  -o smtpd_client_restrictions=\n"                                                                            \
	"  -o smtpd_helo_restrictions=\n"                                                                              \
	"  -o smtpd_sender_restrictions=\n"                                                                            \
	"  -o smtpd_relay_restrictions=permit_mynetworks,reject\n"                                                     \
	"  -o smtpd_recipient_restrictions=permit_mynetworks,reject\n"                                                 \
	"  -o smtpd_data_restrictions=\n"                                                                              \
	"  -o smtpd_end_of_data_restrictions=\n"                                                                       \
	"  -o smtpd_reject_unlisted_sender=no\n"                                                                       \
	"  -o smtpd_milters=\n"                                                                                        \
	"  -o smtpd_proxy_filter=\n"                                                                                   \
	"  -o smtpd_tls_security_level=none\n"                                                                         \
	"  -o smtpd_sasl_auth_enable=no\n"                                                                             \
	"  -o smtpd_upstream_proxy_protocol=\n"                                                                        \
	"  -o smtpd_discard_ehlo_keywords=\n"                                                                          \
	"  -o smtpd_discard_ehlo_keyword_address_maps=\n"                                                              \
	"  -o message_size_limit=0\n"                                                                                  \
	"  -o cleanup_service_name=" MASTER_CF_CLEANUP "\n"                                                            \
	"  -o smtpd_recipient_limit=1000\n"                                                                            \
	"  -o smtpd_client_event_limit_exceptions=127.0.0.0/8,[::1]/128\n"                                             \
	"  -o smtpd_error_sleep_time=0\n"                                                                              \
	"  -o smtpd_soft_error_limit=1001\n"                                                                           \
	"  -o smtpd_hard_error_limit=1000\n"                                                                           \
	"  -o local_header_rewrite_clients=\n"                                                                         \
	"  -o "                                                                                                        \
	"receive_override_options=no_unknown_recipient_checks,no_address_mappings,no_header_body_checks,no_milters\n"

/*
 * A blocked client's way to postmaster@: the site's own port 25 once more, behind
 * a socket that only root and Postfix can open. Who the client is comes in the
 * first line (PROXY), so that nothing here may be told who anybody is by command.
 */
#define HAND_LINES                                                                                                     \
	"  -o syslog_name=postfix/" MASTER_CF_HAND "\n"                                                                \
	"  -o smtpd_upstream_proxy_protocol=haproxy\n"                                                                 \
	"  -o smtpd_authorized_xclient_hosts=\n"                                                                       \
	"  -o smtpd_authorized_xforward_hosts=\n"                                                                      \
	"  -o smtpd_tls_security_level=none\n"                                                                         \
	"  -o smtpd_tls_wrappermode=no\n"                                                                              \
	"  -o smtpd_sasl_auth_enable=no\n"

/* A word of an override; where it is folded, on one line. */
static enum err copy_word(struct slice word, struct buf *to)
{
	enum err e = ERR_OK;

	for (size_t p = 0; p < word.n && e == ERR_OK;) {
		bool is_end = word.p[p] == '\n' || word.p[p] == '\r';

		e = buf_add_char(to, is_end ? ' ' : word.p[p]);
		p = is_end ? skip_space(word, p, word.n) : p + 1;
	}
	return e;
}

static enum err copy_overrides(struct slice text, const struct master_service *s, struct buf *to)
{
	size_t pos = s->args;
	struct slice word;
	enum err e = ERR_OK;

	while (e == ERR_OK && next_word(text, &pos, s->end, &word)) {
		if (!slice_starts(word, SLICE_LIT("-o")))
			continue;
		word = slice_from(word, 2);
		if (word.n == 0 && !next_word(text, &pos, s->end, &word))
			break;
		e = buf_add_str(to, "  -o ");
		if (e == ERR_OK)
			e = copy_word(word, to);
		if (e == ERR_OK)
			e = buf_add_char(to, '\n');
	}
	return e;
}

static enum err add_hand(struct slice text, char chroot, const struct master_cf_front *front, struct buf *to)
{
	struct master_service s;
	size_t pos = 0;
	enum err e;

	while (front && master_cf_next(text, &pos, &s)) {
		if (!slice_eq(s.name, front->name) || !slice_eq(s.type, front->type))
			continue;
		e = buf_printf(to, MASTER_CF_HAND " unix - - %c - - smtpd\n", chroot);
		if (e == ERR_OK)
			e = copy_overrides(text, &s, to);
		return e == ERR_OK ? buf_add_str(to, HAND_LINES) : e;
	}
	return ERR_OK;
}

static enum err add_transport(struct buf *b, char chroot, const struct master_cf_front *front)
{
	struct master_service s;
	struct buf lines;
	size_t pos = 0;
	enum err e;

	while (master_cf_next(buf_slice(b), &pos, &s))
		if (is_transport(&s))
			return ERR_OK;
	buf_init(&lines, MAIN_CF_MAX);
	e = buf_printf(&lines,
		MASTER_CF_TRANSPORT " unix - - %c - 10 lmtp\n"
				    "  -o lmtp_send_xforward_command=yes\n"
				    "  -o syslog_name=postfix/limetwig\n" MASTER_CF_HANDBACK
				    " unix - - %c - - smtpd\n" HANDBACK_LINES MASTER_CF_CLEANUP
				    " unix n - %c - 0 cleanup\n  -o message_size_limit=0\n",
		chroot, chroot, chroot);
	if (e == ERR_OK)
		e = add_hand(buf_slice(b), chroot, front, &lines);
	if (e == ERR_OK)
		e = main_cf_add_block(b, buf_slice(&lines));
	buf_done(&lines);
	return e;
}

enum err master_cf_apply(struct slice text, const struct master_cf_edit *edits, size_t n, char chroot,
	const struct master_cf_front *front, struct buf *to)
{
	enum err e = main_cf_copy(text, to);

	/* names may borrow the text given: it stays as it is, the copy alone changes */
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = apply_edit(to, &edits[i]);
	return e == ERR_OK && chroot ? add_transport(to, chroot, front) : e;
}

/* Cut item and one comma behind it where it stands at the start of an override's value. */
static enum err revert_service(struct buf *b, const struct master_service *s, const char *item)
{
	struct slice word, it = slice_str(item);
	size_t pos = s->args, end = s->end;

	while (next_word(buf_slice(b), &pos, end, &word)) {
		size_t eq = slice_find(word, '='), at, to;
		struct slice value = slice_trim(slice_from(word, eq + 1));
		enum err e;

		if (eq == word.n || !slice_starts(value, it))
			continue;
		at = (size_t)(value.p - b->p);
		to = at + it.n;
		if (it.n < value.n && value.p[it.n] != ',' && value.p[it.n] != '}' && !main_cf_is_space(value.p[it.n]))
			continue;
		to += it.n < value.n && value.p[it.n] == ',';
		e = main_cf_replace(b, at, to, (struct slice){ "", 0 });
		if (e != ERR_OK)
			return e;
		pos -= to - at;
		end -= to - at;
	}
	return ERR_OK;
}

static bool is_line_of(struct slice line, const char *item)
{
	struct slice it = slice_str(item), rest;

	while (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	if (!slice_starts(line, SLICE_LIT(LINE_HEAD)) || !slice_ends(line, SLICE_LIT(" }")))
		return false;
	rest = slice_head(line, line.n - 2);
	return slice_ends(rest, it) && slice_ends(slice_head(rest, rest.n - it.n), SLICE_LIT(" = "));
}

/* Drop what add_line made; the service's end moves with it. */
static enum err drop_lines(struct buf *b, struct master_service *s, const char *item)
{
	size_t p = main_cf_line_end(buf_slice(b), s->begin);
	enum err e = ERR_OK;

	while (e == ERR_OK && p < s->end) {
		size_t line_end = main_cf_line_end(buf_slice(b), p), from = p;

		if (!is_line_of((struct slice){ b->p + p, line_end - p }, item)) {
			p = line_end;
			continue;
		}
		from -= b->p[line_end - 1] != '\n'; /* the text ended without LF */
		e = main_cf_replace(b, from, line_end, (struct slice){ "", 0 });
		s->end -= line_end - from;
	}
	return e;
}

enum err master_cf_revert(struct slice text, const char *const *items, size_t n, bool keep_transport, struct buf *to)
{
	enum err e = main_cf_copy(text, to);
	struct master_service s;
	size_t pos = 0;

	while (e == ERR_OK && master_cf_next(buf_slice(to), &pos, &s)) {
		size_t before = to->n;

		if (is_transport(&s) && !keep_transport) {
			e = main_cf_drop_line(to, s.begin, s.end);
			pos = s.begin;
			continue;
		}
		for (size_t i = 0; i < n && e == ERR_OK; i++) {
			size_t now;

			e = drop_lines(to, &s, items[i]);
			now = to->n;
			if (e == ERR_OK)
				e = revert_service(to, &s, items[i]);
			s.end -= now - to->n;
		}
		pos -= before - to->n;
	}
	return e == ERR_OK && !keep_transport ? main_cf_drop_block(to) : e;
}
