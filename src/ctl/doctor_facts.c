/*
 * doctor_facts: what the checks of doctor need from the engine: its status with
 * sums, the blocks in force, and which armed traps Postfix knows as living
 * addresses. Lists only up to DOCTOR_LISTED: doctor must stay quick.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"
#include "ctl/doctor.h"

#include <stdio.h>
#include <string.h>

#define ASK_MS 10000 /* of one list: doctor goes on without it */

/* The answer when it is a good one, else NULL. Takes request. */
static json_t *ask(const struct ctl *c, json_t *request)
{
	char text[CONTROL_TEXT];
	json_t *answer = NULL;

	if (request && control_client_ask(c->socket, request, -1, ASK_MS, &answer, text) != ERR_OK)
		answer = NULL;
	json_decref(request);
	if (!answer || render_bool(answer, "ok"))
		return answer;
	json_decref(answer);
	return NULL;
}

/* It would keep us waiting. */
static bool is_stopped(const struct doctor_daemon_facts *f, const char *role)
{
	for (size_t i = 0; i < f->processes; i++)
		if (strcmp(f->process[i].role, role) == 0)
			return strchr("TtZ", f->process[i].state) != NULL;
	return false;
}

static void get_status(struct ctl *c, struct doctor_facts *x)
{
	json_t *request, *answer = NULL;
	pid_t parent = 0;

	if (control_client_pid(c->socket, &parent, x->text) == ERR_OK && parent > 0)
		x->f.processes = doctor_processes_find((int)parent, x->f.process);
	if (is_stopped(&x->f, "engine")) {
		x->f.unanswered = "the role engine is stopped, nobody answers";
		return;
	}
	request = ctl_request(c, "status");
	if (request)
		(void)json_object_set_new(request, "sums", json_true());
	if (ctl_try(c, request, &answer, x->text) != ERR_OK) {
		x->f.unanswered = x->text;
	} else if (render_bool(answer, "ok")) {
		x->f.status = x->status = answer;
	} else {
		(void)snprintf(x->text, sizeof x->text, "%s", doctor_text(answer, "error"));
		x->f.unanswered = x->text;
		x->f.is_denied = true;
		json_decref(answer);
	}
}

static void get_blocks(struct ctl *c, struct doctor_facts *x)
{
	json_t *request;

	if (render_number(json_object_get(x->status, "firewall"), "wanted") > DOCTOR_LISTED)
		return;
	request = ctl_request(c, "block_list");
	if (request)
		(void)json_object_set_new(request, "limit", json_integer(DOCTOR_LISTED));
	x->blocks = ask(c, request);
	/* a list that was cut would look like foreign elements */
	if (render_number(x->blocks, "total") <= DOCTOR_LISTED)
		x->f.blocks = json_object_get(x->blocks, "blocks");
}

/* Armed traps as their texts. NULL: the engine does not tell. */
static json_t *armed_traps(struct ctl *c)
{
	json_t *request = ctl_request(c, "trap_list"), *answer, *list;
	const json_t *t;
	size_t i;

	if (request) {
		(void)json_object_set_new(request, "state", json_string("armed"));
		(void)json_object_set_new(request, "reveal", json_true());
		(void)json_object_set_new(request, "limit", json_integer(DOCTOR_LISTED));
	}
	answer = ask(c, request);
	list = answer ? json_array() : NULL;
	json_array_foreach(json_object_get(answer, "traps"), i, t)
	{
		if (strcmp(doctor_text(t, "kind"), "pattern") != 0)
			(void)json_array_append(list, json_object_get(t, "text"));
	}
	json_decref(answer);
	return list;
}

static void get_live(struct ctl *c, struct doctor_facts *x)
{
	json_t *request, *traps;

	if (!c->conf.traps.live_check || is_stopped(&x->f, "aliasmap"))
		return;
	traps = armed_traps(c);
	if (!traps)
		return;
	request = ctl_request(c, "trap_check");
	(void)json_object_set_new(request, "traps", traps);
	x->live = ask(c, request);
	x->f.live = json_object_get(x->live, "refused");
	x->f.is_live_checked = render_bool(x->live, "live_checked");
}

static void get_hits(struct ctl *c, struct doctor_facts *x)
{
	json_t *request = ctl_request(c, "hits");

	if (request) {
		(void)json_object_set_new(request, "since", json_integer(86400));
		(void)json_object_set_new(request, "limit", json_integer(DOCTOR_HITS));
	}
	x->hits = ask(c, request);
	x->f.hits = json_object_get(x->hits, "hits");
}

void doctor_facts_get(struct ctl *c, struct doctor_facts *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->f.now = c->render.now;
	ret->f.conf_error = c->conf_text[0] ? c->conf_text : NULL;
	ret->f.is_root = ctl_is_root();
	get_status(c, ret);
	if (!ret->status || !ret->f.is_root)
		return;
	get_blocks(c, ret);
	get_live(c, ret);
	get_hits(c, ret);
}

void doctor_facts_free(struct doctor_facts *x)
{
	json_decref(x->status);
	json_decref(x->blocks);
	json_decref(x->live);
	json_decref(x->hits);
}
