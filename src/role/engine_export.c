/*
 * engine_export: how the exported files are, for `status`; and the parts of
 * our list for `limetwig export`: the messages that the role publish gets, on
 * a socket that the command passed. It reads them and writes the file, so that
 * a list of a million costs the engine nothing.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_feed.h"
#include "role/engine_session.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE_BYTES 128

/* ---- files */

void engine_export_message(struct engine *e, struct rd *body)
{
	struct msg_export_state m;

	if (message_get_export_state(body, &m) != ERR_OK || !m.count)
		return;
	e->exports = m.count;
	e->export[m.index] = m;
}

void engine_export_unlinked(struct engine *e)
{
	e->exports = 0;
}

static void warn(const struct msg_export_state *m, json_t *warnings)
{
	if (m->text[0])
		(void)json_array_append_new(warnings, json_sprintf("export %s: %s. limetwig doctor", m->name, m->text));
	else if (m->is_late)
		(void)json_array_append_new(
			warnings, json_sprintf("export %s is behind: what has changed is not in the file", m->name));
}

void engine_export_status(const struct engine *e, json_t *j, json_t *warnings)
{
	static const char *const states[] = { "waiting", "written", "failed" };
	json_t *list;

	if (!e->host->conf.exports)
		return;
	list = json_array();
	for (unsigned i = 0; i < e->exports; i++) {
		const struct msg_export_state *m = &e->export[i];

		(void)json_array_append_new(
			list, json_pack("{s:o, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "name",
				      engine_json_text(m->name), "state", states[m->state], "acting", m->is_acting != 0,
				      "late", m->is_late != 0, "written", (json_int_t)m->written, "looked",
				      (json_int_t)m->looked, "entries", (json_int_t)m->entries, "bytes",
				      (json_int_t)m->bytes, "ran", (json_int_t)m->ran, "status", (json_int_t)m->status,
				      "text", engine_json_text(m->text)));
		warn(m, warnings);
	}
	(void)json_object_set_new(j, "exports", list);
}

/* ---- the command */

static bool is_seqpacket(int fd)
{
	int domain = 0, type = 0;
	socklen_t n = sizeof domain, m = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &m) == 0 && domain == AF_UNIX && type == SOCK_SEQPACKET;
}

/* fd -1: none goes with it. Never waits. */
static bool give(int to, const struct wr *w, int fd)
{
	struct slice bytes = wr_slice(w);
	struct iovec v = { .iov_len = bytes.n };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} u = { .space = { 0 } };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	memcpy(&v.iov_base, &bytes.p, sizeof bytes.p);
	if (fd >= 0) {
		m.msg_control = u.space;
		m.msg_controllen = sizeof u.space;
		u.head.cmsg_level = SOL_SOCKET;
		u.head.cmsg_type = SCM_RIGHTS;
		u.head.cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(&u.head), &fd, sizeof fd);
	}
	return sendmsg(to, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)bytes.n;
}

static bool give_set(int to, const struct msg_feed_give *m, int fd)
{
	uint8_t bytes[MESSAGE_BYTES];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_feed_give(&w, MSG_FEED_GIVE, m);
	return give(to, &w, fd);
}

static bool give_all(struct engine *e, int to, int blocks, int holes)
{
	struct msg_acting acting = { .is_acting = engine_is_enforcing(e) };
	uint8_t bytes[MESSAGE_BYTES];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct msg_feed_give m;

	message_put_acting(&w, MSG_ACTING, &acting);
	if (!give(to, &w, -1) || !give_set(to, &(struct msg_feed_give){ .use = FEED_USE_HOLES, .code = 2 }, holes))
		return false;
	for (unsigned i = 0; i < FEEDS_MAX; i++) {
		int fd = engine_feed_given(e, &e->feeds->feed[i], &m);

		if (fd >= 0 && !give_set(to, &m, fd))
			return false;
	}
	w = wr_init(bytes, sizeof bytes);
	message_put_empty(&w, MSG_BLOCKS, NULL);
	return give(to, &w, blocks);
}

/* What is not there yet is begun: the command asks again. */
void engine_command_export(struct engine *e, struct engine_call *c, const json_t *in)
{
	int to = engine_call_fd(c), blocks = engine_share_fd(e), holes = engine_feed_holes_fd(e);

	(void)in;
	if (to < 0 || !is_seqpacket(to))
		engine_answer_error(c, 2, "no socket came with the request");
	else if (blocks < 0 || holes < 0 || !e->feeds->is_whole)
		engine_answer(c, json_pack("{s:b}", "ready", 0));
	else if (!give_all(e, to, blocks, holes))
		engine_answer_error(c, 1, "the list cannot be handed over: %s", strerror(errno));
	else
		engine_answer(c, json_pack("{s:b, s:b}", "ready", 1, "acting", engine_is_enforcing(e)));
}
