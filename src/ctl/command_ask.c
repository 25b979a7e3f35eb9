/*
 * command_ask: questions: why, hits, person, forget.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"

#define HITS_LIMIT 50

int command_why(struct ctl *c)
{
	json_t *q = ctl_request(c, "why"), *answer = NULL;
	int status;

	ctl_request_text(q, "what", c->args.word[0]);
	status = ctl_ask(c, q, &answer);
	if (status != CTL_DONE)
		return status;
	if (!ctl_show_json(c, answer))
		render_why(&c->render, answer);
	if (json_array_size(json_object_get(answer, "matches")) == 0)
		status = CTL_REFUSED;
	json_decref(answer);
	return status;
}

/* Adds "since": now less the duration given. */
static bool add_since(struct ctl *c, json_t *q)
{
	uint64_t since;

	if (!ctl_since(c, &since))
		return false;
	if (since)
		(void)json_object_set_new(q, "since", json_integer((json_int_t)since));
	return true;
}

int command_hits(struct ctl *c)
{
	json_t *q = ctl_request(c, "hits");
	uint64_t limit;

	if (!add_since(c, q) || !ctl_number(c, OPT_LIMIT, HITS_LIMIT, &limit)) {
		json_decref(q);
		return CTL_USAGE;
	}
	ctl_request_text(q, "what", c->args.count ? c->args.word[0] : NULL);
	ctl_request_text(q, "tag", c->args.value[OPT_TAG]);
	(void)json_object_set_new(q, "limit", json_integer((json_int_t)limit));
	if (c->args.is_given[OPT_GOOD])
		(void)json_object_set_new(q, "good", json_true());
	return ctl_ask_show(c, q, render_hits);
}

int command_person(struct ctl *c)
{
	json_t *q = ctl_request(c, "person");

	ctl_request_text(q, "address", c->args.word[0]);
	return ctl_ask_show(c, q, render_person);
}

int command_forget(struct ctl *c)
{
	json_t *q = ctl_request(c, "forget");

	ctl_request_text(q, "address", c->args.word[0]);
	return ctl_ask_show(c, q, render_forget);
}
