/*
 * parent_update: opens the key of dns-update as root for the role publish,
 * each time that it is told the configuration. Who can read the key can change
 * the zone: a file that everybody can read is not used. What is wrong with it
 * goes in its place, behind a "!".
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "io/whole_file.h"
#include "role/parent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refusal(const char *path, const char *why)
{
	char text[CONF_TEXT + 100];

	(void)snprintf(text, sizeof text, "!%s", why);
	log_warn("dns_update_key", "path=%s reason=\"%s\"", path, why);
	return whole_file_memory(slice_str(text), false);
}

static int open_key(const char *path)
{
	int fd = parent_open_regular(path);
	struct stat st;

	if (fd < 0 && errno == EINVAL)
		return refusal(path, "it is no plain file");
	if (fd < 0)
		return refusal(
			path, errno == ENOENT ? "there is no such file; tsig-keygen NAME makes one" : strerror(errno));
	if (fstat(fd, &st) == 0 && !(st.st_mode & (S_IROTH | S_IWOTH)))
		return fd;
	(void)close(fd);
	return refusal(path, "others can read or write it: chmod 0640, and make a new key");
}

void parent_send_update_key(struct child *c)
{
	const struct conf *conf = &c->parent->conf;
	struct msg_which m = { .which = FILE_UPDATE_KEY };
	uint8_t bytes[4];
	struct wr w = wr_init(bytes, sizeof bytes);
	int fd;

	if (!conf->dns_update.server[0])
		return;
	fd = open_key(conf->dns_update.key_file);
	message_put_which(&w, MSG_FILE, &m);
	if (fd < 0 || (c->channel && channel_send(c->channel, &w, &fd, 1) != ERR_OK))
		log_warn("message_lost", "type=FILE to=%s", role_name(c->role));
	if (fd >= 0)
		(void)close(fd);
}
