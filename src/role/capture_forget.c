/*
 * capture_forget: finds, and deletes, the messages that somebody sent or was
 * sent, by what capture wrote in front of them. The engine's records do not
 * name them all: only the newest hits of a host are kept there, and a message
 * that a client repeats has one. Of a message to several people one of them is
 * taken out; whether the file stays for the others is the engine's to say.
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
	uint32_t found, failed;
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

/* riders: how many are left. The engine knows whether they wait for it: else it goes too. */
static bool tell_shared(struct capture *c, const char *id, uint32_t riders)
{
	static struct msg_riders m;
	uint8_t bytes[256];
	struct wr w = wr_init(bytes, sizeof bytes);

	m = (struct msg_riders){ .kind = RIDERS_FORGOT, .count = riders };
	slice_copy(slice_str(id), m.corpus_id, sizeof m.corpus_id);
	message_put_riders(&w, MSG_RIDERS, &m);
	return role_host_send(c->host, ROLE_ENGINE, &w, NULL, 0) == ERR_OK;
}

static enum corpus_fate fate_of(const struct corpus_shown *shown, void *ctx)
{
	struct capture *c = ctx;
	struct capture_forget *f = c->forget;
	struct trace_found found;

	trace_look(buf_slice(shown->head), f->asked.address, &found);
	if (!found.is_sender && !found.is_ended && !shown->is_all)
		return CORPUS_MORE;
	if (!found.is_sender && !found.is_recipient)
		return CORPUS_STAYS;
	f->found += !f->asked.is_deleting;
	if (!f->asked.is_deleting)
		return CORPUS_STAYS;
	if (found.is_sender || !found.riders) {
		if (found.is_rider && !tell_shared(c, shown->id, 0))
			f->failed++;
		return CORPUS_GOES;
	}
	/* a message for several people, and he is one of them */
	if (!trace_forget(shown->head->p, shown->head->n, f->asked.address) || !tell_shared(c, shown->id, found.riders))
		f->failed++;
	return CORPUS_CHANGED;
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

	tell(c, f->asked.seq, f->found + f->walk.deleted + f->walk.changed, f->walk.failed + f->failed + failed);
	capture_forget_stop(c);
}

static void on_turn(void *ctx)
{
	struct capture *c = ctx;
	struct capture_forget *f = c->forget;
	bool is_waiting = is_under_way(c);

	if (!is_waiting && corpus_walk_step(c->corpus, &f->walk, FORGET_FILES, fate_of, c))
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
