/*
 * parent_log: opens the mail log as root and hands it to follow, which may
 * open nothing. Once a second it looks whether the name stands for another
 * file now (rotation) or for one at last. Copy-and-truncate is follow's own to see.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "role/parent.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void hand_over(struct parent *p, const struct stat *st, int fd)
{
	struct msg_which m = { .which = FILE_MAIL_LOG };
	uint8_t bytes[4];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_which(&w, MSG_FILE, &m);
	if (channel_send(p->child[ROLE_FOLLOW].channel, &w, &fd, 1) != ERR_OK)
		return;
	p->mail_log.is_open = true;
	p->mail_log.device = st->st_dev;
	p->mail_log.inode = st->st_ino;
}

void parent_check_log(struct parent *p)
{
	const char *path = p->conf.postfix.log;
	struct stat st;
	int fd;

	if (!p->child[ROLE_FOLLOW].channel || path[0] != '/' || stat(path, &st) != 0)
		return;
	if (p->mail_log.is_open && p->mail_log.device == st.st_dev && p->mail_log.inode == st.st_ino)
		return;
	/* a pipe under this name must not hold us */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		hand_over(p, &st, fd);
	close(fd);
}

void parent_send_log(struct parent *p)
{
	p->mail_log.is_open = false;
	parent_check_log(p);
	if (p->conf.postfix.log[0] == '/' && !p->mail_log.is_open)
		log_warn("mail_log_absent", "path=%s remedy=\"is the path right? limetwigd goes on looking\"",
			p->conf.postfix.log);
}
