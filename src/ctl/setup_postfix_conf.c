/*
 * setup_postfix_conf: the text of ETC/postfix.conf, section postfix { } (keys:
 * core/conf_keys), over all instances.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/setup_postfix_private.h"
#include "io/conf_file.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_item(struct conf_list *l, const char *text)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (strcmp(l->item[i], text) == 0)
			return;
	if (l->count < CONF_LIST)
		(void)snprintf(l->item[l->count++], CONF_ITEM, "%s", text);
}

/* A double-quoted string of libconfuse. */
static enum err add_quoted(struct buf *to, const char *text)
{
	enum err e = buf_add_char(to, '"');

	for (const char *p = text; *p && e == ERR_OK; p++) {
		if (*p == '"' || *p == '\\')
			e = buf_add_char(to, '\\');
		if (e == ERR_OK)
			e = buf_add_char(to, *p);
	}
	return e == ERR_OK ? buf_add_char(to, '"') : e;
}

static enum err add_text(struct buf *to, const char *key, const char *text)
{
	enum err e = buf_printf(to, "  %-12s = ", key);

	if (e == ERR_OK)
		e = add_quoted(to, text);
	return e == ERR_OK ? buf_add_char(to, '\n') : e;
}

static enum err add_list(struct buf *to, const char *key, const struct conf_list *l)
{
	enum err e = buf_printf(to, "  %-12s = {", key);

	for (uint32_t i = 0; i < l->count && e == ERR_OK; i++) {
		e = buf_add_str(to, i == 0 ? " " : i % 4 == 0 ? ",\n    " : ", ");
		if (e == ERR_OK)
			e = add_quoted(to, l->item[i]);
	}
	return e == ERR_OK ? buf_add_str(to, " }\n") : e;
}

struct services {
	struct conf_list own, submission, reinjection;
};

/* "smtp" on loopback-only, "127.0.0.1:10025", "[::1]:10025" to what Postfix sends: address:port. */
static void add_reinjection(struct conf_list *l, const struct setup_service *v)
{
	struct slice name = slice_str(v->label);
	size_t colon = slice_rfind(name, ':');
	char text[CONF_ITEM];

	if (colon == name.n || slice_starts(name, SLICE_LIT("localhost:"))) {
		(void)snprintf(text, sizeof text, "127.0.0.1:%s", v->port);
		add_item(l, text);
		(void)snprintf(text, sizeof text, "[::1]:%s", v->port);
		add_item(l, text);
		return;
	}
	(void)snprintf(text, sizeof text, "%.*s:%s", SLICE_ARG(slice_head(name, colon)), v->port);
	add_item(l, text);
}

static void sort_services(const struct setup_instance *in, struct services *s)
{
	for (size_t i = 0; i < in->services; i++) {
		const struct setup_service *v = &in->service[i];

		if (v->kind == SETUP_PUBLIC)
			add_item(&s->own, v->port);
		else if (v->kind == SETUP_SUBMISSION)
			add_item(&s->submission, v->port);
		else
			add_reinjection(&s->reinjection, v);
	}
}

static void group_of(const struct setup_instance *in, char to[64])
{
	char owner[64];
	const struct passwd *pw;
	const struct group *gr;

	slice_copy(setup_facts_param(in, "mail_owner"), owner, sizeof owner);
	pw = getpwnam(owner);
	gr = pw ? getgrgid(pw->pw_gid) : NULL;
	(void)snprintf(to, 64, "%s", gr ? gr->gr_name : owner);
}

static void log_of(const struct setup_instance *in, char to[PATH_MAX])
{
	struct slice file = setup_facts_param(in, "maillog_file");

	if (file.n && file.p[0] == '/' && !slice_eq(file, SLICE_LIT("/dev/stdout")))
		slice_copy(file, to, PATH_MAX);
	else
		(void)snprintf(
			to, PATH_MAX, "%s", access("/var/log/mail.log", F_OK) == 0 ? "/var/log/mail.log" : "journal");
}

struct all {
	struct conf_list queues, hosts, old_hosts;
	struct services services;
	bool is_trusted, has_front;
	char group[64], log[PATH_MAX], extension[64];
};

/* What an earlier run wrote; none where its file cannot be read. */
static void read_old_hosts(struct slice old, struct conf_list *to)
{
	char text[SETUP_TEXT];
	struct conf *c = calloc(1, sizeof *c);

	if (c && conf_file_parse(old, CONF_FILE_POSTFIX, c, text, sizeof text) == ERR_OK)
		*to = c->postfix.own_hosts;
	free(c);
}

static void gather(struct setup *s, struct slice old, struct all *a)
{
	struct master_cf_front front;
	char queue[PATH_MAX];

	a->is_trusted = true;
	for (size_t i = 0; i < s->instances; i++) {
		slice_copy(setup_facts_param(&s->instance[i], "queue_directory"), queue, sizeof queue);
		add_item(&a->queues, queue);
		sort_services(&s->instance[i], &a->services);
		a->is_trusted &= s->instance[i].is_trusted;
		a->has_front |= setup_find_front(&s->instance[i], &front);
	}
	read_old_hosts(old, &a->old_hosts);
	s->is_dns_silent = !setup_hosts_find(s, &a->old_hosts, &a->hosts, &s->is_own_cut);
	group_of(&s->instance[0], a->group);
	log_of(&s->instance[0], a->log);
	slice_copy(setup_facts_param(&s->instance[0], "recipient_delimiter"), a->extension, sizeof a->extension);
}

enum err setup_conf_text(struct setup *s, struct slice old, struct buf *to)
{
	struct all *a = calloc(1, sizeof *a);
	enum err e = a ? ERR_OK : ERR_NOMEM;

	if (!a)
		return e;
	gather(s, old, a);
	e = buf_add_str(to, "# Made by \"limetwig setup postfix\": run it again instead of editing.\n");
	if (e == ERR_OK && s->is_own_cut)
		e = buf_add_str(to, "# own-hosts has no room for all: put the rest into a file in allow.d.\n");
	e = e == ERR_OK ? buf_add_str(to, "postfix {\n") : e;
	e = e == ERR_OK ? add_text(to, "dir", s->opt.dir[0]) : e;
	e = e == ERR_OK ? add_list(to, "queues", &a->queues) : e;
	e = e == ERR_OK ? add_text(to, "map", s->map) : e;
	e = e == ERR_OK ? add_text(to, "domains", s->domains) : e;
	e = e == ERR_OK ? add_text(to, "extension", a->extension) : e;
	e = e == ERR_OK ? add_text(to, "handback", MASTER_CF_HANDBACK) : e;
	e = e == ERR_OK && a->has_front ? add_text(to, "handthrough", MASTER_CF_HAND) : e;
	e = e == ERR_OK ? add_text(to, "group", a->group) : e;
	e = e == ERR_OK ? add_text(to, "log", a->log) : e;
	e = e == ERR_OK ? add_list(to, "own-services", &a->services.own) : e;
	e = e == ERR_OK ? add_list(to, "submission", &a->services.submission) : e;
	e = e == ERR_OK ? add_list(to, "reinjection", &a->services.reinjection) : e;
	e = e == ERR_OK ? add_list(to, "own-hosts", &a->hosts) : e;
	e = e == ERR_OK ? buf_printf(to, "  %-12s = %s\n}\n", "lmtp-trusted", a->is_trusted ? "yes" : "no") : e;
	free(a);
	return e;
}
