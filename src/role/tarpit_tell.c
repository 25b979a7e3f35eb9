/*
 * tarpit_tell: what the engine learns of blocked clients: each recipient that
 * one names (another trap, or another sender, renews its block), and each
 * connection as it ends. A flood of either is cut here, and counted.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit.h"

#include "core/lmtp_command.h"

#define A_SECOND 500 /* messages of one process to the engine; it is to answer Postfix */

static bool may_tell(struct tarpit *t)
{
	uint64_t second = t->now_ms / 1000;

	if (t->tells_second != second) {
		t->tells_second = second;
		t->tells = 0;
	}
	if (++t->tells <= A_SECOND)
		return true;
	t->untold++;
	return false;
}

void tarpit_tell_recipient(struct tarpit *t, const struct tarpit_conn *c, struct slice recipient)
{
	static uint8_t bytes[MESSAGE_NAME + 2 * MESSAGE_ADDRESS + 64];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct slice path = { NULL, 0 }, params;
	struct msg_answered m = { .client = c->client };

	if (!may_tell(t))
		return;
	if (lmtp_path_parse(answer_mail(&c->answer), SLICE_LIT("FROM:"), &path, &params) != ERR_OK)
		path = SLICE_LIT("");
	slice_copy(answer_helo(&c->answer), m.helo, sizeof m.helo);
	slice_copy(path, m.sender, sizeof m.sender);
	slice_copy(recipient, m.recipient, sizeof m.recipient);
	message_put_answered(&w, MSG_ANSWERED, &m);
	(void)role_host_send(t->host, ROLE_ENGINE, &w, NULL, 0); /* a full queue counts what it drops */
}

void tarpit_tell_end(struct tarpit *t, const struct tarpit_conn *c)
{
	static uint8_t bytes[MESSAGE_NAME + 64];
	struct wr w = wr_init(bytes, sizeof bytes);
	uint64_t ms = t->now_ms > c->answer.begun_ms ? t->now_ms - c->answer.begun_ms : 0;
	struct msg_answered_end m = { .client = c->client,
		.seconds = (uint32_t)((ms + 500) / 1000),
		.bytes = c->bytes,
		.commands = c->answer.commands,
		.recipients = c->answer.recipients,
		.is_held = c->answer.is_held };

	if (!may_tell(t))
		return;
	slice_copy(answer_helo(&c->answer), m.helo, sizeof m.helo);
	message_put_answered_end(&w, MSG_ANSWERED_END, &m);
	(void)role_host_send(t->host, ROLE_ENGINE, &w, NULL, 0);
}
