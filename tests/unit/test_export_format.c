/*
 * test_export_format: each format beside its golden file
 * (tests/golden/export/FORMAT), our own parser of lists reads each of them back
 * to the same addresses, names and texts that mean something to a zone, the
 * serial, and the file: whole or not at all.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/export_format.h"
#include "core/feed_line.h"
#include "folder.h"
#include "io/export_file.h"
#include "set_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define NOW 1763800000u
#define FORMATS (EXPORT_JSON + 1)
#define TEXT_MAX (16u << 20)

static struct conf conf;
static char dir[64];

static const char *const names[FORMATS] = { [EXPORT_PLAIN] = "plain",
	[EXPORT_CIDR] = "cidr",
	[EXPORT_POSTFIX] = "postfix",
	[EXPORT_RBLDNSD] = "rbldnsd",
	[EXPORT_NFTABLES] = "nftables",
	[EXPORT_PF] = "pf",
	[EXPORT_RPZ] = "rpz",
	[EXPORT_BIND] = "bind",
	[EXPORT_SPAMD] = "spamd",
	[EXPORT_JSON] = "json" };

/* ---- lists */

static void add_block(struct export_source *s, const char *text, struct block_entry e, const char *case_id)
{
	assert_int_equal(prefix_parse(slice_str(text), &e.subject), ERR_OK);
	slice_copy(slice_str(case_id), e.case_id, sizeof e.case_id);
	assert_int_equal(export_source_blocks(s, &e, 1), ERR_OK);
}

/* Every kind of entry once. */
static void make_list(struct export_source *s)
{
	*s = (struct export_source){ .now = NOW };
	add_block(s, "192.0.2.1", (struct block_entry){ .until = NOW + 86400, .offence = 1, .code = 450 }, "7K3M-9QXD");
	add_block(s, "192.0.2.2",
		(struct block_entry){ .until = NOW + 172800, .told = NOW + 100, .offence = 2, .code = 554 },
		"4FTN-2HRP");
	add_block(s, "198.51.100.0/26",
		(struct block_entry){ .until = NOW + 7200, .offence = 1, .code = 450, .flags = BLOCK_BY_WIDE },
		"WIDE-2222");
	add_block(s, "198.51.100.9",
		(struct block_entry){ .until = NOW + 3600, .offence = 1, .code = 554, .flags = BLOCK_BY_PERSON },
		"PERS-2222");
	add_block(s, "203.0.113.7",
		(struct block_entry){ .until = NOW + 3600, .offence = 1, .code = 554, .flags = BLOCK_BY_FEED },
		"FEED-2222");
	add_block(s, "2001:db8:1:2::/64", (struct block_entry){ .until = NOW + 60, .offence = 3, .code = 554 },
		"V6V6-2222");
	add_block(
		s, "2001:db8::25", (struct block_entry){ .until = NOW + 600, .offence = 1, .code = 450 }, "V6H6-2222");
	source_add_list(s, "203.0.113.0/29 203.0.113.128/25", "drop \"one\"", 6);
	source_add_list(s, "203.0.113.7 2001:db8:ff00::/47 2001:db8:fffe:8000::/51", "psbl", 7);
	source_add_list(s, "203.0.113.3 198.51.100.32/27", NULL, 0);
	assert_int_equal(export_source_seal(s), ERR_OK);
}

static void make_conf(void)
{
	conf_defaults(&conf);
	(void)snprintf(conf.contact, sizeof conf.contact, "https://postmaster.example.org/");
	(void)snprintf(conf.dnsbl.zone, sizeof conf.dnsbl.zone, "bl.example.org");
	(void)snprintf(conf.dnsbl.contact, sizeof conf.dnsbl.contact, "host.master@example.org");
	(void)snprintf(conf.dnsbl.url, sizeof conf.dnsbl.url, "https://example.org/c/%%s?a=$1");
	conf.dnsbl.name_servers.count = 2;
	(void)snprintf(conf.dnsbl.name_servers.item[0], CONF_ITEM, "ns1.example.org");
	(void)snprintf(conf.dnsbl.name_servers.item[1], CONF_ITEM, "NS2.example.net.");
}

/* The bytes before compression. */
static void write_text(const struct export_source *s, enum conf_export_format f, struct buf *to)
{
	struct export_writer w;
	struct export_site site;

	buf_init(to, TEXT_MAX);
	assert_true(export_site_init(&site, &conf, f, "mx 2", "", s->now, 2026112201));
	export_format_begin(&w, f, &site, to);
	export_list_each(s, export_form_of(f)->is_set, export_format_entry, &w);
	assert_int_equal(export_format_end(&w), ERR_OK);
}

static size_t read_file(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);

	if (fd >= 0)
		(void)close(fd);
	if (n < 0)
		return 0;
	to[n] = '\0';
	return (size_t)n;
}

static void test_golden(void **state)
{
	static char want[65536];
	struct export_source s;

	(void)state;
	make_list(&s);
	for (enum conf_export_format f = EXPORT_PLAIN; f < FORMATS; f++) {
		enum conf_export_format again;
		char path[500];
		struct buf have;

		write_text(&s, f, &have);
		(void)snprintf(path, sizeof path, "%s/golden/export/%s", getenv("TEST_DATA"), names[f]);
		(void)read_file(path, want, sizeof want);
		if (strcmp(buf_cstr(&have), want) != 0)
			fail_msg("%s is\n%sand not\n%s", names[f], buf_cstr(&have), want);
		buf_done(&have);
		assert_true(export_format_parse(names[f], &again));
		assert_int_equal(again, f);
		assert_string_equal(export_form_of(f)->name, names[f]);
	}
	assert_false(export_format_parse("xml", &(enum conf_export_format){ 0 }));
	assert_null(export_form_of((enum conf_export_format)0));
	assert_null(export_form_of(FORMATS));
	export_source_done(&s);
}

/* No address of mail but that of the zone's contact, and no control byte. */
static void test_nothing_else(void **state)
{
	struct export_source s;

	(void)state;
	make_list(&s);
	for (enum conf_export_format f = EXPORT_PLAIN; f < FORMATS; f++) {
		struct buf b;

		write_text(&s, f, &b);
		for (size_t i = 0; i < b.n; i++)
			assert_true(b.p[i] == '\n' || (b.p[i] >= ' ' && b.p[i] <= '~'));
		for (const char *at = buf_cstr(&b); (at = strchr(at, '@')) != NULL; at++)
			assert_true(at[1] == ' ' || strncmp(at + 1, "ipv", 3) == 0 || at[1] == '\n');
		buf_done(&b);
	}
	export_source_done(&s);
}

/* ---- there and back */

static bool add_prefix(void *ctx, const struct export_entry *e)
{
	assert_int_equal(prefix_set_add(ctx, &e->prefix, false), ERR_OK);
	return true;
}

static void read_back(enum feed_format f, struct slice text, struct prefix_set *to)
{
	struct slice line;

	for (unsigned n = 1; slice_line(&text, &line); n++) {
		struct feed_line l;

		feed_line_parse(f, line, n, &l);
		if (l.kind == FEED_REFUSED)
			fail_msg("%.*s: %s", SLICE_ARG(line), l.reason);
		if (l.kind == FEED_ENTRY)
			assert_int_equal(prefix_set_add_range(to, &l.first, &l.last, l.is_out), ERR_OK);
	}
	assert_int_equal(prefix_set_seal(to), ERR_OK);
}

static bool same_prefix(void *ctx, const struct prefix *p)
{
	struct buf *b = ctx;
	char text[PREFIX_TEXT];

	assert_int_equal(buf_printf(b, "%s\n", prefix_format(p, text)), ERR_OK);
	return true;
}

static void assert_same(const struct prefix_set *a, const struct prefix_set *b, const char *name)
{
	struct buf x, y;

	buf_init(&x, TEXT_MAX);
	buf_init(&y, TEXT_MAX);
	prefix_set_each(a, same_prefix, &x);
	prefix_set_each(b, same_prefix, &y);
	if (!slice_eq(buf_slice(&x), buf_slice(&y)))
		fail_msg("%s: read back as\n%sand not\n%s", name, buf_cstr(&y), buf_cstr(&x));
	buf_done(&x);
	buf_done(&y);
}

static void test_round_trip(void **state)
{
	static const struct {
		enum conf_export_format format;
		enum feed_format feed;
	} ways[] = { { EXPORT_PLAIN, FEED_LIST }, { EXPORT_CIDR, FEED_LIST }, { EXPORT_POSTFIX, FEED_CIDR },
		{ EXPORT_RBLDNSD, FEED_RBLDNSD }, { EXPORT_PF, FEED_LIST }, { EXPORT_SPAMD, FEED_SPAMD },
		{ EXPORT_JSON, FEED_JSON }, { EXPORT_PLAIN, FEED_AUTO }, { EXPORT_RBLDNSD, FEED_AUTO },
		{ EXPORT_POSTFIX, FEED_AUTO }, { EXPORT_JSON, FEED_AUTO } };
	struct export_source s;

	(void)state;
	make_list(&s);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct prefix_set want = { .is_sealed = false }, have = { .is_sealed = false };
		struct buf b;

		export_list_each(&s, true, add_prefix, &want);
		if (ways[i].format == EXPORT_RBLDNSD) { /* the test entries */
			struct prefix p;

			assert_int_equal(prefix_parse(SLICE_LIT("127.0.0.2"), &p), ERR_OK);
			assert_int_equal(prefix_set_add(&want, &p, false), ERR_OK);
		}
		if (ways[i].format == EXPORT_SPAMD)
			for (unsigned k = 0; k < want.in[1].count; k++)
				want.in[1].count = 0;
		assert_int_equal(prefix_set_seal(&want), ERR_OK);
		write_text(&s, ways[i].format, &b);
		read_back(ways[i].feed == FEED_AUTO ? feed_format_guess(buf_slice(&b)) : ways[i].feed, buf_slice(&b),
			&have);
		assert_same(&want, &have, names[ways[i].format]);
		buf_done(&b);
		prefix_set_done(&want);
		prefix_set_done(&have);
	}
	export_source_done(&s);
}

/* ---- the hash, the serial, the site */

static uint64_t hash_of(const struct export_source *s, enum conf_export_format f)
{
	struct export_writer w;
	struct export_site site;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	assert_true(export_site_init(&site, &conf, f, "x", "", s->now, (uint32_t)s->now));
	export_format_begin(&w, f, &site, &b);
	export_list_each(s, export_form_of(f)->is_set, export_format_entry, &w);
	buf_done(&b);
	return w.hash;
}

static void test_hash(void **state)
{
	struct export_source a, b;

	(void)state;
	make_list(&a);
	make_list(&b);
	b.now += 5;
	for (enum conf_export_format f = EXPORT_PLAIN; f < FORMATS; f++)
		assert_true(hash_of(&a, f) == hash_of(&b, f));
	b.block[0].until += 7;
	assert_true(hash_of(&a, EXPORT_JSON) != hash_of(&b, EXPORT_JSON));
	assert_true(hash_of(&a, EXPORT_CIDR) == hash_of(&b, EXPORT_CIDR));
	b.blocks--;
	assert_true(hash_of(&a, EXPORT_CIDR) != hash_of(&b, EXPORT_CIDR));
	export_source_done(&a);
	export_source_done(&b);
}

static void test_serial(void **state)
{
	(void)state;
	assert_int_equal(export_serial_next(NOW, 0), NOW);
	assert_int_equal(export_serial_next(NOW, NOW - 1), NOW);
	assert_int_equal(export_serial_next(NOW, NOW), NOW + 1);
	assert_int_equal(export_serial_next(NOW, NOW + 5000), NOW + 5001);
	assert_int_equal(export_serial_next(NOW, 5), NOW);
	assert_int_equal(export_serial_read(SLICE_LIT("; limetwig\n; serial 77\n$ORIGIN")), 77);
	assert_int_equal(export_serial_read(SLICE_LIT("# serial 4294967295\n")), UINT32_MAX);
	assert_int_equal(export_serial_read(SLICE_LIT("# serial 4294967296\n; serial x\n")), 0);
	assert_int_equal(export_serial_read(SLICE_LIT("")), 0);
}

static void test_site(void **state)
{
	struct export_site site;
	struct conf *c = calloc(1, sizeof *c);

	(void)state;
	assert_non_null(c);
	conf_defaults(c);
	assert_false(export_site_init(&site, c, EXPORT_BIND, "a", "", NOW, 1));
	assert_false(export_site_init(&site, c, EXPORT_PLAIN, "a", "no zone", NOW, 1));
	assert_true(export_site_init(&site, c, EXPORT_RBLDNSD, "a", "", NOW, 1));
	assert_string_equal(site.contact, "hostmaster.localhost");
	assert_true(export_site_init(&site, c, EXPORT_BIND, "a", "BL.example.", NOW, 1));
	assert_string_equal(site.zone, "bl.example");
	assert_string_equal(site.contact, "hostmaster.bl.example");
	assert_true(export_site_init(&site, &conf, EXPORT_BIND, "a", "", NOW, 1));
	assert_string_equal(site.contact, "host\\.master.example.org");
	free(c);
}

/* A wildcard of IPv4 must not be one of IPv6: *.0.2 would list all of 2000::/8. */
static void test_wildcards(void **state)
{
	static const struct {
		const char *network;
		unsigned hosts, wildcards;
	} cases[] = { { "2.0.1.0/24", 256, 0 }, { "2.0.0.0/16", 10 * 256, 246 }, { "2.0.0.0/8", 2560 * 10, 246 * 11 },
		{ "12.0.0.0/8", 0, 1 }, { "2.11.0.0/16", 0, 1 }, { "2.4.8.0/30", 4, 0 }, { "2001:db8::/32", 0, 1 },
		{ "2000::/12", 0, 16 }, { "2001:db8::/65", 0, 8 } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct export_source s = { .now = NOW };
		unsigned hosts = 0, wildcards = 0;
		struct slice rest, line;
		struct buf b;

		source_add_list(&s, cases[i].network, "feed", 3);
		assert_int_equal(export_source_seal(&s), ERR_OK);
		write_text(&s, EXPORT_BIND, &b);
		for (rest = buf_slice(&b); slice_line(&rest, &line);) {
			struct slice name = slice_head(line, slice_find(line, ' '));
			bool is_nibbles = true;

			if (!name.n || name.p[0] < '*' || name.p[0] > '9' || slice_ends(name, SLICE_LIT("127")) ||
				slice_ends(name, SLICE_LIT(".0.0")))
				continue;
			wildcards += name.p[0] == '*';
			hosts += name.p[0] != '*';
			for (size_t k = 3; k < name.n; k++)
				is_nibbles = is_nibbles && (name.p[k] == '.' || name.p[k - 1] == '.');
			assert_true(name.p[0] != '*' || !is_nibbles || strchr(cases[i].network, ':'));
		}
		if (hosts != cases[i].hosts || wildcards != cases[i].wildcards)
			fail_msg("%s: %u hosts, %u wildcards", cases[i].network, hosts, wildcards);
		buf_done(&b);
		export_source_done(&s);
	}
}

/* ---- files */

static void path_of(const char *name, char to[128])
{
	(void)snprintf(to, 128, "%s/%s", dir, name);
}

static enum err write_to(const char *path, const struct export_source *s, enum conf_export_format f,
	const uint64_t *hash, struct export_written *w)
{
	struct export_site site;

	assert_true(export_site_init(&site, &conf, f, "mx 2", "", s->now, 2026112201));
	return export_file_write(path, s, f, &site, hash, w);
}

static void test_file(void **state)
{
	static char text[65536], want[65536];
	struct export_written w = { .entries = 0 }, again;
	struct export_source s;
	char path[128], aside[140];
	struct stat st;
	mode_t mask = umask(077);

	(void)state;
	make_list(&s);
	path_of("list", path);
	(void)snprintf(aside, sizeof aside, "%s.new", path);
	assert_int_equal(symlink("/etc/passwd", aside), 0); /* what somebody left there is not followed */
	assert_int_equal(write_to(path, &s, EXPORT_BIND, NULL, &w), ERR_OK);
	assert_true(w.entries == 18 && !w.is_same);
	assert_int_equal(stat(path, &st), 0);
	assert_true((st.st_mode & 07777) == 0644 && (uint64_t)st.st_size == w.bytes);
	assert_int_equal(access(aside, F_OK), -1);
	assert_int_equal(export_file_serial(path), 2026112201);
	(void)snprintf(want, sizeof want, "%s/golden/export/bind", getenv("TEST_DATA"));
	(void)read_file(want, want, sizeof want);
	(void)read_file(path, text, sizeof text);
	assert_string_equal(text, want);
	assert_int_equal(write_to(path, &s, EXPORT_BIND, &w.hash, &again), ERR_OK);
	assert_true(again.is_same && again.hash == w.hash);
	assert_int_equal(unlink(path), 0); /* somebody took it away: there must be one again */
	assert_int_equal(write_to(path, &s, EXPORT_BIND, &w.hash, &again), ERR_OK);
	assert_false(again.is_same);
	assert_int_equal(export_file_serial("/nonexistent"), 0);
	export_source_done(&s);
	(void)umask(mask);
}

/* Too large, no folder: the old one stays, and nothing lies beside it. */
static void test_file_fails(void **state)
{
	struct export_source s = { .now = NOW };
	struct export_written w;
	char path[128], aside[140], text[64];
	struct rlimit old, small = { 4096, 4096 };

	(void)state;
	path_of("kept", path);
	(void)snprintf(aside, sizeof aside, "%s.new", path);
	assert_int_equal(export_source_seal(&s), ERR_OK);
	assert_int_equal(write_to(path, &s, EXPORT_PF, NULL, &w), ERR_OK);
	assert_int_equal(w.entries, 0);
	export_source_done(&s);
	make_list(&s);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(write_to(path, &s, EXPORT_BIND, NULL, &w), ERR_IO);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(access(aside, F_OK), -1);
	assert_int_equal(
		read_file(path, text, sizeof text), strlen("# limetwig mx 2: pfctl -t TABLE -T replace -f FILE\n"));
	assert_int_equal(write_to("/nonexistent/list", &s, EXPORT_PF, NULL, &w), ERR_IO);
	assert_int_equal(errno, ENOENT);
	memset(text, 'a', sizeof text);
	export_source_done(&s);
}

static void test_gzip(void **state)
{
	static char have[65536], want[65536];
	struct export_source s;
	struct export_written w;
	char path[128];
	gzFile z;
	int n;

	(void)state;
	make_list(&s);
	path_of("spamd.gz", path);
	assert_int_equal(write_to(path, &s, EXPORT_SPAMD, NULL, &w), ERR_OK);
	z = gzopen(path, "rb");
	assert_non_null(z);
	n = gzread(z, have, sizeof have - 1);
	assert_true(n > 0 && !gzdirect(z));
	(void)gzclose(z);
	(void)snprintf(want, sizeof want, "%s/golden/export/spamd", getenv("TEST_DATA"));
	(void)read_file(want, want, sizeof want);
	assert_string_equal(have, want);
	export_source_done(&s);
}

static int start(void **state)
{
	(void)state;
	make_conf();
	return make_folder(dir, sizeof dir);
}

static int finish(void **state)
{
	(void)state;
	clear(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_golden), cmocka_unit_test(test_nothing_else),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_hash), cmocka_unit_test(test_serial),
		cmocka_unit_test(test_site), cmocka_unit_test(test_wildcards), cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_fails), cmocka_unit_test(test_gzip) };

	return cmocka_run_group_tests(tests, start, finish);
}
