/*
 * lmtp_command: verbs, paths, parameters, XFORWARD attributes.
 * SPDX-License-Identifier: ISC
 */
#include "core/lmtp_command.h"

#include "base/num.h"
#include "core/xtext.h"

static const char *const verbs[LMTP_VERBS] = {
	[LMTP_LHLO] = "LHLO",
	[LMTP_XFORWARD] = "XFORWARD",
	[LMTP_MAIL] = "MAIL",
	[LMTP_RCPT] = "RCPT",
	[LMTP_DATA] = "DATA",
	[LMTP_RSET] = "RSET",
	[LMTP_NOOP] = "NOOP",
	[LMTP_VRFY] = "VRFY",
	[LMTP_QUIT] = "QUIT",
};

enum lmtp_verb lmtp_verb_parse(struct slice line, struct slice *ret_rest)
{
	struct slice word = { NULL, 0 };

	(void)slice_word(&line, &word);
	*ret_rest = line;
	for (int v = 0; v < LMTP_UNKNOWN; v++)
		if (slice_eq_nocase(word, slice_str(verbs[v])))
			return (enum lmtp_verb)v;
	return LMTP_UNKNOWN;
}

/* Position of the ">" that ends the path; s.n: none. Quoted strings may hold one. */
static size_t path_end(struct slice s)
{
	bool is_quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			is_quoted = !is_quoted;
		else if (s.p[i] == '>' && !is_quoted)
			return i;
	}
	return s.n;
}

enum err lmtp_path_parse(struct slice rest, struct slice keyword, struct slice *ret_path, struct slice *ret_params)
{
	size_t end;

	rest = slice_trim(rest);
	if (!slice_starts_nocase(rest, keyword))
		return ERR_SYNTAX;
	rest = slice_trim(slice_from(rest, keyword.n));
	if (rest.n == 0 || rest.p[0] != '<')
		return ERR_SYNTAX;
	rest = slice_from(rest, 1);
	end = path_end(rest);
	if (end == rest.n)
		return ERR_SYNTAX;
	*ret_path = slice_head(rest, end);
	*ret_params = slice_from(rest, end + 1);
	return ERR_OK;
}

bool lmtp_param_next(struct slice *params, struct slice *ret_name, struct slice *ret_value)
{
	struct slice word;
	size_t eq;

	if (!slice_word(params, &word))
		return false;
	eq = slice_find(word, '=');
	*ret_name = slice_head(word, eq);
	*ret_value = slice_from(word, eq + 1);
	return true;
}

/* Decoded and cut to fit; "" for what XFORWARD calls unavailable. */
static void set_text(struct slice value, char *to, size_t size)
{
	char text[4096]; /* a whole command line */

	if (xtext_decode(value, text, sizeof text) != ERR_OK || strcmp(text, "[UNAVAILABLE]") == 0 ||
		strcmp(text, "[TEMPUNAVAIL]") == 0)
		text[0] = '\0';
	slice_copy(slice_str(text), to, size);
}

static void set_addr(struct slice value, struct ipaddr *ret)
{
	char text[IPADDR_TEXT + 8];
	struct slice s;

	set_text(value, text, sizeof text);
	s = slice_str(text);
	if (slice_starts_nocase(s, SLICE_LIT("IPV6:")))
		s = slice_from(s, 5);
	if (ipaddr_parse(s, ret) != ERR_OK)
		*ret = (struct ipaddr){ 0 };
}

enum err lmtp_client_set(struct lmtp_client *c, struct slice name, struct slice value)
{
	uint64_t n;

	if (slice_eq_nocase(name, SLICE_LIT("NAME")))
		set_text(value, c->name, sizeof c->name);
	else if (slice_eq_nocase(name, SLICE_LIT("ADDR")))
		set_addr(value, &c->addr);
	else if (slice_eq_nocase(name, SLICE_LIT("PORT")))
		c->port = num_parse(value, UINT16_MAX, &n) == ERR_OK ? (uint16_t)n : 0;
	else if (slice_eq_nocase(name, SLICE_LIT("PROTO")))
		set_text(value, c->proto, sizeof c->proto);
	else if (slice_eq_nocase(name, SLICE_LIT("HELO")))
		set_text(value, c->helo, sizeof c->helo);
	else if (slice_eq_nocase(name, SLICE_LIT("IDENT")))
		set_text(value, c->queue_id, sizeof c->queue_id);
	else if (slice_eq_nocase(name, SLICE_LIT("SOURCE")))
		c->is_local = slice_eq_nocase(value, SLICE_LIT("LOCAL"));
	else
		return ERR_NOTFOUND;
	return ERR_OK;
}
