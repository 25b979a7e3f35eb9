/*
 * doctor_export: our list in files: is each written, is it the newest, has its
 * command run?
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor.h"

#include "ctl/render.h"

#include <string.h>

#define NAME "export"

static void check_one(struct doctor *d, const json_t *x)
{
	const char *name = doctor_text(x, "name"), *text = doctor_text(x, "text"), *state = doctor_text(x, "state");

	if (strcmp(state, "failed") == 0)
		doctor_addf(d, DOCTOR_FAIL, NAME, "whoever reads it has the list of before",
			"make room or give it the rights: the folder export in storage dir belongs to limetwig-publish",
			"%s: %s", name, text);
	else if (*text)
		doctor_addf(d, DOCTOR_WARN, NAME, "the file is there, but who should read it anew perhaps has not",
			"try the command as the user limetwig-run; journalctl -u limetwigd", "%s: %s", name, text);
	else if (render_bool(x, "late"))
		doctor_addf(d, DOCTOR_WARN, NAME, "whoever reads it has the list of before",
			"journalctl -u limetwigd: is the disk slow, or the engine away?",
			"%s: changes wait longer than they should", name);
	else if (strcmp(state, "waiting") == 0)
		doctor_addf(d, DOCTOR_WARN, NAME, "the file of before stays", "limetwig doctor again in a minute",
			"%s: not written since the start", name);
}

void doctor_check_exports(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *list = json_object_get(f->status, "exports"), *x;
	size_t before = d->count, i;

	if (!list)
		return;
	if (json_array_size(list) == 0)
		doctor_add(d, DOCTOR_FAIL, NAME, "the role publish does not run", "no file is written",
			"journalctl -u limetwigd: why does it end?");
	json_array_foreach(list, i, x) check_one(d, x);
	if (d->count == before)
		doctor_addf(d, DOCTOR_OK, NAME, NULL, NULL, "%zu files", json_array_size(list));
}
