/*
 * ask: requests to the engine, and how commands fail.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"
#include "ctl/ctl.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

const char *ctl_user(char to[64])
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *p = getpwuid(getuid());

	(void)snprintf(to, 64, "%s", sudo && *sudo && getuid() == 0 ? sudo : p ? p->pw_name : "?");
	return to;
}

json_t *ctl_request(const struct ctl *c, const char *cmd)
{
	char user[64];
	json_t *j = json_pack("{s:s}", "cmd", cmd);

	if (!j)
		return NULL;
	ctl_request_text(j, "note", c->args.value[OPT_NOTE]);
	ctl_request_text(j, "user", ctl_user(user));
	return j;
}

void ctl_request_text(json_t *request, const char *key, const char *value)
{
	if (value) /* a text that is no UTF-8 stays out: the engine then says what is missing */
		(void)json_object_set_new(request, key, json_string(value));
}

static int patience_ms(const char *cmd)
{
	if (strcmp(cmd, "status") == 0)
		return CONTROL_STATUS_MS;
	if (strcmp(cmd, "trap_reload") == 0 || strcmp(cmd, "reload") == 0)
		return CONTROL_RELOAD_MS;
	return strcmp(cmd, "release") == 0 || strcmp(cmd, "person") == 0 || strcmp(cmd, "forget") == 0
		       ? CONTROL_CORPUS_MS
		       : CONTROL_TIMEOUT_MS;
}

enum err ctl_try(struct ctl *c, json_t *request, json_t **ret_answer, char text[CONTROL_TEXT])
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	enum err e = control_client_ask(c->socket, request, -1, patience_ms(cmd ? cmd : ""), ret_answer, text);

	json_decref(request);
	return e;
}

enum err ctl_try_good(struct ctl *c, json_t *request, json_t **ret_answer, char text[CONTROL_TEXT])
{
	json_t *answer = NULL;
	enum err e = ctl_try(c, request, &answer, text);

	if (e == ERR_OK && render_bool(answer, "ok")) {
		*ret_answer = answer;
		return ERR_OK;
	}
	if (e == ERR_OK) {
		(void)snprintf(text, CONTROL_TEXT, "%s", render_text(&c->render, answer, "error"));
		e = ERR_DENIED;
	}
	json_decref(answer);
	return e;
}

int ctl_show_refusal(struct ctl *c, const json_t *answer)
{
	uint64_t exit_status = render_number(answer, "exit");

	if (!ctl_show_json(c, answer))
		(void)fprintf(c->err, "limetwig: %s\n", render_text(&c->render, answer, "error"));
	return exit_status == CTL_USAGE ? CTL_USAGE : CTL_REFUSED;
}

int ctl_ask(struct ctl *c, json_t *request, json_t **ret_answer)
{
	char text[CONTROL_TEXT];
	json_t *answer = NULL;
	int status;

	if (ctl_try(c, request, &answer, text) != ERR_OK) {
		if (c->args.is_given[OPT_JSON])
			(void)fprintf(
				c->render.to, "{\"ok\":false,\"error\":\"limetwigd does not answer\",\"exit\":1}\n");
		return ctl_refuse(c, "%s", text);
	}
	if (render_bool(answer, "stale"))
		(void)fprintf(c->err,
			"limetwig: the store takes no writes now, the newest may be missing (see limetwig status)\n");
	if (render_bool(answer, "ok")) {
		*ret_answer = answer;
		return CTL_DONE;
	}
	status = ctl_show_refusal(c, answer);
	json_decref(answer);
	return status;
}

bool ctl_show_json(struct ctl *c, const json_t *answer)
{
	if (!c->args.is_given[OPT_JSON])
		return false;
	(void)json_dumpf(answer, c->render.to, JSON_COMPACT);
	(void)fputc('\n', c->render.to);
	return true;
}

int ctl_ask_show(struct ctl *c, json_t *request, ctl_show show)
{
	json_t *answer = NULL;
	int status = ctl_ask(c, request, &answer);

	if (status == CTL_DONE && !ctl_show_json(c, answer))
		show(&c->render, answer);
	json_decref(answer);
	return status;
}

__attribute__((format(printf, 2, 0))) static void say(struct ctl *c, const char *fmt, va_list ap)
{
	(void)fputs("limetwig: ", c->err);
	(void)vfprintf(c->err, fmt, ap);
	(void)fputc('\n', c->err);
}

int ctl_refuse(struct ctl *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, fmt, ap);
	va_end(ap);
	return CTL_REFUSED;
}

int ctl_usage(struct ctl *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(c, fmt, ap);
	va_end(ap);
	if (c->command)
		(void)fprintf(c->err, "usage: limetwig %s%s%s%s%s\n", c->command->name, c->command->sub ? " " : "",
			c->command->sub ? c->command->sub : "", *c->command->words ? " " : "", c->command->words);
	else
		(void)fprintf(c->err, "all commands: limetwig help\n");
	return CTL_USAGE;
}

bool ctl_duration(struct ctl *c, enum opt o, uint64_t preset, uint64_t *ret)
{
	const char *v = c->args.value[o];

	*ret = preset;
	if (!v || num_parse_duration(slice_str(v), ret) == ERR_OK)
		return true;
	(void)ctl_usage(c, "\"%s\" is no duration (like 24h, 90d)", v);
	return false;
}

bool ctl_number(struct ctl *c, enum opt o, uint64_t preset, uint64_t *ret)
{
	const char *v = c->args.value[o];

	*ret = preset;
	if (!v || num_parse(slice_str(v), 1000000000, ret) == ERR_OK)
		return true;
	(void)ctl_usage(c, "\"%s\" is no number", v);
	return false;
}

/* "2026-11-20", "2026-11-20T14:00", with seconds or not, a blank for the T. False: none of these. */
static bool parse_time(const char *v, uint64_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y-%m-%d %H:%M:%S" };

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct tm tm = { 0 };
		const char *end = strptime(v, forms[i], &tm);
		time_t t = end && *end == '\0' ? timegm(&tm) : -1;

		if (t < 0)
			continue;
		*ret = (uint64_t)t;
		return true;
	}
	return false;
}

bool ctl_since(struct ctl *c, uint64_t *ret)
{
	const char *v = c->args.value[OPT_SINCE];
	uint64_t span;

	*ret = 0;
	if (!v || parse_time(v, ret))
		return true;
	if (num_parse_duration(slice_str(v), &span) != ERR_OK) {
		(void)ctl_usage(c, "\"%s\" is no time (like 24h, 10d, 2026-11-20, 2026-11-20T14:00 UTC)", v);
		return false;
	}
	*ret = c->render.now > span ? c->render.now - span : 0;
	return true;
}

/* "T-118" or "118". */
static bool parse_trap_id(const char *text, uint64_t *ret)
{
	if (text[0] == 'T' && text[1] == '-')
		text += 2;
	return num_parse(slice_str(text), UINT32_MAX, ret) == ERR_OK && *ret > 0;
}

bool ctl_trap_id(struct ctl *c, const char *what, uint64_t *ret, int *ret_status)
{
	json_t *q, *answer = NULL;
	const char *id;
	bool is_number;

	if (parse_trap_id(what, ret))
		return true;
	q = ctl_request(c, "trap_find");
	ctl_request_text(q, "address", what);
	*ret_status = ctl_ask(c, q, &answer);
	if (*ret_status != CTL_DONE)
		return false;
	id = json_string_value(json_object_get(json_object_get(answer, "trap"), "id"));
	is_number = id && parse_trap_id(id, ret);
	json_decref(answer);
	if (!is_number)
		*ret_status = ctl_refuse(c, "%s: no trap (T-118, or its address)", what);
	return is_number;
}

bool ctl_is_root(void)
{
	return geteuid() == 0;
}

const char *ctl_etc(const struct ctl *c, char to[CTL_PATH])
{
	struct slice path = slice_str(c->conf_path);
	size_t slash = slice_rfind(path, '/');

	slice_copy(slash < path.n ? slice_head(path, slash ? slash : 1) : SLICE_LIT("."), to, CTL_PATH);
	return to;
}

bool ctl_is_conf_broken(const struct ctl *c)
{
	return c->conf_text[0] && access(c->conf_path, F_OK) == 0;
}
