/*
 * parent_mail: connections to services of Postfix that only root and Postfix can
 * reach (QUEUE/private/NAME), for roles whose sandbox has no connect: for capture
 * to the one that takes mail back, for the tarpit to the one that takes mail to
 * postmaster@ (none of these is held: with the tarpit its clients are gone). The parent says and reads nothing on it, but holds it
 * until it is closed: when capture dies between a final dot and the answer, the
 * next capture hears the answer. Limit: PARENT_MAILS; more are not held.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "io/unix_socket.h"
#include "role/parent.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* Returns the descriptor, or -1 with errno. A UNIX socket connects at once or not at all. */
static int connect_service(const struct conf *c, unsigned queue, const char *name)
{
	char path[PATH_MAX];

	if (name[0] == '\0' || queue >= c->postfix.queues.count) {
		errno = ENOENT;
		return -1;
	}
	if (snprintf(path, sizeof path, "%s/private/%s", c->postfix.queues.item[queue], name) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return unix_socket_connect(path, 0);
}

static void send_socket(struct child *c, enum message_type t, const struct msg_mail_socket *m, int fd)
{
	uint8_t bytes[32];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_mail_socket(&w, t, m);
	if (c->channel && channel_send(c->channel, &w, &fd, fd >= 0) != ERR_OK)
		log_warn("message_lost", "type=%s to=%s", message_name(t), role_name(c->role));
}

void parent_check_mail(struct parent *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->mails; i++) {
		struct pollfd x = { .fd = p->mail[i].fd };

		if (poll(&x, 1, 0) > 0 && x.revents)
			(void)close(x.fd);
		else
			p->mail[kept++] = p->mail[i];
	}
	p->mails = kept;
}

void parent_offer_mail(struct child *c)
{
	struct parent *p = c->parent;

	parent_check_mail(p);
	for (size_t i = 0; i < p->mails; i++)
		send_socket(c, MSG_MAIL_SOCKET, &(struct msg_mail_socket){ .seq = p->mail[i].seq }, p->mail[i].fd);
}

/* Takes fd. */
static void hold_mail(struct parent *p, uint64_t seq, int fd)
{
	if (p->mails == PARENT_MAILS)
		parent_check_mail(p);
	if (p->mails == PARENT_MAILS) {
		(void)close(fd);
		return;
	}
	p->mail[p->mails].seq = seq;
	p->mail[p->mails++].fd = fd;
}

void parent_open_mail(struct child *c, struct rd *body)
{
	struct msg_mail_socket answer = { 0 };
	struct msg_mail_open m;
	int fd;

	if (message_get_mail_open(body, &m) != ERR_OK)
		return;
	fd = connect_service(&c->parent->conf, m.queue, c->parent->conf.postfix.handback);
	answer.seq = m.seq;
	answer.error = fd < 0 ? (uint32_t)errno : 0;
	send_socket(c, MSG_MAIL_SOCKET, &answer, fd);
	if (fd >= 0)
		hold_mail(c->parent, m.seq, fd);
}

/* Of several instances the first one that has the service: setup gives it to those that take foreign mail. */
void parent_open_hand(struct child *c, struct rd *body)
{
	const struct conf *conf = &c->parent->conf;
	struct msg_mail_socket answer = { 0 };
	struct msg_mail_open m;
	int fd = -1;

	if (message_get_mail_open(body, &m) != ERR_OK)
		return;
	errno = ENOENT;
	for (unsigned i = m.queue; fd < 0 && i < conf->postfix.queues.count; i++)
		fd = connect_service(conf, i, conf->postfix.handthrough);
	answer.seq = m.seq;
	answer.error = fd < 0 ? (uint32_t)errno : 0;
	send_socket(c, MSG_HAND_SOCKET, &answer, fd);
	if (fd >= 0)
		(void)close(fd);
}
