/*
 * dnsbl_give: the role dnsbl, alone, with a feed of so many addresses, given to
 * it as the engine does it. It listens on 127.0.0.1:PORT, UDP and TCP.
 *     dnsbl_give PORT ZONE ADDRESSES
 * PORT 0: it prints the addresses, one a line, and ends.
 * A line on standard output when it serves: the process id of the role. On
 * standard input: "prepare" makes a new set of the same size, "swap" gives it
 * (answered with the microseconds of giving), "block ADDRESS" and "unblock ADDRESS" change a block.
 * SPDX-License-Identifier: ISC
 */
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/block_index.h"
#include "core/feed_area.h"
#include "dnsbl_address.h"
#include "io/area_memory.h"
#include "io/conf_file.h"
#include "role/role_host.h"

#define DAY_S 86400u
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static struct {
	struct loop *loop;
	struct channel *parent, *engine;
	struct block_share share;
	struct area_memory memory;
	pid_t pid;
	bool is_ready;
	uint32_t addresses;
	int prepared, given, gone; /* sets: the next one, the one that acts, the one before */
	char line[256];
	size_t line_n;
} give = { .gone = -1 };

static void on_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	(void)peer;
	(void)body;
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
	if (t == MSG_READY)
		give.is_ready = true;
}

static void on_closed(void *ctx, enum role peer)
{
	(void)ctx;
	(void)peer;
	loop_stop(give.loop);
}

static void send_one(struct channel *c, const struct wr *w, int fd)
{
	if (channel_send(c, w, &fd, fd >= 0) != ERR_OK)
		errx(1, "the role does not listen");
	if (fd >= 0)
		(void)close(fd);
}

static void say(struct channel *c, enum message_type t, int which, int fd)
{
	uint8_t bytes[2] = { (uint8_t)t, (uint8_t)which };
	struct wr w = { .p = bytes, .n = which ? 2 : 1, .size = 2 };

	send_one(c, &w, fd);
}

static int conf_memory(const char *zone)
{
	static struct conf c;
	struct buf text;
	int fd = memfd_create("conf", MFD_CLOEXEC);

	conf_defaults(&c);
	(void)snprintf(c.dnsbl.zone, sizeof c.dnsbl.zone, "%s", zone);
	buf_init(&text, 2 * CONF_FILE_MAX);
	if (conf_print(&c, &text) != ERR_OK || write(fd, text.p, text.n) != (ssize_t)text.n)
		errx(1, "no configuration");
	buf_done(&text);
	return fd;
}

static int listener(uint16_t port, int type)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, size = 4 << 20;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || (type == SOCK_STREAM && listen(fd, 64) != 0))
		err(1, "port %u", port);
	return fd;
}

static int feed_memory(uint32_t addresses)
{
	struct prefix_set s = { 0 };
	size_t n;
	void *map;
	int fd = memfd_create("feed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	for (uint32_t i = 0; i < addresses; i++) {
		uint32_t v = dnsbl_address(i);
		struct ipaddr a = { .family = 4,
			.b = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v } };

		if (prefix_set_add_range(&s, &a, &a, false) != ERR_OK)
			errx(1, "no memory");
	}
	if (prefix_set_seal(&s) != ERR_OK)
		errx(1, "no memory");
	n = feed_area_bytes(&s);
	map = ftruncate(fd, (off_t)n) == 0 ? mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (map == MAP_FAILED)
		err(1, "memory");
	feed_area_write(&s, map);
	(void)munmap(map, n);
	prefix_set_done(&s);
	if (fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		err(1, "seals");
	return fd;
}

static const struct msg_feed_give list = {
	.use = FEED_USE_LIST, .layers = FEED_LAYER_DNSBL, .code = 3, .name = "bench"
};

static void give_set(const struct msg_feed_give *m, int fd)
{
	uint8_t bytes[64];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_feed_give(&w, MSG_FEED_GIVE, m);
	send_one(give.engine, &w, fd);
}

static void give_blocks(void)
{
	static const uint8_t key[SIPHASH_KEY] = "dnsbl_give bench";

	if (area_memory_make_blocks(block_share_bytes(16), &give.memory) != ERR_OK)
		err(1, "memory");
	block_share_init(&give.share, give.memory.map, 16, key);
	say(give.engine, MSG_BLOCKS, 0, dup(give.memory.fd));
}

static void change(const char *address, bool is_block)
{
	struct block_entry e = { .code = 554, .until = (uint32_t)clock_wall_s() + DAY_S, .case_id = "ABCD-EFGH" };

	if (prefix_parse(slice_str(address), &e.subject) != ERR_OK)
		errx(2, "%s is no address", address);
	if (is_block)
		block_share_put(&give.share, &e);
	else
		block_share_del(&give.share, &e.subject);
}

/* As the role feed does it: aside, and giving way to who answers. */
static void prepare(void)
{
	role_host_give_way();
	if (give.gone >= 0)
		(void)close(give.gone); /* the role feed, too, closes a set later than who answers */
	give.prepared = feed_memory(give.addresses);
	(void)puts("prepared");
	(void)fflush(stdout);
}

static void swap(void)
{
	uint64_t begun = clock_mono_us();

	give.gone = give.given;
	give.given = dup(give.prepared);
	give_set(&list, give.prepared);
	(void)printf("%llu\n", (unsigned long long)(clock_mono_us() - begun));
	(void)fflush(stdout);
}

static void on_input(int fd, unsigned what, void *ctx)
{
	ssize_t n = read(fd, give.line + give.line_n, sizeof give.line - give.line_n - 1);
	char *end;

	(void)what;
	(void)ctx;
	if (n <= 0) {
		loop_stop(give.loop);
		return;
	}
	give.line_n += (size_t)n;
	give.line[give.line_n] = '\0';
	end = strchr(give.line, '\n');
	if (!end)
		return;
	*end = '\0';
	if (strcmp(give.line, "prepare") == 0)
		prepare();
	else if (strcmp(give.line, "swap") == 0)
		swap();
	else if (strncmp(give.line, "block ", 6) == 0)
		change(give.line + 6, true);
	else if (strncmp(give.line, "unblock ", 8) == 0)
		change(give.line + 8, false);
	give.line_n = 0;
}

static void print_list(void)
{
	for (uint32_t i = 0; i < give.addresses; i++) {
		uint32_t v = dnsbl_address(i);

		(void)printf("%u.%u.%u.%u\n", v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255);
	}
}

static void start(const char *zone, uint16_t port)
{
	int pair[2], link[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, link) != 0)
		err(1, "socketpair");
	give.pid = fork();
	if (give.pid == 0) {
		(void)dup2(pair[1], ROLE_FD_PARENT);
		(void)close_range(ROLE_FD_PARENT + 1, ~0u, 0);
		_exit(role_host_run(ROLE_DNSBL, &dnsbl_ops, NULL));
	}
	(void)close(pair[1]);
	give.loop = loop_new();
	give.parent = channel_new(give.loop, pair[0], ROLE_PARENT, ROLE_DNSBL, on_message, on_closed, NULL);
	give.engine = channel_new(give.loop, link[0], ROLE_ENGINE, ROLE_DNSBL, on_message, on_closed, NULL);
	if (!give.parent || !give.engine || !loop_fd(give.loop, STDIN_FILENO, LOOP_READ, on_input, NULL))
		errx(1, "no memory");
	say(give.parent, MSG_CONFIG, 0, conf_memory(zone));
	say(give.parent, MSG_LISTENER, LISTENER_DNS_UDP, listener(port, SOCK_DGRAM));
	say(give.parent, MSG_LISTENER, LISTENER_DNS_TCP, listener(port, SOCK_STREAM));
	say(give.parent, MSG_LINK, ROLE_ENGINE, link[1]);
	say(give.parent, MSG_START, 0, -1);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(2, "usage: dnsbl_give PORT ZONE ADDRESSES");
	give.addresses = (uint32_t)strtoul(argv[3], NULL, 10);
	if (atoi(argv[1]) == 0) {
		print_list();
		return 0;
	}
	start(argv[2], (uint16_t)atoi(argv[1]));
	say(give.engine, MSG_ACTING, 1, -1);
	give_set(&(struct msg_feed_give){ .use = FEED_USE_HOLES, .code = 2 }, feed_memory(0));
	give_blocks();
	if (give.addresses) {
		give.given = feed_memory(give.addresses);
		give_set(&list, dup(give.given));
	}
	(void)printf("%d\n", (int)give.pid);
	(void)fflush(stdout);
	(void)loop_run(give.loop);
	(void)kill(give.pid, SIGTERM);
	return 0;
}
