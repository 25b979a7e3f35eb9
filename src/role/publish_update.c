/*
 * publish_update: our list in the zone of a primary DNS server (RFC 2136).
 * core/dns_primary holds the conversation, core/dns_mirror knows the zone;
 * here are the connection, the key, and when the list is looked at anew: at
 * most every interval, and not so often that it takes more than a fifth of a
 * processor. The thread of publish_list tells the mirror what the zone should
 * have; nothing else touches the mirror meanwhile.
 *
 * Before the engine has told the list the zone stays as it is.
 * SPDX-License-Identifier: ISC
 */
#include "role/publish.h"

#include "base/host_port.h"
#include "core/dns_primary.h"
#include "core/dns_tsig_key.h"
#include "io/dns_client.h"
#include "io/log.h"
#include "io/whole_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PORT 53
#define SHARE 5 /* looking at the list may take one part in so many of the time */

struct publish_update {
	struct publish *p;
	bool is_on, is_conf_old;
	struct conf *conf; /* the thread's too */
	struct ipaddr server;
	uint16_t port;
	char zone[DNS_NAME];
	struct dns_tsig_key key;
	struct dns_mirror mirror;
	struct dns_primary primary;
	struct dns_client *client; /* NULL: none */
	struct loop_watch *again;
	/* the list */
	bool is_at_work, has_list;
	uint64_t changes, end;     /* of the list that the mirror knows; when a block of it ends, Unix seconds */
	uint64_t cost_ms, next_ms; /* processor that it took to look at the list; when it is looked at again */
	enum dns_primary_state logged, told;
};

static void pump(struct publish_update *u);

static struct dns_primary_time time_now(void)
{
	return (struct dns_primary_time){
		.now_s = clock_wall_s(), .mono_ms = clock_mono_ms(), .random = (uint16_t)randombytes_random()
	};
}

/* ---- how it is */

static bool is_pending(const struct publish_update *u)
{
	return !u->has_list || u->primary.is_dirty || u->primary.needs_sync || u->changes != publish_list_changes(u->p);
}

void publish_update_tell(struct publish *p)
{
	const struct publish_update *u = p->update;
	struct msg_update_state m = { .is_acting = publish_list_is_acting(p) };
	uint8_t bytes[MESSAGE_EXPORT_TEXT + 100];
	struct wr w = wr_init(bytes, sizeof bytes);

	if (!u->is_on)
		return;
	m.state = (uint8_t)u->primary.state;
	m.is_pending = is_pending(u);
	m.since = u->primary.since;
	m.good = u->primary.good;
	m.clock_s = u->primary.clock_s;
	if (!u->is_at_work) {
		m.names = u->mirror.wanted;
		m.left_out = u->mirror.left_out;
	}
	m.sent = u->primary.names;
	m.transfers = u->primary.transfers;
	m.failures = u->primary.failures;
	slice_copy(slice_str(u->primary.text), m.text, sizeof m.text);
	message_put_update_state(&w, MSG_UPDATE_STATE, &m);
	(void)role_host_send(p->host, ROLE_ENGINE, &w, NULL, 0); /* the next one says more */
}

/* A line where it has become another, not for each try. */
static void note_state(struct publish_update *u)
{
	enum dns_primary_state s = u->primary.state;

	if (dns_primary_is_wrong(s) && s != u->logged)
		log_warn("dns_update", "state=%s server=%s zone=%s text=\"%s\"", dns_primary_name(s),
			u->conf->dns_update.server, u->zone, u->primary.text);
	else if (s == DNS_PRIMARY_OK && s != u->logged)
		log_info("dns_update", "state=ok server=%s zone=%s", u->conf->dns_update.server, u->zone);
	if (dns_primary_is_wrong(s) || s == DNS_PRIMARY_OK)
		u->logged = s;
	if (s != u->told)
		publish_update_tell(u->p);
	u->told = s;
}

/* ---- the connection */

static void drop_client(struct publish_update *u)
{
	dns_client_close(u->client);
	u->client = NULL;
}

static void on_up(void *ctx)
{
	struct publish_update *u = ctx;
	struct dns_primary_time t = time_now();

	dns_primary_up(&u->primary, &t);
	u->next_ms = 0; /* what has changed meanwhile comes before anything is sent */
	pump(u);
}

static void on_message(void *ctx, struct slice message)
{
	struct publish_update *u = ctx;
	struct dns_primary_time t = time_now();

	dns_primary_message(&u->primary, &t, message);
	pump(u);
}

static void on_lost(void *ctx, const char *text)
{
	struct publish_update *u = ctx;
	struct dns_primary_time t = time_now();

	drop_client(u);
	dns_primary_lost(&u->primary, &t, text);
	pump(u);
}

static const struct dns_client_fns client_fns = { .up = on_up, .message = on_message, .lost = on_lost };

static void connect_to(struct publish_update *u)
{
	struct dns_primary_time t = time_now();
	struct role_host *h = u->p->host;
	enum err e = dns_client_open(h->loop, &u->server, u->port, &client_fns, u, &u->client);

	if (e != ERR_OK)
		dns_primary_lost(&u->primary, &t, e == ERR_IO ? strerror(errno) : err_name(e));
}

static void send_out(struct publish_update *u)
{
	struct dns_primary_time t = time_now();

	if (u->client && dns_client_send(u->client, slice_of(u->primary.out, u->primary.out_n)) == ERR_OK)
		return;
	drop_client(u);
	dns_primary_lost(&u->primary, &t, "it cannot be sent");
}

/* ---- the list */

static void work(const struct export_source *s, void *ctx)
{
	struct publish_update *u = ctx;

	dns_mirror_want(&u->mirror, s, u->conf);
	u->cost_ms = clock_thread_ms(); /* the thread was made for this */
}

static void done(struct publish *p, enum err e, const struct export_source *s, uint64_t changes, void *ctx)
{
	struct publish_update *u = ctx;
	uint64_t pause_ms = u->cost_ms * SHARE;

	(void)p;
	u->is_at_work = false;
	if (pause_ms < u->conf->dns_update.interval_s * 1000)
		pause_ms = u->conf->dns_update.interval_s * 1000;
	u->next_ms = clock_mono_ms() + pause_ms;
	if (e == ERR_OK) {
		u->has_list = true;
		u->changes = changes;
		u->end = export_source_end(s);
		u->primary.is_dirty = true;
	}
	if (u->client)
		dns_client_pause(u->client, false);
	pump(u);
}

/* Nothing may be under way: the mirror would change below it. */
static bool begin_list(struct publish_update *u)
{
	bool is_due = !u->has_list || u->changes != publish_list_changes(u->p) || clock_wall_s() >= u->end;
	uint64_t now_ms = clock_mono_ms();

	if (!is_due || now_ms < u->next_ms || u->primary.step != PRIMARY_IDLE || !publish_list_is_known(u->p))
		return false;
	u->cost_ms = 0;
	u->is_at_work = publish_list_copy(u->p, FEED_LAYER_DNSBL, work, done, u);
	if (u->is_at_work && u->client)
		dns_client_pause(u->client, true);
	return u->is_at_work;
}

static void on_again(void *ctx)
{
	struct publish_update *u = ctx;

	loop_remove(u->again);
	u->again = NULL;
	pump(u);
}

/* As far as it goes now. */
static void pump(struct publish_update *u)
{
	enum dns_primary_do what = DNS_PRIMARY_AGAIN;

	while (!u->is_at_work && !u->again && what != DNS_PRIMARY_WAIT && !begin_list(u) && u->has_list) {
		struct dns_primary_time t = time_now();

		if (u->client && u->primary.link == PRIMARY_DOWN)
			drop_client(u);
		what = dns_primary_next(&u->primary, &t);
		if (what == DNS_PRIMARY_CONNECT)
			connect_to(u);
		else if (what == DNS_PRIMARY_SEND)
			send_out(u);
		else if (what == DNS_PRIMARY_CLOSE)
			drop_client(u);
		else if (what == DNS_PRIMARY_AGAIN)
			u->again = loop_after(u->p->host->loop, 0, on_again, u);
	}
	note_state(u);
}

/* ---- settings */

static size_t read_key_file(struct role_host *h, char to[DNS_TSIG_KEY_FILE + 1])
{
	size_t n;

	if (h->file[FILE_UPDATE_KEY] < 0)
		return 0;
	n = whole_file_look(h->file[FILE_UPDATE_KEY], to, DNS_TSIG_KEY_FILE + 1);
	(void)close(h->file[FILE_UPDATE_KEY]);
	h->file[FILE_UPDATE_KEY] = -1;
	return n;
}

/* The parent opens the file; where it may not or cannot it says so behind a "!". */
static bool take_key(struct publish_update *u)
{
	char bytes[DNS_TSIG_KEY_FILE + 1], why[DNS_TSIG_KEY_TEXT] = "";
	struct slice file = slice_of(bytes, read_key_file(u->p->host, bytes));
	const struct conf *c = u->conf;
	enum dns_tsig_algorithm algorithm = c->dns_update.algorithm == TSIG_SHA512 ? DNS_TSIG_SHA512 : DNS_TSIG_SHA256;
	enum err e = ERR_DENIED;

	if (slice_starts(file, SLICE_LIT("!")))
		slice_copy(slice_from(file, 1), why, sizeof why);
	else
		e = dns_tsig_key_parse(file, c->dns_update.key_name, algorithm, &u->key, why);
	sodium_memzero(bytes, sizeof bytes);
	if (e == ERR_OK)
		return true;
	u->primary.key = NULL;
	u->primary.state = DNS_PRIMARY_KEY;
	u->primary.since = clock_wall_s();
	(void)snprintf(u->primary.text, sizeof u->primary.text, "key-file: %.160s", why);
	return false;
}

static void stop(struct publish_update *u)
{
	drop_client(u);
	loop_remove(u->again);
	u->again = NULL;
	if (u->is_on)
		dns_mirror_done(&u->mirror);
	sodium_memzero(&u->key, sizeof u->key);
	u->is_on = false;
}

/* From the beginning, with a transfer of the zone. */
static void take_conf(struct publish_update *u)
{
	uint8_t hash_key[SIPHASH_KEY];

	stop(u);
	*u->conf = u->p->host->conf;
	u->is_conf_old = false;
	u->has_list = false;
	u->next_ms = 0;
	u->logged = u->told = DNS_PRIMARY_START;
	if (!u->conf->dns_update.server[0])
		return;
	if (host_port_parse(slice_str(u->conf->dns_update.server), &u->server, &u->port) != ERR_OK ||
		dns_question_name(slice_str(u->conf->dns_update.zone), u->zone) != ERR_OK)
		return; /* core/conf_check has refused it */
	if (u->port == 0)
		u->port = PORT;
	randombytes_buf(hash_key, sizeof hash_key);
	dns_mirror_init(&u->mirror, hash_key);
	dns_primary_init(&u->primary, &u->mirror, &u->key, u->zone);
	u->is_on = true;
	if (!take_key(u))
		note_state(u);
}

void publish_update_reloaded(struct publish *p)
{
	p->update->is_conf_old = true;
}

void publish_update_tick(struct publish *p)
{
	struct publish_update *u = p->update;

	if (u->is_at_work)
		return;
	if (u->is_conf_old)
		take_conf(u);
	if (u->is_on && u->primary.key)
		pump(u);
}

enum err publish_update_start(struct publish *p)
{
	struct publish_update *u = calloc(1, sizeof *u);

	if (!u)
		return ERR_NOMEM;
	p->update = u;
	u->p = p;
	u->conf = malloc(sizeof *u->conf);
	if (!u->conf || sodium_init() < 0)
		return ERR_NOMEM;
	take_conf(u);
	return ERR_OK;
}

void publish_update_stop(struct publish *p)
{
	struct publish_update *u = p->update;

	if (!u)
		return;
	stop(u);
	free(u->conf);
	free(u);
	p->update = NULL;
}
