/*
 * off_flag: the file that keeps limetwig off.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/off_flag.h"
#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OFF_PATH 600

static void make_path(const char *dir, char to[OFF_PATH])
{
	(void)snprintf(to, OFF_PATH, "%s/off", dir);
}

enum err off_flag_set(const char *dir, const char *line, bool *ret_new)
{
	char path[OFF_PATH];
	bool was = off_flag_is_set(dir);
	enum err e;
	int fd;

	make_path(dir, path);
	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return ERR_IO;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return ERR_IO;
	e = whole_file_write(fd, slice_str(line));
	if (e != ERR_OK && (errno == ENOSPC || errno == EDQUOT)) /* it is there; who and when are not in it */
		e = ERR_OK;
	if (e == ERR_OK && fsync(fd) != 0)
		e = ERR_IO;
	(void)close(fd);
	if (e == ERR_OK)
		e = whole_file_sync_folder(path);
	if (e == ERR_OK)
		*ret_new = !was;
	return e;
}

enum err off_flag_remove(const char *dir, bool *ret_was)
{
	char path[OFF_PATH];

	make_path(dir, path);
	if (unlink(path) != 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return ERR_IO;
		*ret_was = false;
		return ERR_OK;
	}
	*ret_was = true;
	return whole_file_sync_folder(path);
}

bool off_flag_is_set(const char *dir)
{
	char path[OFF_PATH];

	make_path(dir, path);
	return access(path, F_OK) == 0;
}
