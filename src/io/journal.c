/*
 * journal: sd_journal with one filter: the units of Postfix, or one of the
 * identifiers that core/maillog_line reads.
 * SPDX-License-Identifier: ISC
 */
#include "io/journal.h"
#include "base/num.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-journal.h>

struct journal {
	sd_journal *sd;
	char cursor[JOURNAL_CURSOR]; /* "" : none was given */
	bool has_entry;              /* sd stands on an entry that was given */
	uint64_t back;               /* so many entries were given before, counting the one sd stands on */
	char ident[128];
	char text[8192];
};

static enum err err_of(int r)
{
	return r == -EACCES || r == -EPERM ? ERR_DENIED
	       : r == -ENOENT              ? ERR_NOTFOUND
	       : r == -ENOMEM              ? ERR_NOMEM
					   : ERR_IO;
}

static int filter_set(sd_journal *sd)
{
	static const char *const units[] = { "postfix.service", "postfix@-.service" };
	static const char *const idents[] = { "postfix/smtpd", "postfix/submission/smtpd", "postfix/submissions/smtpd",
		"postfix/smtps/smtpd", "postfix/cleanup", "postfix/qmgr", "postfix/pickup", "postfix/local",
		"postfix/virtual", "postfix/lmtp", "postfix/limetwig/lmtp", "postfix/pipe", "postfix/smtp",
		"postfix/relay/smtp", "amavis", "amavisd", "spamd", "spampd", "rspamd" };
	char match[128];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof units / sizeof units[0]; i++) {
		(void)snprintf(match, sizeof match, "_SYSTEMD_UNIT=%s", units[i]);
		r = sd_journal_add_match(sd, match, 0);
	}
	if (r >= 0)
		r = sd_journal_add_disjunction(sd);
	for (size_t i = 0; r >= 0 && i < sizeof idents / sizeof idents[0]; i++) {
		(void)snprintf(match, sizeof match, "SYSLOG_IDENTIFIER=%s", idents[i]);
		r = sd_journal_add_match(sd, match, 0);
	}
	return r;
}

enum err journal_open(const char *dir, struct journal **ret)
{
	struct journal *j = calloc(1, sizeof *j);
	int r;

	if (!j)
		return ERR_NOMEM;
	r = dir ? sd_journal_open_directory(&j->sd, dir, 0) : sd_journal_open(&j->sd, SD_JOURNAL_LOCAL_ONLY);
	if (r >= 0)
		r = filter_set(j->sd);
	if (r >= 0)
		r = sd_journal_seek_head(j->sd);
	/* opens what there is and watches for new files: a missing directory shows here */
	if (r >= 0)
		r = sd_journal_get_fd(j->sd);
	if (r < 0) {
		journal_close(j);
		return err_of(r);
	}
	*ret = j;
	return ERR_OK;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	sd_journal_close(j->sd);
	free(j);
}

enum err journal_resume(struct journal *j, const char *cursor)
{
	int r;

	j->has_entry = false;
	j->back = 0;
	j->cursor[0] = '\0';
	if (cursor[0] == '\0' || sd_journal_seek_cursor(j->sd, cursor) < 0) {
		r = sd_journal_seek_head(j->sd);
		return r < 0 ? err_of(r) : ERR_OK;
	}
	/* stands on the entry of the cursor, or on the one after it when that one is gone */
	r = sd_journal_next(j->sd);
	if (r > 0 && sd_journal_test_cursor(j->sd, cursor) <= 0)
		r = sd_journal_previous(j->sd);
	if (r < 0)
		return err_of(r);
	slice_copy(slice_str(cursor), j->cursor, sizeof j->cursor);
	return ERR_OK;
}

enum err journal_step_back(struct journal *j, uint64_t entries)
{
	int r;

	if (j->cursor[0] == '\0')
		return ERR_OK;
	r = sd_journal_previous_skip(j->sd, entries);
	if (r < 0)
		return err_of(r);
	j->back = r > 0 ? (uint64_t)r + 1 : 0;
	return ERR_OK;
}

bool journal_is_back(const struct journal *j)
{
	return j->back > 0;
}

/* The value of a field, "" when there is none; good until the next call into sd. */
static struct slice field_get(struct journal *j, const char *name)
{
	const void *data;
	size_t n, head = strlen(name) + 1;

	if (sd_journal_get_data(j->sd, name, &data, &n) < 0 || n < head)
		return SLICE_LIT("");
	return slice_from(slice_of(data, n), head);
}

static bool is_of_people(struct journal *j)
{
	struct slice uid = field_get(j, "_UID");
	uint64_t v;

	return uid.n && (num_parse(uid, UINT32_MAX, &v) != ERR_OK || v >= JOURNAL_UID_PEOPLE);
}

enum err journal_next(struct journal *j, uint64_t *ret_time, struct slice *ret_ident, struct slice *ret_text)
{
	for (;;) {
		uint64_t us;
		int r = sd_journal_next(j->sd);

		if (r == 0) {
			(void)sd_journal_process(j->sd); /* learns of new files; what it says we see at the next call */
			r = sd_journal_next(j->sd);
		}
		if (r == 0)
			return ERR_AGAIN;
		if (r < 0)
			return ERR_IO;
		j->has_entry = true;
		if (j->back)
			j->back--;
		if (sd_journal_get_realtime_usec(j->sd, &us) < 0 || is_of_people(j))
			continue;
		slice_copy(field_get(j, "SYSLOG_IDENTIFIER"), j->ident, sizeof j->ident);
		slice_copy(field_get(j, "MESSAGE"), j->text, sizeof j->text);
		*ret_time = us / 1000000;
		*ret_ident = slice_str(j->ident);
		*ret_text = slice_str(j->text);
		return ERR_OK;
	}
}

const char *journal_position(struct journal *j, char to[JOURNAL_CURSOR])
{
	char *cursor = NULL;

	/* at the end of the journal sd stands on nothing; the cursor of the time before is right then */
	if (j->has_entry && sd_journal_get_cursor(j->sd, &cursor) >= 0) {
		slice_copy(slice_str(cursor), j->cursor, sizeof j->cursor);
		free(cursor);
	}
	slice_copy(slice_str(j->cursor), to, JOURNAL_CURSOR);
	return to;
}
