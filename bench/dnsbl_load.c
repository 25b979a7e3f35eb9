/*
 * dnsbl_load: questions to a DNS server, so many under way on each of some
 * sockets; half of the addresses are in a list of LISTED, half are not.
 *     dnsbl_load PORT ZONE LISTED SECONDS [SOCKETS [UNDER_WAY]]
 * Prints: questions a second, p50 and p99 in us, the longest time without any
 * answer in us, lost (no answer within LOST_US), wrong (with LISTED > 0).
 * SPDX-License-Identifier: ISC
 */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dnsbl_address.h"

#define SOCKETS_MAX 64
#define WAY_MAX 256
#define PACKET 300
#define LOST_US 500000u
#define BUCKETS 100000u /* of a us */
#define HEAD 12

struct slot {
	uint64_t sent_us; /* 0: free */
	uint16_t number;
	uint8_t is_listed;
};

struct sock {
	int fd;
	struct slot slot[WAY_MAX];
};

static struct {
	uint8_t zone[256];
	size_t zone_n;
	uint32_t listed, asked;
	unsigned sockets, way;
	struct sock sock[SOCKETS_MAX];
	uint64_t done, lost, wrong, last_us, gap_us;
	uint32_t bucket[BUCKETS + 1];
} load;

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void take_zone(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, ".");

		load.zone[load.zone_n++] = (uint8_t)n;
		memcpy(load.zone + load.zone_n, text, n);
		load.zone_n += n;
		text += n + (text[n] == '.');
	}
	load.zone[load.zone_n++] = 0;
}

static size_t put_number(uint8_t *to, uint32_t v)
{
	char text[8];
	int n = snprintf(text, sizeof text, "%u", v & 255);

	to[0] = (uint8_t)n;
	memcpy(to + 1, text, (size_t)n);
	return 1 + (size_t)n;
}

static size_t make(uint8_t to[PACKET], uint16_t id, uint32_t address)
{
	static const uint8_t head[HEAD] = { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1 };
	static const uint8_t tail[] = { 0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0 };
	size_t n = HEAD;

	memcpy(to, head, HEAD);
	to[0] = (uint8_t)(id >> 8);
	to[1] = (uint8_t)id;
	for (unsigned i = 0; i < 4; i++)
		n += put_number(to + n, address >> 8 * i);
	memcpy(to + n, load.zone, load.zone_n);
	n += load.zone_n;
	memcpy(to + n, tail, sizeof tail);
	return n + sizeof tail;
}

/* A new question in this place; its number says so in the high byte, so that an answer that comes late is none. */
static void ask(struct sock *s, unsigned i)
{
	struct slot *slot = &s->slot[i];
	uint32_t n = load.asked++, which = dnsbl_mix(n);
	uint8_t packet[PACKET];

	slot->is_listed = n & 1;
	slot->number++;
	slot->sent_us = now_us();
	which = load.listed ? which % load.listed + (slot->is_listed ? 0 : load.listed) : which;
	n = (uint32_t)make(packet, (uint16_t)((unsigned)slot->number << 8 | i), dnsbl_address(which));
	if (send(s->fd, packet, n, 0) < 0 && errno != EAGAIN && errno != ECONNREFUSED)
		err(1, "send");
}

static void take(struct sock *s, const uint8_t *p, ssize_t n, uint64_t now)
{
	struct slot *slot = n < HEAD ? NULL : &s->slot[p[1]];
	uint64_t took;

	if (!slot || p[1] >= load.way || p[0] != (uint8_t)slot->number || !slot->sent_us)
		return;
	took = now - slot->sent_us;
	load.bucket[took < BUCKETS ? took : BUCKETS]++;
	load.done++;
	if (load.last_us && now - load.last_us > load.gap_us)
		load.gap_us = now - load.last_us;
	load.last_us = now;
	load.wrong += load.listed && (p[7] != 0) != slot->is_listed;
	ask(s, p[1]);
}

static void read_all(struct sock *s)
{
	uint8_t p[2048];
	ssize_t n;

	while ((n = recv(s->fd, p, sizeof p, MSG_DONTWAIT)) >= 0)
		take(s, p, n, now_us());
}

static void look_for_lost(uint64_t now)
{
	for (unsigned k = 0; k < load.sockets; k++)
		for (unsigned i = 0; i < load.way; i++)
			if (now - load.sock[k].slot[i].sent_us > LOST_US) {
				load.lost++;
				ask(&load.sock[k], i);
			}
}

static void open_all(int ep, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int size = 1 << 20;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned k = 0; k < load.sockets; k++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = k };
		struct sock *s = &load.sock[k];

		s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
		if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&a, sizeof a) != 0 ||
			epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &e) != 0)
			err(1, "socket");
	}
}

static unsigned percentile(double part)
{
	uint64_t left = (uint64_t)((double)load.done * part);
	unsigned i = 0;

	while (i < BUCKETS && left >= load.bucket[i])
		left -= load.bucket[i++];
	return i;
}

int main(int argc, char **argv)
{
	uint64_t begun, end, looked;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (argc < 5)
		errx(2, "usage: dnsbl_load PORT ZONE LISTED SECONDS [SOCKETS [UNDER_WAY]]");
	take_zone(argv[2]);
	load.listed = (uint32_t)strtoul(argv[3], NULL, 10);
	load.sockets = argc > 5 ? (unsigned)atoi(argv[5]) : 4;
	load.way = argc > 6 ? (unsigned)atoi(argv[6]) : 64;
	if (load.sockets > SOCKETS_MAX || load.way > WAY_MAX)
		errx(2, "too many");
	open_all(ep, (uint16_t)atoi(argv[1]));
	begun = looked = now_us();
	end = begun + (uint64_t)(strtod(argv[4], NULL) * 1e6);
	for (unsigned k = 0; k < load.sockets; k++)
		for (unsigned i = 0; i < load.way; i++)
			ask(&load.sock[k], i);
	while (now_us() < end) {
		struct epoll_event e[SOCKETS_MAX];
		int n = epoll_wait(ep, e, SOCKETS_MAX, 10);

		for (int i = 0; i < n; i++)
			read_all(&load.sock[e[i].data.u32]);
		if (now_us() - looked > LOST_US / 4) {
			looked = now_us();
			look_for_lost(looked);
		}
	}
	(void)printf("%.0f %u %u %llu %llu %llu\n", (double)load.done * 1e6 / (double)(now_us() - begun),
		percentile(0.5), percentile(0.99), (unsigned long long)load.gap_us, (unsigned long long)load.lost,
		(unsigned long long)load.wrong);
	return 0;
}
