/*
 * setup_postfix_plan: the form to build (postfix.md 0a) as edits of texts. The
 * new text is always made from the text without our parts, so that a second
 * run changes nothing and a run of a newer version mends an older one's.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/setup_postfix_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT "$limetwig_client"
#define EOD "$limetwig_eod"
#define TRANSPORT "inline:{limetwig.invalid=limetwig:unix:limetwig/lmtp, .limetwig.invalid=limetwig:unix:limetwig/lmtp}"
#define EHLO "$limetwig_ehlo"
#define EHLO_LIST "smtpd_discard_ehlo_keywords"
#define XFORWARD "$limetwig_xforward"
#define XFORWARD_LIST "smtpd_authorized_xforward_hosts"
#define EDITS_MAX 24
#define MAP_TYPES 3
#define MAP_TEXT (PATH_MAX + 16)

struct edits {
	size_t n;
	struct main_cf_edit edit[EDITS_MAX];
	char fallback[EDITS_MAX][SETUP_TEXT];
	char map[MAP_TYPES][MAP_TEXT], domains[MAP_TYPES][MAP_TEXT];
};

static void own(struct edits *l, const char *name, const char *value)
{
	l->edit[l->n++] = (struct main_cf_edit){ name, value, "", false };
}

static void list(struct edits *l, const struct setup_instance *in, const char *name, const char *item)
{
	char *fallback = l->fallback[l->n];

	slice_copy(setup_facts_default(in, name), fallback, SETUP_TEXT);
	l->edit[l->n++] = (struct main_cf_edit){ name, item, fallback, true };
}

static void add_checks(struct edits *l, const struct setup_instance *in, bool is_revert)
{
	own(l, "limetwig_policy", "{ unix:limetwig/policy, timeout=2s, try_limit=1, default_action=DUNNO }");
	own(l, "limetwig_client", "check_policy_service $limetwig_policy");
	own(l, "limetwig_eod", "check_policy_service $limetwig_policy");
	if (is_revert || !in->is_recipient_stage)
		list(l, in, "smtpd_client_restrictions", CLIENT);
	if (is_revert || in->is_recipient_stage)
		list(l, in, "smtpd_recipient_restrictions", CLIENT);
	list(l, in, "smtpd_end_of_data_restrictions", EOD);
}

/*
 * DSN (RFC 3461): a sender who asks NOTIFY=SUCCESS for a trap would get "alias
 * expanded", for a mailbox "delivered": an oracle. So it is not offered to
 * foreign mail; where nobody else could want it, or the site has a list of its
 * own, that is said in main.cf, else at each service that takes foreign mail.
 */
enum dsn_way { DSN_STAYS, DSN_MAIN, DSN_SERVICES };

static bool has_word_dsn(struct slice list)
{
	for (size_t i = 0; i < list.n;) {
		size_t n = 0;

		while (i + n < list.n && !strchr(", \t", list.p[i + n]))
			n++;
		if (slice_eq_nocase((struct slice){ list.p + i, n }, SLICE_LIT("dsn")))
			return true;
		i += n + 1;
	}
	return false;
}

static enum dsn_way dsn_way(const struct setup *s, const struct setup_instance *in)
{
	enum dsn_way way = DSN_MAIN;
	struct buf own_list;

	if (s->opt.is_dsn_kept)
		return DSN_STAYS;
	for (size_t i = 0; i < in->services; i++)
		if (in->service[i].kind != SETUP_PUBLIC)
			way = DSN_SERVICES;
	buf_init(&own_list, MAIN_CF_MAX);
	if (main_cf_get(buf_slice(&in->main_base), EHLO_LIST, &own_list))
		way = has_word_dsn(buf_slice(&own_list)) ? DSN_STAYS : DSN_MAIN;
	buf_done(&own_list);
	return way;
}

static void note_dsn(const struct setup *s, struct setup_instance *in)
{
	if (s->opt.is_dsn_kept)
		setup_note(in,
			"--keep-dsn: who asks for a delivery report (NOTIFY=SUCCESS) can tell a trap from a mailbox");
	else if (dsn_way(s, in) != DSN_STAYS)
		setup_note(in, "DSN is no longer offered to foreign mail: the report that a sender can ask for "
			       "(NOTIFY=SUCCESS) "
			       "tells a trap from a mailbox. Failure reports stay. Otherwise: --keep-dsn");
}

static void add_dsn(struct edits *l, const struct setup_instance *in, enum dsn_way way)
{
	if (way != DSN_STAYS)
		own(l, "limetwig_ehlo", "silent-discard, dsn");
	if (way == DSN_MAIN)
		list(l, in, EHLO_LIST, EHLO);
}

/* A filter names the client when it hands back (XFORWARD), if it may: else each spammer is 127.0.0.1 to us. */
static bool is_client_lost(const struct setup_instance *in, const struct setup_service *v)
{
	return v->kind == SETUP_REINJECTION && !v->has_xforward && setup_facts_param(in, XFORWARD_LIST).n == 0;
}

static void add_xforward(struct edits *l, const struct setup_instance *in, bool is_revert)
{
	bool is_wanted = is_revert;

	for (size_t i = 0; i < in->services; i++)
		is_wanted |= is_client_lost(in, &in->service[i]);
	if (is_wanted)
		own(l, "limetwig_xforward", "127.0.0.0/8, [::1]/128");
}

static void add_transport(struct edits *l, const struct setup_instance *in)
{
	list(l, in, "transport_maps", TRANSPORT);
	own(l, "limetwig_destination_recipient_limit", "1000");
}

/* The map of this setup, and the same path under the other types that an earlier run may have chosen. */
static void add_old_maps(struct edits *l, const struct setup *s, const struct setup_instance *in)
{
	static const char *const types[MAP_TYPES] = { "lmdb", "hash", "cdb" };

	for (size_t i = 0; i < MAP_TYPES; i++) {
		(void)snprintf(l->map[i], MAP_TEXT, "%s%s", types[i], strchr(s->map, ':'));
		(void)snprintf(l->domains[i], MAP_TEXT, "%s%s", types[i], strchr(s->domains, ':'));
		list(l, in, "virtual_alias_maps", l->map[i]);
		list(l, in, "virtual_alias_domains", l->domains[i]);
	}
}

static enum err master_off(const struct setup_instance *in, bool is_first, struct buf *to)
{
	static const char *const items[] = { CLIENT, EOD, EHLO, XFORWARD };

	return master_cf_revert(buf_slice(&in->master), items, sizeof items / sizeof items[0], is_first, to);
}

enum err setup_plan_off(
	const struct setup *s, struct setup_instance *in, bool is_first, struct buf *main_text, struct buf *master_text)
{
	struct edits *l = calloc(1, sizeof *l);
	enum err e;

	if (!l)
		return ERR_NOMEM;
	add_checks(l, in, true);
	add_dsn(l, in, DSN_MAIN);
	add_xforward(l, in, true);
	add_old_maps(l, s, in);
	if (!is_first)
		add_transport(l, in);
	e = main_cf_revert(buf_slice(&in->main), l->edit, l->n, main_text);
	free(l);
	return e == ERR_OK ? master_off(in, is_first, master_text) : e;
}

static enum err plan_main(const struct setup *s, struct setup_instance *in)
{
	struct edits *l = calloc(1, sizeof *l);
	enum err e;

	if (!l)
		return ERR_NOMEM;
	add_checks(l, in, false);
	add_dsn(l, in, dsn_way(s, in));
	add_xforward(l, in, false);
	list(l, in, "virtual_alias_maps", s->map);
	list(l, in, "virtual_alias_domains", s->domains);
	add_transport(l, in);
	e = main_cf_apply(buf_slice(&in->main_base), l->edit, l->n, &in->main_new);
	free(l);
	return e;
}

/* Overrides hide main.cf: where a service has one, our check goes into it. */
static enum err plan_master(const struct setup *s, struct setup_instance *in)
{
	struct master_cf_edit edit[3 * SETUP_SERVICES];
	enum dsn_way way = dsn_way(s, in);
	struct master_cf_front front;
	char chroot = '-';
	size_t n = 0;

	for (size_t i = 0; i < in->services; i++) {
		const struct setup_service *v = &in->service[i];
		bool has = in->is_recipient_stage ? v->has_recipient : v->has_client;

		if (v->kind == SETUP_PUBLIC || v->kind == SETUP_SUBMISSION)
			chroot = v->chroot;
		if (v->kind == SETUP_PUBLIC && has)
			edit[n++] = (struct master_cf_edit){ v->name, v->type,
				in->is_recipient_stage ? "smtpd_recipient_restrictions" : "smtpd_client_restrictions",
				CLIENT };
		if ((v->kind == SETUP_PUBLIC || v->kind == SETUP_SUBMISSION) && v->has_eod)
			edit[n++] = (struct master_cf_edit){ v->name, v->type, "smtpd_end_of_data_restrictions", EOD };
		if (is_client_lost(in, v))
			edit[n++] = (struct master_cf_edit){ v->name, v->type, XFORWARD_LIST, XFORWARD, true };
		if (v->kind == SETUP_PUBLIC && way != DSN_STAYS)
			edit[n++] = (struct master_cf_edit){ v->name, v->type, EHLO_LIST, EHLO, way == DSN_SERVICES };
	}
	return master_cf_apply(buf_slice(&in->master_base), edit, n, chroot,
		setup_find_front(in, &front) ? &front : NULL, &in->master_new);
}

enum err setup_plan(const struct setup *s, struct setup_instance *in)
{
	enum err e = setup_plan_off(s, in, false, &in->main_base, &in->master_base);

	if (e == ERR_OK)
		e = plan_main(s, in);
	if (e == ERR_OK)
		note_dsn(s, in);
	return e == ERR_OK ? plan_master(s, in) : e;
}

bool setup_plan_is_done(const struct setup_instance *in)
{
	return slice_eq(buf_slice(&in->main), buf_slice(&in->main_new)) &&
	       slice_eq(buf_slice(&in->master), buf_slice(&in->master_new));
}

static bool has_line(struct slice text, struct slice want)
{
	struct slice line;

	while (slice_line(&text, &line))
		if (slice_eq(line, want))
			return true;
	return false;
}

void setup_plan_print(const struct setup *s, const struct setup_instance *in)
{
	static const char *const names[] = { "limetwig_policy", "limetwig_client", "limetwig_eod", "limetwig_ehlo",
		"limetwig_xforward", EHLO_LIST, "smtpd_client_restrictions", "smtpd_recipient_restrictions",
		"smtpd_end_of_data_restrictions", "virtual_alias_maps", "virtual_alias_domains", "transport_maps",
		"limetwig_destination_recipient_limit" };
	struct slice new = buf_slice(&in->master_new), line;
	struct buf value, before;

	buf_init(&value, MAIN_CF_MAX);
	buf_init(&before, MAIN_CF_MAX);
	printf("# %s/main.cf: these parameters, with these values\n", in->dir);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		bool is_new = main_cf_get(buf_slice(&in->main_new), names[i], &value);
		bool is_old = main_cf_get(buf_slice(&in->main_base), names[i], &before);

		if (is_new && !(is_old && slice_eq(buf_slice(&value), buf_slice(&before))))
			printf("%s = %s\n", names[i], buf_cstr(&value));
	}
	printf("# %s/master.cf: these lines\n", in->dir);
	while (slice_line(&new, &line))
		if (slice_trim(line).n && !has_line(buf_slice(&in->master_base), line))
			printf("%.*s\n", SLICE_ARG(line));
	printf("# once, before Postfix reads them: empty maps %s and %s (postmap)\n", s->map, s->domains);
	buf_done(&value);
	buf_done(&before);
}
