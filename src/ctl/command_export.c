/*
 * command_export: our list to standard output or into a file, in the format of
 * an `export` section or of --format. The engine hands over where the list
 * lies; this process reads it there and does the writing.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"

#include "io/export_area.h"
#include "io/export_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READY_TRIES 350
#define READY_WAIT_MS 200

/* What to write. */
struct job {
	char name[CONF_TITLE], zone[CONF_ITEM];
	enum conf_export_format format;
	bool feeds;
};

/* One message of the engine. ERR_NOTFOUND: that was all. */
static enum err take_one(int fd, struct export_areas *to)
{
	static char bytes[MESSAGE_MAX];
	struct iovec v = { bytes, sizeof bytes };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} u;
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof u };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	enum message_type t;
	struct rd body;
	int passed = -1;

	if (n <= 0)
		return ERR_NOTFOUND;
	if (h && h->cmsg_type == SCM_RIGHTS && h->cmsg_len == CMSG_LEN(sizeof passed))
		memcpy(&passed, CMSG_DATA(h), sizeof passed);
	if (message_check(ROLE_ENGINE, ROLE_PUBLISH, slice_of(bytes, (size_t)n), passed >= 0, &t) != ERR_OK) {
		if (passed >= 0)
			(void)close(passed);
		return ERR_SYNTAX;
	}
	body = rd_init(bytes + 1, (size_t)n - 1);
	export_areas_take(to, t, &body, passed);
	return ERR_OK;
}

/* Asks until the engine has all of it at hand. *ret_text: why not. */
static enum err fetch(struct ctl *c, int pair[2], struct export_areas *to, char text[CONTROL_TEXT])
{
	struct timespec wait = { .tv_nsec = READY_WAIT_MS * 1000000L };
	json_t *q = ctl_request(c, "export");
	enum err e = ERR_AGAIN;

	for (unsigned n = 0; n < READY_TRIES && e == ERR_AGAIN; n++) {
		json_t *answer = NULL;

		if (n)
			(void)nanosleep(&wait, NULL);
		e = control_client_ask(c->socket, q, pair[1], CONTROL_TIMEOUT_MS, &answer, text);
		if (e == ERR_OK && !render_bool(answer, "ok")) {
			(void)snprintf(text, CONTROL_TEXT, "%s", render_text(&c->render, answer, "error"));
			e = ERR_DENIED;
		} else if (e == ERR_OK && !render_bool(answer, "ready")) {
			(void)snprintf(text, CONTROL_TEXT, "the engine is still putting the list together; again");
			e = ERR_AGAIN;
		}
		json_decref(answer);
	}
	json_decref(q);
	while (e == ERR_OK)
		e = take_one(pair[0], to);
	if (e == ERR_SYNTAX || (e == ERR_NOTFOUND && !export_areas_are_known(to)))
		(void)snprintf(text, CONTROL_TEXT, "limetwigd handed over something else; same version?");
	return e == ERR_NOTFOUND && export_areas_are_known(to) ? ERR_OK : e == ERR_OK ? ERR_SYNTAX : e;
}

/* The list as it is now. False: said. */
static bool read_list(struct ctl *c, struct export_source *to, bool *ret_acting)
{
	struct export_areas areas = { .knows_acting = false };
	char text[CONTROL_TEXT] = "no socket";
	int pair[2] = { -1, -1 };
	enum err e = ERR_IO;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0)
		e = fetch(c, pair, &areas, text);
	for (unsigned i = 0; i < 2; i++)
		if (pair[i] >= 0)
			(void)close(pair[i]);
	*to = (struct export_source){ .now = c->render.now };
	if (e == ERR_OK) {
		e = export_areas_copy(&areas, FEED_LAYER_EXPORT, to);
		(void)snprintf(text, sizeof text, "the list cannot be read: %s", err_name(e));
	}
	*ret_acting = areas.is_acting;
	export_areas_drop(&areas);
	if (e == ERR_OK)
		return true;
	export_source_done(to);
	(void)ctl_refuse(c, "%s", text);
	return false;
}

/* CTL_DONE, or what is wrong was said. */
static int take_words(struct ctl *c, struct job *ret)
{
	struct job j = { .format = EXPORT_PLAIN, .feeds = true };
	const char *name = c->args.count ? c->args.word[0] : NULL;

	for (uint32_t i = 0; name && i < c->conf.exports; i++) {
		const struct conf_export *x = &c->conf.export[i];

		if (strcmp(x->title, name) != 0)
			continue;
		j = (struct job){ .format = x->format, .feeds = x->feeds };
		(void)snprintf(j.name, sizeof j.name, "%s", x->title);
		(void)snprintf(j.zone, sizeof j.zone, "%s", x->zone);
	}
	if (name && !j.name[0])
		return ctl_refuse(c, "there is no section export \"%s\" in %s", name, c->conf_path);
	if (c->args.is_given[OPT_FORMAT] && !export_format_parse(c->args.value[OPT_FORMAT], &j.format))
		return ctl_usage(c, "--format: plain, cidr, postfix, rbldnsd, nftables, pf, rpz, bind, spamd or json");
	if (c->args.is_given[OPT_ZONE])
		(void)snprintf(j.zone, sizeof j.zone, "%s", c->args.value[OPT_ZONE]);
	*ret = j;
	return CTL_DONE;
}

static int write_list(struct ctl *c, const struct job *j, const struct export_source *s)
{
	const char *path = c->args.value[OPT_OUTPUT];
	uint32_t last = path && export_form_of(j->format)->has_serial ? export_file_serial(path) : 0;
	struct export_written w;
	struct export_site site;
	enum err e;

	if (!export_site_init(&site, &c->conf, j->format, j->name, j->zone, s->now, export_serial_next(s->now, last)))
		return ctl_usage(c, "format %s needs a zone: --zone bl.example.org", export_form_of(j->format)->name);
	(void)fflush(c->render.to);
	e = path ? export_file_write(path, s, j->format, &site, NULL, &w)
		 : export_file_stream(fileno(c->render.to), s, j->format, &site, &w);
	if (e != ERR_OK)
		return ctl_refuse(
			c, "%s: %s", path ? path : "standard output", e == ERR_IO ? strerror(errno) : err_name(e));
	if (path && c->args.is_given[OPT_JSON])
		(void)fprintf(c->render.to, "{\"ok\":true,\"entries\":%llu,\"bytes\":%llu}\n",
			(unsigned long long)w.entries, (unsigned long long)w.bytes);
	else if (path)
		(void)fprintf(c->render.to, "%s: %s\n", path, render_count(&c->render, w.entries, "entry"));
	return CTL_DONE;
}

int command_export(struct ctl *c)
{
	struct export_source s, shown;
	struct job j;
	bool is_acting;
	int status = take_words(c, &j);

	if (status != CTL_DONE)
		return status;
	if (!read_list(c, &s, &is_acting))
		return CTL_REFUSED;
	if (!is_acting)
		(void)fprintf(c->err, "limetwig: blocks do not act now (monitor, or off): the list is empty\n");
	shown = s;
	if (!j.feeds)
		shown.feeds = 0;
	status = write_list(c, &j, &shown);
	export_source_done(&s);
	return status;
}
