/*
 * engine_command_status: what the postmaster sees first.
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <unistd.h>

#include "io/log.h"
#include "role/engine_feed.h"
#include "role/engine_fetch.h"
#include "role/engine_session.h"

#define DROUGHT_S 86400 /* no policy query for so long: Postfix does not ask us */

/* The tarpit: all of its processes. */
static bool is_up(const struct engine *e, enum role r)
{
	return r == ROLE_TARPIT ? engine_tarpit_down(e) == 0 : e->host->link[r] != NULL;
}

static json_t *roles(const struct engine *e)
{
	json_t *list = json_array();

	(void)json_array_append_new(list, json_pack("{s:s, s:b}", "name", "engine", "up", 1));
	for (int r = ROLE_FIREWALL; r < ROLE_COUNT; r++) {
		if (r == ROLE_FIREWALL && e->host->conf.firewall.backend == FW_BACKEND_NONE)
			continue;
		if (r == ROLE_FETCH && !conf_has_fetch(&e->host->conf))
			continue;
		if (r == ROLE_TARPIT && !conf_has_tarpit(&e->host->conf))
			continue;
		if (r == ROLE_FOLLOW && strcmp(e->host->conf.postfix.log, "none") == 0)
			continue;
		if ((r == ROLE_FEED && !conf_has_feeds(&e->host->conf)) ||
			(r == ROLE_DNSBL && !conf_has_dnsbl(&e->host->conf)) ||
			(r == ROLE_PUBLISH && !conf_has_publish(&e->host->conf)))
			continue;
		(void)json_array_append_new(
			list, json_pack("{s:s, s:b}", "name", role_name((enum role)r), "up", is_up(e, (enum role)r)));
	}
	return list;
}

static const char *fw_state_name(unsigned s)
{
	static const char *const names[] = { "off", "ok", "denied", "missing", "error", "feature", "full", "hook" };

	return s < sizeof names / sizeof names[0] ? names[s] : "error";
}

static const char *fw_backend_name(enum conf_fw_backend b)
{
	return b == FW_BACKEND_NONE ? "none" : b == FW_BACKEND_HOOK ? "hook" : "nftables";
}

static const char *log_state_name(unsigned s)
{
	static const char *const names[] = { "absent", "reading", "denied", "journal" };

	return s < sizeof names / sizeof names[0] ? names[s] : "absent";
}

/* "blocked" and "refused" are what the mode in force makes of them: done, or what would be. */
static json_t *counters(const struct engine *e, uint64_t now, unsigned hours)
{
	bool is_real = engine_is_enforcing(e);
	const struct {
		const char *name;
		enum counter c;
	} all[] = { { "messages", COUNT_MESSAGES }, { "whole", COUNT_WHOLE }, { "probes", COUNT_PROBES },
		{ "backscatter", COUNT_BACKSCATTER }, { "blocked", is_real ? COUNT_BLOCKED : COUNT_WOULD_BLOCK },
		{ "refused", is_real ? COUNT_REFUSED : COUNT_WOULD_REFUSE }, { "good_refused", COUNT_GOOD_REFUSED },
		{ "insider", COUNT_INSIDER } };
	json_t *j = json_object();

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		(void)json_object_set_new(
			j, all[i].name, json_integer((json_int_t)engine_counter_sum(e, all[i].c, now, hours)));
	return j;
}

static void warn(json_t *list, const char *text)
{
	(void)json_array_append_new(list, json_string(text));
}

static json_t *warnings(const struct engine *e, const struct engine_trap_status *t, uint64_t now)
{
	json_t *list = json_array();
	struct ipaddr top;
	char text[300], address[IPADDR_TEXT];
	unsigned share = engine_counter_top(e, &top);
	uint64_t lost;

	if (share > 30) {
		(void)snprintf(text, sizeof text,
			"one address, %s, makes %u %% of all connections: proxy or NAT in front?",
			ipaddr_format(&top, address), share);
		warn(list, text);
	}
	if (!t->is_map_ok)
		(void)json_array_append_new(list, engine_json_text(t->map_text));
	if (store_state(e->store, &lost) != ERR_OK)
		warn(list, "the store takes no writes: disk or map full?");
	if (e->patterns && trap_patterns_limited(e->patterns))
		warn(list, "a pattern of a trap file takes too long to match: where it does it is passed over; make it "
			   "simpler");
	if (e->corpus.is_full)
		warn(list, "the corpus is full: of new messages only the headers are kept");
	if (e->host->conf.traps.riders >= RIDERS_MARK && !engine_release_is_ready(e))
		warn(list, "riders = junk and withhold need the service that limetwig setup postfix makes; until then "
			   "riders get their mail unmarked");
	if (e->last_query + DROUGHT_S < now && e->started + DROUGHT_S < now)
		warn(list,
			"Postfix has not asked for a day: is the check in smtpd_client_restrictions? limetwig doctor");
	if (conf_has_lost_port(&e->host->conf))
		warn(list, "the tarpit port is taken: nobody is led to our SMTP server, the policy layer refuses. "
			   "limetwig doctor");
	if (e->mode == MODE_FULL && e->fw.state > FW_OK && e->fw.state != FW_FULL)
		warn(list, "the firewall layer does not act; the policy layer does");
	if (e->mode == MODE_FULL && e->fw.text[0])
		(void)json_array_append_new(list, json_sprintf("firewall: %s", e->fw.text));
	return list;
}

bool engine_is_ready(const struct engine *e, uint64_t now, const char **ret_text)
{
	struct engine_trap_status t;

	engine_trap_get_status(e, &t);
	*ret_text = "watched for 7 days, no good mail would be refused";
	if (engine_counter_sum(e, COUNT_GOOD_REFUSED, now, ENGINE_HOURS))
		*ret_text = "good mail would be refused: limetwig hits --good";
	else if (!engine_counter_sum(e, COUNT_QUERIES, now, ENGINE_HOURS))
		*ret_text = "Postfix has asked nothing yet: limetwig setup postfix, limetwig doctor";
	else if (t.by_state[TRAP_ARMED] == 0)
		*ret_text = "no trap is armed yet: limetwig trap list";
	else if (!engine_counter_sum(e, COUNT_WHOLE, now, ENGINE_HOURS) &&
		 !engine_counter_sum(e, COUNT_PROBES, now, ENGINE_HOURS))
		*ret_text = "no armed trap was hit yet";
	else if (e->mode_since + 7 * 86400 > now)
		*ret_text = "watched for less than 7 days";
	else
		return true;
	return false;
}

static json_t *ready(const struct engine *e, uint64_t now)
{
	const char *text = "";
	bool is_ready = e->mode != MODE_MONITOR || engine_is_ready(e, now, &text);

	return json_pack("{s:b, s:s}", "ok", is_ready, "text", text);
}

static json_t *blocks(struct engine *e, uint64_t now)
{
	json_int_t n = (json_int_t)block_index_count(&e->blocks);
	bool is_real = engine_is_enforcing(e);

	return json_pack("{s:I, s:I, s:I}", "active", is_real ? n : 0, "held", (json_int_t)engine_breaker_count(e, now),
		"would", is_real ? 0 : n);
}

static void add_layers(const struct engine *e, json_t *j)
{
	uint64_t lost;
	enum err store = store_state(e->store, &lost);

	(void)json_object_set_new(
		j, "store", json_pack("{s:s, s:I}", "state", err_name(store), "lost", (json_int_t)lost));
	(void)json_object_set_new(j, "firewall",
		json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I}", "state",
			e->host->conf.firewall.backend == FW_BACKEND_NONE ? "none" : fw_state_name(e->fw.state),
			"backend", fw_backend_name(e->host->conf.firewall.backend), "text",
			engine_json_text(e->fw.text), "error", (json_int_t)e->fw.error, "wanted",
			(json_int_t)e->fw.wanted, "present", (json_int_t)e->fw.present, "repaired",
			(json_int_t)e->fw.repaired, "refused", (json_int_t)e->fw.refused));
	(void)json_object_set_new(j, "capture",
		json_pack("{s:I, s:I, s:b, s:I}", "files", (json_int_t)e->corpus.files, "bytes",
			(json_int_t)e->corpus.bytes, "full", e->corpus.is_full != 0, "withheld",
			(json_int_t)engine_release_count(e)));
	(void)json_object_set_new(j, "log",
		json_pack("{s:s, s:I, s:I, s:I, s:b}", "state", log_state_name(e->log.state), "lines",
			(json_int_t)e->log.lines, "dropped", (json_int_t)e->log.dropped, "last",
			(json_int_t)e->log.last, "caught_up", e->log.is_caught_up != 0));
}

void engine_command_status(struct engine *e, struct engine_call *c, const json_t *in)
{
	uint64_t now = clock_wall_s();
	struct engine_trap_status t;
	char host[256] = "";
	json_t *j = json_object(), *list;

	engine_trap_get_status(e, &t);
	if (gethostname(host, sizeof host - 1) != 0)
		host[0] = '\0';
	(void)json_object_set_new(j, "host", engine_json_text(host));
	(void)json_object_set_new(j, "mode", json_string(mode_name(e->mode)));
	(void)json_object_set_new(j, "mode_since", json_integer((json_int_t)e->mode_since));
	(void)json_object_set_new(j, "off", json_boolean(e->host->conf.is_off));
	(void)json_object_set_new(j, "roles", roles(e));
	(void)json_object_set_new(
		j, "queries", json_integer((json_int_t)engine_counter_sum(e, COUNT_QUERIES, now, 24)));
	(void)json_object_set_new(j, "last_query", json_integer((json_int_t)e->last_query));
	add_layers(e, j);
	(void)json_object_set_new(j, "map",
		json_pack("{s:b, s:o, s:I}", "ok", t.is_map_ok, "text", engine_json_text(t.map_text), "armed",
			(json_int_t)t.in_map));
	(void)json_object_set_new(j, "traps",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "armed", (json_int_t)t.by_state[TRAP_ARMED], "watching",
			(json_int_t)t.by_state[TRAP_WATCHING], "suspended", (json_int_t)t.by_state[TRAP_SUSPENDED],
			"retired", (json_int_t)t.by_state[TRAP_RETIRED], "bad", (json_int_t)t.bad, "pattern_limits",
			(json_int_t)(e->patterns ? trap_patterns_limited(e->patterns) : 0)));
	(void)json_object_set_new(j, "bad_lines", engine_json_bad_lines(&t));
	(void)json_object_set_new(j, "blocks", blocks(e, now));
	(void)json_object_set_new(j, "counters",
		json_pack("{s:o, s:o}", "24h", counters(e, now, 24), "7d", counters(e, now, ENGINE_HOURS)));
	list = warnings(e, &t, now);
	engine_fetch_status(e, j, list);
	if (conf_has_feeds(&e->host->conf))
		(void)json_object_set_new(j, "feeds", engine_feed_json(e, list));
	engine_tarpit_status(e, j, list);
	engine_dnsbl_status(e, j, list);
	engine_export_status(e, j, list);
	engine_update_status(e, j, list);
	engine_session_status(e, j, list);
	engine_drift_status(e, j, list, engine_json_true(in, "sums"));
	(void)json_object_set_new(j, "warnings", list);
	(void)json_object_set_new(j, "ready", ready(e, now));
	engine_answer(c, j);
}
