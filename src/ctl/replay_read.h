/*
 * replay_read: the mail logs that are named on the command line, as one stream
 * of lines in the order of their times: each file is taken to be in order, the
 * files are merged. Shows a progress bar where standard error is a terminal.
 *
 * The year of syslog's old times is taken from when the file was written last.
 * A file that cannot be read to its end is named, the others go on.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_REPLAY_READ_H
#define CTL_REPLAY_READ_H
#include "core/maillog_line.h"
#include "ctl/ctl.h"
#include "io/logread.h"

#define REPLAY_FILES 256
#define REPLAY_BAD 10 /* malformed lines that are named */

struct replay_file {
	struct logread *log;
	struct maillog_line line;
	bool has_line;
	struct maillog_clock clock; /* now: no line is later */
};

struct replay_read {
	struct replay_file file[REPLAY_FILES];
	size_t files;
	uint64_t size; /* of all, 0: not known */
	uint64_t lines, bytes, bad, dropped;
	size_t bad_named;
	struct {
		size_t file;
		uint64_t line;
	} bad_line[REPLAY_BAD];
	size_t broken; /* files that ended with an error */
	bool is_bar;
	uint64_t started_ms, shown_ms;
	char text[LOGREAD_TEXT]; /* what is wrong with a file */
};

typedef enum err (*replay_read_fn)(const struct maillog_line *l, void *ctx);

/* CTL_DONE, or the error was shown. Words of the command: the files. */
int replay_read_open(struct ctl *c, struct replay_read *ret);
void replay_read_close(struct replay_read *r);
/* All lines. ERR_NOMEM: fn said so. */
enum err replay_read_all(struct ctl *c, struct replay_read *r, replay_read_fn fn, void *ctx);
/* {"files","lines","bytes","bad","bad_lines":[{file,line}],"too_long","broken"} */
json_t *replay_read_json(const struct replay_read *r);

#endif /* CTL_REPLAY_READ_H */
