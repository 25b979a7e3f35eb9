/*
 * parent: the order of things at start, reload and stop. Each step that fails
 * at start says why on stderr and ends the daemon with everything undone; at
 * reload it changes nothing.
 * SPDX-License-Identifier: ISC
 */
#include "role/parent.h"

#include "io/conf_file.h"
#include "io/log.h"
#include "io/notify.h"
#include "io/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARENT_TICK_MS 1000u
#define PARENT_TEXT 700u /* a reason for people, with a path */

enum err parent_load_conf(const char *path, struct conf *ret, char *text, size_t size)
{
	char off[CONF_TEXT + 8];
	enum err e = conf_file_load(path, ret, text, size);

	if (e != ERR_OK)
		return e;
	(void)snprintf(off, sizeof off, "%s/off", ret->storage.dir);
	ret->is_off = access(off, F_OK) == 0;
	return ERR_OK;
}

static bool lists_differ(const struct conf_list *a, const struct conf_list *b)
{
	if (a->count != b->count)
		return true;
	for (uint32_t i = 0; i < a->count; i++)
		if (strcmp(a->item[i], b->item[i]) != 0)
			return true;
	return false;
}

static bool texts_differ(const char *a, const char *b)
{
	return strcmp(a, b) != 0;
}

/* What is made once stays as it is until the daemon is started anew. */
static void keep_fixed(const struct conf *old, struct conf *c)
{
	if (texts_differ(old->storage.dir, c->storage.dir) || texts_differ(old->storage.run, c->storage.run) ||
		old->storage.db_size != c->storage.db_size)
		log_warn("conf_fixed", "keys=storage.dir,storage.run,storage.db_size remedy=\"restart limetwigd\"");
	memcpy(c->storage.dir, old->storage.dir, sizeof c->storage.dir);
	memcpy(c->storage.run, old->storage.run, sizeof c->storage.run);
	c->storage.db_size = old->storage.db_size;
}

static bool hooks_differ(const struct conf *old, const struct conf *c)
{
	return old->firewall.backend != c->firewall.backend ||
	       old->firewall.hook_net_admin != c->firewall.hook_net_admin ||
	       lists_differ(&old->firewall.hook_add, &c->firewall.hook_add) ||
	       lists_differ(&old->firewall.hook_remove, &c->firewall.hook_remove) ||
	       lists_differ(&old->firewall.hook_list, &c->firewall.hook_list) ||
	       lists_differ(&old->firewall.hook_flush, &c->firewall.hook_flush);
}

/* What run may read and execute. */
static bool commands_differ(const struct conf *old, const struct conf *c)
{
	/* the programs of that file are in the file */
	bool is_other = c->feeds.spamd_conf[0] || old->exports != c->exports || old->feed_count != c->feed_count ||
			texts_differ(old->feeds.spamd_conf, c->feeds.spamd_conf);

	for (uint32_t i = 0; i < c->exports && !is_other; i++)
		is_other = texts_differ(old->export[i].command, c->export[i].command);
	for (uint32_t i = 0; i < c->feed_count && !is_other; i++)
		is_other = texts_differ(old->feed[i].command, c->feed[i].command);
	return is_other;
}

/* Roles whose sandbox or sockets were made for the old settings. */
static unsigned roles_to_restart(const struct conf *old, const struct conf *c)
{
	bool sockets = lists_differ(&old->postfix.queues, &c->postfix.queues) ||
		       texts_differ(old->postfix.group, c->postfix.group);
	bool tarpit = parent_count_tarpits(old) != parent_count_tarpits(c) || old->tarpit.port != c->tarpit.port;
	unsigned r = sockets ? ROLE_BIT(ROLE_ENGINE) | ROLE_BIT(ROLE_CAPTURE) : 0;

	if (tarpit)
		r |= ROLE_BIT(ROLE_TARPIT);

	if (sockets || lists_differ(&old->alarm.command, &c->alarm.command) || hooks_differ(old, c) ||
		commands_differ(old, c) || texts_differ(old->postfix.dir, c->postfix.dir))
		r |= ROLE_BIT(ROLE_RUN);
	if (texts_differ(old->postfix.map, c->postfix.map) || texts_differ(old->postfix.domains, c->postfix.domains))
		r |= ROLE_BIT(ROLE_ALIASMAP);
	if (texts_differ(old->postfix.log, c->postfix.log))
		r |= ROLE_BIT(ROLE_FOLLOW);
	/* it reads /etc/resolv.conf once, and its lists */
	if (conf_has_fetch(c))
		r |= ROLE_BIT(ROLE_FETCH);
	/* its sources are part of its sandbox */
	if (conf_has_feeds(c))
		r |= ROLE_BIT(ROLE_FEED);
	return r;
}

/* Postfix instances that are ours no more keep no sockets of ours. */
static void drop_old_queues(struct parent_sockets *old, const struct parent_sockets *new)
{
	for (size_t i = 0; i < old->queues; i++) {
		bool is_kept = false;

		for (size_t j = 0; j < new->queues; j++)
			is_kept = is_kept || parent_is_same_folder(old->dir[i], new->dir[j]);
		if (!is_kept)
			parent_close_queue(old, i, true);
	}
}

static void take_sockets(struct parent *p, const struct parent_sockets *new)
{
	char text[PARENT_TEXT];

	if (parent_name_sockets(new, text, sizeof text) != ERR_OK)
		log_alarm("socket_lost", "reason=\"%s\"", text);
	drop_old_queues(&p->sockets, new);
	parent_dunno_serve(p->dunno, NULL, 0); /* the next line closes what it watches */
	parent_close_sockets(&p->sockets, false);
	p->sockets = *new;
	/* until the new engine is there: on the new listeners, and nobody is left on the old */
	parent_dunno_serve(p->dunno, p->sockets.policy, p->sockets.queues);
}

/* All that can fail comes before anything is changed. */
static enum err reopen_listeners(struct parent *p, struct conf *c, unsigned restart, char *text, size_t size)
{
	struct parent_sockets new = { .control = -1 };
	enum err e = ERR_OK;

	if (restart & ROLE_BIT(ROLE_CAPTURE))
		e = parent_open_sockets(c, p->is_root, &new, text, size);
	if (e == ERR_OK && restart & ROLE_BIT(ROLE_TARPIT))
		e = parent_open_tarpit_or_not(p, c, false, text, size);
	if (e != ERR_OK)
		parent_drop_sockets(&new);
	else if (restart & ROLE_BIT(ROLE_CAPTURE))
		take_sockets(p, &new);
	return e;
}

static void apply_conf(struct parent *p, unsigned restart)
{
	parent_want_roles(p);
	for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++) {
		struct child *c = &p->child[r];

		if (restart & ROLE_BIT(role_kind((enum role)r)) || (c->pid > 0 && !c->is_wanted))
			parent_restart_child(c);
		else if (c->channel)
			parent_send_conf(c);
		else if (!c->pid && !c->again)
			parent_start_child(c);
	}
}

static enum err reload(struct parent *p, char *text, size_t size)
{
	static struct conf c;
	unsigned restart;
	enum err e = parent_load_conf(p->options->conf, &c, text, size);

	if (e != ERR_OK)
		return e;
	keep_fixed(&p->conf, &c);
	restart = roles_to_restart(&p->conf, &c);
	/* the storage stays where it is; a role that was not there before has no folder yet */
	e = parent_make_role_folders(p, &c, text, size);
	if (e == ERR_OK)
		e = reopen_listeners(p, &c, restart, text, size);
	if (e != ERR_OK)
		return e;
	if (parent_wants_dnsbl(p, &c)) {
		parent_open_dnsbl(p, &c);
		restart |= ROLE_BIT(ROLE_DNSBL);
	}
	p->conf = c;
	apply_conf(p, restart);
	return ERR_OK;
}

static void on_hup(int signo, void *ctx)
{
	struct parent *p = ctx;
	char text[PARENT_TEXT];

	(void)signo;
	if (p->is_stopping)
		return;
	notify_reloading();
	if (reload(p, text, sizeof text) == ERR_OK) {
		log_info("reloaded", "conf=%s off=%d", p->options->conf, p->conf.is_off);
		notify_ready("reloaded");
	} else {
		log_alarm("reload_refused", "reason=\"%s\" note=\"nothing was changed\"", text);
		notify_ready("reload refused: the settings before are in force");
	}
}

static void on_term(int signo, void *ctx)
{
	struct parent *p = ctx;

	if (p->is_stopping)
		return;
	log_info("stopping", "signal=%d", signo);
	p->is_stopping = true;
	notify_stopping();
	parent_stop_children(p);
}

static void on_child(int signo, void *ctx)
{
	(void)signo;
	parent_reap(ctx);
}

static void on_tick(void *ctx)
{
	parent_reap(ctx);
	parent_check_lost(ctx);
	parent_check_stops(ctx);
	parent_check_links(ctx, clock_mono_ms());
	parent_check_log(ctx);
	parent_check_mail(ctx);
	parent_check_dnsbl(ctx);
}

static void on_ping(void *ctx)
{
	struct parent *p = ctx;

	parent_check_children(p);
	/* a role that never gets ready must not keep the service manager waiting: mail flows without it */
	if (!p->is_announced)
		notify_ready("some roles are not up");
	p->is_announced = true;
}

static void on_alive(void *ctx)
{
	(void)ctx;
	notify_alive();
}

static bool watch_all(struct parent *p)
{
	uint64_t alive = notify_interval_ms();
	bool is_good = loop_signal(p->loop, SIGHUP, on_hup, p) && loop_signal(p->loop, SIGTERM, on_term, p) &&
		       loop_signal(p->loop, SIGINT, on_term, p) && loop_signal(p->loop, SIGCHLD, on_child, p) &&
		       loop_every(p->loop, PARENT_TICK_MS, on_tick, p) &&
		       loop_every(p->loop, PARENT_PING_MS, on_ping, p) && parent_watch_trials(p);

	if (is_good && alive)
		is_good = loop_every(p->loop, alive / 2, on_alive, p) != NULL;
	return is_good;
}

/* Many connections of Postfix are kept open at once: take what the limits allow. */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		log_warn("limit", "what=nofile");
}

/* It has keys, and while the engine is away what Postfix asks. RLIMIT_CORE does not hold where core_pattern is a pipe. */
static void forbid_core(void)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		log_warn("limit", "what=core");
}

static enum err prepare(struct parent *p, char *text, size_t size)
{
	enum err e = parent_load_conf(p->options->conf, &p->conf, text, size);

	if (e == ERR_OK)
		e = parent_find_users(p, text, size);
	if (e == ERR_OK)
		e = parent_make_folders(p, text, size);
	if (e == ERR_OK)
		e = parent_take_lock(p, text, size);
	if (e == ERR_OK)
		e = parent_open_sockets(&p->conf, p->is_root, &p->sockets, text, size);
	if (e == ERR_OK)
		e = parent_name_sockets(&p->sockets, text, size);
	if (e == ERR_OK)
		e = parent_open_tarpit_or_not(p, &p->conf, true, text, size);
	if (e != ERR_OK)
		return e;
	parent_open_dnsbl(p, &p->conf);
	(void)signal(SIGPIPE, SIG_IGN); /* reset in each child */
	raise_limits();
	(void)snprintf(text, size, "no memory");
	p->loop = loop_new();
	p->dunno = p->loop ? parent_dunno_new(p->loop) : NULL;
	if (!p->dunno || !watch_all(p))
		return ERR_NOMEM;
	(void)snprintf(text, size, "capabilities cannot be limited");
	return p->is_root ? sandbox_limit_caps(ROLE_PARENT) : ERR_OK;
}

static void clean_up(struct parent *p)
{
	parent_dunno_free(p->dunno);
	parent_close_sockets(&p->sockets, true);
	parent_close_tarpit(p);
	parent_close_dnsbl(p);
	for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++)
		channel_free(p->child[r].channel);
	loop_free(p->loop);
	if (p->lock >= 0)
		close(p->lock);
}

int parent_run(const struct parent_options *o)
{
	static struct parent p;
	char text[PARENT_TEXT];
	enum err e;

	p = (struct parent){ .options = o, .is_root = geteuid() == 0, .lock = -1, .sockets.control = -1 };
	log_setup("parent", getenv("LIMETWIG_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	(void)umask(022); /* folders on the way to a role's own must let it through */
	forbid_core();
	e = prepare(&p, text, sizeof text);
	if (e != ERR_OK) {
		(void)fprintf(stderr, "limetwigd: %s\n", text);
		clean_up(&p);
		return 1;
	}
	log_info("started", "version=%s conf=%s off=%d", LIMETWIG_VERSION, o->conf, p.conf.is_off);
	parent_dunno_serve(p.dunno, p.sockets.policy, p.sockets.queues);
	parent_want_roles(&p);
	for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++)
		parent_start_child(&p.child[r]);
	e = loop_run(p.loop);
	log_info("stopped", "version=%s", LIMETWIG_VERSION);
	clean_up(&p);
	return e == ERR_OK ? 0 : 1;
}
