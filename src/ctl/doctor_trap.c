/*
 * doctor_trap: traps in force, lines of trap and allow files that are not
 * understood, and traps that have become somebody's address.
 * SPDX-License-Identifier: ISC
 */
#include "core/allow.h"
#include "ctl/doctor.h"
#include "ctl/render.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 5
#define START_S 30
#define LINE_MAX_BYTES 4096
#define OWN_HITS_MIN 3

static void check_count(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *t = json_object_get(f->status, "traps");
	uint64_t armed = render_number(t, "armed"), watching = render_number(t, "watching");

	if (armed + watching == 0)
		doctor_add(d, DOCTOR_WARN, "traps", "there is no trap", "nothing can happen",
			"limetwig trap add ADDRESS, or limetwig trap import FILE");
	else
		doctor_addf(d, DOCTOR_OK, "traps", NULL, NULL, "%llu armed, %llu watching", (unsigned long long)armed,
			(unsigned long long)watching);
}

static void check_map_state(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *map = json_object_get(f->status, "map");

	if (map && !render_bool(map, "ok") && render_number(f->status, "started") + START_S > f->now)
		doctor_add(d, DOCTOR_SKIP, "traps", "limetwigd has just started, the alias map is being written", NULL,
			"run doctor again");
	else if (map && !render_bool(map, "ok"))
		doctor_addf(d, DOCTOR_FAIL, "traps", "new traps catch nothing",
			"limetwig setup postfix; journalctl -u limetwigd; in another folder than /etc/postfix it "
			"needs ReadWritePaths: limetwigd(8)",
			"the alias map is not in force: %.400s", doctor_text(map, "text"));
	else if (map && *doctor_text(map, "text"))
		doctor_addf(d, DOCTOR_WARN, "traps", "these traps catch nothing, the others do",
			"take them out of the trap files", "%.400s", doctor_text(map, "text"));
}

static void check_bad_lines(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *bad = json_object_get(f->status, "bad_lines"), *b;
	uint64_t all = render_number(json_object_get(f->status, "traps"), "bad");
	size_t i;

	json_array_foreach(bad, i, b)
	{
		if (i == SHOWN)
			break;
		doctor_addf(d, DOCTOR_WARN, "traps", "this line is no trap, the others are",
			"mend or delete the line; it is read again by itself", "%.150s:%llu: %.350s",
			doctor_text(b, "file"), (unsigned long long)render_number(b, "line"), doctor_text(b, "reason"));
	}
	if (all > SHOWN)
		doctor_addf(d, DOCTOR_WARN, "traps", NULL, "limetwig status shows them", "%llu bad lines in all",
			(unsigned long long)all);
}

static void check_live(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *l;
	size_t i;

	if (!f->live) {
		if (f->status && d->conf->traps.live_check)
			doctor_add(d, DOCTOR_SKIP, "traps",
				f->is_root
					? "traps against living addresses: the engine did not answer"
					: "traps are held against living addresses as root only: sudo limetwig doctor",
				NULL, NULL);
		return;
	}
	json_array_foreach(f->live, i, l)
	{
		if (i == SHOWN)
			break;
		if (json_is_true(json_object_get(l, "foreign")))
			doctor_addf(d, DOCTOR_FAIL, "traps",
				"what your own users write to it is swallowed, until limetwigd reads the traps again",
				"limetwig trap remove ADDRESS; or the domain back into main.cf; then limetwig reload",
				"the armed trap %.100s: %.300s", doctor_text(l, "trap"), doctor_text(l, "reason"));
		else
			doctor_addf(d, DOCTOR_FAIL, "traps",
				"mail to a person is swallowed, and whoever writes to it is blocked",
				"limetwig trap remove ADDRESS; then look who was blocked: limetwig block list",
				"the armed trap %.200s: %.200s", doctor_text(l, "trap"), doctor_text(l, "reason"));
	}
	if (json_array_size(f->live) > SHOWN)
		doctor_addf(d, DOCTOR_FAIL, "traps", NULL, NULL,
			"%zu armed traps are living addresses or not this server's in all", json_array_size(f->live));
	if (!f->is_live_checked)
		doctor_add(d, DOCTOR_WARN, "traps", "Postfix's tables could not be asked for living addresses",
			"a trap that has become a mailbox is not noticed", "journalctl -u limetwigd: live-check");
	else if (json_array_size(f->live) == 0)
		doctor_add(d, DOCTOR_OK, "traps", "no armed trap is a living address or not this server's", NULL, NULL);
}

/* A hit of a host of our own, without a login, that says who it was for. */
static const char *own_client(const json_t *hit)
{
	bool is_own = strcmp(doctor_text(hit, "grade"), "insider") == 0 && !*doctor_text(hit, "login");

	return is_own ? doctor_text(hit, "client") : "";
}

static size_t count_client(const json_t *hits, const char *client)
{
	const json_t *h;
	size_t i, n = 0;

	json_array_foreach(hits, i, h) n += strcmp(own_client(h), client) == 0;
	return n;
}

/* All spam seems to come from the filter that gives it back, and nobody is ever blocked. */
static void check_own_hits(struct doctor *d, const struct doctor_daemon_facts *f)
{
	size_t i, n = json_array_size(f->hits), most = 0;
	const char *client = "";
	const json_t *h;

	json_array_foreach(f->hits, i, h)
	{
		size_t count = *own_client(h) ? count_client(f->hits, own_client(h)) : 0;

		if (count > most) {
			most = count;
			client = own_client(h);
		}
	}
	if (n >= OWN_HITS_MIN && most * 2 > n)
		doctor_addf(d, DOCTOR_WARN, "own side",
			"a host of your own is charged to nobody: who sent these traps mail is not blocked",
			"if a content filter or proxy gives mail back from there, let it name the client: in master.cf "
			"-o "
			"smtp_send_xforward_command=yes for the service that leads to it, -o "
			"smtpd_authorized_xforward_hosts=ITS-ADDRESS for the one that takes mail back, and XFORWARD "
			"switched on "
			"in the filter, if it has that; else look for the program there: limetwig hits",
			"of the last %zu messages to traps %zu came from %.60s", n, most, client);
}

static void read_allow_file(struct doctor *d, const char *path, size_t *bad)
{
	char line[LINE_MAX_BYTES];
	FILE *file = fopen(path, "re");
	struct allow_line l;
	unsigned number = 0;
	bool is_any;

	if (!file) {
		doctor_addf(d, DOCTOR_WARN, "allow", "its prefixes can be blocked", "ls -l shows owner and mode",
			"%.300s cannot be read", path);
		return;
	}
	while (fgets(line, sizeof line, file)) {
		struct slice s = slice_str(line);

		s = slice_head(s, slice_find(s, '\n'));
		number++;
		if (allow_line_parse(s, &l, &is_any) == ERR_OK)
			continue;
		if ((*bad)++ < SHOWN)
			doctor_addf(d, DOCTOR_WARN, "allow", "this line allows nobody, the others do",
				"192.0.2.0/24, name:mail.example.org, spf:example.org a line, \"as LABEL\" behind it, "
				"# comments; it is read "
				"again by itself",
				"%.300s:%u: not understood", path, number);
	}
	(void)fclose(file);
}

static size_t read_allow_files(struct doctor *d, const struct conf_list *l, size_t *bad)
{
	size_t files = 0;

	for (uint32_t i = 0; i < l->count; i++) {
		glob_t g;

		if (glob(l->item[i], 0, NULL, &g) != 0)
			continue;
		for (size_t k = 0; k < g.gl_pathc; k++, files++)
			read_allow_file(d, g.gl_pathv[k], bad);
		globfree(&g);
	}
	return files;
}

static void check_allow(struct doctor *d, const struct doctor_daemon_facts *f)
{
	size_t bad = 0, before = d->count, files;

	if (!f->is_root)
		return;
	files = read_allow_files(d, &d->conf->allow.files, &bad) + read_allow_files(d, &d->conf->allow.shared, &bad);
	if (bad > SHOWN)
		doctor_addf(d, DOCTOR_WARN, "allow", NULL, NULL, "%zu bad lines in all", bad);
	if (d->count == before)
		doctor_addf(d, DOCTOR_OK, "allow", NULL, NULL, "%zu files, every line is understood", files);
}

void doctor_check_traps(struct doctor *d, const struct doctor_daemon_facts *f)
{
	if (f->status) {
		check_count(d, f);
		check_map_state(d, f);
		check_bad_lines(d, f);
		check_live(d, f);
		check_own_hits(d, f);
	}
	check_allow(d, f);
}
