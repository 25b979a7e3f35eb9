/*
 * engine_drift: is our part of main.cf and master.cf still there? Asked of
 * `postconf -n` and `postconf -M` by the role run at its link, every 10 minutes and after a reload; an alarm and
 * a warning in status name what is gone. Nothing is repaired: main.cf is the
 * postmaster's. Also what only `limetwig doctor` asks of status: sums of what
 * should stand in the maps, and which configuration is in force.
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>

#include "core/alias_map.h"
#include "io/conf_file.h"
#include "io/log.h"
#include "role/engine_trap.h"

#define DRIFT_MS 600000u /* between two looks at main.cf */

static void ask(struct engine *e, enum run_what what)
{
	static struct msg_run m; /* large, and all zero but for this */
	uint8_t out[MESSAGE_RUN_ARG];
	struct wr w = wr_init(out, sizeof out);

	m.what = (uint8_t)what;
	message_put_run(&w, MSG_RUN, &m);
	if (role_host_send(e->host, ROLE_RUN, &w, NULL, 0) != ERR_OK)
		log_debug("drift", "text=\"main.cf is looked at later: the role run is not there\"");
}

void engine_drift_look(void *ctx)
{
	struct engine *e = ctx;

	/* setup writes the services it found: none, and Postfix does not know us yet */
	if (e->host->conf.postfix.own_services.count == 0) {
		e->drift.count = e->drift_master.count = 0;
		return;
	}
	ask(e, RUN_POSTCONF);
	ask(e, RUN_POSTCONF_M);
}

void engine_drift_start(struct engine *e)
{
	e->drift_timer = loop_every(e->host->loop, DRIFT_MS, engine_drift_look, e);
	if (!e->drift_timer)
		log_warn("drift", "text=\"no memory: main.cf is looked at after a reload only\"");
}

void engine_drift_stop(struct engine *e)
{
	loop_remove(e->drift_timer);
	e->drift_timer = NULL;
}

static enum err find(const struct engine *e, const struct msg_run_done *m, struct postfix_drift *ret)
{
	/* cut output would look like parameters that are gone */
	if (m->status != 0 || m->output.n >= MESSAGE_RUN_OUTPUT)
		return ERR_LIMIT;
	if (m->what == RUN_POSTCONF)
		return postfix_drift_find(m->output, &e->host->conf, ret);
	return postfix_drift_find_master(m->output, &e->host->conf, e->drift.is_late, ret);
}

void engine_drift_done(struct engine *e, const struct msg_run_done *m)
{
	struct postfix_drift *d = m->what == RUN_POSTCONF ? &e->drift : &e->drift_master;
	const char *file = m->what == RUN_POSTCONF ? "main.cf" : "master.cf";
	unsigned before = d->count;

	if (m->what != RUN_POSTCONF && m->what != RUN_POSTCONF_M)
		return;
	if (find(e, m, d) != ERR_OK) {
		log_warn("drift", "status=%d text=\"postconf tells nothing of %s\"", m->status, file);
		return;
	}
	e->drift_at = clock_wall_s();
	for (unsigned i = 0; i < d->count; i++) {
		char text[POSTFIX_DRIFT_TEXT + 40];

		(void)snprintf(text, sizeof text, "%s. Mend: limetwig setup postfix", d->text[i]);
		engine_alarm(e, "postfix-drift", d->text[i], text);
	}
	if (before && !d->count)
		log_info("drift", "text=\"%s has all our parts again\"", file);
}

/* Sum of the hashes of what should be in a map: the order does not matter, and no address leaves the engine. */
struct map_sum {
	uint64_t count, sum;
};

static void sum_add(struct map_sum *s, const char *key)
{
	static const uint8_t zero[SIPHASH_KEY];

	s->count++;
	s->sum += siphash64(zero, slice_str(key));
}

static json_t *sum_json(const struct map_sum *s)
{
	char hex[20];

	(void)snprintf(hex, sizeof hex, "%016llx", (unsigned long long)s->sum);
	return json_pack("{s:I, s:s}", "count", (json_int_t)s->count, "sum", hex);
}

static json_t *map_sums(struct engine *e)
{
	struct map_sum alias = { 0, 0 }, domains = { 0, 0 };

	for (size_t i = 0; e->traps && i < trap_table_count(e->traps); i++) {
		const struct trap *t = trap_table_at(e->traps, i);
		const char *text = trap_table_text(e->traps, t);

		if (t->state != TRAP_ARMED || t->kind == TRAP_PATTERN)
			continue;
		sum_add(&alias, text);
		if (t->kind == TRAP_DOMAIN)
			sum_add(&domains, text + 1);
	}
	return json_pack("{s:b, s:o, s:o}", "settled", e->trap_job->phase == TRAP_IDLE && e->trap_job->is_synced,
		"alias", sum_json(&alias), "domains", sum_json(&domains));
}

static void add_findings(const struct postfix_drift *d, json_t *list, json_t *warnings)
{
	for (unsigned i = 0; i < d->count; i++) {
		(void)json_array_append_new(list, json_string(d->text[i]));
		(void)json_array_append_new(warnings, json_sprintf("%s. limetwig setup postfix", d->text[i]));
	}
}

void engine_drift_status(struct engine *e, json_t *j, json_t *warnings, bool has_sums)
{
	struct ipaddr top;
	char address[IPADDR_TEXT];
	unsigned share = engine_counter_top(e, &top);
	char sum[CONF_SUM] = "";
	json_t *list = json_array();

	add_findings(&e->drift, list, warnings);
	add_findings(&e->drift_master, list, warnings);
	(void)json_object_set_new(j, "drift", json_pack("{s:I, s:o}", "at", (json_int_t)e->drift_at, "items", list));
	(void)json_object_set_new(j, "started", json_integer((json_int_t)e->started));
	if (!has_sums)
		return;
	if (share)
		(void)json_object_set_new(j, "top",
			json_pack("{s:s, s:i}", "address", ipaddr_format(&top, address), "share", (int)share));
	(void)json_object_set_new(j, "sums", map_sums(e));
	if (conf_sum(&e->host->conf, sum) == ERR_OK)
		(void)json_object_set_new(j, "conf", json_string(sum));
}
