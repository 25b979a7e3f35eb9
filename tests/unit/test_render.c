/*
 * test_render: canned answers of the engine as people see them. Each
 * tests/golden/render/NAME.json goes through the renderer that NAME begins
 * with and must give NAME.out.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl/doctor.h"
#include "ctl/render.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW 1763760000 /* Fri 21 Nov 2025 21:20 UTC */

static void show_find(struct render *r, const json_t *a)
{
	render_trap_find(r, a, "sales1998@example.org");
}

static void show_block_added(struct render *r, const json_t *a)
{
	render_block_change(r, "blocked", a);
}

static void show_allow_added(struct render *r, const json_t *a)
{
	render_allow_change(r, "allowed", a);
}

static const struct view {
	const char *name;
	void (*show)(struct render *r, const json_t *a);
} views[] = { { "status", render_status }, { "metrics", render_metrics }, { "enforce", render_mode },
	{ "why", render_why }, { "hits", render_hits }, { "block_list", render_block_list },
	{ "block_add", show_block_added }, { "block_remove", render_block_remove }, { "allow_list", render_allow_list },
	{ "allow_add", show_allow_added }, { "trap_list", render_trap_list }, { "trap_find", show_find },
	{ "trap_reload", render_trap_reload }, { "person", render_person }, { "forget", render_forget },
	{ "watch", render_watch_line }, { "replay", render_replay }, { "suggest", render_suggest },
	{ "feed_list", render_feed_list }, { "feed_find", render_feed_find } };

static char *render(void (*show)(struct render *r, const json_t *a), const json_t *a)
{
	struct render *r = calloc(1, sizeof *r);
	char *out = NULL;
	size_t n = 0;

	assert_non_null(r);
	r->now = NOW;
	r->to = open_memstream(&out, &n);
	assert_non_null(r->to);
	show(r, a);
	assert_int_equal(fclose(r->to), 0);
	free(r);
	return out;
}

static const struct view *find_view(const char *file)
{
	const struct view *best = NULL;

	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
		if (strncmp(file, views[i].name, strlen(views[i].name)) == 0)
			best = &views[i];
	if (!best)
		fail_msg("%s: which view?", file);
	return best;
}

static char *read_all(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "re");

	assert_non_null(text);
	if (!f)
		fail_msg("%s: cannot be read", path);
	assert_in_range(fread(text, 1, 65535, f), 1, 65534);
	fclose(f);
	return text;
}

static void test_golden(void **state)
{
	char dir[400], path[800];
	struct dirent *e;
	int files = 0;
	DIR *d;

	(void)state;
	(void)snprintf(dir, sizeof dir, "%s/golden/render", getenv("TEST_DATA"));
	d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name);
		char *have, *want;
		json_t *a;

		if (n < 6 || strcmp(e->d_name + n - 5, ".json") != 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		a = json_load_file(path, 0, NULL);
		assert_non_null(a);
		have = render(find_view(e->d_name)->show, a);
		(void)snprintf(path, sizeof path, "%s/%.*s.out", dir, (int)n - 5, e->d_name);
		want = read_all(path);
		if (strcmp(have, want) != 0)
			fail_msg("%s gives\n%sand not\n%s", e->d_name, have, want);
		json_decref(a);
		free(have);
		free(want);
		files++;
	}
	closedir(d);
	assert_in_range(files, 15, 1000);
}

/* An empty answer, or one with nonsense in it, is shown without harm. */
static void test_odd_answers(void **state)
{
	static const char *const odd[] = { "{}",
		"{\"traps\":7,\"blocks\":\"x\",\"matches\":{},\"hits\":[1,null,\"x\",{}]}",
		"{\"matches\":[{\"block\":{\"state\":5,\"until\":1e300},\"hits\":[{\"grade\":99,\"trap\":[]}]},4],"
		"\"mode\":\"\\u001b[2J\"}",
		"{\"roles\":[{}],\"counters\":{\"24h\":[]},\"warnings\":[{},5,\"\"],\"removed\":[[]],\"allow\":[{}],"
		"\"time\":-5}" };

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		json_t *a = json_loads(odd[i], 0, NULL);

		assert_non_null(a);
		for (size_t v = 0; v < sizeof views / sizeof views[0]; v++) {
			char *out = render(views[v].show, a);

			assert_null(strchr(out, '\033'));
			free(out);
		}
		json_decref(a);
	}
}

static void test_doctor(void **state)
{
	static struct doctor d;
	struct conf *c = calloc(1, sizeof *c);
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	json_t *j;

	(void)state;
	doctor_init(&d, c);
	doctor_add(&d, DOCTOR_OK, "daemon", "4 of 4 roles up", NULL, NULL);
	doctor_add(&d, DOCTOR_OK, "daemon", "and more of it", NULL, NULL);
	doctor_add(&d, DOCTOR_FAIL, "postfix",
		"$limetwig_client is gone from smtpd_client_restrictions (main.cf was written "
		"Fri 02:00:07, not by limetwig)",
		"mail flows, but no trap is seen and no block acts", "limetwig setup postfix");
	doctor_add(&d, DOCTOR_WARN, "mode", "limetwig is off", NULL, NULL);
	doctor_print(&d, false, f);
	fclose(f);
	assert_string_equal(out, "ok    daemon    4 of 4 roles up\n"
				 "FAIL  postfix   $limetwig_client is gone from smtpd_client_restrictions\n"
				 "                (main.cf was written Fri 02:00:07, not by limetwig)\n"
				 "      means     mail flows, but no trap is seen and no block acts\n"
				 "      mend      limetwig setup postfix\n"
				 "warn  mode      limetwig is off\n"
				 "3 of 4 shown: 2 ok, 1 warning, 1 FAILED, 0 skipped     (all: -v)\n");
	free(out);
	j = doctor_json(&d);
	assert_true(json_is_false(json_object_get(j, "ok")));
	assert_int_equal(json_array_size(json_object_get(j, "items")), 4);
	json_decref(j);
	free(c);
}

static const struct doctor_item *doctor_mend(const struct doctor *d, enum doctor_level level, const char *mend)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->item[i].level == level && strstr(d->item[i].mend, mend))
			return &d->item[i];
	return NULL;
}

/* Does a finding have this text? */
static bool doctor_says(const struct doctor *d, const char *text)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->item[i].text, text) == 0)
			return true;
	return false;
}

/* What the engine says becomes findings. */
static void test_doctor_daemon(void **state)
{
	static struct doctor d;
	struct conf *c = calloc(1, sizeof *c);
	struct doctor_daemon_facts f = { .now = NOW, .unanswered = "does not answer" };
	json_t *s;

	(void)state;
	conf_defaults(c);
	(void)snprintf(c->storage.dir, sizeof c->storage.dir, "/");
	c->storage.disk_reserve = 0;
	(void)snprintf(c->postfix.log, sizeof c->postfix.log, "journal");
	(void)snprintf(c->contact, sizeof c->contact, "x");
	c->postfix.own_hosts.count = 1;
	doctor_init(&d, c);
	doctor_check_daemon(&d, &f);
	assert_int_equal(doctor_count(&d, DOCTOR_FAIL), 1);
	assert_non_null(doctor_mend(&d, DOCTOR_FAIL, "systemctl start limetwigd"));
	f.process[0] = (struct doctor_process){ .role = "capture", .pid = 9, .state = 'S' };
	f.processes = 1; /* it runs, and stands still */
	doctor_init(&d, c);
	doctor_check_daemon(&d, &f);
	assert_non_null(doctor_mend(&d, DOCTOR_FAIL, "systemctl restart limetwigd"));
	f.process[0] = (struct doctor_process){ .role = "parent", .pid = 9, .state = 'S', .is_replaced = true };
	doctor_init(&d, c);
	doctor_check_daemon(&d, &f);
	assert_non_null(doctor_mend(&d, DOCTOR_WARN, "blocks stay in force"));
	f.is_denied = true; /* to us */
	doctor_init(&d, c);
	doctor_check_daemon(&d, &f);
	assert_int_equal(doctor_count(&d, DOCTOR_FAIL), 0);
	assert_non_null(doctor_mend(&d, DOCTOR_SKIP, "sudo limetwig doctor"));
	f.is_denied = false;
	f.processes = 0;
	s = json_pack("{s:[{s:s,s:b}], s:s, s:{s:s}, s:{s:s,s:i,s:i}, s:{s:i}, s:{s:b}, s:{s:s,s:b,s:I}}", "roles",
		"name", "engine", "up", 1, "mode", "full", "store", "state", "ok", "firewall", "state", "ok", "wanted",
		3, "present", 3, "traps", "armed", 5, "map", "ok", 1, "log", "state", "reading", "caught_up", 1, "last",
		(json_int_t)NOW - 5);
	f.status = s;
	doctor_init(&d, c);
	doctor_check_daemon(&d, &f);
	assert_int_equal(doctor_count(&d, DOCTOR_FAIL) + doctor_count(&d, DOCTOR_WARN), 0);
	(void)json_object_set_new(
		s, "dnsbl", json_pack("{s:b,s:b,s:s,s:i}", "up", 1, "acting", 1, "zone", "bl.example", "listening", 1));
	(void)snprintf(c->dnsbl.zone, sizeof c->dnsbl.zone, "bl.example");
	c->dnsbl.listen.count = 0; /* nobody is asked */
	c->own_networks.count = 2;
	doctor_init(&d, c);
	doctor_check_daemon(&d, &f);
	assert_true(doctor_says(&d, "bl.example at 1 address"));
	assert_true(doctor_says(&d, "2 own networks, 1 own host, private ranges: cannot be blocked"));
	(void)json_object_del(s, "dnsbl");
	c->postfix.own_hosts.count = CONF_LIST;
	doctor_init(&d, c);
	doctor_check_daemon(&d, &f);
	assert_non_null(doctor_mend(&d, DOCTOR_WARN, "allow.d"));
	c->postfix.own_hosts.count = 1;
	(void)json_object_set_new(s, "store", json_pack("{s:s}", "state", "full"));
	(void)json_object_set_new(s, "map", json_pack("{s:b,s:s}", "ok", 0, "text", "postmap failed"));
	(void)json_object_set_new(s, "firewall", json_pack("{s:s}", "state", "denied"));
	(void)json_object_set_new(s, "log",
		json_pack("{s:s,s:b,s:I}", "state", "reading", "caught_up", 1, "last", (json_int_t)NOW + 4000));
	(void)json_object_set_new(s, "top", json_pack("{s:s,s:i}", "address", "192.0.2.1", "share", 40));
	doctor_init(&d, c);
	doctor_check_daemon(&d, &f);
	assert_int_equal(doctor_count(&d, DOCTOR_FAIL), 4);
	assert_int_equal(doctor_count(&d, DOCTOR_WARN), 1);
	json_decref(s);
	free(c);
}

static void copy_program(const char *to)
{
	static char bytes[1 << 20];
	FILE *from = fopen("/proc/self/exe", "re"), *f = fopen(to, "we");
	size_t n;

	assert_true(from && f);
	while ((n = fread(bytes, 1, sizeof bytes, from)) > 0)
		assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fchmod(fileno(f), 0700), 0);
	assert_int_equal(fclose(f) + fclose(from), 0);
}

/* A program that is installed over while it runs. */
static void test_doctor_replaced(void **state)
{
	struct doctor_process p[DOCTOR_PROCESSES];
	char file[] = "/tmp/limetwig-render-XXXXXX";
	int fd = mkstemp(file), in[2], out[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0 && close(fd) == 0 && pipe(in) == 0 && pipe(out) == 0);
	copy_program(file);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)close(in[1]);
		(void)execl(file, file, "--wait", NULL);
		_exit(1);
	}
	(void)close(in[0]);
	assert_int_equal(read(out[0], &byte, 1), 1); /* it runs */
	assert_int_equal(doctor_processes_find(pid, p), 1);
	assert_false(p[0].is_replaced);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(doctor_processes_find(pid, p), 1);
	assert_true(p[0].is_replaced);
	(void)close(in[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Says that it is here, until nobody listens. */
static int wait_for_end(void)
{
	char byte = 'x';

	return write(1, &byte, 1) == 1 && read(0, &byte, 1) == 0 ? 0 : 1;
}

static json_t *spf_entries(size_t n, const char *state, int prefixes, json_int_t since)
{
	json_t *list = json_array();

	while (n--)
		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:I,s:s}", "domain", "x.example", "state",
							  state, "prefixes", prefixes, "since", since, "text", ""));
	return json_pack("{s:{s:b,s:[],s:o}}", "fetch", "on", 1, "lists", "spf", list);
}

static size_t warnings_of(json_t *status)
{
	static struct doctor d;
	struct conf *c = calloc(1, sizeof *c);
	struct doctor_daemon_facts f = { .now = NOW, .status = status };
	size_t n;

	conf_defaults(c);
	doctor_init(&d, c);
	doctor_check_fetch(&d, &f);
	n = doctor_count(&d, DOCTOR_WARN);
	json_decref(status);
	free(c);
	return n;
}

/* A DNS that is gone is one finding, whatever it was asked for. */
static void test_doctor_fetch(void **state)
{
	(void)state;
	assert_int_equal(warnings_of(spf_entries(40, "done", 3, 0)), 0);
	assert_int_equal(warnings_of(spf_entries(40, "waiting", 0, NOW - 3000)), 0);
	assert_int_equal(warnings_of(spf_entries(40, "waiting", 0, NOW - 4000)), 1);
	assert_int_equal(warnings_of(spf_entries(40, "temperror", 0, NOW)), 1);
	assert_int_equal(warnings_of(spf_entries(40, "none", 0, NOW)), 6);
}

static void test_count(void **state)
{
	struct render r = { .to = stdout };

	(void)state;
	assert_string_equal(render_count(&r, 0, "refusal"), "0 refusals");
	assert_string_equal(render_count(&r, 1, "refusal"), "1 refusal");
	assert_string_equal(render_count(&r, 1, "try"), "1 try");
	assert_string_equal(render_count(&r, 61204, "try"), "61,204 tries");
	assert_string_equal(render_count(&r, 2, "day"), "2 days");
	assert_string_equal(render_count(&r, 2, "captured message"), "2 captured messages");
}

static size_t own_warnings(const char *hits)
{
	json_t *j = json_loads(hits, 0, NULL);
	struct conf *conf = calloc(1, sizeof *conf);
	struct doctor_daemon_facts f = { .hits = j, .status = json_object() };
	struct doctor d;
	size_t n = 0;

	assert_non_null(j);
	assert_non_null(conf);
	doctor_init(&d, conf);
	doctor_check_traps(&d, &f);
	for (size_t i = 0; i < d.count; i++)
		n += strcmp(d.item[i].name, "own side") == 0 && strstr(d.item[i].text, "127.0.0.1");
	json_decref((json_t *)(uintptr_t)f.status);
	json_decref(j);
	free(conf);
	return n;
}

/* A content filter that gives mail back without a word about who brought it. */
static void test_doctor_own_hits(void **state)
{
#define OWN "{\"grade\":\"insider\",\"client\":\"127.0.0.1\",\"login\":\"\"}"
#define LOGIN "{\"grade\":\"insider\",\"client\":\"127.0.0.1\",\"login\":\"alice\"}"
#define SPAM "{\"grade\":\"confirmed\",\"client\":\"192.0.2.9\",\"login\":\"\"}"
	(void)state;
	assert_int_equal(own_warnings("[" OWN "," OWN "," OWN "]"), 1);
	assert_int_equal(own_warnings("[" OWN "," OWN "]"), 0);
	assert_int_equal(own_warnings("[" OWN "," SPAM "," SPAM "," OWN "]"), 0);
	assert_int_equal(own_warnings("[" OWN "," SPAM "," OWN "]"), 1);
	assert_int_equal(own_warnings("[" LOGIN "," LOGIN "," LOGIN "]"), 0);
	assert_int_equal(own_warnings("[]"), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_golden), cmocka_unit_test(test_odd_answers),
		cmocka_unit_test(test_doctor), cmocka_unit_test(test_doctor_daemon),
		cmocka_unit_test(test_doctor_replaced), cmocka_unit_test(test_doctor_fetch),
		cmocka_unit_test(test_count), cmocka_unit_test(test_doctor_own_hits) };

	if (argc > 1 && strcmp(argv[1], "--wait") == 0)
		return wait_for_end();

	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
