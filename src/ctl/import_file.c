/*
 * import_file: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/import_file.h"
#include "ctl/trap_edit.h"
#include "io/whole_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void import_file_path(const struct ctl *c, const char *glob, char *to, size_t size)
{
	struct slice s = slice_str(c->args.word[0]);
	size_t slash = slice_rfind(s, '/');
	char name[128], file[160];

	if (slash < s.n)
		s = slice_from(s, slash + 1);
	if (slice_ends(s, SLICE_LIT(".txt")))
		s = slice_head(s, s.n - 4);
	slice_copy(s, name, sizeof name);
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			*p = '_';
	(void)snprintf(file, sizeof file, "imported-%s.txt", name[0] ? name : "list");
	trap_edit_place(glob, file, to, size);
}

int import_file_read(struct ctl *c, struct buf *to)
{
	return import_path_read(c, c->args.word[0], to);
}

int import_path_read(struct ctl *c, const char *path, struct buf *to)
{
	bool is_input = strcmp(path, "-") == 0;
	int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), status = CTL_DONE;
	enum err e;

	if (fd < 0)
		return ctl_refuse(c, "%s: %s", path, strerror(errno));
	e = whole_file_read(fd, to);
	if (e != ERR_OK)
		status = ctl_refuse(c, "%s: %s; no change", path, e == ERR_IO ? strerror(errno) : err_name(e));
	if (!is_input)
		(void)close(fd);
	return status;
}
