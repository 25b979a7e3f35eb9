/*
 * fuzz_maillog: any bytes as a mail log: lines, time, parser, join, events as
 * messages. First byte: how the input is cut into pieces.
 * SPDX-License-Identifier: ISC
 */
#include "core/line_split.h"
#include "core/maillog_join.h"

#include <stdlib.h>

#define NOW UINT64_C(1795298935)
#define CAP 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is)
{
	if (!is)
		abort();
}

static void take_events(struct maillog_join *j)
{
	struct maillog_event ev;
	uint8_t bytes[4096];

	while (maillog_join_next(j, &ev)) {
		struct wr w = wr_init(bytes, sizeof bytes);
		struct rd r;

		if (ev.type == MSG_LOG_MAIL)
			message_put_log_mail(&w, ev.type, &ev.u.mail);
		else if (ev.type == MSG_LOG_LOGIN)
			message_put_log_login(&w, ev.type, &ev.u.login);
		else
			message_put_log_rcpt(&w, ev.type, &ev.u.rcpt);
		require(!w.bad);
		r = rd_init(w.p + 1, w.n - 1);
		require((ev.type == MSG_LOG_MAIL           ? message_get_log_mail(&r, &ev.u.mail)
				: ev.type == MSG_LOG_LOGIN ? message_get_log_login(&r, &ev.u.login)
							   : message_get_log_rcpt(&r, &ev.u.rcpt)) == ERR_OK);
		if (ev.type == MSG_LOG_MAIL && ev.u.mail.outcome == LOG_DELIVERED)
			require(ev.u.mail.client.family != 0 && !ipaddr_is_private(&ev.u.mail.client) &&
				ev.u.mail.recipient[0] != '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[SIPHASH_KEY] = { 1 };
	static struct line_split split;
	struct maillog_join *j = maillog_join_new(key, CAP);
	size_t piece = size ? data[0] + 1u : 1;

	if (!j)
		return 0;
	line_split_reset(&split);
	for (size_t i = 0; i < size; i += piece) {
		struct slice in = slice_head(slice_of(data + i, size - i), piece), line;

		while (line_split_next(&split, &in, &line)) {
			struct maillog_line l;

			if (maillog_line_parse(line, NOW, 3600, &l) != ERR_OK)
				continue;
			require(l.time <= NOW);
			require(maillog_join_add(j, &l) == ERR_OK);
			take_events(j);
			require(maillog_join_count(j) <= CAP);
		}
	}
	maillog_join_flush(j);
	take_events(j);
	maillog_join_free(j);
	return 0;
}
