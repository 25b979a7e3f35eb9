/*
 * command_block: blocks and the allow list by hand.
 * SPDX-License-Identifier: ISC
 */
#include "base/ipaddr.h"
#include "ctl/ctl.h"

#define BLOCK_LIMIT 100
#define BLOCK_FOR_S 86400

/* An address or a network, as the engine wants it. False: shown. */
static bool take_prefix(struct ctl *c, json_t *q, const char *key)
{
	struct prefix p;

	if (prefix_parse(slice_str(c->args.word[0]), &p) != ERR_OK) {
		(void)ctl_usage(
			c, "\"%s\" is no address or network (like 192.0.2.7, 2001:db8:1::/64)", c->args.word[0]);
		return false;
	}
	ctl_request_text(q, key, c->args.word[0]);
	return true;
}

static void show_block_added(struct render *r, const json_t *a)
{
	render_block_change(r, "blocked", a);
}

static void show_block_confirmed(struct render *r, const json_t *a)
{
	render_block_change(r, "acts now", a);
}

static void show_allow_added(struct render *r, const json_t *a)
{
	render_allow_change(r, "allowed", a);
}

static void show_allow_removed(struct render *r, const json_t *a)
{
	render_allow_change(r, "no longer allowed; files are edited by hand", a);
}

/* block add, allow add: a prefix and a time (0: for good). */
static int add_prefix(struct ctl *c, const char *cmd, const char *key, uint64_t preset, ctl_show show)
{
	json_t *q = ctl_request(c, cmd);
	uint64_t span;

	if (!take_prefix(c, q, key) || !ctl_duration(c, OPT_FOR, preset, &span)) {
		json_decref(q);
		return CTL_USAGE;
	}
	(void)json_object_set_new(q, "seconds", json_integer((json_int_t)span));
	if (c->args.is_given[OPT_DRY_RUN])
		(void)json_object_set_new(q, "dry_run", json_true());
	if (c->args.is_given[OPT_HELD])
		(void)json_object_set_new(q, "held", json_true());
	return ctl_ask_show(c, q, show);
}

int command_block_add(struct ctl *c)
{
	return add_prefix(c, "block_add", "subject", BLOCK_FOR_S, show_block_added);
}

/* By tag, feed, trap and time, all that are given. False: shown. */
static bool add_causes(struct ctl *c, json_t *q, int *ret_status)
{
	uint64_t since, trap = 0;

	*ret_status = CTL_USAGE;
	if (!ctl_since(c, &since))
		return false;
	if (c->args.is_given[OPT_TRAP] && !ctl_trap_id(c, c->args.value[OPT_TRAP], &trap, ret_status))
		return false;
	ctl_request_text(q, "tag", c->args.value[OPT_TAG]);
	ctl_request_text(q, "feed", c->args.value[OPT_FEED]);
	if (trap)
		(void)json_object_set_new(q, "trap", json_integer((json_int_t)trap));
	if (c->args.is_given[OPT_SINCE])
		(void)json_object_set_new(q, "since", json_integer((json_int_t)since));
	return true;
}

int command_block_remove(struct ctl *c)
{
	bool is_by_cause = c->args.is_given[OPT_TAG] || c->args.is_given[OPT_SINCE] || c->args.is_given[OPT_TRAP] ||
			   c->args.is_given[OPT_FEED];
	json_t *q;
	int status;

	if (is_by_cause == (c->args.count > 0))
		return ctl_usage(c, "which one? either a case or an address, or --tag, --feed, --trap, --since");
	q = ctl_request(c, "block_remove");
	if (!add_causes(c, q, &status)) {
		json_decref(q);
		return status;
	}
	ctl_request_text(q, "what", c->args.count ? c->args.word[0] : NULL);
	if (c->args.is_given[OPT_DRY_RUN])
		(void)json_object_set_new(q, "dry_run", json_true());
	return ctl_ask_show(c, q, render_block_remove);
}

int command_block_list(struct ctl *c)
{
	json_t *q = ctl_request(c, "block_list");
	uint64_t limit;

	if (!ctl_number(c, OPT_LIMIT, BLOCK_LIMIT, &limit)) {
		json_decref(q);
		return CTL_USAGE;
	}
	(void)json_object_set_new(q, "limit", json_integer((json_int_t)limit));
	ctl_request_text(q, "feed", c->args.value[OPT_FEED]);
	if (c->args.is_given[OPT_HELD])
		(void)json_object_set_new(q, "held", json_true());
	if (c->args.is_given[OPT_ALL])
		(void)json_object_set_new(q, "all", json_true());
	return ctl_ask_show(c, q, render_block_list);
}

int command_block_confirm(struct ctl *c)
{
	json_t *q = ctl_request(c, "block_confirm");

	ctl_request_text(q, "case", c->args.word[0]);
	return ctl_ask_show(c, q, show_block_confirmed);
}

int command_allow_add(struct ctl *c)
{
	return add_prefix(c, "allow_add", "prefix", 0, show_allow_added);
}

int command_allow_remove(struct ctl *c)
{
	json_t *q = ctl_request(c, "allow_remove");

	if (!take_prefix(c, q, "prefix")) {
		json_decref(q);
		return CTL_USAGE;
	}
	return ctl_ask_show(c, q, show_allow_removed);
}

int command_allow_list(struct ctl *c)
{
	return ctl_ask_show(c, ctl_request(c, "allow_list"), render_allow_list);
}
