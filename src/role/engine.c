/*
 * engine: start, stop, messages from the other roles, timers.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_feed.h"
#include "role/engine_fetch.h"
#include "role/engine_session.h"

#include <sodium/core.h>
#include <sodium/randombytes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "core/trap_quality.h"
#include "io/log.h"
#include "io/short_turns.h"

#define META_VALUE 64
#define LEDGER_ROUND_S 60 /* the whole ledger is written once in this time */

uint64_t engine_random(void)
{
	uint64_t r;

	randombytes_buf(&r, sizeof r);
	return r;
}

struct gate_view engine_gate_view(const struct engine *e)
{
	return (struct gate_view){ &e->host->conf, &e->allow, &e->blocks, e->traps, e->digest_key,
		e->feeds ? &e->feeds->view : NULL };
}

struct prefix engine_subject_of(const struct engine *e, const struct ipaddr *client)
{
	return subject_of_client(&e->subjects_by, client);
}

uint64_t engine_digest(const struct engine *e, const struct slice *part, size_t parts)
{
	uint8_t text[2048];
	struct wr w = wr_init(text, sizeof text);

	for (size_t i = 0; i < parts; i++)
		wr_bytes(&w, slice_head(part[i], 400));
	return siphash64(e->digest_key, wr_slice(&w));
}

struct alarm_age {
	uint64_t now_ms, repeat_ms;
};

static bool is_alarm_fresh(void *value, void *ctx)
{
	const struct alarm_age *a = ctx;

	return a->now_ms < *(const uint64_t *)value + a->repeat_ms;
}

/* what: RUN_ALARM or RUN_MAIL. */
static void run_alarm(struct engine *e, enum run_what what, const char *event, const char *text)
{
	struct msg_run *m = calloc(1, sizeof *m);
	uint8_t *out = malloc(MESSAGE_MAX);

	if (m && out) {
		struct wr w = wr_init(out, MESSAGE_MAX);

		m->what = (uint8_t)what;
		m->count = 2;
		slice_copy(slice_str(event), m->arg[0], sizeof m->arg[0]);
		slice_copy(slice_str(text), m->arg[1], sizeof m->arg[1]);
		message_put_run(&w, MSG_RUN, m);
		(void)role_host_send(e->host, ROLE_RUN, &w, NULL, 0);
	}
	free(m);
	free(out);
}

void engine_alarm(struct engine *e, const char *event, const char *key, const char *text)
{
	/* not the clock that is set: after a leap back nothing would be told for as long as it was ahead */
	struct alarm_age age = { clock_mono_ms(), e->host->conf.alarm.repeat_s * 1000 };
	uint64_t *last;
	void *v;

	if (keymap_put(&e->alarmed, slice_str(key), &v, NULL) == ERR_FULL)
		(void)keymap_retain(&e->alarmed, 0, is_alarm_fresh, &age);
	if (keymap_put(&e->alarmed, slice_str(key), &v, NULL) != ERR_OK)
		return;
	last = v;
	if (*last && is_alarm_fresh(last, &age))
		return;
	*last = age.now_ms;
	log_alarm(event, "text=\"%s\"", text);
	engine_watch(e, event, "text=\"%s\"", text);
	if (e->host->conf.alarm.command.count)
		run_alarm(e, RUN_ALARM, event, text);
	if (e->host->conf.alarm.mail[0])
		run_alarm(e, RUN_MAIL, event, text);
}

static enum err meta_put(struct engine *e, const char *key, struct slice value)
{
	return store_put(e->store, TABLE_META, slice_str(key), value) ? ERR_OK : ERR_FULL;
}

void engine_set_mode(struct engine *e, enum mode m)
{
	uint8_t text[META_VALUE];
	struct wr w = wr_init(text, sizeof text);

	e->mode = m;
	e->mode_since = clock_wall_s();
	wr_u8(&w, (uint8_t)m);
	wr_u64(&w, e->mode_since);
	if (meta_put(e, "mode", wr_slice(&w)) != ERR_OK)
		log_alarm("store", "text=\"mode could not be stored\"");
	engine_block_sync(e);
	engine_feed_acting(e);
}

static enum err load_meta(struct engine *e)
{
	uint8_t text[META_VALUE];
	size_t n;
	enum err err = store_get(e->store, TABLE_META, SLICE_LIT("mode"), text, sizeof text, &n);

	e->mode = MODE_MONITOR;
	e->mode_since = e->started;
	if (err == ERR_OK) {
		struct rd r = rd_init(text, n);
		uint8_t m = rd_u8(&r);
		uint64_t since = rd_u64(&r);

		if (rd_end(&r) && m >= MODE_MONITOR && m <= MODE_FULL) {
			e->mode = (enum mode)m;
			e->mode_since = since;
		}
	}
	err = store_get(e->store, TABLE_META, SLICE_LIT("digest-key"), text, sizeof text, &n);
	if (err == ERR_OK && n == SIPHASH_KEY) {
		memcpy(e->digest_key, text, SIPHASH_KEY);
		return ERR_OK;
	}
	if (err != ERR_OK && err != ERR_NOTFOUND)
		return err;
	randombytes_buf(e->digest_key, SIPHASH_KEY);
	return meta_put(e, "digest-key", slice_of(e->digest_key, SIPHASH_KEY));
}

static void on_store_event(int fd, unsigned what, void *ctx)
{
	(void)fd;
	(void)what;
	engine_ack_durable(ctx);
}

static void init_maps(struct engine *e)
{
	randombytes_buf(e->table_key, sizeof e->table_key);
	keymap_init(&e->subjects, e->table_key, sizeof(struct engine_subject), ENGINE_SUBJECTS);
	keymap_init(&e->refused, e->table_key, sizeof(struct engine_refused), ENGINE_SUBJECTS * 8);
	engine_breaker_start(e);
	keymap_init(&e->ledger, e->table_key, sizeof(struct engine_ledger), ENGINE_LEDGER);
	keymap_init(&e->correspondents, e->table_key, sizeof(uint64_t), ENGINE_RECENT);
	keymap_init(&e->recent, e->table_key, sizeof(uint64_t), ENGINE_RECENT);
	keymap_init(&e->alarmed, e->table_key, sizeof(uint64_t), 10000);
	keymap_init(&e->trap_quality, e->table_key, sizeof(struct trap_quality), ENGINE_DOUBTED);
	transactions_init(&e->transactions, e->table_key);
	block_index_init(&e->blocks, e->table_key, e->host->conf.block.max_blocks);
	allow_init(&e->allow);
}

static enum err open_store(struct engine *e)
{
	char dir[CONF_TEXT + 8], text[256] = "";
	enum err err;

	(void)snprintf(dir, sizeof dir, "%s/db", e->host->conf.storage.dir);
	err = store_open(dir, e->host->conf.storage.db_size, &e->store, text, sizeof text);
	if (err != ERR_OK)
		log_alarm("store", "state=%s dir=%s text=\"%s\"", err_name(err), dir, text);
	return err;
}

static enum err engine_start(struct role_host *h)
{
	struct engine *e = calloc(1, sizeof *e);
	enum err err;

	if (!e)
		return ERR_NOMEM;
	if (sodium_init() < 0)
		return ERR_IO;
	h->ctx = e;
	e->host = h;
	e->started = clock_wall_s();
	engine_clock_tick(e);
	if (short_turns_ask() != ERR_OK)
		log_debug("turns", "text=\"policy queries wait for their turn like any other work\"");
	e->sequence = clock_wall_ms() * 1000; /* no key of this run may be one of the last run's */
	init_maps(e);
	err = open_store(e);
	if (err != ERR_OK)
		return err;
	subject_rules_init(&e->subjects_by);
	engine_block_room_make(e);
	if ((err = load_meta(e)) != ERR_OK || (err = engine_counter_load(e)) != ERR_OK ||
		(err = subject_rules_make(&e->subjects_by, &h->conf)) != ERR_OK ||
		(err = engine_feed_start(e)) != ERR_OK || (err = engine_fetch_start(e)) != ERR_OK ||
		(err = engine_allow_build(e)) != ERR_OK || (err = engine_block_load(e)) != ERR_OK ||
		(err = engine_log_load(e)) != ERR_OK || (err = engine_hit_start(e)) != ERR_OK ||
		(err = engine_ack_start(e)) != ERR_OK || (err = engine_insider_start(e)) != ERR_OK ||
		(err = engine_trap_start(e)) != ERR_OK || (err = engine_release_start(e)) != ERR_OK ||
		(err = engine_session_start(e)) != ERR_OK || (err = engine_backup_start(e)) != ERR_OK ||
		(err = engine_control_start(e)) != ERR_OK)
		return err;
	e->watch[0] = loop_fd(h->loop, store_event_fd(e->store), LOOP_READ, on_store_event, e);
	if (!e->watch[0])
		return ERR_NOMEM;
	return engine_policy_start(e);
}

static void probe_found(const struct transaction *x, void *ctx)
{
	engine_hit_probe(ctx, x);
}

static void on_second(void *ctx)
{
	struct engine *e = ctx;
	uint64_t now = clock_wall_s();

	engine_clock_tick(e);
	transactions_sweep(&e->transactions, now, probe_found, e);
	engine_allow_tick(e, now);
	engine_fetch_second(e, now);
	engine_ack_tick(e);
	engine_hit_tick(e, now);
	engine_refusal_tick(e, now);
	engine_block_tick(e, now);
	engine_share_tick(e);
	engine_breaker_tick(e, now);
	engine_widen_tick(e, now);
	engine_feed_tick(e, now);
	engine_insider_tick(e);
	engine_session_tick(e, now);
	engine_subject_sweep(e);
	engine_trap_tick(e, now);
	engine_log_flush(e, e->ledger.slots / LEDGER_ROUND_S + 1);
	if (e->is_keep_behind)
		engine_keep_tick(e, now);
}

static void on_ten_seconds(void *ctx)
{
	struct engine *e = ctx;

	engine_clock_tick(e);
	engine_trap_flush(e);
	engine_counter_flush(e);
	engine_block_room_note(e);
	engine_keep_tick(e, clock_wall_s());
	engine_release_tick(e, clock_wall_s());
}

static void engine_serve(struct role_host *h)
{
	struct engine *e = h->ctx;

	e->watch[1] = loop_every(h->loop, 1000, on_second, e);
	e->watch[2] = loop_every(h->loop, 10000, on_ten_seconds, e);
	if (!e->watch[1] || !e->watch[2]) {
		role_host_give_up(h, ERR_NOMEM); /* before the loop runs a loop_stop is lost */
		return;
	}
	engine_drift_start(e);
	engine_feed_reloaded(e);
	log_info("engine", "state=serving mode=%s off=%d blocks=%zu", mode_name(e->mode), h->conf.is_off,
		block_index_count(&e->blocks));
}

static void engine_linked(struct role_host *h, enum role peer)
{
	struct engine *e = h->ctx;

	channel_go_last(h->link[peer]); /* policy queries go before what other roles bring */
	switch (role_kind(peer)) {
	case ROLE_FIREWALL:
		engine_block_sync(e);
		break;
	case ROLE_FOLLOW:
		engine_log_linked(e);
		break;
	case ROLE_ALIASMAP:
		engine_trap_linked(e);
		break;
	case ROLE_RUN:
		engine_drift_look(e);
		break;
	case ROLE_FETCH:
		engine_fetch_linked(e);
		break;
	case ROLE_TARPIT:
		engine_share_linked(e, peer);
		engine_feed_says_linked(e, peer);
		break;
	case ROLE_DNSBL:
	case ROLE_PUBLISH:
		engine_share_linked(e, peer);
		engine_feed_give_linked(e, peer);
		break;
	case ROLE_FEED:
		engine_feed_linked(e);
		break;
	case ROLE_PARENT:
	case ROLE_ENGINE:
	case ROLE_CAPTURE:
	case ROLE_COUNT:
	default:
		break;
	}
}

static void engine_unlinked(struct role_host *h, enum role peer)
{
	struct engine *e = h->ctx;

	if (peer == ROLE_CAPTURE) {
		engine_hit_link_lost(e);
		engine_release_link_lost(e);
		engine_person_link_lost(e);
	}
	if (peer == ROLE_FETCH)
		engine_fetch_unlinked(e);
	if (role_kind(peer) == ROLE_TARPIT)
		engine_tarpit_unlinked(e, peer);
	if (peer == ROLE_DNSBL)
		engine_dnsbl_unlinked(e);
	if (peer == ROLE_PUBLISH) {
		engine_export_unlinked(e);
		engine_update_unlinked(e);
	}
	if (peer == ROLE_FIREWALL)
		e->fw = (struct msg_fw_state){ .state = FW_ERROR };
}

static void on_fw_done(const struct msg_fw_done *m)
{
	if (m->error)
		log_warn("firewall", "seq=%llu errno=%u text=\"%s\"", (unsigned long long)m->seq, m->error,
			strerror((int)m->error));
}

/* The messages of the big structs: decoded on the heap, the rest on the stack. */
static void engine_message_hit(struct engine *e, struct rd *body)
{
	struct msg_hit *m = malloc(sizeof *m);

	if (m && message_get_hit(body, m) == ERR_OK)
		engine_hit_message(e, m);
	free(m);
}

static void engine_message_log(struct engine *e, enum message_type t, struct rd *body)
{
	union {
		struct msg_log_mail mail;
		struct msg_log_login login;
		struct msg_log_rcpt rcpt;
		struct msg_log_state state;
	} u;

	if (t == MSG_LOG_MAIL && message_get_log_mail(body, &u.mail) == ERR_OK)
		engine_log_mail(e, &u.mail);
	else if (t == MSG_LOG_LOGIN && message_get_log_login(body, &u.login) == ERR_OK)
		engine_log_login(e, &u.login);
	else if (t == MSG_LOG_RCPT && message_get_log_rcpt(body, &u.rcpt) == ERR_OK)
		engine_log_rcpt(e, &u.rcpt);
	else if (t == MSG_LOG_STATE && message_get_log_state(body, &u.state) == ERR_OK)
		engine_log_state(e, &u.state);
}

static void engine_message_map(struct engine *e, enum message_type t, struct rd *body, int fd)
{
	struct msg_map_done done;
	struct msg_text text;

	if (t == MSG_MAP_DONE && message_get_map_done(body, &done) == ERR_OK)
		engine_trap_map_done(e, &done);
	else if (t == MSG_LIVE_RESULT && message_get_map_done(body, &done) == ERR_OK)
		engine_trap_live_result(e, &done, fd);
	else if (t == MSG_TEXT && message_get_text(body, &text) == ERR_OK)
		engine_trap_text(e, &text, fd);
}

static void engine_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct engine *e = h->ctx;
	struct msg_fw_done done;
	struct msg_fw_state fw;
	struct msg_corpus_state corpus;
	struct msg_corpus_forgotten forgotten;
	struct msg_run_done run;
	struct msg_tarpit_state tarpit;

	if (t == MSG_HIT)
		engine_message_hit(e, body);
	else if (t == MSG_RIDERS)
		engine_release_message(e, body);
	else if (t >= MSG_LOG_RESUME && t <= MSG_LOG_STATE)
		engine_message_log(e, t, body);
	else if (t >= MSG_SPF_WALK && t <= MSG_DNS_STATE)
		engine_fetch_message(e, t, body);
	else if (t >= MSG_FEED_SET && t <= MSG_FEED_ASK)
		engine_feed_message(e, t, body, n ? fds[0] : -1);
	else if (t == MSG_DNSBL_STATE)
		engine_dnsbl_message(e, body);
	else if (t == MSG_EXPORT_STATE)
		engine_export_message(e, body);
	else if (t == MSG_UPDATE_STATE)
		engine_update_message(e, body);
	else if (t >= MSG_MAP_APPLY && t <= MSG_REREAD)
		engine_message_map(e, t, body, n ? fds[0] : -1);
	else if (engine_session_message(e, t, body))
		;
	else if (t == MSG_RUN_DONE && message_get_run_done(body, &run) == ERR_OK)
		engine_drift_done(e, &run);
	else if (t == MSG_FW_DONE && message_get_fw_done(body, &done) == ERR_OK)
		on_fw_done(&done);
	else if (t == MSG_FW_STATE && message_get_fw_state(body, &fw) == ERR_OK)
		e->fw = fw;
	else if (t == MSG_TARPIT_STATE && message_get_tarpit_state(body, &tarpit) == ERR_OK)
		engine_tarpit_message(e, peer, &tarpit);
	else if (t == MSG_CORPUS_STATE && message_get_corpus_state(body, &corpus) == ERR_OK)
		e->corpus = corpus;
	else if (t == MSG_CORPUS_FORGOTTEN && message_get_corpus_forgotten(body, &forgotten) == ERR_OK)
		engine_person_looked(e, &forgotten);
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
}

static void engine_reloaded(struct role_host *h)
{
	struct engine *e = h->ctx;

	if (engine_allow_build(e) != ERR_OK)
		log_warn("reload", "text=\"allow list not rebuilt, the old one stays\"");
	if (subject_rules_make(&e->subjects_by, &h->conf) != ERR_OK)
		log_warn("reload", "text=\"block lengths not changed: no memory\"");
	engine_session_reloaded(e);
	engine_feed_reloaded(e);
	engine_trap_reload(e, NULL, NULL);
	engine_block_recheck(e);
	engine_drift_look(e);
	log_info("reload", "mode=%s off=%d", mode_name(e->mode), h->conf.is_off);
}

static void engine_free(struct engine *e)
{
	keymap_done(&e->subjects);
	keymap_done(&e->refused);
	engine_breaker_stop(e);
	keymap_done(&e->ledger);
	keymap_done(&e->correspondents);
	keymap_done(&e->recent);
	keymap_done(&e->alarmed);
	keymap_done(&e->trap_quality);
	transactions_done(&e->transactions);
	engine_share_stop(e);
	engine_tarpit_stop(e);
	engine_session_stop(e);
	engine_feed_stop(e);
	block_index_done(&e->blocks);
	free(e->client);
	free(e);
}

static void engine_stop(struct role_host *h)
{
	struct engine *e = h->ctx;

	engine_policy_stop(e);
	engine_fetch_unlinked(e); /* what waits for it is settled without it */
	engine_drift_stop(e);
	engine_control_stop(e);
	engine_backup_stop(e);
	engine_trap_flush(e);
	engine_counter_flush(e);
	engine_block_room_note(e);
	engine_log_flush(e, 0);
	engine_refusal_flush(e);
	if (store_flush(e->store) != ERR_OK)
		log_alarm("store", "text=\"last writes could not be stored\"");
	engine_ack_durable(e);
	engine_hit_stop(e);
	engine_ack_stop(e);
	engine_insider_stop(e);
	engine_fetch_stop(e);
	engine_trap_stop(e);
	engine_release_stop(e);
	for (size_t i = 0; i < sizeof e->watch / sizeof e->watch[0]; i++)
		loop_remove(e->watch[i]);
	loop_remove(e->block_job);
	store_close(e->store);
	engine_free(e);
	h->ctx = NULL;
	loop_stop(h->loop);
}

const struct role_ops engine_ops = {
	.start = engine_start,
	.serve = engine_serve,
	.linked = engine_linked,
	.unlinked = engine_unlinked,
	.message = engine_message,
	.reloaded = engine_reloaded,
	.stop = engine_stop,
};
