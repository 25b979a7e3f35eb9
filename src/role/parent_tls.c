/*
 * parent_tls: opens the site's certificate and key as root for the tarpit,
 * which may open nothing, each time that it is told the configuration. Where
 * that fails an empty file goes in their place, so that no older one serves on.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "io/whole_file.h"
#include "role/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int parent_open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static void send_file(struct child *c, enum shared_file which, const char *key, const char *path)
{
	struct msg_which m = { .which = (uint8_t)which };
	uint8_t bytes[4];
	struct wr w = wr_init(bytes, sizeof bytes);
	int fd = parent_open_regular(path);

	if (fd < 0) {
		log_warn("tls_file", "key=%s path=%s errno=%d remedy=\"%s\"", key, path, errno,
			errno == EINVAL ? "it is no plain file" : "is the path right?");
		fd = whole_file_memory(SLICE_LIT(""), false);
	}
	message_put_which(&w, MSG_FILE, &m);
	if (fd < 0 || (c->channel && channel_send(c->channel, &w, &fd, 1) != ERR_OK))
		log_warn("message_lost", "type=FILE to=%s", role_name(c->role));
	if (fd >= 0)
		close(fd);
}

void parent_send_tls(struct child *c)
{
	const struct conf *conf = &c->parent->conf;

	if (!conf->tarpit.tls || !conf->tarpit.tls_certificate[0])
		return;
	send_file(c, FILE_TLS_CERTIFICATE, "tls-certificate", conf->tarpit.tls_certificate);
	send_file(c, FILE_TLS_KEY, "tls-key", conf->tarpit.tls_key);
}
