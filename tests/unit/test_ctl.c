/*
 * test_ctl: the command without a daemon: exit status, trap files, off.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl_rig.h"
#include "io/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *read_file(const char *name)
{
	static char text[65536];
	FILE *f = fopen(in_dir(name), "re");

	if (!f)
		return NULL;
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void test_usage(void **state)
{
	static const char *const wrong[] = { "", "nonsense", "trap", "trap nonsense", "trap add", "why", "why a b",
		"enforce", "enforce loud", "status --tag x", "why --bogus", "why --note", "block add nonsense",
		"block add 192.0.2.1/24", "block add 192.0.2.1 --for ever", "block remove", "hits --since x",
		"hits --limit -1", "trap list --limit x", "trap suspend", "trap suspend a@b.example --tag x",
		"trap test /x/", "help nonsense", "trap add a@b.example --tag a!", "trap add a@b.example --weight 99",
		"status --json=1", "why --json --json x" };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		if (run(wrong[i]) != CTL_USAGE)
			fail_msg("not refused as usage: %s", wrong[i]);
		assert_true(*err || *out);
	}
	assert_int_equal(run("help"), CTL_DONE);
	assert_non_null(strstr(out, "limetwig trap import FILE"));
	assert_int_equal(run("--version"), CTL_DONE);
	assert_int_equal(run("trap --help"), CTL_DONE);
}

static void test_no_daemon(void **state)
{
	static const char *const asking[] = { "status", "why 192.0.2.1", "hits", "watch", "enforce soft", "reload",
		"block list", "allow add 192.0.2.1", "trap list", "person a@b.example", "--json status" };

	(void)state;
	for (size_t i = 0; i < sizeof asking / sizeof asking[0]; i++) {
		assert_int_equal(run(asking[i]), CTL_REFUSED);
		assert_non_null(strstr(err, "control.sock: not running? systemctl status limetwigd"));
	}
	assert_string_equal(out, "{\"ok\":false,\"error\":\"limetwigd does not answer\",\"exit\":1}\n");
	assert_int_equal(run("doctor"), CTL_REFUSED);
	assert_non_null(strstr(out, "FAIL  daemon"));
}

static void test_trap_add(void **state)
{
	(void)state;
	assert_int_equal(run("trap add Old1998@Example.org @old.example --tag web"), CTL_DONE);
	assert_string_equal(read_file("traps.d/added.txt"), "old1998@example.org tag=web\n@old.example tag=web\n");
	assert_non_null(strstr(out, "2 added to "));
	assert_non_null(strstr(out, "v=spf1 -all"));
	assert_non_null(strstr(out, "limetwigd does not run"));
	assert_int_equal(run("trap add old1998@example.org"), CTL_REFUSED);
	assert_non_null(strstr(err, "is a trap already"));
	assert_int_equal(run("trap add postmaster@example.org"), CTL_REFUSED);
	assert_non_null(strstr(err, "role address"));
	assert_int_equal(run("trap add nonsense"), CTL_REFUSED);
	assert_int_equal(run("trap add /(old/"), CTL_REFUSED);
	assert_non_null(strstr(err, "parenthesis"));
	assert_null(strstr(read_file("traps.d/added.txt"), "/(old/"));
	assert_int_equal(run("--json trap add x1@example.org --arm"), CTL_DONE);
	assert_non_null(strstr(out, "\"added\":1"));
	assert_non_null(strstr(read_file("traps.d/added.txt"), "x1@example.org state=armed\n"));
}

/* A new file in the folder where one is; one that is read by nobody is said to be so. */
static void test_trap_add_to_a_file(void **state)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), status;

	(void)state;
	assert_true(here >= 0);
	assert_int_equal(chdir(in_dir("traps.d")), 0);
	status = run("trap add here@example.org --file here.txt");
	assert_int_equal(fchdir(here), 0);
	close(here);
	assert_int_equal(status, CTL_DONE);
	assert_string_equal(err, "");
	assert_string_equal(read_file("traps.d/here.txt"), "here@example.org\n");
	assert_int_equal(run("trap add there@example.org --file DIR/there.txt"), CTL_DONE);
	assert_string_equal(read_file("there.txt"), "there@example.org\n");
	assert_non_null(strstr(err, "there.txt is none of the trap files that limetwigd reads"));
}

/* The file that is not named is one that nobody reads: what is not in force is exit status 1. */
static void test_files_that_nobody_reads(void **state)
{
	static const char *const adding[] = { "trap add a@example.org", "trap import DIR/list",
		"spamdb -aT b@example.org", "allow import DIR/clients" };
	char text[700];

	(void)state;
	(void)snprintf(text, sizeof text,
		"traps { files = { \"%s/traps.d/*.list\" } }\nallow { files = { \"%s/traps.d/*.allow\" } }\n"
		"storage { dir = %s/lib run = %s/run }\n",
		dir, dir, dir, dir);
	write_file("limetwig.conf", text);
	write_file("list", "c@example.org\n");
	write_file("clients", "192.0.2.0/24\n");
	for (int i = 0; i < (int)(sizeof adding / sizeof adding[0]); i++) {
		assert_int_equal(run(adding[i]), CTL_REFUSED);
		assert_non_null(strstr(err, "files that limetwigd reads"));
	}
}

/* Where the configuration names files and no folder of them, lines go there: nothing else is read. */
static void test_one_file(void **state)
{
	char text[700];

	(void)state;
	(void)snprintf(text, sizeof text,
		"traps { files = { \"%s/traps\" } }\nallow { files = { \"%s/allow\" } }\n"
		"storage { dir = %s/lib run = %s/run }\n",
		dir, dir, dir, dir);
	write_file("limetwig.conf", text);
	write_file("traps", "a@example.org");
	write_file("list", "b@example.org\n");
	write_file("clients", "192.0.2.0/24\n");
	assert_int_equal(run("trap import DIR/list"), CTL_DONE);
	assert_string_equal(err, "");
	assert_int_equal(run("spamdb -aT c@example.org"), CTL_DONE);
	assert_int_equal(run("trap add d@example.org"), CTL_DONE);
	assert_string_equal(err, "");
	assert_string_equal(read_file("traps"), "a@example.org\nb@example.org\nc@example.org\nd@example.org\n");
	assert_int_equal(run("allow import DIR/clients"), CTL_DONE);
	assert_string_equal(err, "");
	assert_string_equal(read_file("allow"), "192.0.2.0/24\n");
}

static void test_trap_import(void **state)
{
	(void)state;
	write_file(
		"old list.csv", "# old\na@example.org\n\nb@example.org\nnonsense\na@example.org\nabuse@example.org\n");
	write_file("l.txt", "# old\na@example.org\n\nb@example.org\nnonsense\na@example.org\nabuse@example.org\n");
	assert_int_equal(run("trap import DIR/l.txt --tag x"), CTL_DONE);
	assert_string_equal(read_file("traps.d/imported-l.txt"), "a@example.org tag=x\nb@example.org tag=x\n");
	assert_non_null(strstr(err, "l.txt:5: "));
	assert_non_null(strstr(err, "l.txt:7: a role address"));
	assert_null(strstr(err, "example.org"));
	assert_int_equal(run("trap import DIR/l.txt"), CTL_REFUSED);
	assert_string_equal(read_file("traps.d/imported-l.txt"), "a@example.org tag=x\nb@example.org tag=x\n");
	assert_int_equal(run("trap import DIR/nothing.txt"), CTL_REFUSED);
}

/* A map of Postfix: what it would do to the users is said first, and a dry run writes nothing. */
static void test_feed_check(void **state)
{
	(void)state;
	write_file("dirty.txt", "# mine\n198.18.20.0/24 ; x\n198.18.21.0 - 198.18.21.255\n176.221.42.3234.90.93.23\n"
				"10.0.0.1\n0.0.0.0/3\n2a00:1450::/33\n2a00:1450:8000::/33\n");
	assert_int_equal(run("feed check DIR/dirty.txt"), CTL_DONE);
	assert_non_null(strstr(out, "dirty.txt:4: malformed address: 176.221.42.3234.90.93.23\n"));
	assert_non_null(strstr(out, "dirty.txt:5: not addresses of the Internet: 10.0.0.1\n"));
	assert_non_null(strstr(out, "dirty.txt:6: too wide"));
	assert_non_null(strstr(out, "format list: 8 lines, 4 entries (0 to leave out), 3 refused\n"
				    "2 prefixes: 512 IPv4 addresses, 4,294,967,296 IPv6 networks (/64)\n"));
	assert_int_equal(run("feed check DIR/dirty.txt --clean"), CTL_DONE);
	assert_string_equal(out, "198.18.20.0/23\n2a00:1450::/32\n");
	write_file("zone.txt", ":127.0.0.2:x\n198.18.16-31\n!198.18.24-31\n");
	assert_int_equal(run("feed check DIR/zone.txt --from rbldnsd --clean"), CTL_DONE);
	assert_string_equal(out, "198.18.16.0/21\n");
	assert_int_equal(run("feed check DIR/zone.txt --json"), CTL_DONE);
	assert_non_null(strstr(out, "\"prefixes\":1"));
	write_file("none.txt", "<html>gone</html>\n");
	assert_int_equal(run("feed check DIR/none.txt"), CTL_REFUSED);
	assert_int_equal(run("feed check DIR/nowhere.txt"), CTL_REFUSED);
	assert_int_equal(run("feed check DIR/none.txt --from xml"), CTL_USAGE);
}

static void test_feed_check_spamd_conf(void **state)
{
	char text[600];

	(void)state;
	write_file("black.txt", "198.18.20.0/24\n198.18.21.5/24\n198.18/20\n198.18.40.1 10 hits\nbroken\n");
	write_file("white.txt", "198.18.21.0 - 198.18.21.255\n");
	(void)snprintf(text, sizeof text,
		"all:ours:mine:far:\nours:\\\n\t:black:\\\n\t:msg=\"%%A is listed\":\\\n\t:file=%s/black.txt:\n"
		"mine:white:file=%s/white.txt:\nfar:black:msg=\"x\":method=https:file=list.example/x.gz:\n",
		dir, dir);
	write_file("spamd.conf", text);
	assert_int_equal(run("feed check DIR/spamd.conf --from spamd.conf"), CTL_DONE);
	assert_non_null(strstr(out, "black.txt:5: malformed address: broken\n"));
	assert_non_null(strstr(out, "  white mine: 1 entries, 0 refused\n"));
	assert_non_null(strstr(out, "  black far: by https, not read: list.example/x.gz\n"));
	assert_non_null(strstr(out, "ours: 3 prefixes: 4,353 IPv4 addresses, 0 IPv6 networks (/64)\n"));
	assert_non_null(strstr(
		out, "far: 0 prefixes: 0 IPv4 addresses, 0 IPv6 networks (/64); not all of its lists were read\n"));
	assert_int_equal(run("feed check DIR/spamd.conf --from spamd.conf --clean"), CTL_DONE);
	assert_string_equal(out, "198.18.0.0/20\n198.18.20.0/24\n198.18.40.1\n");
	assert_int_equal(run("feed check DIR/spamd.conf --from spamd.conf --json"), CTL_DONE);
	assert_non_null(strstr(out, "\"whole\":false"));
	write_file("spamd.conf", "all:ours:\nours:black:file=/nowhere/x:msg=\"m\":\n");
	assert_int_equal(run("feed check DIR/spamd.conf --from spamd.conf"), CTL_REFUSED);
	write_file("spamd.conf", "all:ours:\n\nours:black:file=/nowhere/x:\n");
	assert_int_equal(run("feed check DIR/spamd.conf --from spamd.conf"), CTL_REFUSED);
	assert_non_null(strstr(err, "spamd.conf:3: ours: a black list needs msg"));
}

static void test_trap_import_access(void **state)
{
	(void)state;
	write_file("access",
		"/spam(master|trap)?\\@.*/i DISCARD spam\n/^dead@example\\.org$/ DISCARD\nann@example.org REJECT\n"
		"live.example DISCARD\nfriend@example.org OK\n/(/ DISCARD\n");
	write_file(
		"users", "antispam: root\nnospam@example.org  target\nann@example.org\n# no\nbob@live.example:x:1\n");
	assert_int_equal(run("trap import --from access --users DIR/users --dry-run DIR/access"), CTL_DONE);
	assert_non_null(strstr(
		err, "access:1: the pattern matches living users: antispam nospam@example.org (2 in all); it counts"));
	assert_non_null(strstr(err, "access:3: is one of the users"));
	assert_non_null(strstr(err, "access:4: users live in this domain"));
	assert_non_null(strstr(err, "access:6: pattern, character"));
	assert_non_null(strstr(err, "1 entries are no traps there either"));
	assert_non_null(strstr(out, "/spam(master|trap)?\\@.*/\ndead@example.org\n2 would be added to "));
	assert_null(read_file("traps.d/imported-access.txt"));
	assert_int_equal(run("trap import --from access --users DIR/users DIR/access --tag old"), CTL_DONE);
	assert_string_equal(read_file("traps.d/imported-access.txt"),
		"/spam(master|trap)?\\@.*/ tag=old\ndead@example.org tag=old\n");
	assert_int_equal(run("trap import --from access DIR/access --users DIR/none"), CTL_REFUSED);
	assert_int_equal(run("trap import --from nonsense DIR/access"), CTL_USAGE);
	assert_int_equal(run("--json trap import --from access DIR/access --dry-run"), CTL_DONE);
	assert_non_null(strstr(out, "\"dry_run\":true"));
	write_file("dump", "INSERT INTO `spamtrap` VALUES ('p@example.org',1),('q@example.org',0);\n");
	assert_int_equal(run("trap import --from policyd DIR/dump"), CTL_DONE);
	assert_string_equal(read_file("traps.d/imported-dump.txt"), "p@example.org\nq@example.org state=watching\n");
}

static void test_allow_import(void **state)
{
	char text[600];

	(void)state;
	(void)snprintf(text, sizeof text,
		"allow { files = { \"%s/traps.d/*.txt\" } }\nstorage { dir = %s/lib run = %s/run }\n", dir, dir, dir);
	write_file("limetwig.conf", text);
	write_file("clients", "192.0.2 OK\n0.0.0.0/1 OK\nexample.org permit\nbad.example REJECT\n192.0.2.0/24 DUNNO\n");
	assert_int_equal(run("allow import --from access --dry-run DIR/clients"), CTL_DONE);
	assert_string_equal(
		err + strlen(err) - strlen("(at least /8, or /19 of IPv6)\n"), "(at least /8, or /19 of IPv6)\n");
	assert_non_null(strstr(out, "192.0.2.0/24\nname:example.org\nname:.example.org\n3 would be added to "));
	assert_null(read_file("traps.d/imported-clients.txt"));
	assert_int_equal(run("allow import --from access DIR/clients"), CTL_DONE);
	assert_string_equal(
		read_file("traps.d/imported-clients.txt"), "192.0.2.0/24\nname:example.org\nname:.example.org\n");
	assert_int_equal(run("--json allow import --from access DIR/clients"), CTL_REFUSED);
	assert_non_null(strstr(out, "\"added\":0,\"there\":4,\"refused\":1,\"others\":1"));
	write_file("white", "WHITE|192.0.2.9|||1|2|3|4|5\nWHITE|192.0.2.8|||1|2|9999999999|4|5\n");
	assert_int_equal(run("allow import --from spamdb DIR/white"), CTL_DONE);
	assert_string_equal(read_file("traps.d/imported-white.txt"), "192.0.2.8\n");
	assert_non_null(strstr(out, "here they stay for good"));
	assert_int_equal(run("allow import --from nonsense DIR/clients"), CTL_USAGE);
	assert_int_equal(run("allow import DIR/nothing"), CTL_REFUSED);
}

/* Only the lines that change, and the file keeps its mode; a link stays a link. */
static void test_trap_change(void **state)
{
	static const char before[] =
		"# mine \r\n\n  a@example.org   tag=x  # keep\r\nbroken line\nb@example.org tag=y\n@c.example tag=x";
	char path[200], link[200];
	struct stat st;

	(void)state;
	write_file("real", before);
	(void)snprintf(path, sizeof path, "%s/real", dir);
	(void)snprintf(link, sizeof link, "%s/traps.d/mine.txt", dir);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(run("trap suspend --tag x"), CTL_DONE);
	assert_non_null(strstr(out, "2 suspended in "));
	assert_string_equal(read_file("real"),
		"# mine \r\n\n  a@example.org   tag=x state=suspended  # keep\r\nbroken line\n"
		"b@example.org tag=y\n@c.example tag=x state=suspended");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0604);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(run("trap remove @C.example"), CTL_DONE);
	assert_int_equal(run("trap retire b@example.org"), CTL_DONE);
	assert_string_equal(read_file("real"),
		"# mine \r\n\n  a@example.org   tag=x state=suspended  # keep\r\nbroken line\n"
		"b@example.org tag=y state=retired\n");
	assert_int_equal(run("trap resume nobody@example.org"), CTL_REFUSED);
	assert_int_equal(run("trap arm --tag nothing"), CTL_REFUSED);
	write_file("traps.d/nolf.txt", "z@example.org");
	assert_int_equal(run("trap add q@example.org --file DIR/traps.d/nolf.txt"), CTL_DONE);
	assert_string_equal(read_file("traps.d/nolf.txt"), "z@example.org\nq@example.org\n");
}

/* Many at one time: every one of them is in the file afterwards. */
static void test_concurrent(void **state)
{
	pid_t pid[8];
	char words[80], *have;

	(void)state;
	for (int i = 0; i < 8; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			for (int k = 0; k < 10; k++) {
				(void)snprintf(words, sizeof words, "trap add c%d-%d@example.org", i, k);
				if (run(words) != CTL_DONE)
					_exit(1);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 8; i++) {
		int status;

		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	have = read_file("traps.d/added.txt");
	for (int i = 0; i < 80; i++) {
		(void)snprintf(words, sizeof words, "c%d-%d@example.org\n", i / 10, i % 10);
		assert_non_null(strstr(have, words));
	}
}

static void test_pattern(void **state)
{
	(void)state;
	write_file("users", "# ours\nantispam@example.org\nanna@example.org box\n");
	assert_int_equal(run("trap test /spam(master|trap)?@/ --users DIR/users"), CTL_REFUSED);
	assert_non_null(strstr(out, "catches  antispam@example.org\n1 of 2 users would be caught"));
	assert_int_equal(run("trap test /^spamtrap@/ --users DIR/users"), CTL_DONE);
	assert_int_equal(run("trap test /(/ --users DIR/users"), CTL_USAGE);
}

/* In a network of its own: the nftables of this host are not touched. */
static void test_off(void **state)
{
	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
		skip();
	assert_int_equal(run("off --note panic"), CTL_DONE);
	assert_non_null(strstr(out, "lib/off written"));
	assert_non_null(strstr(out, "does not run"));
	assert_non_null(strstr(read_file("lib/off"), "panic\n"));
	assert_int_equal(run("off"), CTL_DONE);
	assert_non_null(strstr(out, "was there already"));
	assert_int_equal(run("doctor"), CTL_REFUSED);
	assert_non_null(strstr(out, "limetwig is off"));
	write_file("limetwig.conf", "broken");
	assert_int_equal(run("doctor"), CTL_REFUSED);
	assert_non_null(strstr(out, "FAIL  conf"));
	assert_int_equal(run("reload"), CTL_REFUSED);
	assert_non_null(strstr(err, "limetwig.conf:"));
}

/* In a container without the right to nftables, where backend = none says that there is none of ours. */
static void test_off_without_right(void **state)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	char text[400];
	pid_t pid;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	(void)snprintf(
		text, sizeof text, "storage { dir = %s/lib run = %s/run }\nfirewall { backend = none }\n", dir, dir);
	write_file("none.conf", text);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) != 0 || syscall(SYS_capget, &head, data) != 0)
			_exit(77);
		data[CAP_NET_ADMIN / 32].effective &= ~(1u << CAP_NET_ADMIN % 32);
		if (syscall(SYS_capset, &head, data) != 0)
			_exit(77);
		if (run("off") != CTL_REFUSED || !strstr(err, "our nft table cannot be deleted"))
			_exit(3);
		(void)snprintf(conf_path, sizeof conf_path, "%s/none.conf", dir);
		_exit(run("off") == CTL_DONE ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The flag is the file: on a full disk it is empty, and there. */
static void test_off_on_a_full_disk(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(in_dir("lib"), 0755), 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
			mount("tmpfs", in_dir("lib"), "tmpfs", 0, "size=4k") != 0)
			_exit(77);
		write_file("lib/all", "all of it");
		_exit(run("off") == CTL_DONE && *err == '\0' && read_file("lib/off") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The places of this host are empty, should one of the commands below write after all. */
static bool hide_host(void)
{
	return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/etc", "tmpfs", 0, "size=1m") == 0 &&
	       mount("tmpfs", "/run", "tmpfs", 0, "size=1m") == 0 &&
	       mount("tmpfs", "/var/spool", "tmpfs", 0, "size=1m") == 0 &&
	       mount("tmpfs", "/var/lib", "tmpfs", 0, "size=1m") == 0;
}

/* The defaults are other places than those of a file that cannot be read: nothing is written there. */
static void test_broken_conf(void **state)
{
	static const char *const writing[] = { "trap add x@example.org", "trap import DIR/list", "trap remove --tag x",
		"allow import DIR/list", "db restore DIR/list", "spamdb -aT x@example.org", "uninstall --purge",
		"uninstall", "setup postfix", "setup postfix --revert", "enforce soft" };
	pid_t pid;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	write_file("limetwig.conf", "broken {");
	write_file("list", "192.0.2.0/24\n");
	pid = fork();
	if (pid == 0) {
		if (!hide_host() || mkdir("/var/lib/limetwig", 0755) != 0 ||
			mkdir("/var/lib/limetwig/setup", 0755) != 0 ||
			close(open("/var/lib/limetwig/setup/lock", O_WRONLY | O_CREAT, 0600)) != 0)
			_exit(77);
		for (int i = 0; i < (int)(sizeof writing / sizeof writing[0]); i++)
			if (run(writing[i]) != CTL_REFUSED || !strstr(err, "mend the file"))
				_exit(1 + i);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_in_range(WEXITSTATUS(status), 0, sizeof writing / sizeof writing[0]); /* else the child itself failed */
	if (WEXITSTATUS(status) != 0)
		fail_msg("not refused: %s", writing[WEXITSTATUS(status) - 1]);
}

/* Setup makes that file, and says so in its first line. */
static void test_broken_postfix_conf(void **state)
{
	(void)state;
	write_file("postfix.conf", "broken {");
	assert_int_equal(run("setup postfix"), CTL_REFUSED);
	assert_non_null(strstr(err, "postfix.conf:1"));
	assert_non_null(strstr(err, "may be deleted"));
}

static void test_db(void **state)
{
	(void)state;
	assert_int_equal(run("db check"), CTL_REFUSED);
	assert_int_equal(run("db backup DIR/copy"), CTL_REFUSED);
	assert_null(read_file("copy"));
	assert_null(read_file("copy.part"));
	write_file("copy", "no store");
	assert_int_equal(run("db restore DIR/copy"), CTL_REFUSED);
}

static unsigned renames, renames_fail; /* a bit for each that fails, the first the lowest */

/* In place of libc's. */
int rename(const char *from, const char *to)
{
	if (renames_fail & 1u << renames++) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0u);
}

static bool has_store(const char *name)
{
	char path[300];

	(void)snprintf(path, sizeof path, "%s/data.mdb", in_dir(name));
	return access(path, F_OK) == 0;
}

static int restore(unsigned fails)
{
	int status;

	renames = 0;
	renames_fail = fails;
	status = run("db restore DIR/copy");
	renames_fail = 0;
	return status;
}

/* The store is in its place, or it is said where it is. */
static void test_restore_that_fails(void **state)
{
	struct store *s = NULL;
	char text[300];

	(void)state;
	assert_int_equal(mkdir(in_dir("lib"), 0700), 0);
	(void)snprintf(text, sizeof text, "%s", in_dir("lib/db"));
	assert_int_equal(mkdir(text, 0700), 0);
	assert_int_equal(store_open(text, 64u << 20, &s, (char[300]){ 0 }, 300), ERR_OK);
	store_close(s);
	assert_int_equal(run("db backup DIR/copy"), CTL_DONE);
	for (unsigned fails = 1; fails <= 2; fails++) { /* the first, the second */
		assert_int_equal(restore(fails), CTL_REFUSED);
		assert_non_null(strstr(err, "nothing is changed"));
		assert_true(has_store("lib/db"));
		assert_false(has_store("lib/db.restore"));
	}
	assert_int_equal(restore(2 | 4), CTL_REFUSED); /* and it cannot be taken back */
	assert_non_null(strstr(err, "lib/db.before-restore-"));
	assert_true(has_store("lib/db.restore"));
	assert_false(has_store("lib/db"));
	assert_int_equal(restore(1), CTL_REFUSED); /* where none is there */
	assert_non_null(strstr(err, "nothing is changed"));
	assert_int_equal(restore(0), CTL_DONE);
	assert_true(has_store("lib/db"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = { CASE(test_usage), CASE(test_no_daemon), CASE(test_trap_add),
		CASE(test_trap_add_to_a_file), CASE(test_files_that_nobody_reads), CASE(test_one_file),
		CASE(test_trap_import), CASE(test_trap_change), CASE(test_concurrent), CASE(test_pattern),
		CASE(test_trap_import_access), CASE(test_feed_check), CASE(test_feed_check_spamd_conf),
		CASE(test_allow_import), CASE(test_db), CASE(test_restore_that_fails), CASE(test_off),
		CASE(test_off_without_right), CASE(test_off_on_a_full_disk), CASE(test_broken_conf),
		CASE(test_broken_postfix_conf) };

	return cmocka_run_group_tests_name("ctl", tests, NULL, NULL);
}
