/*
 * test_engine_feed_give: the sets themselves: which are taken, which are refused,
 * and what of them goes on to the zone and to the shared list of blocks.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/resource.h>

#include "core/block_share.h"
#include "engine_feed_rig.h"
#include "role/engine_feed.h"

/* What the shared list of blocks says of each cause. */
static struct area_memory shared = { .fd = -1 };
static struct block_view view;

static void on_blocks(int fd)
{
	area_memory_close(&shared);
	assert_int_equal(area_memory_open_blocks(fd, &shared, &view), ERR_OK);
}

static bool has_shared(void *ctx)
{
	(void)ctx;
	return shared.map != NULL;
}

static unsigned flags_of(const char *client)
{
	struct block_entry b;
	struct ipaddr a;

	rig_address(client, &a);
	assert_true(block_view_find(&view, &a, clock_wall_s(), &b));
	return b.flags & ~(unsigned)BLOCK_FIREWALL;
}

static void assert_flags(void)
{
	assert_true(rig_wait(has_shared, NULL));
	assert_int_equal(flags_of("192.0.2.1"), 0);
	assert_int_equal(flags_of("192.0.2.2"), BLOCK_BY_PERSON);
	assert_int_equal(flags_of("192.0.2.3"), BLOCK_BY_FEED | BLOCK_HOLD | BLOCK_NO_FIREWALL | BLOCK_NO_EXPORT);
	area_memory_close(&shared);
	shared = AREA_MEMORY_NONE;
}

static void test_causes_in_the_shared_list(void **state)
{
	struct conf_feed *f = &rig.host.conf.feed[0];

	(void)state;
	rig.on_blocks = on_blocks;
	f->action = FEED_ACTION_TARPIT;
	(void)snprintf(f->layers, sizeof f->layers, "policy dnsbl");
	start();
	rig_enforce("full");
	assert_int_equal(rig_message("192.0.2.1", "M1", "a@s.example", TRAP1), HIT_STORED);
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.2\",\"seconds\":3600}");
	give_set("drop", FEED_ACTION_TARPIT, FEED_LAYER_POLICY | FEED_LAYER_DNSBL, "192.0.2.3");
	assert_true(is_refused("192.0.2.3"));
	assert_flags();
	rig_restart(); /* the set is not there yet: the configuration tells */
	assert_flags();
}

static bool has_holes(void *ctx)
{
	return seen.holes >= *(const unsigned *)ctx;
}

static bool is_hole(const char *client)
{
	struct ipaddr a;

	rig_address(client, &a);
	return feed_area_find(&seen.hole_area, &a, NULL);
}

static bool has_hole(void *ctx)
{
	return is_hole(ctx);
}

static void wait_hole(const char *client)
{
	char text[40];

	(void)snprintf(text, sizeof text, "%s", client);
	assert_true(rig_wait(has_hole, text));
}

static void test_gives(void **state)
{
	unsigned one = 1;

	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "192.0.2.128/26\n");
	start();
	assert_int_equal(seen.acting, 0);
	assert_true(rig_wait(has_holes, &one));
	assert_true(seen.are_holes_first);
	wait_hole("192.0.2.130");
	assert_false(is_hole("192.0.2.1"));
	give_set("drop", FEED_ACTION_LIST, FEED_LAYER_DNSBL, "192.0.2.0/24");
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	assert_int_equal(seen.lists, 1);
	assert_string_equal(seen.give.name, "drop");
	assert_int_equal(seen.give.code, 3);
	give_set("nice", FEED_ACTION_ALLOW, FEED_LAYER_POLICY, "192.0.2.1");
	wait_hole("192.0.2.1");
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.9\"}");
	wait_hole("192.0.2.9");
	seen.lists = seen.holes = 0;
	rig_unlink(ROLE_DNSBL);
	rig_link(ROLE_DNSBL);
	assert_true(rig_wait(has_holes, &one));
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	assert_int_equal(seen.lists, 1);
	seen.gone = 0;
	send_state("", 0, FEED_NEVER);
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	assert_true(seen.gone > 0);
}

/* What an engine lists that does not know all yet whom it spares, a zone would tell the world. */
static void test_holes_wait_for_files(void **state)
{
	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "192.0.2.7\n");
	start_without_files();
	send_state("drop", 2, FEED_OK);
	give_set("drop", FEED_ACTION_LIST, FEED_LAYER_DNSBL, "192.0.2.0/24");
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.9\"}");
	send_files();
	assert_int_equal(engine_feed_holes_fd(rig.host.ctx), -1); /* limetwig export asks */
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	assert_int_equal(seen.holes + seen.lists, 0);
	send_state_of("nice", 2, FEED_OK, FEED_ACTION_ALLOW, clock_wall_s());
	give_set("nice", FEED_ACTION_ALLOW, FEED_LAYER_POLICY, "192.0.2.8");
	assert_true(rig_wait(has_holes, &(unsigned){ 1 }));
	assert_true(is_hole("192.0.2.7"));
	assert_true(is_hole("192.0.2.8"));
	assert_true(is_hole("192.0.2.9"));
}

static bool is_publish_acting(void *ctx)
{
	(void)ctx;
	return seen.publish_acting == 1;
}

static void wait_lists(unsigned n)
{
	assert_true(rig_wait(is_publish_acting, NULL));
	assert_int_equal(seen.lists_when_told, n);
}

/* After a restart what is written elsewhere stays as it is until all is there again that was in it. */
static void test_publish_waits_for_the_sets(void **state)
{
	uint64_t good = clock_wall_s();

	(void)state;
	start();
	rig_enforce("full");
	wait_lists(1); /* the holes */
	rig_stop();
	seen.publish_acting = -1;
	seen.publish_lists = 0;
	rig_start();
	send_state_of("drop", 2, FEED_OK, FEED_ACTION_LIST, good);
	send_state_of("zone", 2, FEED_OK, FEED_ACTION_LIST, good);
	give_set("drop", FEED_ACTION_LIST, ALL_LAYERS, "192.0.2.0/24");
	assert_true(rig_wait(is_ready, NULL));
	assert_true(rig_wait(has_holes, &(unsigned){ 1 }));
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	assert_int_equal(seen.publish_acting, -1);
	give_set("zone", FEED_ACTION_LIST, ALL_LAYERS, "203.0.113.0/24");
	wait_lists(3);
	/* a role that comes later */
	seen.publish_acting = -1;
	seen.publish_lists = 0;
	rig_unlink(ROLE_PUBLISH);
	rig_link(ROLE_PUBLISH);
	wait_lists(3);
}

/* That nothing acts it hears at once; and a set that cannot be had is waited for no longer than a minute. */
static void test_publish_waits_a_minute(void **state)
{
	struct engine *e;

	(void)state;
	rig_start();
	send_state_of("drop", 1, FEED_OK, FEED_ACTION_LIST, clock_wall_s());
	assert_true(rig_wait(is_ready, NULL));
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	assert_int_equal(seen.publish_acting, 0);
	rig_enforce("full");
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	assert_int_equal(seen.publish_acting, 0);
	e = rig.host.ctx;
	e->clock_start_ms -= 60000;
	engine_feed_ready(e);
	wait_lists(1);
}

/* No descriptor for them at one moment: a minute later there may be one. */
static void test_holes_that_could_not_be_made(void **state)
{
	struct rlimit most, few;
	struct engine *e;
	unsigned more;
	char *log;

	(void)state;
	start();
	e = rig.host.ctx;
	give_set("nice", FEED_ACTION_ALLOW, FEED_LAYER_POLICY, "192.0.2.1");
	wait_hole("192.0.2.1");
	more = seen.holes + 1;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &most), 0);
	few = (struct rlimit){ 3, most.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	engine_feed_holes_changed(e);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &most), 0);
	log = rig_log();
	assert_non_null(strstr(log, "no memory, descriptor or thread"));
	free(log);
	engine_feed_tick(e, 60);
	assert_true(rig_wait(has_holes, &more));
}

static bool are_told_gone(void *ctx)
{
	return seen.gone_at == *(const uint64_t *)ctx;
}

/* A zone that outlived the engine forgets the feeds that are no longer there, and not before their names are known. */
static void test_what_has_gone_meanwhile(void **state)
{
	uint64_t but_one = ~UINT64_C(1), none = 0;

	(void)state;
	start();
	rig_enforce("full");
	give_set("drop", FEED_ACTION_LIST, FEED_LAYER_DNSBL, "192.0.2.0/24");
	seen.gone_at = 0;
	rig_restart();
	assert_true(are_told_gone(&none));
	give_set("drop", FEED_ACTION_LIST, FEED_LAYER_DNSBL, "192.0.2.0/24");
	assert_true(are_told_gone(&none));
	send_state("drop", 1, FEED_OK);
	assert_true(rig_wait(are_told_gone, &but_one));
	/* without any feed it knows at once */
	seen.gone_at = 0;
	rig.host.conf.feed_count = 0;
	rig_restart();
	but_one = UINT64_MAX;
	assert_true(rig_wait(are_told_gone, &but_one));
}

/* As rig_area makes it, but its maker can write it still. */
static int open_area(void)
{
	int sealed = rig_area("192.0.2.0/25"), fd = memfd_create("rig", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t bytes[4096];
	ssize_t n = pread(sealed, bytes, sizeof bytes, 0);

	assert_true(n > 0 && n < (ssize_t)sizeof bytes);
	assert_int_equal(write(fd, bytes, (size_t)n), n);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE), 0);
	(void)close(sealed);
	return fd;
}

/* What is no area, could be taken away under us, or changed once it is counted, is refused and changes nothing. */
static void test_a_hostile_set(void **state)
{
	char bytes[4096];
	int fd;

	(void)state;
	start();
	rig_enforce("full");
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	memset(bytes, 'x', sizeof bytes - 1);
	bytes[sizeof bytes - 1] = '\0';
	send_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, rig_memfd(bytes));
	assert_int_equal(seen.last.result, FEED_BAD);
	fd = memfd_create("rig", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(write(fd, bytes, 20), 20);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	send_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, fd);
	assert_int_equal(seen.last.result, FEED_BAD);
	send_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, open_area());
	assert_int_equal(seen.last.result, FEED_BAD);
	assert_true(is_refused("192.0.2.207"));
}

/* A list at hand: counted, not taken. */
static void test_trial(void **state)
{
	struct iovec v = { (void *)(uintptr_t) "{\"cmd\":\"feed_test\"}\n", 20 };
	char room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd, area = rig_area("192.0.2.0/24");
	struct buf in;
	json_t *j;

	(void)state;
	start();
	rig_enforce("full");
	good_mail("192.0.2.7");
	fd = rig_connect("control");
	v.iov_len = strlen(v.iov_base);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof area);
	memcpy(CMSG_DATA(c), &area, sizeof area);
	assert_int_equal(sendmsg(fd, &m, 0), (ssize_t)v.iov_len);
	buf_init(&in, 65536);
	assert_true(rig_read(fd, "\n", &in));
	j = json_loadb(in.p, in.n, 0, NULL);
	buf_done(&in);
	assert_true(json_is_true(json_object_get(j, "ok")));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json_object_get(j, "collateral"), "good"), "count")),
		1);
	assert_false(json_is_true(json_object_get(j, "held")));
	json_decref(j);
	(void)close(fd);
	(void)close(area);
	assert_false(is_refused("192.0.2.9"));
	j = rig_call("{\"cmd\":\"feed_test\"}");
	assert_false(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_causes_in_the_shared_list),
		TEST(test_gives),
		TEST(test_holes_wait_for_files),
		TEST(test_publish_waits_for_the_sets),
		TEST(test_publish_waits_a_minute),
		TEST(test_holes_that_could_not_be_made),
		TEST(test_what_has_gone_meanwhile),
		TEST(test_a_hostile_set),
		TEST(test_trial),
	};

	cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
