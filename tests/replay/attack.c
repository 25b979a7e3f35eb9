/*
 * attack: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "attack.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINES 8
#define REPLY 400

struct session {
	const struct attack_host *host;
	char sender[96];
	unsigned instance, n;
	int address[ATTACK_RECIPIENTS];
};

static struct {
	struct attack_world world;
	struct attack_cost cost;
	bool is_trap[ATTACK_ADDRESSES];
	struct session session[LINES];
	unsigned instance, queue;
	char transcript[ATTACK_TRANSCRIPT];
	size_t said;
	char last[REPLY];
	unsigned times; /* the last reply was heard */
} attack;

struct attack_cost *attack_cost(void)
{
	return &attack.cost;
}

/* ---- the transcript */

static void add(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(attack.transcript + attack.said, sizeof attack.transcript - attack.said, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof attack.transcript - attack.said)
		abort(); /* a strategy that says more than can be compared proves nothing */
	attack.said += (size_t)n;
}

static void end_line(void)
{
	if (attack.times)
		add("%s x%u\n", attack.last, attack.times);
	attack.times = 0;
}

/* What was heard, the number of the case made the same; replies that repeat are one line. */
static void hear(const char *reply)
{
	char text[REPLY], *id;

	(void)snprintf(text, sizeof text, "%s", reply);
	id = strstr(text, "Case ");
	for (char *p = id ? id + 5 : NULL; p && *p && *p != '.'; p++)
		*p = 'x';
	if (attack.times && strcmp(text, attack.last) == 0) {
		attack.times++;
		return;
	}
	end_line();
	memcpy(attack.last, text, sizeof attack.last);
	attack.times = 1;
}

const char *attack_transcript(void)
{
	end_line();
	return attack.transcript;
}

/* ---- the world */

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static void name_of(int address, char to[96])
{
	if (address >= 0)
		(void)snprintf(to, 96, "a%05d@example.org", address);
	else if (address == ATTACK_MAILBOX)
		(void)snprintf(to, 96, "mailbox@example.org");
	else
		(void)snprintf(to, 96, "burnt%d@example.org", -address);
}

static void add_trap(const char *name)
{
	if (!scn_world_add_trap(name))
		abort();
}

static void choose_traps(const struct attack_world *w)
{
	uint64_t seed = w->seed;
	char name[96];

	for (int i = 0; i < ATTACK_BURNT; i++) {
		name_of(ATTACK_BURNT_ONE - i, name);
		add_trap(name);
	}
	for (unsigned n = 0; n < ATTACK_TRAPS;) {
		unsigned i = (unsigned)(next_random(&seed) % w->addresses);

		if (attack.is_trap[i])
			continue;
		attack.is_trap[i] = true;
		n++;
		if (w->is_clean)
			(void)snprintf(name, sizeof name, "elsewhere%u@example.org", n);
		else
			name_of((int)i, name);
		add_trap(name);
	}
	if (w->is_clean)
		memset(attack.is_trap, 0, sizeof attack.is_trap);
}

void attack_begin(const struct attack_world *w)
{
	const char *error = "";
	struct conf *c = scn_world_conf();
	json_t *j;

	memset(&attack, 0, sizeof attack);
	attack.world = *w;
	c->traps.riders = w->riders;
	(void)snprintf(c->postfix.handback, sizeof c->postfix.handback, "limetwig-back");
	c->block.jitter = 0; /* chance differs from world to world; the end of a block must not */
	choose_traps(w);
	scn_world_start();
	j = scn_world_command(
		json_pack("{s:s, s:s, s:b}", "cmd", "enforce", "mode", w->is_full ? "full" : "soft", "force", 1),
		&error);
	if (!j)
		abort();
	json_decref(j);
}

bool attack_is_trap(int address)
{
	return address < ATTACK_MAILBOX || (address >= 0 && attack.is_trap[address]);
}

void attack_host_new(struct attack_host *h)
{
	char text[64];
	unsigned n = attack.cost.hosts++;

	(void)snprintf(text, sizeof text, "%s+%u", n % 2 ? "2001:db8:7::/64" : "198.18.0.0", n / 2);
	if (!scn_address(text, &h->address))
		abort();
	(void)ipaddr_format(&h->address, h->text);
}

/* The kernel answers; it lets an element go when the block ends. */
static bool is_closed(const struct attack_host *h)
{
	struct block_entry b;

	return attack.world.is_full && scn_world_is_in_firewall(&h->address) &&
	       block_index_find(&scn_world_engine()->blocks, &h->address, scn_clock_now(), &b);
}

/* ---- sessions */

static const char *ask(const struct session *s, const char *phase, const char *more)
{
	char request[2048];

	(void)snprintf(request, sizeof request,
		"request=smtpd_access_policy\nprotocol_state=%s\nprotocol_name=ESMTP\nclient_address=%s\n"
		"client_name=unknown\nhelo_name=win\nserver_address=192.0.2.250\nserver_port=25\nsender=%s\n"
		"instance=a%u.0\n%s\n",
		phase, s->host->text, strcmp(s->sender, "<>") == 0 ? "" : s->sender, s->instance, more);
	return scn_world_ask(request);
}

static void begin(struct session *s, const struct attack_host *h, const char *sender)
{
	*s = (struct session){ .host = h, .instance = ++attack.instance };
	(void)snprintf(s->sender, sizeof s->sender, "%s", sender);
}

static bool say_rcpt(struct session *s, int address)
{
	char name[96], more[160];
	const char *reply;
	bool is_taken;

	name_of(address, name);
	(void)snprintf(more, sizeof more, "recipient=%s\n", name);
	attack.cost.rcpts++;
	reply = ask(s, "RCPT", more);
	is_taken = strncmp(reply, "DUNNO", 5) == 0;
	hear(is_taken ? "250 2.1.5 Ok" : reply);
	if (is_taken && s->n < ATTACK_RECIPIENTS)
		s->address[s->n++] = address;
	return is_taken;
}

bool attack_rcpt(const struct attack_host *h, const char *sender, int address)
{
	struct session s;

	if (is_closed(h)) {
		hear("connection refused");
		return false;
	}
	begin(&s, h, sender);
	return say_rcpt(&s, address);
}

void attack_vrfy(const struct attack_host *h, int address)
{
	char name[96], more[160];
	struct session s;

	if (is_closed(h)) {
		hear("connection refused");
		return;
	}
	begin(&s, h, "");
	name_of(address, name);
	(void)snprintf(more, sizeof more, "recipient=%s\n", name);
	hear(ask(&s, "VRFY", more));
}

bool attack_is_blocked(const struct attack_host *h)
{
	return !attack_rcpt(h, "who@attack.example", ATTACK_MAILBOX);
}

/* ---- whole messages */

/* The copy of a trap comes to capture (its content is spam). */
static void deliver(const struct session *s, const char *queue_id)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct msg_hit h = { .time = scn_clock_now(),
			.client = s->host->address,
			.grade = GRADE_CONFIRMED,
			.port = 40000,
			.size = 2000 };

		if (!attack_is_trap(s->address[i]))
			continue;
		name_of(s->address[i], h.trap);
		(void)snprintf(h.orcpt, sizeof h.orcpt, "%s", h.trap);
		(void)snprintf(h.sender, sizeof h.sender, "%s", strcmp(s->sender, "<>") == 0 ? "" : s->sender);
		(void)snprintf(h.helo, sizeof h.helo, "win");
		(void)snprintf(h.queue_id, sizeof h.queue_id, "%s", queue_id);
		(void)snprintf(h.message_id, sizeof h.message_id, "<%s@attack.example>", queue_id);
		(void)snprintf(h.corpus_id, sizeof h.corpus_id, "c%s.%u", queue_id, i);
		scn_world_hit(&h);
	}
}

static enum attack_heard say_dot(const struct session *s)
{
	char more[160], queue_id[32];
	const char *reply;

	attack.cost.messages++;
	(void)snprintf(queue_id, sizeof queue_id, "4A%u", ++attack.queue);
	(void)snprintf(more, sizeof more, "recipient_count=%u\nqueue_id=%s\nsize=1234\n", s->n, queue_id);
	reply = ask(s, "END-OF-MESSAGE", more);
	if (strncmp(reply, "DUNNO", 5) != 0 && strncmp(reply, "FILTER", 6) != 0) {
		hear(reply);
		attack.cost.yes++;
		return ATTACK_DOT;
	}
	hear("250 2.0.0 Ok: queued");
	deliver(s, queue_id);
	return ATTACK_TAKEN;
}

bool attack_open(const struct attack_host *h, unsigned line, const char *sender, const int *address, unsigned n)
{
	struct session *s = &attack.session[line];
	bool is_taken = !is_closed(h);

	begin(s, h, sender);
	scn_world_line(line);
	for (unsigned i = 0; i < n && is_taken; i++)
		is_taken = say_rcpt(s, address[i]);
	scn_world_line(0);
	if (!is_taken)
		hear("not taken");
	return is_taken;
}

enum attack_heard attack_dot(unsigned line)
{
	enum attack_heard heard;

	scn_world_line(line);
	heard = say_dot(&attack.session[line]);
	scn_world_line(0);
	return heard;
}

enum attack_heard attack_message(const struct attack_host *h, const char *sender, const int *address, unsigned n)
{
	return attack_open(h, 0, sender, address, n) ? attack_dot(0) : ATTACK_BLOCKED;
}

void attack_wait(uint64_t seconds)
{
	scn_world_pass(seconds);
}
