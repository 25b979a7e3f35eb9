/*
 * engine_trap_foreign: an address at a domain that is none of this server's is
 * no trap: nobody outside can mail it here, and what the site's own users write
 * there would go to us. Each load asks for each domain once, also for traps
 * that were armed long ago: a domain can leave main.cf. Lines that are refused
 * are read a second time, since most loads have none.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_trap.h"

#include <stdio.h>

#include "core/alias_map.h"
#include "io/log.h"

#define DOMAINS_AT_ONCE 10000 /* in one question to aliasmap */
#define LINES_AT_ONCE 2500    /* some milliseconds */

void engine_trap_note_domain(struct engine_traps *t, struct slice domain)
{
	bool is_new;
	void *value;
	enum err e = keymap_put(&t->domain, domain, &value, &is_new);

	if (e == ERR_OK && is_new)
		e = buf_printf(&t->domain_text, "=%.*s\n", SLICE_ARG(domain));
	t->domains_over += e != ERR_OK;
}

bool engine_trap_is_trap_domain(struct trap_table *t, struct slice domain)
{
	char text[ADDRESS_TEXT];
	const struct trap *trap;
	int n = snprintf(text, sizeof text, "@%.*s", SLICE_ARG(domain));

	if (!t || n < 0 || (size_t)n >= sizeof text)
		return false;
	trap = trap_table_get(t, slice_str(text));
	return trap && trap->state != TRAP_RETIRED;
}

static void say_foreign(struct slice domain, const char *more, char reason[ENGINE_BAD_REASON])
{
	(void)snprintf(reason, ENGINE_BAD_REASON, "%.*s is not a domain of this server%s", SLICE_ARG(domain), more);
}

void engine_trap_why_refused(struct slice line, char reason[ENGINE_BAD_REASON], bool *ret_is_foreign)
{
	size_t tab = slice_find(line, '\t');
	struct slice trap = slice_head(line, tab), by = slice_from(line, tab + 1);

	*ret_is_foreign = slice_eq(by, SLICE_LIT(ALIAS_MAP_FOREIGN));
	if (*ret_is_foreign)
		say_foreign(slice_from(trap, slice_rfind(trap, '@') + 1), "", reason);
	else
		(void)snprintf(reason, ENGINE_BAD_REASON, "live %s (%.*s)",
			slice_starts(trap, SLICE_LIT("@")) ? "domain" : "address", SLICE_ARG(by));
}

void engine_trap_refuse_foreign(
	struct engine_traps *t, struct trap *trap, struct slice domain, uint32_t file, unsigned line)
{
	char reason[ENGINE_BAD_REASON];

	trap->state = TRAP_RETIRED;
	say_foreign(domain,
		" (mydestination, virtual_mailbox_domains, relay_domains, virtual_alias_domains): mail of your own "
		"users to it would be swallowed; remove the trap, or add the domain to one of these",
		reason);
	engine_trap_bad_line(t, file, line, reason);
}

bool engine_trap_is_free_mail(const struct engine *e, const struct trap_line *l)
{
	return l->kind == TRAP_DOMAIN && allow_is_freemail(&e->allow, l->address.domain);
}

static void refuse_line(const struct engine *e, struct engine_traps *t, struct slice line)
{
	char reason[ENGINE_BAD_REASON];
	const bool *is_foreign;
	struct trap_line l;
	struct trap *trap;
	bool is_any, is_free_mail;

	if (trap_file_line(line, t->at_line, &l, &is_any, reason, sizeof reason) != ERR_OK || !is_any ||
		l.kind == TRAP_PATTERN)
		return;
	is_free_mail = engine_trap_is_free_mail(e, &l);
	is_foreign = keymap_get(&t->domain, l.address.domain);
	trap = is_free_mail || (is_foreign && *is_foreign) ? trap_table_get(t->table, slice_str(l.address.text)) : NULL;
	if (!trap || (trap->state != TRAP_ARMED && trap->state != TRAP_WATCHING))
		return;
	if (is_free_mail) {
		trap->state = TRAP_RETIRED;
		engine_trap_bad_line(t, t->at_file, t->at_line, ENGINE_TRAP_FREE_MAIL);
	} else if (l.kind == TRAP_EXACT) {
		engine_trap_refuse_foreign(t, trap, l.address.domain, t->at_file, t->at_line);
	}
}

static void refuse_some(void *ctx)
{
	struct engine *e = ctx;
	struct slice line;

	for (unsigned i = 0; i < LINES_AT_ONCE; i++) {
		if (!engine_trap_next_line(e->trap_job, &line)) {
			engine_trap_ask_live(e);
			return;
		}
		refuse_line(e, e->trap_job, line);
	}
	engine_trap_later(e, 0, refuse_some);
}

/* A whole domain that is a trap makes its addresses ours; not one that is refused as free mail. */
static void take_domain(const struct engine *e, struct engine_traps *t, struct slice line)
{
	struct slice domain = slice_from(slice_head(line, slice_find(line, '\t')), 1);
	bool *is_foreign = keymap_get(&t->domain, domain);

	if (!e->host->conf.traps.live_check || !is_foreign || *is_foreign ||
		(engine_trap_is_trap_domain(t->table, domain) && !allow_is_freemail(&e->allow, domain)))
		return;
	*is_foreign = true;
	t->foreign++;
}

static void ask_some(void *ctx);

/* Without an answer none is foreign: traps in force stay, and new ones wait for their own check. */
static void domains_done(void *ctx, bool is_ok, const char *text, struct slice lines)
{
	struct engine *e = ctx;
	struct slice line;

	(void)text;
	if (e->trap_job->phase != TRAP_DOMAINS)
		return;
	while (is_ok && slice_line(&lines, &line))
		take_domain(e, e->trap_job, line);
	engine_trap_later(e, 0, ask_some);
}

/*
 * Those that are traps as a whole. Here and not when they are read: at a start
 * the allow files come behind the trap files, but before any answer.
 */
static void take_free_mail(struct engine *e, struct engine_traps *t)
{
	struct slice left = buf_slice(&t->domain_text), line;

	while (slice_line(&left, &line)) {
		struct slice domain = slice_from(line, 1);

		t->foreign += allow_is_freemail(&e->allow, domain) && engine_trap_is_trap_domain(t->table, domain);
	}
}

/* The next domains; after the last their traps are refused. */
static void ask_some(void *ctx)
{
	struct engine *e = ctx;
	struct engine_traps *t = e->trap_job;
	struct slice some = t->domains_left, line;
	size_t n = 0;

	while (n < DOMAINS_AT_ONCE && slice_line(&t->domains_left, &line))
		n++;
	if (n == 0)
		take_free_mail(e, t);
	if (n && !e->host->conf.traps.live_check) {
		/* none of Postfix's tables is asked: the answer to nothing comes behind the allow files all the same */
		t->domains_left = slice_from(t->domains_left, t->domains_left.n);
		engine_trap_live_check(e, slice_head(some, 0), domains_done, e);
	} else if (n) {
		engine_trap_live_check(e, slice_head(some, some.n - t->domains_left.n), domains_done, e);
	} else if (t->foreign) {
		t->phase = TRAP_FOREIGN;
		engine_trap_rewind(t);
		engine_trap_later(e, 0, refuse_some);
	} else {
		engine_trap_ask_live(e);
	}
}

void engine_trap_ask_domains(struct engine *e)
{
	struct engine_traps *t = e->trap_job;

	if (t->domains_over)
		log_warn("trap-file", "traps=%llu text=\"more than %d domains: not looked at again in main.cf\"",
			(unsigned long long)t->domains_over, TRAP_DOMAINS_MAX);
	t->phase = TRAP_DOMAINS;
	t->domains_left = buf_slice(&t->domain_text);
	ask_some(e);
}
