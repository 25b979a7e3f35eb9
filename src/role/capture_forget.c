/*
 * capture_forget: finds, and deletes, the messages that somebody sent or was
 * sent, by what capture wrote in front of them. The engine's records do not
 * name them all: only the newest hits of a host are kept there, and a message
 * that a client repeats has one.
 *
 * Messages whose hits are with the engine are waited for: they end as a file or
 * as none. Then some files a turn of the loop, so that mail goes on.
 * SPDX-License-Identifier: ISC
 */
#include "core/trace.h"
#include "io/log.h"
#include "role/capture.h"

#include <stdlib.h>

#define FORGET_FILES 32 /* looked at in one turn of the loop */
#define FORGET_WAIT_MS 20

struct capture_forget {
	struct msg_corpus_forget asked;
	uint64_t before; /* hits with a lower number were with the engine when it asked */
	struct corpus_walk walk;
	uint32_t found;
	struct loop_watch *turn;
};

void capture_forget_stop(struct capture *c)
{
	struct capture_forget *f = c->forget;

	if (!f)
		return;
	corpus_walk_end(&f->walk);
	loop_remove(f->turn);
	free(f);
	c->forget = NULL;
}

static enum corpus_fate fate_of(struct slice head, void *ctx)
{
	struct capture_forget *f = ctx;
	enum trace_answer a = trace_names(head, f->asked.address);

	if (a == TRACE_MORE)
		return CORPUS_MORE;
	f->found += a == TRACE_NAMED && !f->asked.is_deleting;
	return a == TRACE_NAMED && f->asked.is_deleting ? CORPUS_GOES : CORPUS_STAYS;
}

static bool is_under_way(const struct capture *c)
{
	const struct capture_connection *k;

	TAILQ_FOREACH(k, &c->all, all)
	if (k->session.state == LMTP_STATE_WAIT && k->first_seq < c->forget->before)
		return true;
	return false;
}

static void tell(struct capture *c, uint32_t seq, uint32_t files, uint32_t failed)
{
	struct msg_corpus_forgotten m = { seq, files, failed };
	uint8_t bytes[32];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_corpus_forgotten(&w, MSG_CORPUS_FORGOTTEN, &m);
	log_info("corpus_forget", "files=%u failed=%u", files, failed);
	if (role_host_send(c->host, ROLE_ENGINE, &w, NULL, 0) != ERR_OK)
		log_warn("corpus_forget", "text=\"the engine could not be told\"");
}

static void finish(struct capture *c, uint32_t failed)
{
	const struct capture_forget *f = c->forget;

	tell(c, f->asked.seq, f->found + f->walk.deleted, f->walk.failed + failed);
	capture_forget_stop(c);
}

static void on_turn(void *ctx)
{
	struct capture *c = ctx;
	struct capture_forget *f = c->forget;
	bool is_waiting = is_under_way(c);

	if (!is_waiting && corpus_walk_step(c->corpus, &f->walk, FORGET_FILES, fate_of, f))
		finish(c, 0);
	else if (loop_again(f->turn, is_waiting ? FORGET_WAIT_MS : 0) != ERR_OK)
		finish(c, 1); /* the engine says that not all was done */
}

void capture_forget_start(struct capture *c, const struct msg_corpus_forget *m)
{
	capture_forget_stop(c);
	c->forget = calloc(1, sizeof *c->forget);
	if (c->forget) {
		c->forget->asked = *m;
		c->forget->before = c->next_seq;
		c->forget->turn = loop_after(c->host->loop, 0, on_turn, c);
	}
	if (c->forget && c->forget->turn)
		return;
	free(c->forget);
	c->forget = NULL;
	tell(c, m->seq, 0, 1);
}
