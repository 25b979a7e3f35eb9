/*
 * command_feed_ask: feeds as the daemon has them: list, refresh, confirm, find;
 * and `feed import --dry-run`: what a list at hand would hit, by its ledger.
 * SPDX-License-Identifier: ISC
 */
#include "core/feed_area.h"
#include "ctl/command_feed.h"
#include "ctl/import_file.h"
#include "io/area_memory.h"

#define COUNT_TIMEOUT_MS 60000

int command_feed_list(struct ctl *c)
{
	return ctl_ask_show(c, ctl_request(c, "feed_list"), render_feed_list);
}

int command_feed_refresh(struct ctl *c)
{
	json_t *q = ctl_request(c, "feed_refresh");

	ctl_request_text(q, "name", c->args.count ? c->args.word[0] : NULL);
	return ctl_ask_show(c, q, render_feed_asked);
}

int command_feed_confirm(struct ctl *c)
{
	json_t *q = ctl_request(c, "feed_confirm");

	ctl_request_text(q, "name", c->args.word[0]);
	return ctl_ask_show(c, q, render_feed_confirmed);
}

/* Exit status 1: on none. */
int command_feed_find(struct ctl *c)
{
	json_t *q = ctl_request(c, "feed_find"), *answer = NULL;
	int status;

	ctl_request_text(q, "address", c->args.word[0]);
	status = ctl_ask(c, q, &answer);
	if (status != CTL_DONE)
		return status;
	if (!ctl_show_json(c, answer))
		render_feed_find(&c->render, answer);
	if (json_array_size(json_object_get(answer, "feeds")) == 0)
		status = CTL_REFUSED;
	json_decref(answer);
	return status;
}

int feed_ask_collateral(struct ctl *c, const struct prefix_set *sealed, json_t **ret_answer)
{
	struct area_memory m = AREA_MEMORY_NONE;
	struct feed_area a;
	json_t *q, *answer = NULL;
	char text[CONTROL_TEXT];
	enum err e;

	if (area_memory_make_feed(sealed, &m, &a) != ERR_OK)
		return ctl_refuse(c, "no memory to hand the list to the daemon");
	q = ctl_request(c, "feed_test");
	e = control_client_ask(c->socket, q, m.fd, COUNT_TIMEOUT_MS, &answer, text);
	json_decref(q);
	area_memory_close(&m);
	if (e == ERR_OK && !render_bool(answer, "ok")) {
		(void)snprintf(text, sizeof text, "%s", render_text(&c->render, answer, "error"));
		e = ERR_IO;
	}
	if (e != ERR_OK) {
		json_decref(answer);
		return ctl_refuse(c, "%s", text);
	}
	*ret_answer = answer;
	return CTL_DONE;
}
