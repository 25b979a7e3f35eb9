/*
 * engine_ask: what a test says to the engine of engine_rig, which includes
 * this, and what it sees of it: policy requests and commands on its sockets,
 * hits and log lines over its channels.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_ENGINE_ASK_H
#define TESTS_ENGINE_ASK_H
/* ---- what goes in */

struct rig_reading {
	int fd;
	struct buf *in;
	const char *end; /* what ends an answer */
	bool is_closed;
};

static inline bool rig_has_answer(void *ctx)
{
	struct rig_reading *r = ctx;
	size_t n = strlen(r->end);
	ssize_t got;

	if (buf_reserve(r->in, 4096) != ERR_OK)
		return true;
	got = recv(r->fd, r->in->p + r->in->n, 4096, MSG_DONTWAIT);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		r->is_closed = true;
	if (got > 0)
		r->in->n += (size_t)got;
	return r->is_closed || (r->in->n >= n && memcmp(r->in->p + r->in->n - n, r->end, n) == 0);
}

/* Read until end stands at the end; false: closed or too late. */
static inline bool rig_read(int fd, const char *end, struct buf *in)
{
	struct rig_reading r = { .fd = fd, .in = in, .end = end };

	return rig_wait(rig_has_answer, &r) && !r.is_closed;
}

static inline void rig_write(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* The action for this request, in a static buffer; "" when the connection was closed. */
static inline const char *rig_ask(int fd, const char *state, const char *client, const char *instance, const char *more)
{
	static char action[1024];
	char request[2048];
	struct buf in;
	int n = snprintf(request, sizeof request,
		"request=smtpd_access_policy\nprotocol_state=%s\nclient_address=%s\nclient_name=mail.example.net\n"
		"helo_name=helo.example.net\nserver_port=25\ninstance=%s\n%s\n",
		state, client, instance, more);

	rig_write(fd, request, (size_t)n);
	buf_init(&in, 65536);
	action[0] = '\0';
	if (rig_read(fd, "\n\n", &in))
		(void)snprintf(action, sizeof action, "%.*s", (int)(in.n - 2), in.p);
	buf_done(&in);
	return action;
}

static inline const char *rig_rcpt(int fd, const char *client, const char *instance, const char *sender, const char *to)
{
	char more[512];

	(void)snprintf(more, sizeof more, "sender=%s\nrecipient=%s\n", sender, to);
	return rig_ask(fd, "RCPT", client, instance, more);
}

static inline const char *rig_end(
	int fd, const char *client, const char *instance, const char *queue_id, unsigned count, const char *login)
{
	char more[512];

	(void)snprintf(
		more, sizeof more, "recipient_count=%u\nqueue_id=%s\nsasl_username=%s\n", count, queue_id, login);
	return rig_ask(fd, "END-OF-MESSAGE", client, instance, more);
}

/* The answer of the engine to one command, which may show traps or not; owned by the caller. */
static inline json_t *rig_call_showing(int fd, const char *line, bool may_show)
{
	json_t *j = NULL;
	struct buf in;

	rig_write(fd, line, strlen(line));
	rig_write(fd, "\n", 1);
	buf_init(&in, 64u << 20);
	if (rig_read(fd, "\n", &in))
		j = json_loadb(in.p, in.n, 0, NULL);
	assert_null(j && !may_show ? memmem(in.p, in.n, RIG_SECRET, strlen(RIG_SECRET)) : NULL);
	buf_done(&in);
	return j;
}

static inline json_t *rig_call_on(int fd, const char *line)
{
	return rig_call_showing(fd, line, false);
}

static inline json_t *rig_call(const char *line)
{
	int fd = rig_connect("control");
	json_t *j = rig_call_on(fd, line);

	(void)close(fd);
	assert_non_null(j);
	return j;
}

static inline void rig_do(const char *line)
{
	json_t *j = rig_call(line);

	if (!json_is_true(json_object_get(j, "ok")))
		fail_msg("%s: %s", line, json_string_value(json_object_get(j, "error")));
	json_decref(j);
}

static inline void rig_address(const char *text, struct ipaddr *ret)
{
	assert_int_equal(ipaddr_parse(slice_str(text), ret), ERR_OK);
}

/* A message as capture would report it; returns its number. */
static inline uint64_t rig_hit(
	const char *client, const char *queue_id, const char *sender, const char *trap, const char *message_id)
{
	struct msg_hit m = { .seq = ++rig.hit_seq, .time = clock_wall_s(), .grade = GRADE_CONFIRMED, .size = 100 };
	uint8_t out[8192];
	struct wr w = wr_init(out, sizeof out);

	if (client[0])
		rig_address(client, &m.client);
	(void)snprintf(m.name, sizeof m.name, "mail.example.net");
	(void)snprintf(m.queue_id, sizeof m.queue_id, "%s", queue_id);
	(void)snprintf(m.sender, sizeof m.sender, "%s", sender);
	(void)snprintf(m.trap, sizeof m.trap, "%s", trap);
	(void)snprintf(m.orcpt, sizeof m.orcpt, "%s", trap);
	(void)snprintf(m.message_id, sizeof m.message_id, "%s", message_id);
	(void)snprintf(m.subject, sizeof m.subject, "for %s: news", trap);
	(void)snprintf(m.corpus_id, sizeof m.corpus_id, "c%llu", (unsigned long long)m.seq);
	message_put_hit(&w, MSG_HIT, &m);
	rig_send(ROLE_CAPTURE, &w, -1);
	return m.seq;
}

static inline bool rig_is_acked(void *ctx)
{
	return rig.ack[*(const uint64_t *)ctx] != 0;
}

static inline uint8_t rig_wait_ack(uint64_t seq)
{
	assert_true(rig_wait(rig_is_acked, &seq));
	return rig.ack[seq];
}

/* The whole life of a message to one trap: RCPT, end, LMTP copy. */
static inline uint8_t rig_message(const char *client, const char *id, const char *sender, const char *trap)
{
	int fd = rig_connect("policy");

	assert_string_equal(rig_rcpt(fd, client, id, sender, trap), "action=DUNNO");
	assert_string_equal(rig_end(fd, client, id, id, 1, ""), "action=DUNNO");
	(void)close(fd);
	return rig_wait_ack(rig_hit(client, id, sender, trap, id));
}

static inline void rig_log_login(const char *client, const char *queue_id, const char *login, uint64_t time)
{
	struct msg_log_login m = { .time = time };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	rig_address(client, &m.client);
	(void)snprintf(m.queue_id, sizeof m.queue_id, "%s", queue_id);
	(void)snprintf(m.login, sizeof m.login, "%s", login);
	message_put_log_login(&w, MSG_LOG_LOGIN, &m);
	rig_send(ROLE_FOLLOW, &w, -1);
}

static inline void rig_log_mail(const char *client, const char *sender, const char *recipient, uint64_t time)
{
	struct msg_log_mail m = { .time = time, .outcome = LOG_DELIVERED, .is_first = 1 };
	uint8_t out[2048];
	struct wr w = wr_init(out, sizeof out);

	rig_address(client, &m.client);
	(void)snprintf(m.sender, sizeof m.sender, "%s", sender);
	(void)snprintf(m.recipient, sizeof m.recipient, "%s", recipient);
	(void)snprintf(m.queue_id, sizeof m.queue_id, "Q1");
	message_put_log_mail(&w, MSG_LOG_MAIL, &m);
	rig_send(ROLE_FOLLOW, &w, -1);
}

/* So many blocks of the store, as if made by an earlier run. tag: "" none. */
static inline void rig_store_blocks(struct store *s, unsigned n, const char *tag)
{
	struct record_block b = { .state = BLOCK_ACTIVE, .cause = CAUSE_HIT, .offence = 1, .since = clock_wall_s() };
	uint8_t value[RECORD_VALUE], key[RECORD_KEY];
	char text[32];

	b.until = b.since + 86400;
	(void)snprintf(b.tag, sizeof b.tag, "%s", tag);
	for (unsigned i = 0; i < n; i++) {
		struct wr w = wr_init(value, sizeof value);

		(void)snprintf(text, sizeof text, "198.18.%u.%u", i / 256, i % 256);
		assert_int_equal(prefix_parse(slice_str(text), &b.subject), ERR_OK);
		(void)case_id_make(i, b.case_id);
		record_put_block(&w, &b);
		assert_true(store_put(s, TABLE_BLOCK, record_subject_key(&b.subject, key), wr_slice(&w)) > 0);
	}
	assert_int_equal(store_flush(s), ERR_OK);
}

/* ---- what is seen */

/* The first match of why; owned by the caller. */
static inline json_t *rig_why(const char *what)
{
	char line[256];
	json_t *j, *match;

	(void)snprintf(line, sizeof line, "{\"cmd\":\"why\",\"what\":\"%s\"}", what);
	j = rig_call(line);
	match = json_incref(json_array_get(json_object_get(j, "matches"), 0));
	json_decref(j);
	assert_non_null(match);
	return match;
}

static inline void rig_assert_title(const char *what, const char *title)
{
	json_t *j = rig_why(what);

	assert_string_equal(json_string_value(json_object_get(j, "title")), title);
	json_decref(j);
}

static inline size_t rig_hits_of(const char *what)
{
	json_t *j = rig_why(what);
	size_t n = json_array_size(json_object_get(j, "hits"));

	json_decref(j);
	return n;
}

static inline double rig_score_of(const char *what)
{
	json_t *j = rig_why(what);
	double v = json_number_value(json_object_get(j, "score"));

	json_decref(j);
	return v;
}

/* Was this prefix given to the firewall, and not taken back since? */
static inline bool rig_is_in_firewall(const char *prefix)
{
	struct prefix p;
	bool is_in = false;

	assert_int_equal(prefix_parse(slice_str(prefix), &p), ERR_OK);
	for (size_t i = 0; i < rig.ops; i++)
		if (prefix_eq(&rig.op[i].prefix, &p))
			is_in = rig.op[i].is_add;
	return is_in;
}

static inline void rig_enforce(const char *mode)
{
	char line[80];

	(void)snprintf(line, sizeof line, "{\"cmd\":\"enforce\",\"mode\":\"%s\",\"force\":true}", mode);
	rig_do(line);
}

/* For rig_wait; ctx: a prefix, a number that was read before. */
static inline bool rig_has_element(void *ctx)
{
	return rig_is_in_firewall(ctx);
}

static inline bool rig_has_no_element(void *ctx)
{
	return !rig_is_in_firewall(ctx);
}

static inline bool rig_has_alarm(void *ctx)
{
	return rig.alarms > *(unsigned *)ctx;
}

/* What this client hears at a recipient that is nobody special. */
static inline bool rig_is_refused(const char *client)
{
	int fd = rig_connect("policy");
	char answer[512];

	(void)snprintf(
		answer, sizeof answer, "%s", rig_rcpt(fd, client, "again", "x@example.net", "alice@example.org"));
	(void)close(fd);
	assert_null(strstr(answer, RIG_SECRET));
	return strncmp(answer, "action=450 ", 11) == 0 || strncmp(answer, "action=554 ", 11) == 0;
}

/* Of the last 24 hours, as status has it. */
static inline json_int_t rig_count_of(const char *name)
{
	json_t *j = rig_call("{\"cmd\":\"status\"}");
	json_int_t n =
		json_integer_value(json_object_get(json_object_get(json_object_get(j, "counters"), "24h"), name));

	json_decref(j);
	return n;
}

static inline bool rig_is_live_asked(void *ctx)
{
	return rig.lives > *(unsigned *)ctx;
}

/* Where is_met asks the engine (rig_wait looks from within the loop): each question gives it a turn. False: too late. */
static inline bool rig_poll(bool (*is_met)(void *ctx), void *ctx)
{
	uint64_t end = clock_mono_ms() + RIG_PATIENCE_MS;

	while (!is_met(ctx))
		if (clock_mono_ms() > end)
			return false;
	return true;
}

static inline bool rig_is_blocked(void *client)
{
	return rig_is_refused(client);
}

/* Blocked, once what is under way has come to its end. */
static inline void rig_wait_for_block(const char *client)
{
	assert_true(rig_poll(rig_is_blocked, (void *)(uintptr_t)client));
}

/* For rig_poll. */
static inline bool rig_is_one_suspended(void *ctx)
{
	json_t *j = rig_call("{\"cmd\":\"trap_list\",\"state\":\"suspended\"}");
	bool is = json_integer_value(json_object_get(j, "total")) == 1;

	(void)ctx;
	json_decref(j);
	return is;
}

struct rig_hits {
	const char *what;
	size_t n;
};

static inline bool rig_has_hits(void *ctx)
{
	const struct rig_hits *h = ctx;

	return rig_hits_of(h->what) == h->n;
}

/* A probe has no acknowledgement: it is in the store a little later. */
static inline void rig_wait_for_hits(const char *what, size_t n)
{
	assert_true(rig_poll(rig_has_hits, &(struct rig_hits){ what, n }));
}

#define ENGINE_TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

#endif /* TESTS_ENGINE_ASK_H */
