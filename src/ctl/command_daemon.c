/*
 * command_daemon: status, enforce, off, reload, watch.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"
#include "ctl/off_flag.h"
#include "io/firewall_nft.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define OFF_TIMEOUT_MS 5000 /* it is the panic button: a hung daemon is not waited for */

/* For a collector: a daemon that is down or stands still is a number, not an error. */
static int show_metrics(struct ctl *c)
{
	char text[CONTROL_TEXT];
	json_t *answer = NULL;
	enum err e = ctl_try_good(c, ctl_request(c, "status"), &answer, text);

	if (e != ERR_OK && e != ERR_CLOSED && e != ERR_AGAIN)
		return ctl_refuse(c, "%s", text);
	render_metrics(&c->render, answer);
	json_decref(answer);
	return CTL_DONE;
}

static void count_element(void *ctx, const struct prefix *p, uint64_t left_ms)
{
	size_t *n = ctx;

	(void)p;
	(void)left_ms;
	++*n;
}

/* Blocks in the kernel outlive the daemon: who is in front of it at night must know, and how to end them. */
static void show_orphans(struct ctl *c)
{
	struct firewall_nft *nft = NULL;
	enum firewall_fit fit = FIREWALL_ABSENT;
	size_t n = 0;

	(void)fprintf(c->err, "Mail flows as without limetwig; mail to traps waits in Postfix's queue.\n");
	if (c->conf.firewall.backend != FW_BACKEND_NFTABLES)
		return;
	if (!ctl_is_root()) {
		(void)fprintf(c->err, "Hosts that are blocked in the kernel stay so; as root this says how many.\n");
		return;
	}
	if (firewall_nft_open(&nft) != ERR_OK)
		return;
	if (firewall_nft_look(nft, &fit) == ERR_OK && fit == FIREWALL_ABSENT)
		(void)fprintf(c->err, "Nobody is blocked in the kernel.\n");
	else if (firewall_nft_dump(nft, count_element, &n) != ERR_OK)
		(void)fprintf(c->err, "Hosts that are blocked in the kernel stay so. At once: limetwig off\n");
	else
		(void)fprintf(c->err,
			"Blocked in the kernel until their time is over: %s. To end it at once: limetwig off\n",
			render_count(&c->render, n, "host"));
	firewall_nft_close(nft);
}

int command_status(struct ctl *c)
{
	char text[CONTROL_TEXT];
	pid_t parent = 0;
	int status;

	if (c->args.is_given[OPT_METRICS])
		return show_metrics(c);
	status = ctl_ask_show(c, ctl_request(c, "status"), render_status);
	if (status == CTL_REFUSED && control_client_pid(c->socket, &parent, text) == ERR_CLOSED)
		show_orphans(c);
	return status;
}

static bool is_mode(const char *s)
{
	return strcmp(s, "monitor") == 0 || strcmp(s, "soft") == 0 || strcmp(s, "full") == 0;
}

/* The parent reads configuration and off flag again and gives them to all roles. */
static enum err tell_parent(struct ctl *c, char text[CONTROL_TEXT])
{
	pid_t parent = 0;
	enum err e = control_client_pid(c->socket, &parent, text);

	if (e != ERR_OK)
		return e;
	if (kill(parent, SIGHUP) == 0)
		return ERR_OK;
	(void)snprintf(text, CONTROL_TEXT, "limetwigd cannot be told: %s; systemctl reload limetwigd", strerror(errno));
	return ERR_IO;
}

static int refuse_flag(struct ctl *c)
{
	return ctl_refuse(
		c, "%s/off cannot be removed (%s): still off; do it as root", c->conf.storage.dir, strerror(errno));
}

/*
 * The engine agrees first (it may refuse: a proxy in front); the flag goes
 * last, so that a refusal changes nothing. Who cannot remove it asks nobody.
 */
int command_enforce(struct ctl *c)
{
	json_t *q, *answer = NULL;
	bool was = false;
	char text[CONTROL_TEXT];
	int status;

	if (!is_mode(c->args.word[0]))
		return ctl_usage(c, "\"%s\" is no mode", c->args.word[0]);
	if (off_flag_is_set(c->conf.storage.dir) && access(c->conf.storage.dir, W_OK) != 0)
		return refuse_flag(c);
	q = ctl_request(c, "enforce");
	ctl_request_text(q, "mode", c->args.word[0]);
	if (c->args.is_given[OPT_FORCE])
		(void)json_object_set_new(q, "force", json_true());
	status = ctl_ask(c, q, &answer);
	if (status != CTL_DONE)
		return status;
	if (off_flag_remove(c->conf.storage.dir, &was) != ERR_OK)
		status = refuse_flag(c);
	if (was && tell_parent(c, text) != ERR_OK)
		status = ctl_refuse(c, "%s", text);
	if (status == CTL_DONE && !ctl_show_json(c, answer)) {
		render_mode(&c->render, answer);
		if (was)
			(void)fprintf(c->render.to, "`off` has ended.\n");
	}
	json_decref(answer);
	return status;
}

static enum err write_flag(struct ctl *c, bool *ret_new)
{
	char line[500], user[64];

	(void)snprintf(line, sizeof line, "limetwig off, by %s at %llu: %.300s\n", ctl_user(user),
		(unsigned long long)c->render.now, c->args.value[OPT_NOTE] ? c->args.value[OPT_NOTE] : "");
	return off_flag_set(c->conf.storage.dir, line, ret_new);
}

enum err ctl_table_delete(const struct ctl *c, char why[CONTROL_TEXT])
{
	enum err e = firewall_nft_delete_table(why, CONTROL_TEXT);

	return e == ERR_DENIED && c->conf.firewall.backend != FW_BACKEND_NFTABLES ? ERR_OK : e;
}

/* Everything is tried, whatever fails: this is the panic button. */
void ctl_off_all(struct ctl *c, struct ctl_off *ret)
{
	char text[CONTROL_TEXT];
	json_t *answer = NULL, *q = ctl_request(c, "off");
	bool is_parent_told;

	*ret = (struct ctl_off){ .is_new = false };
	ret->flag = write_flag(c, &ret->is_new);
	ret->error = errno;
	/* the parent first: it tells the firewall role, which else would mend the table */
	is_parent_told = tell_parent(c, text) == ERR_OK;
	ret->table = ctl_table_delete(c, ret->why);
	ret->told = control_client_ask(c->socket, q, -1, OFF_TIMEOUT_MS, &answer, text);
	ret->is_heard = ret->told == ERR_OK && render_bool(answer, "ok");
	ret->is_told = is_parent_told && ret->is_heard;
	if (ret->told != ERR_CLOSED) /* a daemon that had not heard yet may have mended it meanwhile */
		ret->table = ctl_table_delete(c, ret->why);
	json_decref(q);
	json_decref(answer);
}

static void show_off(struct ctl *c, const struct ctl_off *o)
{
	FILE *to = c->render.to;

	if (o->flag == ERR_OK)
		(void)fprintf(
			to, "flag     %s/off %s\n", c->conf.storage.dir, o->is_new ? "written" : "was there already");
	if (o->table == ERR_OK)
		(void)fprintf(to, "firewall our nft table is gone\n");
	(void)fprintf(to, "daemon   %s\n",
		o->is_told              ? "refuses nothing from now on"
		: o->is_heard           ? "refuses nothing, until it reads its configuration again"
		: o->told == ERR_CLOSED ? "does not run: nothing is refused"
					: "does not listen; stop it: systemctl stop limetwigd");
	(void)fprintf(to, "Mail flows; traps are still captured while limetwigd runs.\n"
			  "Again: limetwig enforce monitor|soft|full\n");
}

int command_off(struct ctl *c)
{
	struct ctl_off o;

	ctl_off_all(c, &o);
	if (c->args.is_given[OPT_JSON])
		(void)fprintf(c->render.to, "{\"ok\":%s,\"flag\":%s,\"table_deleted\":%s,\"daemon_told\":%s}\n",
			o.flag == ERR_OK && o.table == ERR_OK ? "true" : "false", o.flag == ERR_OK ? "true" : "false",
			o.table == ERR_OK ? "true" : "false", o.is_told ? "true" : "false");
	else
		show_off(c, &o);
	if (o.flag != ERR_OK)
		(void)ctl_refuse(c, "%s/off cannot be written (%s): off lasts only until a restart",
			c->conf.storage.dir, strerror(o.error));
	if (o.table != ERR_OK)
		(void)ctl_refuse(
			c, "our nft table cannot be deleted (%s); by hand: nft delete table inet limetwig", o.why);
	return o.flag == ERR_OK && o.table == ERR_OK ? CTL_DONE : CTL_REFUSED;
}

static void show_reload(struct render *r, const json_t *a)
{
	uint64_t bad = render_number(a, "bad");

	if (*render_text(r, a, "text"))
		(void)fprintf(r->to, "%s\n", render_text(r, a, "text"));
	else
		(void)fprintf(r->to, "read again: configuration and trap files\n");
	if (bad)
		(void)fprintf(r->to, "%s: limetwig status shows them\n", render_count(r, bad, "bad line"));
}

/* The parent reads the configuration (SIGHUP), the engine the trap files. */
int command_reload(struct ctl *c)
{
	char text[CONTROL_TEXT];

	if (c->conf_text[0])
		return ctl_refuse(c, "nothing is changed: mend the file first");
	if (tell_parent(c, text) != ERR_OK)
		return ctl_refuse(c, "%s", text);
	return ctl_ask_show(c, ctl_request(c, "reload"), show_reload);
}

struct watching {
	struct ctl *c;
	int status;
};

static bool show_line(const json_t *line, void *ctx)
{
	struct watching *w = ctx;
	struct ctl *c = w->c;

	if (json_is_false(json_object_get(line, "ok"))) {
		w->status = ctl_show_refusal(c, line);
		return false;
	}
	if (c->args.is_given[OPT_JSON]) {
		(void)ctl_show_json(c, line);
		(void)fflush(c->render.to);
	} else if (json_object_get(line, "event")) {
		render_watch_line(&c->render, line);
	}
	return !ferror(c->render.to);
}

int command_watch(struct ctl *c)
{
	char text[CONTROL_TEXT];
	json_t *q = ctl_request(c, "watch");
	struct watching w = { .c = c, .status = CTL_DONE };
	enum err e = control_client_watch(c->socket, q, show_line, &w, text);

	json_decref(q);
	return e == ERR_OK ? w.status : ctl_refuse(c, "%s", text);
}
