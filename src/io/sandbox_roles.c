/*
 * sandbox_roles: the one table of what each role may do.
 *
 *   role      capabilities         calls                      files
 *   parent    see below            (not confined: it starts the others)
 *   engine    none                 files accept threads       db rw; passwd, group ro (who gave a command)
 *   firewall  NET_ADMIN            netlink                    none
 *   capture   none                 files accept threads       corpus rw
 *   follow    none                 files                      none; the journal ro when log = journal
 *   run       none (or NET_ADMIN)  any                        programs ro; the drop folder of Postfix rw
 *   aliasmap  files and ids        any                        all ro; folders of the two maps rw
 *   fetch     none                 internet                   none (resolv.conf is read before it serves)
 *   tarpit    none                 accept                     none
 *   feed      none                 files internet threads     feeds rw; sources ro
 *   dnsbl     none                 accept                     none
 *   publish   none                 files internet threads     export rw
 * SPDX-License-Identifier: ISC
 */
#include "io/sandbox.h"

#include "io/feed_plan_file.h"

#include <linux/capability.h>
#include <stdio.h>
#include <sys/stat.h>

#define CAP(x) (UINT64_C(1) << CAP_##x)

/* postmap takes the identity of the owner of its source file; maps of others may be closed to root without these. */
#define CAPS_ALIASMAP (CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) | CAP(FOWNER) | CAP(SETUID) | CAP(SETGID))
/* Beyond what it hands on: signals to its roles, and taking capabilities away from them. */
#define CAPS_PARENT (CAPS_ALIASMAP | CAP(NET_ADMIN) | CAP(KILL) | CAP(SETPCAP) | CAP(NET_BIND_SERVICE))

static const struct {
	uint64_t caps;
	unsigned calls;
	bool has_network;
} table[ROLE_COUNT] = {
	[ROLE_PARENT] = { CAPS_PARENT, CALLS_ANY, true },
	[ROLE_ENGINE] = { 0, CALLS_FILES | CALLS_ACCEPT | CALLS_THREADS, false },
	[ROLE_FIREWALL] = { CAP(NET_ADMIN), CALLS_NETLINK, false },
	[ROLE_CAPTURE] = { 0, CALLS_FILES | CALLS_ACCEPT | CALLS_THREADS, false },
	[ROLE_FOLLOW] = { 0, CALLS_FILES, false },
	[ROLE_RUN] = { 0, CALLS_ANY, true },
	[ROLE_ALIASMAP] = { CAPS_ALIASMAP, CALLS_ANY, true },
	[ROLE_FETCH] = { 0, CALLS_INTERNET, true },
	[ROLE_TARPIT] = { 0, CALLS_ACCEPT, false },
	[ROLE_FEED] = { 0, CALLS_FILES | CALLS_INTERNET | CALLS_THREADS, true },
	[ROLE_DNSBL] = { 0, CALLS_ACCEPT, false },
	[ROLE_PUBLISH] = { 0, CALLS_FILES | CALLS_INTERNET | CALLS_THREADS, true },
};

/* A path that is too long is left out: the role then may less, not more. */
static void allow(struct sandbox_rights *r, unsigned may, const char *dir, const char *sub)
{
	struct sandbox_path *p = &r->path[r->paths];
	int n;

	if (r->paths == SANDBOX_PATHS || dir[0] != '/')
		return;
	n = snprintf(p->path, sizeof p->path, "%s%s", dir, sub);
	if (n < 0 || (size_t)n >= sizeof p->path)
		return;
	p->may = may;
	r->paths++;
}

static void allow_each(struct sandbox_rights *r, unsigned may, const char *const *path)
{
	for (; *path; path++)
		allow(r, may, *path, "");
}

/* The folder that the map TYPE:/path is in. */
static void allow_map(struct sandbox_rights *r, const char *map)
{
	const char *colon = strchr(map, ':');
	const char *path = colon ? colon + 1 : map;
	struct slice s = slice_str(path);
	char dir[CONF_TEXT];

	slice_copy(slice_head(s, slice_rfind(s, '/')), dir, sizeof dir);
	if (slice_rfind(s, '/') < s.n)
		allow(r, MAY_READ | MAY_WRITE, dir, "");
}

/* The programs that carry a file on, and the files. */
static void allow_exports(struct sandbox_rights *r, const struct conf *c)
{
	bool has_command = false;

	for (uint32_t i = 0; i < c->exports; i++) {
		char program[CONF_TEXT];
		struct slice words = slice_str(c->export[i].command), word;

		if (!slice_word(&words, &word))
			continue;
		has_command = true;
		slice_copy(word, program, sizeof program);
		allow(r, MAY_READ | MAY_EXEC, program, "");
	}
	if (has_command)
		allow(r, MAY_READ, c->storage.dir, "/export");
}

/*
 * A folder, or a file: then its folder, for what is put in its place by renaming is another file, and one may come that is not there yet.
 */
static void allow_source(struct sandbox_rights *r, const char *path)
{
	struct slice s = slice_str(path);
	char dir[SANDBOX_PATH];
	struct stat st;

	slice_copy(slice_head(s, slice_rfind(s, '/')), dir, sizeof dir);
	if (slice_rfind(s, '/') == 0 || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		allow(r, MAY_READ, path, "");
	else
		allow(r, MAY_READ, dir, "");
}

/* The sources of feeds for the role feed, their commands for the role run. */
static void allow_plan(struct sandbox_rights *r, const struct conf *c, enum role role)
{
	char reason[FEED_PLAN_REASON], store[FEED_WHERE];
	struct feed_plan plan = { 0 };
	char *argv[FEED_WORDS + 1];

	if (!conf_has_feeds(c) || feed_plan_read(c, NULL, &plan, reason) != ERR_OK)
		return;
	for (unsigned i = 0; i < plan.count; i++) {
		const struct feed_spec *s = &plan.feed[i];

		if (role == ROLE_FEED)
			allow_source(r, s->text_file);
		for (unsigned k = 0; k < s->parts; k++) {
			if (role == ROLE_FEED && s->part[k].way == FEED_WAY_PATH)
				allow_source(r, s->part[k].where);
			else if (role == ROLE_RUN && s->part[k].way == FEED_WAY_COMMAND &&
				 feed_plan_words(s->part[k].where, store, argv))
				allow(r, MAY_READ | MAY_EXEC, argv[0], "");
		}
	}
	feed_plan_done(&plan);
	allow_source(r, c->feeds.spamd_conf);
}

static void allow_run(struct sandbox_rights *r, const struct conf *c)
{
	static const char *const programs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", NULL };
	static const char *const readable[] = { "/etc", "/var/lib/ca-certificates", "/run/systemd/resolve",
		"/dev/urandom", NULL };

	allow_each(r, MAY_READ | MAY_EXEC, programs);
	allow_each(r, MAY_READ, readable);
	allow(r, MAY_READ | MAY_WRITE, "/dev/null", "");
	allow(r, MAY_READ, c->postfix.dir, "");
	if (c->alarm.command.count)
		allow(r, MAY_READ | MAY_EXEC, c->alarm.command.item[0], "");
	if (c->firewall.hook_add.count)
		allow(r, MAY_READ | MAY_EXEC, c->firewall.hook_add.item[0], "");
	if (c->firewall.hook_remove.count)
		allow(r, MAY_READ | MAY_EXEC, c->firewall.hook_remove.item[0], "");
	if (c->firewall.hook_list.count)
		allow(r, MAY_READ | MAY_EXEC, c->firewall.hook_list.item[0], "");
	if (c->firewall.hook_flush.count)
		allow(r, MAY_READ | MAY_EXEC, c->firewall.hook_flush.item[0], "");
	allow_plan(r, c, ROLE_RUN);
	allow_exports(r, c);
	/* sendmail(1) of Postfix puts its message there */
	for (uint32_t i = 0; i < c->postfix.queues.count; i++) {
		allow(r, MAY_READ | MAY_WRITE, c->postfix.queues.item[i], "/maildrop");
		allow(r, MAY_READ | MAY_WRITE, c->postfix.queues.item[i], "/public");
	}
}

/* Its folder, its sources, what downloads need. */
static void allow_feed(struct sandbox_rights *r, const struct conf *c)
{
	static const char *const readable[] = { "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf",
		"/etc/hosts", "/etc/gai.conf", "/run/systemd/resolve", "/etc/ssl", "/etc/pki",
		"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/ld.so.cache", "/usr/lib",
		"/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/dev/urandom", NULL };

	allow(r, MAY_READ | MAY_WRITE, c->storage.dir, "/feeds");
	allow_each(r, MAY_READ, readable);
	allow_plan(r, c, ROLE_FEED);
}

static void allow_role(struct sandbox_rights *r, enum role role, const struct conf *c)
{
	static const char *const names[] = { "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", NULL };
	static const char *const resolver[] = { "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf",
		"/etc/svc.conf", "/dev/urandom", NULL };
	static const char *const journal[] = { "/var/log/journal", "/run/log/journal", "/etc/machine-id", NULL };

	switch (role) {
	case ROLE_ENGINE:
		allow(r, MAY_READ | MAY_WRITE, c->storage.dir, "/db");
		allow_each(r, MAY_READ, names);
		break;
	case ROLE_CAPTURE:
		allow(r, MAY_READ | MAY_WRITE, c->storage.dir, "/corpus");
		break;
	case ROLE_FOLLOW:
		if (strcmp(c->postfix.log, "journal") == 0)
			allow_each(r, MAY_READ, journal);
		break;
	case ROLE_RUN:
		allow_run(r, c);
		break;
	case ROLE_ALIASMAP:
		allow(r, MAY_READ | MAY_EXEC, "/", "");
		allow(r, MAY_READ | MAY_WRITE, "/dev/null", "");
		allow_map(r, c->postfix.map);
		allow_map(r, c->postfix.domains);
		break;
	case ROLE_FETCH:
		allow_each(r, MAY_READ, resolver);
		break;
	case ROLE_FEED:
		allow_feed(r, c);
		break;
	case ROLE_PUBLISH:
		allow(r, MAY_READ | MAY_WRITE, c->storage.dir, "/export");
		break;
	case ROLE_PARENT:
	case ROLE_FIREWALL:
	case ROLE_TARPIT:
	case ROLE_DNSBL:
	case ROLE_COUNT:
		break;
	}
}

void sandbox_rights(enum role role, const struct conf *c, struct sandbox_rights *ret)
{
	role = role_kind(role);
	*ret = (struct sandbox_rights){
		.caps = table[role].caps, .calls = table[role].calls, .has_network = table[role].has_network
	};
	if (c && role == ROLE_RUN && c->firewall.backend == FW_BACKEND_HOOK && c->firewall.hook_net_admin) {
		ret->caps |= CAP(NET_ADMIN);
		ret->is_handed_on = true;
	}
	if (c)
		allow_role(ret, role, c);
}
