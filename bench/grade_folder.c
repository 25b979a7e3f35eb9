/*
 * grade_folder: grades the messages of folders, one file a message, by their
 * content; for looking at mail that is not in this repository. One line a file:
 * grade, facts (FACT_... of core/content_rules.h, as a number), name.
 *
 *	build/bench/grade_folder [-n] [-t TRAP] FOLDER...
 *
 * The envelope sender is taken from X-Envelope-From or Return-Path, else from
 * an mbox "From " line, else from From:; with -n it is null where the first
 * three are missing (a folder of bounces). The trap is the first address of To,
 * X-Original-To or Delivered-To, or TRAP.
 * SPDX-License-Identifier: ISC
 */
#include "core/address.h"
#include "core/content_grade.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MAX (4u << 20)

/* Fields in the order in which they are believed. */
static const char *const sender_fields[] = { "x-envelope-from", "return-path", "from" };
static const char *const trap_fields[] = { "to", "x-original-to", "delivered-to" };
#define FIELDS 3

struct envelope {
	struct address sender, trap;
	size_t sender_rank, trap_rank; /* FIELDS: none */
	bool is_null;                  /* null sender where only From: tells one */
};

static bool is_address_end(char c)
{
	return strchr(" \t<>,;:()[]\"'", c);
}

/* The first thing with an "@" in it; none: the whole value, which may be "<>" or a name without a host. */
static struct slice address_in(struct slice value)
{
	size_t at = slice_find(value, '@'), start = at, end = at;

	if (at == value.n)
		return slice_head(value, slice_find(value, ' '));
	while (start > 0 && !is_address_end(value.p[start - 1]))
		start--;
	while (end < value.n && !is_address_end(value.p[end]))
		end++;
	return slice_head(slice_from(value, start), end - start);
}

static void take(const char *const *names, struct slice name, struct slice value, size_t *rank, struct address *to)
{
	for (size_t i = 0; i < *rank; i++)
		if (slice_eq(name, slice_str(names[i])) && address_parse(address_in(value), to) == ERR_OK)
			*rank = i;
}

/* Local delivery writes the null sender as MAILER-DAEMON, without or with its own host. */
static bool is_null_sender(const struct address *a)
{
	return slice_starts_nocase(slice_str(a->text), SLICE_LIT("mailer-daemon")) && a->domain.n == 0;
}

static void read_envelope(struct slice message, struct envelope *e)
{
	static struct header_scan h;
	struct slice line = slice_head(message, slice_find(message, '\n'));
	bool is_mbox = slice_starts(line, SLICE_LIT("From "));

	if (is_mbox)
		message = slice_from(message, line.n + 1);
	header_scan_init(&h, NULL);
	while (message.n && !h.is_done) {
		message = slice_from(message, header_scan_feed(&h, message));
		if (!h.has_field)
			continue;
		take(sender_fields, header_scan_name(&h), header_scan_value(&h), &e->sender_rank, &e->sender);
		take(trap_fields, header_scan_name(&h), header_scan_value(&h), &e->trap_rank, &e->trap);
	}
	if (is_mbox && e->sender_rank >= FIELDS - 1 && !slice_starts(line, SLICE_LIT("From -"))) {
		line = slice_from(line, 5);
		if (address_parse(slice_head(line, slice_find(line, ' ')), &e->sender) == ERR_OK)
			e->sender_rank = 0;
	}
	if (e->sender_rank == FIELDS || (e->is_null && e->sender_rank == FIELDS - 1) || is_null_sender(&e->sender))
		e->sender.text[0] = '\0';
}

static void grade_message(const char *path, struct slice message, const char *trap, bool is_null)
{
	static struct content_grade g;
	static struct envelope e;

	e = (struct envelope){ .sender_rank = FIELDS, .trap_rank = FIELDS, .is_null = is_null };
	read_envelope(message, &e);
	if (slice_starts(message, SLICE_LIT("From ")))
		message = slice_from(message, slice_find(message, '\n') + 1);
	content_grade_init(&g, slice_str(e.sender.text), slice_str(trap ? trap : e.trap.text));
	content_grade_feed(&g, message);
	printf("%s", grade_name(content_grade_end(&g)));
	printf("\t%llx\t<%s>\t%s\t%s\n", (unsigned long long)g.body.facts, e.sender.text, trap ? trap : e.trap.text,
		path);
}

static bool grade_file(const char *path, const char *trap, bool is_null, char *room)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		return false;
	}
	n = fread(room, 1, FILE_MAX, f);
	fclose(f);
	grade_message(path, slice_of(room, n), trap, is_null);
	return true;
}

static bool grade_folder(const char *folder, const char *trap, bool is_null, char *room)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, NULL, alphasort);
	bool ok = n >= 0;
	char path[4096];

	if (!ok)
		perror(folder);
	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			ok &= grade_file(path, trap, is_null, room);
		free(list[i]);
	}
	free(list);
	return ok;
}

int main(int argc, char **argv)
{
	char *room = malloc(FILE_MAX);
	const char *trap = NULL;
	bool is_null = false, ok = room;
	int c;

	while ((c = getopt(argc, argv, "nt:")) != -1) {
		if (c == 't')
			trap = optarg;
		else if (c == 'n')
			is_null = true;
		else
			return 2;
	}
	for (int i = optind; ok && i < argc; i++)
		ok = grade_folder(argv[i], trap, is_null, room);
	free(room);
	return ok ? 0 : 1;
}
