/*
 * attack: what somebody sees who looks for traps from outside: the replies to
 * RCPT and to the final dot, and whether his next session is taken. The real
 * engine answers, in virtual time; the traps are known to this side only.
 *
 * He owns a list of addresses, some of them traps; besides, he knows a few
 * traps already (burnt ones) and one mailbox that is none. All he hears goes
 * into a transcript, without the numbers of cases.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_ATTACK_H
#define TESTS_ATTACK_H
#include "scn.h"

#define ATTACK_ADDRESSES 10000
#define ATTACK_TRAPS 20
#define ATTACK_RECIPIENTS 100 /* of a message, RFC 5321 4.5.3.1.8 */
#define ATTACK_TRANSCRIPT (1u << 20)
#define ATTACK_BURNT 2
#define ATTACK_MAILBOX (-1) /* instead of the number of an address: the mailbox, the burnt traps */
#define ATTACK_BURNT_ONE (-2)
#define ATTACK_BURNT_TWO (-3)

struct attack_world {
	enum conf_riders riders;
	bool is_full;       /* mode; else soft */
	uint64_t seed;      /* which addresses are traps */
	unsigned addresses; /* on his list */
	bool is_clean;      /* the traps are not on his list */
};

/* What he spent, and what he learned for sure. */
struct attack_cost {
	unsigned hosts;    /* fresh addresses that he used */
	unsigned yes;      /* 550 at the dot */
	unsigned blocks;   /* times that a host of his was found blocked anew */
	unsigned messages; /* whole ones */
	unsigned long rcpts;
	unsigned found;
	unsigned days; /* that he waited */
};

struct attack_host {
	struct ipaddr address;
	char text[IPADDR_TEXT];
};

enum attack_heard { ATTACK_TAKEN, ATTACK_DOT, ATTACK_BLOCKED };

/* Between scn_world_setup and scn_world_teardown. */
void attack_begin(const struct attack_world *w);
struct attack_cost *attack_cost(void);
const char *attack_transcript(void);
bool attack_is_trap(int address);

/* A fresh IPv4 /32 or IPv6 /64. */
void attack_host_new(struct attack_host *h);
/* One RCPT in a session of its own; false: refused. */
bool attack_rcpt(const struct attack_host *h, const char *sender, int address);
void attack_vrfy(const struct attack_host *h, int address);
/* Is his next session refused? He asks for the mailbox. */
bool attack_is_blocked(const struct attack_host *h);
/* A whole message. */
enum attack_heard attack_message(const struct attack_host *h, const char *sender, const int *address, unsigned n);
/* The same in two parts, on a line of its own (1 to 7): he may wait between the last RCPT and the dot. */
bool attack_open(const struct attack_host *h, unsigned line, const char *sender, const int *address, unsigned n);
enum attack_heard attack_dot(unsigned line);
void attack_wait(uint64_t seconds);

#endif /* TESTS_ATTACK_H */
