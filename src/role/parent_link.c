/*
 * parent_link: the links between roles. A pair gets a link when one of the two
 * is started, and a new one when it has ended though both live on: a message
 * was refused, a descriptor did not fit. Both ends take that as if the other
 * had been started anew, and tell each other everything again, so a link that
 * ends over and over comes back later each time. Who of the two is to blame is
 * not asked: whoever is taken over could accuse the other.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "role/parent.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static struct parent_link *pair_of(struct child *a, struct child *b)
{
	return a->role < b->role ? &a->link[b->role] : &b->link[a->role];
}

/* False: both live, and have no link. */
static bool link_two(struct child *a, struct child *b)
{
	bool is_sent;
	int fd[2];

	/* who is about to stop gets its links in its next life */
	if (!a->channel || !b->channel || a->stop_ms || b->stop_ms)
		return true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) != 0) {
		log_warn("link_failed", "roles=%s,%s errno=%d", role_name(a->role), role_name(b->role), errno);
		return false;
	}
	is_sent = parent_send_which(a, MSG_LINK, b->role, fd[0]);
	a->link[b->role].given += is_sent;
	if (is_sent) {
		is_sent = parent_send_which(b, MSG_LINK, a->role, fd[1]);
		b->link[a->role].given += is_sent;
	}
	close(fd[0]);
	close(fd[1]);
	return is_sent;
}

/* The tarpit's messages for the corpus. */
static bool link_samples(struct child *c)
{
	struct parent *p = c->parent;
	bool all = true;

	if (role_kind(c->role) == ROLE_TARPIT)
		all &= link_two(&p->child[ROLE_CAPTURE], c);
	for (unsigned i = 0; c->role == ROLE_CAPTURE && i < ROLE_TARPITS; i++)
		all &= link_two(c, &p->child[role_tarpit(i)]);
	return all;
}

bool parent_make_links(struct child *c)
{
	struct parent *p = c->parent;
	bool all = true;

	/* backend = hook: who keeps the blocks tells who runs programs */
	if (c->role == ROLE_FIREWALL || c->role == ROLE_RUN)
		all &= link_two(&p->child[ROLE_FIREWALL], &p->child[ROLE_RUN]);
	/* commands of feeds and exports */
	if (c->role == ROLE_FEED || c->role == ROLE_RUN)
		all &= link_two(&p->child[ROLE_FEED], &p->child[ROLE_RUN]);
	if (c->role == ROLE_PUBLISH || c->role == ROLE_RUN)
		all &= link_two(&p->child[ROLE_PUBLISH], &p->child[ROLE_RUN]);
	if (c->role != ROLE_ENGINE) {
		all &= link_two(&p->child[ROLE_ENGINE], c);
		all &= link_samples(c);
		return all;
	}
	for (int r = ROLE_ENGINE + 1; r < ROLE_PROCESSES; r++)
		all &= link_two(c, &p->child[r]);
	return all;
}

/* After a second where the last one held for a minute, else after twice as long as before. */
static void plan_again(struct parent_link *l, uint64_t now_ms)
{
	bool was_calm = now_ms - l->made_ms >= PARENT_BACKOFF_CALM_MS;

	if (was_calm || l->delay_ms == 0)
		l->delay_ms = PARENT_RELINK_MIN_MS;
	else
		l->delay_ms = l->delay_ms * 2 < PARENT_BACKOFF_MAX_MS ? l->delay_ms * 2 : PARENT_BACKOFF_MAX_MS;
	l->again_ms = now_ms + l->delay_ms;
}

void parent_take_unlinked(struct child *c, struct rd *body, uint64_t now_ms)
{
	struct msg_unlinked m;
	struct parent_link *l;
	struct child *other;

	if (message_get_unlinked(body, &m) != ERR_OK || m.which == c->role)
		return;
	other = &c->parent->child[m.which];
	l = pair_of(c, other);
	/* a link that it never had; an older one; or the other end has said so already */
	if (!c->link[m.which].given || m.number != c->link[m.which].given || l->again_ms)
		return;
	/* it ended with the other's life, of which the parent knew first: the next life gets a new one */
	if (!other->link[c->role].given)
		return;
	plan_again(l, now_ms);
}

void parent_forget_links(struct child *c)
{
	for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++) {
		pair_of(c, &c->parent->child[r])->again_ms = 0;
		c->link[r].given = 0;
	}
}

static void check_link(struct child *a, struct child *b, uint64_t now_ms)
{
	struct parent_link *l = pair_of(a, b);

	if (!l->again_ms || now_ms < l->again_ms)
		return;
	l->again_ms = 0;
	/* it may be dying: then its next life gets its links */
	if (!a->channel || !b->channel || a->stop_ms || b->stop_ms)
		return;
	log_warn("link_anew", "roles=%s,%s delay_ms=%llu", role_name(a->role), role_name(b->role),
		(unsigned long long)l->delay_ms);
	l->made_ms = now_ms;
	if (!link_two(a, b))
		plan_again(l, now_ms);
}

void parent_check_links(struct parent *p, uint64_t now_ms)
{
	for (int a = ROLE_ENGINE; a < ROLE_PROCESSES; a++)
		for (int b = a + 1; b < ROLE_PROCESSES; b++)
			check_link(&p->child[a], &p->child[b], now_ms);
}
