/*
 * scn_verb: the statements. README.md describes each; one function for one.
 * SPDX-License-Identifier: ISC
 */
#include "scn.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "core/conf_value.h"

#define GOOD_MAX 100000

static struct scn_mail last;
static uint64_t started;

const struct scn_mail *scn_verb_last(void)
{
	return &last;
}

void scn_verb_reset(void)
{
	last = (struct scn_mail){ 0 };
	started = scn_clock_now();
}

/* ---- before the engine runs, or while */

/* The rest of the statement as one text. */
static const char *rest(struct scn_words *w, char *to, size_t size)
{
	const char *t;
	size_t n = 0;

	to[0] = '\0';
	while ((t = scn_next(w)) != NULL && n < size)
		n += (size_t)snprintf(to + n, size - n, "%s%s", n ? " " : "", t);
	return to;
}

static bool verb_trap(struct scn *s, struct scn_words *w)
{
	const char *name = scn_next(w);
	bool is_armed = scn_flag(w, "armed");
	char address[300], more[300], line[700];

	if (!name)
		return scn_fail(s, "which trap?");
	if (name[0] == '@' || name[0] == '/')
		(void)snprintf(address, sizeof address, "%s", name);
	else
		(void)scn_mailbox(name, address, sizeof address);
	(void)snprintf(
		line, sizeof line, "%s %s%s", address, rest(w, more, sizeof more), is_armed ? " state=armed" : "");
	return scn_world_add_trap(line) || scn_fail(s, "too many traps, or not taken");
}

static bool verb_allow(struct scn *s, struct scn_words *w)
{
	char line[400];

	rest(w, line, sizeof line);
	return scn_world_add_allow(line) || scn_fail(s, "too many lines, or not taken");
}

static bool verb_shared(struct scn *s, struct scn_words *w)
{
	char line[400];

	rest(w, line, sizeof line);
	return scn_world_add_shared(line) || scn_fail(s, "too many lines, or not taken");
}

static bool verb_spf(struct scn *s, struct scn_words *w)
{
	const char *domain = scn_next(w), *prefixes = scn_next(w);

	return (domain && prefixes && scn_fetch_spf(domain, prefixes)) || scn_fail(s, "spf DOMAIN PREFIX,PREFIX");
}

static bool verb_dnslist(struct scn *s, struct scn_words *w)
{
	const char *title = scn_next(w), *kind = scn_next(w), *codes = scn_attr(w, "codes");
	bool is_allow = kind && strcmp(kind, "allow") == 0;

	if (!title || !kind || (!is_allow && strcmp(kind, "block") != 0) || scn_world_is_started() ||
		!scn_fetch_list(scn_world_conf(), title, is_allow, codes ? codes : "127.0.[0..255].[1..254]"))
		return scn_fail(s, "dnslist TITLE allow (or block) [codes=PATTERN], before the first event");
	return true;
}

static bool verb_dns(struct scn *s, struct scn_words *w)
{
	const char *name = scn_next(w), *answer = scn_next(w);

	return (name && answer && scn_fetch_dns(name, answer)) || scn_fail(s, "dns NAME ADDRESS (or none, fails)");
}

static bool verb_alias(struct scn *s, struct scn_words *w)
{
	const char *from = scn_next(w), *to = scn_after(w, "->");

	return (from && to && scn_mail_alias(from, to)) || scn_fail(s, "alias NAME -> ADDRESS,ADDRESS");
}

/* conf section key = value, or key = value */
static bool verb_conf(struct scn *s, struct scn_words *w)
{
	const char *section = scn_next(w), *name = scn_next(w), *value;
	const struct conf_key *k;
	char text[CONF_REASON] = "";

	if (section && name && strcmp(name, "=") == 0) {
		name = section;
		section = "";
	} else if (!scn_take(w, "=")) {
		return scn_fail(s, "conf SECTION KEY = VALUE");
	}
	k = section && name ? conf_keys_find(section, name) : NULL;
	if (!k)
		return scn_fail(s, "no such key");
	for (unsigned i = 0; (value = scn_next(w)) != NULL; i++)
		if (conf_value_set(k, slice_str(value), i, scn_world_conf(), text) != ERR_OK)
			return scn_fail(s, "%s", text);
	if (scn_world_is_started())
		engine_ops.reloaded(scn_world_engine()->host);
	scn_world_settle();
	return true;
}

/* ---- time */

static bool more_of_line(struct scn *s, struct scn_words *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!w->is_used[i])
			return scn_verb(s, w);
	return true;
}

static bool verb_at(struct scn *s, struct scn_words *w)
{
	const char *t = scn_next(w);
	uint64_t seconds, now = scn_clock_now() - started;

	if (!t || !scn_duration(t + (*t == '+'), &seconds))
		return scn_fail(s, "at TIME or at +TIME");
	if (*t == '+')
		scn_world_pass(seconds);
	else if (seconds < now)
		return scn_fail(s, "that time is over: it is %llu s", (unsigned long long)now);
	else if (seconds > now)
		scn_world_pass(seconds - now);
	return more_of_line(s, w);
}

static bool verb_pass(struct scn *s, struct scn_words *w)
{
	const char *t = scn_next(w);
	uint64_t seconds;

	if (!t || !scn_duration(t, &seconds))
		return scn_fail(s, "pass TIME");
	scn_world_pass(seconds);
	return true;
}

static bool verb_jump(struct scn *s, struct scn_words *w)
{
	const char *t = scn_next(w);
	uint64_t seconds;

	if (!t || (*t != '+' && *t != '-') || !scn_duration(t + 1, &seconds))
		return scn_fail(s, "jump +TIME or jump -TIME");
	scn_world_start();
	scn_world_settle();
	scn_clock_jump(*t == '-' ? -(int64_t)seconds : (int64_t)seconds);
	return true;
}

/* ---- its ends */

static bool verb_restart(struct scn *s, struct scn_words *w)
{
	(void)s;
	(void)w;
	scn_world_restart(false);
	return true;
}

static bool verb_kill(struct scn *s, struct scn_words *w)
{
	(void)s;
	(void)w;
	scn_world_restart(true);
	return true;
}

/* ---- mail */

static void copy_attr(struct scn_words *w, const char *name, char *to, size_t size)
{
	const char *v = scn_attr(w, name);

	if (v)
		(void)snprintf(to, size, "%s", v);
}

static enum scn_kind kind_of(struct scn_words *w, enum scn_kind otherwise)
{
	if (scn_flag(w, "spam"))
		return SCN_SPAM;
	if (scn_flag(w, "good"))
		return SCN_GOOD;
	return scn_flag(w, "uncounted") ? SCN_NEITHER : otherwise;
}

/* CLIENT from A to B, and what else may stand there. */
static bool read_mail(struct scn *s, struct scn_words *w, bool is_whole, struct scn_mail *m)
{
	const char *client = scn_next(w), *from = scn_after(w, "from"), *to = scn_after(w, "to"), *postfix;
	const char *domain, *via;

	*m = (struct scn_mail){ .port = "25", .helo = "helo.example.net", .content = "spam" };
	if (!client || !from || !to)
		return scn_fail(s, "CLIENT from SENDER to RECIPIENT,RECIPIENT");
	m->is_local = strcmp(client, "local") == 0;
	if (!m->is_local && !scn_address(client, &m->client))
		return scn_fail(s, "\"%s\" is no address", client);
	(void)scn_mailbox(from, m->sender, sizeof m->sender);
	(void)snprintf(m->to, sizeof m->to, "%s", to);
	domain = strchr(m->sender, '@');
	(void)snprintf(m->name, sizeof m->name, "mail.%s", domain ? domain + 1 : "example.net");
	(void)snprintf(m->message_id, sizeof m->message_id, "<%llu.%u.%s>", (unsigned long long)scn_clock_now(),
		(unsigned)(engine_random() >> 32), m->name);
	copy_attr(w, "name", m->name, sizeof m->name);
	copy_attr(w, "helo", m->helo, sizeof m->helo);
	copy_attr(w, "login", m->login, sizeof m->login);
	copy_attr(w, "queue", m->queue_id, sizeof m->queue_id);
	copy_attr(w, "msgid", m->message_id, sizeof m->message_id);
	copy_attr(w, "port", m->port, sizeof m->port);
	copy_attr(w, "server", m->server, sizeof m->server);
	copy_attr(w, "content", m->content, sizeof m->content);
	copy_attr(w, "filtered", m->filter_queue, sizeof m->filter_queue);
	via = scn_attr(w, "via");
	if (via && !scn_address(via, &m->via))
		return scn_fail(s, "\"%s\" is no address", via);
	postfix = scn_attr(w, "postfix");
	m->postfix = postfix ? (unsigned)strtoul(postfix, NULL, 10) : 0;
	m->is_tagged = scn_flag(w, "tagged");
	m->has_no_orcpt = scn_flag(w, "no-orcpt");
	m->kind = kind_of(w, is_whole && strcmp(m->content, "spam") == 0 ? SCN_SPAM : SCN_NEITHER);
	return true;
}

static bool verb_mail(struct scn *s, struct scn_words *w)
{
	return read_mail(s, w, true, &last) && scn_mail_send(s, &last);
}

static bool verb_rcpt(struct scn *s, struct scn_words *w)
{
	if (!read_mail(s, w, false, &last))
		return false;
	last.is_rcpt_only = true;
	if (!scn_mail_send(s, &last))
		return false;
	scn_world_hang_up();
	return true;
}

static bool verb_good(struct scn *s, struct scn_words *w)
{
	const char *count = scn_attr(w, "count");
	unsigned long n = count ? strtoul(count, NULL, 10) : 1;
	struct scn_mail m;

	if (n == 0 || n > GOOD_MAX)
		return scn_fail(s, "count=1 .. %d", GOOD_MAX);
	if (!read_mail(s, w, false, &m))
		return false;
	m.kind = SCN_GOOD;
	for (unsigned long i = 0; i < n; i++) {
		last = m;
		if (!scn_mail_send(s, &last))
			return false;
	}
	return true;
}

/* The sender's server tries the last message again. */
static bool verb_retry(struct scn *s, struct scn_words *w)
{
	(void)w;
	if (last.client.family == 0)
		return scn_fail(s, "no message was sent before");
	last.queue_id[0] = '\0';
	return scn_mail_send(s, &last);
}

static bool verb_redeliver(struct scn *s, struct scn_words *w)
{
	(void)w;
	return scn_mail_redeliver(s);
}

static bool verb_sent(struct scn *s, struct scn_words *w)
{
	const char *from = scn_after(w, "from"), *to = scn_after(w, "to");
	struct msg_log_mail l = { .time = scn_clock_now(), .outcome = LOG_SUBMITTED, .is_first = 1 };

	if (!from || !to)
		return scn_fail(s, "sent from USER to DOMAIN or ADDRESS");
	(void)scn_mailbox(from, l.sender, sizeof l.sender);
	(void)snprintf(l.recipient, sizeof l.recipient, "%s%s", strchr(to, '@') ? "" : "someone@", to);
	scn_world_log_mail(&l);
	return true;
}

static bool verb_vrfy(struct scn *s, struct scn_words *w)
{
	const char *client = scn_next(w), *what = scn_next(w);
	char request[1024], address[300];
	struct ipaddr a;
	const char *reply;

	if (!client || !what || !scn_address(client, &a))
		return scn_fail(s, "vrfy CLIENT ADDRESS");
	(void)snprintf(request, sizeof request,
		"request=smtpd_access_policy\nprotocol_state=VRFY\nclient_address=%s\nrecipient=%s\ninstance=v1\n\n",
		client, scn_mailbox(what, address, sizeof address));
	reply = scn_world_ask(request);
	return strcmp(reply, "DUNNO") == 0 || scn_fail(s, "VRFY was answered %s", reply);
}

/* ---- commands */

static bool command(struct scn *s, json_t *takes)
{
	const char *error = "";
	json_t *j = scn_world_command(takes, &error);

	if (!j)
		return scn_fail(s, "refused: %s", error);
	json_decref(j);
	return true;
}

static bool verb_enforce(struct scn *s, struct scn_words *w)
{
	const char *mode = scn_next(w);

	return mode ? command(s, json_pack("{s:s, s:s, s:b}", "cmd", "enforce", "mode", mode, "force", 1))
		    : scn_fail(s, "enforce monitor, soft or full");
}

/* A client in our notation as the engine takes it; a prefix as it is. */
static const char *plain(const char *what, char to[IPADDR_TEXT])
{
	struct ipaddr a;

	return what && !strchr(what, '/') && scn_address(what, &a) ? ipaddr_format(&a, to) : what;
}

static bool verb_lift(struct scn *s, struct scn_words *w)
{
	char text[IPADDR_TEXT];
	const char *what = plain(scn_next(w), text);

	return what ? command(s, json_pack("{s:s, s:s}", "cmd", "block_remove", "what", what))
		    : scn_fail(s, "lift CLIENT");
}

static bool verb_block(struct scn *s, struct scn_words *w)
{
	char text[IPADDR_TEXT];
	const char *what = plain(scn_next(w), text), *span = scn_after(w, "for");
	bool is_held = scn_flag(w, "held");
	uint64_t seconds = 86400;

	if (!what || (span && !scn_duration(span, &seconds)))
		return scn_fail(s, "block PREFIX [for TIME] [held]");
	return command(s, json_pack("{s:s, s:s, s:I, s:b}", "cmd", "block_add", "subject", what, "seconds",
				  (json_int_t)seconds, "held", is_held));
}

/* The case of the block of this client; NULL: s->error. */
static bool case_of(struct scn *s, const char *what, char to[CASE_ID_TEXT])
{
	struct ipaddr a;
	struct prefix p;
	const struct engine_subject *x;

	if (!what || !scn_address(what, &a))
		return scn_fail(s, "which client?");
	p = engine_subject_of(scn_world_engine(), &a);
	x = engine_subject_get(scn_world_engine(), &p);
	if (!x || !x->has_block)
		return scn_fail(s, "%s has no block", what);
	memcpy(to, x->block.case_id, CASE_ID_TEXT);
	return true;
}

static bool verb_confirm(struct scn *s, struct scn_words *w)
{
	char id[CASE_ID_TEXT];

	return case_of(s, scn_next(w), id) && command(s, json_pack("{s:s, s:s}", "cmd", "block_confirm", "case", id));
}

/* feed NAME ACTION PREFIX,PREFIX (or none) */
static bool verb_feed(struct scn *s, struct scn_words *w)
{
	static const char *const actions[] = { "block", "tarpit", "score", "list", "allow" };
	const char *name = scn_next(w), *action = scn_next(w), *list = scn_next(w);

	for (unsigned i = 0; list && i < sizeof actions / sizeof actions[0]; i++) {
		if (strcmp(action, actions[i]) == 0) {
			scn_world_feed(name, (enum conf_feed_action)(i + 1), strcmp(list, "none") == 0 ? "" : list);
			return true;
		}
	}
	return scn_fail(s, "feed NAME block (tarpit, score, list, allow) PREFIX,PREFIX (or none)");
}

/* ---- the table */

static const struct {
	const char *name;
	bool (*fn)(struct scn *s, struct scn_words *w);
} verbs[] = {
	{ "trap", verb_trap },
	{ "restart", verb_restart },
	{ "kill", verb_kill },
	{ "allow", verb_allow },
	{ "shared", verb_shared },
	{ "spf", verb_spf },
	{ "dnslist", verb_dnslist },
	{ "dns", verb_dns },
	{ "alias", verb_alias },
	{ "conf", verb_conf },
	{ "at", verb_at },
	{ "pass", verb_pass },
	{ "jump", verb_jump },
	{ "mail", verb_mail },
	{ "rcpt", verb_rcpt },
	{ "good", verb_good },
	{ "retry", verb_retry },
	{ "redeliver", verb_redeliver },
	{ "sent", verb_sent },
	{ "vrfy", verb_vrfy },
	{ "enforce", verb_enforce },
	{ "lift", verb_lift },
	{ "feed", verb_feed },
	{ "block", verb_block },
	{ "confirm", verb_confirm },
	{ "expect", scn_expect },
};

bool scn_verb(struct scn *s, struct scn_words *w)
{
	const char *name = scn_next(w);

	for (size_t i = 0; name && i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].fn(s, w);
	return scn_fail(s, "\"%s\" is no statement", name ? name : "");
}
