/*
 * parent_mail: a connection to the service of Postfix that takes mail back
 * (QUEUE/private/NAME, closed to all but root and Postfix), for capture: its
 * sandbox has no connect. The parent says and reads nothing on it.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "role/parent.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Returns the descriptor, or -1 with errno. A UNIX socket connects at once or not at all. */
static int connect_mail(const struct conf *c, unsigned queue)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, n, saved;

	if (c->postfix.handback[0] == '\0' || queue >= c->postfix.queues.count) {
		errno = ENOENT;
		return -1;
	}
	n = snprintf(
		sa.sun_path, sizeof sa.sun_path, "%s/private/%s", c->postfix.queues.item[queue], c->postfix.handback);
	if (n < 0 || (size_t)n >= sizeof sa.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

void parent_open_mail(struct child *c, struct rd *body)
{
	struct msg_mail_socket answer = { 0 };
	struct msg_mail_open m;
	uint8_t bytes[32];
	struct wr w = wr_init(bytes, sizeof bytes);
	int fd;

	if (message_get_mail_open(body, &m) != ERR_OK)
		return;
	fd = connect_mail(&c->parent->conf, m.queue);
	answer.seq = m.seq;
	answer.error = fd < 0 ? (uint32_t)errno : 0;
	message_put_mail_socket(&w, MSG_MAIL_SOCKET, &answer);
	if (c->channel && channel_send(c->channel, &w, &fd, fd >= 0) != ERR_OK)
		log_warn("message_lost", "type=MAIL_SOCKET to=%s", role_name(c->role));
	if (fd >= 0)
		(void)close(fd);
}
