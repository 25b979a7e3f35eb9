/*
 * command_release: a captured message for those who should have had it.
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "ctl/ctl.h"

#define NAME_TEXT 1400

static void show_names(struct render *r, const json_t *message, const char *key, const char *verb)
{
	const json_t *list = json_object_get(message, key), *name;
	char text[NAME_TEXT];
	size_t i;

	json_array_foreach(list, i, name)(void)
		fprintf(r->to, "  %s %s\n", verb, escape_text(slice_str(json_string_value(name)), text, sizeof text));
}

static void show_message(struct render *r, const json_t *message, bool is_dry)
{
	(void)fprintf(r->to, "message %s%s%s\n", render_text(r, message, "corpus_id"),
		render_bool(message, "ok") ? "" : ": not released: ", render_text(r, message, "text"));
	show_names(r, message, "to", is_dry ? "would go to" : "given to");
	show_names(r, message, "refused", "Postfix does not take it for");
}

static void show_release(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "messages"), *message, *block = json_object_get(a, "block");
	bool is_dry = render_bool(a, "dry_run");
	size_t i;

	if (render_bool(a, "already")) {
		(void)fprintf(r->to, "released already, %s, by %s: nothing done\n",
			render_time(r, render_number(a, "released_at")), render_text(r, a, "by"));
		return;
	}
	json_array_foreach(list, i, message) show_message(r, message, is_dry);
	if (json_is_object(block)) {
		(void)fprintf(r->to, "no longer blocked: ");
		render_block_line(r, block);
	}
	if (is_dry)
		(void)fprintf(r->to, "Nothing was changed.\n");
}

int command_release(struct ctl *c)
{
	json_t *q = ctl_request(c, "release"), *a = NULL;
	int status;

	ctl_request_text(q, "what", c->args.word[0]);
	ctl_request_text(q, "to", c->args.value[OPT_TO]);
	if (c->args.is_given[OPT_DRY_RUN])
		(void)json_object_set_new(q, "dry_run", json_true());
	if (c->args.is_given[OPT_KEEP_BLOCK])
		(void)json_object_set_new(q, "keep_block", json_true());
	status = ctl_ask(c, q, &a);
	if (status != CTL_DONE)
		return status;
	if (!ctl_show_json(c, a))
		show_release(&c->render, a);
	status = render_number(a, "failed") ? CTL_REFUSED : CTL_DONE;
	json_decref(a);
	return status;
}
