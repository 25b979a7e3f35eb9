/*
 * message_any: messages between roles, of every type, with values of any kind
 * in the form that the decoder wants; spoiled ones; descriptors that a peer out
 * of its mind may hand over. By a seed that a test names when it fails.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_MESSAGE_ANY_H
#define TESTS_MESSAGE_ANY_H
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/message.h"

#define TYPES 125

static uint64_t random_state;

static inline uint32_t chance(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % n;
}

static inline void text(struct wr *w, size_t most)
{
	static const char *const some[] = { "", "a@b.example", "mx1.example.org", "../../etc/passwd", "4Xyz12345",
		"@" };
	char bytes[MESSAGE_SAMPLE_TO];
	size_t n = chance(4) ? chance(40) : chance((uint32_t)most);

	if (n >= most)
		n = most - 1;
	if (chance(2)) {
		wr_cstr(w, some[chance(6)]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(chance(8) ? 'a' + (int)chance(26) : 1 + (int)chance(255));
	wr_bytes(w, slice_of(bytes, n));
}

static inline void address_to(struct wr *w)
{
	static const char *const some[] = { "198.51.100.9", "2001:db8::9", "192.0.2.1", "192.0.2.3", "127.0.0.1" };
	struct ipaddr a = { 0 };

	if (chance(4))
		assert_int_equal(ipaddr_parse(slice_str(some[chance(5)]), &a), ERR_OK);
	wr_ipaddr(w, &a);
}

static inline uint64_t number(void)
{
	static const uint64_t some[] = { 0, 1, 2, 1700000000, UINT32_MAX, UINT64_MAX, INT64_MAX, 86400 };

	return chance(2) ? some[chance(8)] : (uint64_t)chance(1u << 30) << chance(33);
}

static inline void put_ops(struct wr *w)
{
	uint16_t n = (uint16_t)chance(chance(8) ? 5 : 900);

	wr_u64(w, number());
	wr_u16(w, n);
	for (unsigned i = 0; i < n; i++) {
		struct prefix p = { 0 };

		assert_int_equal(
			prefix_parse(slice_str(chance(2) ? "198.51.100.0/24" : "2001:db8:9::/64"), &p), ERR_OK);
		p.len = (uint8_t)chance(129);
		if (p.addr.family == 4 && p.len > 32)
			p.len = 32;
		p = prefix_of(&p.addr, p.len);
		wr_u8(w, (uint8_t)chance(2));
		wr_prefix(w, &p);
		wr_u32(w, (uint32_t)number());
	}
}

/* What stands in a message, one behind the other; ends with FIELD_NONE. */
enum field_kind {
	FIELD_NONE,
	FIELD_U8,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_ANY32,
	FIELD_ANY64,
	FIELD_TEXT,
	FIELD_ADDRESS
};

struct field {
	enum field_kind kind;
	uint32_t from, n; /* numbers: n of them; texts: shorter than n */
};

/* so many values, from 0; from another; texts; numbers of any size */
#define U8(n)                                                                                                          \
	{                                                                                                              \
		FIELD_U8, 0, n                                                                                         \
	}
#define U8_FROM(from, n)                                                                                               \
	{                                                                                                              \
		FIELD_U8, from, n                                                                                      \
	}
#define U16(n)                                                                                                         \
	{                                                                                                              \
		FIELD_U16, 0, n                                                                                        \
	}
#define U32(n)                                                                                                         \
	{                                                                                                              \
		FIELD_U32, 0, n                                                                                        \
	}
#define U32_FROM(from, n)                                                                                              \
	{                                                                                                              \
		FIELD_U32, from, n                                                                                     \
	}
#define TEXT(n)                                                                                                        \
	{                                                                                                              \
		FIELD_TEXT, 0, n                                                                                       \
	}
#define ANY32                                                                                                          \
	{                                                                                                              \
		FIELD_ANY32, 0, 0                                                                                      \
	}
#define ANY64                                                                                                          \
	{                                                                                                              \
		FIELD_ANY64, 0, 0                                                                                      \
	}
#define ADDRESS                                                                                                        \
	{                                                                                                              \
		FIELD_ADDRESS, 0, 0                                                                                    \
	}
#define NUMBERED                                                                                                       \
	{                                                                                                              \
		FIELD_U64, 0, 8                                                                                        \
	}
#define POSITION ANY64, ANY64, TEXT(512)

static const struct field bodies[TYPES][24] = {
	[MSG_HELLO] = { { FIELD_U16, MESSAGE_VERSION, 1 }, U8(ROLE_COUNT) },
	[MSG_LISTENER] = { U8_FROM(1, 2) },
	[MSG_LINK] = { U8_FROM(1, 2) },
	[MSG_FILE] = { U8_FROM(1, 2) },
	[MSG_FW_SYNC] = { U8_FROM(1, 2) },
	[MSG_FW_DONE] = { ANY64, ANY32 },
	[MSG_FW_STATE] = { U8(5), ANY32, ANY32, ANY32, ANY32, ANY32 },
	[MSG_FW_KILL] = { ADDRESS, ADDRESS, U16(UINT16_MAX), U16(30), U8(FW_KILL_ERROR + 1) },
	[MSG_HIT] = { ANY64, ANY64, ADDRESS, U16(65536), U8(2), U8(GRADE_COUNT), U8(2), ANY32, TEXT(256), TEXT(256),
		TEXT(32), TEXT(256), TEXT(256), TEXT(256), TEXT(256), TEXT(256), TEXT(32), U8(2), ADDRESS },
	[MSG_HIT_ACK] = { ANY64, U8_FROM(1, 2) },
	[MSG_CORPUS_REMOVE] = { TEXT(32) },
	[MSG_CORPUS_STATE] = { ANY64, ANY32, U32(2) },
	[MSG_CORPUS_FORGET] = { ANY32, U8(3), TEXT(MESSAGE_ADDRESS) },
	[MSG_CORPUS_FORGOTTEN] = { ANY32, ANY32, ANY32 },
	[MSG_LOG_RESUME] = { POSITION },
	[MSG_LOG_STATE] = { U8(4), POSITION, ANY64, ANY64, U8(2) },
	[MSG_LOG_MAIL] = { ANY64, ADDRESS, TEXT(256), TEXT(32), TEXT(256), TEXT(256), U8_FROM(1, 4), U8(2) },
	[MSG_LOG_LOGIN] = { ANY64, ADDRESS, TEXT(32), TEXT(256) },
	[MSG_LOG_RCPT] = { ANY64, ADDRESS, TEXT(256), TEXT(256), U16(65536) },
	[MSG_RUN_DONE] = { ANY32, U8_FROM(1, 3), ANY32, TEXT(1000) },
	[MSG_MAP_APPLY] = { ANY32, U8(2) },
	[MSG_LIVE_CHECK] = { ANY32, U8(2) },
	[MSG_MAP_DONE] = { ANY32, U8(2), TEXT(500) },
	[MSG_LIVE_RESULT] = { ANY32, U8(2), TEXT(500) },
	/* the first number: now and then one that is waited for */
	[MSG_SPF_WALK] = { NUMBERED, ADDRESS, TEXT(DNS_NAME) },
	[MSG_SPF_CHECK] = { NUMBERED, ADDRESS, TEXT(DNS_NAME) },
	[MSG_SPF_SAYS] = { NUMBERED, U8_FROM(1, 4) },
	[MSG_DNS_ASK] = { NUMBERED, ADDRESS },
	[MSG_DNS_SAYS] = { NUMBERED, U8_FROM(1, 4), TEXT(CONF_TITLE) },
	[MSG_DNS_STATE] = { U8(3), U8_FROM(1, CONF_DNS_LISTS), TEXT(CONF_TITLE), U8_FROM(1, 2), U8(3),
		U8(SENTINEL_WHYS), ANY64, ANY64, ANY64, ANY64, ANY64 },
	[MSG_ANSWERED] = { ADDRESS, TEXT(MESSAGE_NAME), TEXT(MESSAGE_ADDRESS), TEXT(MESSAGE_ADDRESS) },
	[MSG_ANSWERED_END] = { ADDRESS, U32(UINT16_MAX), U32(UINT16_MAX), U16(UINT16_MAX), U16(UINT16_MAX), U8(2),
		TEXT(MESSAGE_NAME) },
	[MSG_TARPIT_STATE] = { ANY32, ANY32, ANY32, ANY32, ANY32, ANY32, ANY32, U8(TARPIT_CAPS), U8(TARPIT_TLSES),
		U8(2), U8(ROLE_TARPITS + 1), ANY64, ANY64, ANY64, ANY64, ANY64, ANY64 },
	[MSG_SAMPLE] = { ADDRESS, ANY32, TEXT(MESSAGE_CASE), TEXT(MESSAGE_NAME), TEXT(MESSAGE_ADDRESS),
		TEXT(MESSAGE_SAMPLE_TO) },
	[MSG_FEED_RUN] = { ANY32, { FIELD_U16, 0, 65536 }, TEXT(CONF_TITLE), TEXT(MESSAGE_FEED_LIST) },
	[MSG_FEED_RAN] = { ANY32, ANY32, U8(2), TEXT(MESSAGE_FEED_TEXT) },
	[MSG_FEED_SET] = { ANY64, U8(FEEDS_MAX), U8_FROM(1, FEED_ACTION_ALLOW), U8(16), ANY64, ANY32, ANY32, ANY32,
		U32_FROM(2, 253), TEXT(CONF_TITLE), TEXT(MESSAGE_FEED_TEXT) },
	[MSG_FEED_TOOK] = { ANY64, U8_FROM(1, FEED_BAD), TEXT(CONF_TITLE), TEXT(MESSAGE_FEED_TEXT) },
	[MSG_FEED_STATE] = { U8(2), U8_FROM(2, FEEDS_MAX - 1), U8(FEED_FETCHING + 1), U8_FROM(1, FEED_ACTION_ALLOW),
		U8(16), ANY64, ANY64, ANY64, ANY32, ANY32, ANY32, ANY32, TEXT(CONF_TITLE), TEXT(MESSAGE_FEED_TEXT) },
	[MSG_FEED_ASK] = { U8_FROM(1, FEED_ASK_CONFIRM), TEXT(CONF_TITLE) },
	[MSG_FEED_GIVE] = { U8(FEEDS_MAX), U8_FROM(1, FEED_USE_HOLES), U8(16), U8_FROM(2, 253), TEXT(CONF_TITLE) },
	[MSG_FEED_SAYS] = { U8(FEEDS_MAX), TEXT(MESSAGE_FEED_TEXT) },
	[MSG_ACTING] = { U8(2) },
	[MSG_DNSBL_LISTEN] = { U8_FROM(8, 1), U8(10), TEXT(MESSAGE_DNSBL_TEXT) },
	[MSG_DNSBL_STATE] = { U8_FROM(8, 1), U8(10), TEXT(MESSAGE_DNSBL_TEXT), U8(2), U8(2), U8(2), U8(FEEDS_MAX + 2),
		U8(FEEDS_MAX + 2), U8(FEEDS_MAX + 2), U8(FEEDS_MAX + 2), U8(FEEDS_MAX + 2), ANY64, ANY64, ANY64, ANY64,
		ANY64, ANY64, ANY64, ANY64, ANY64, ANY64 },
	[MSG_EXPORT_RUN] = { ANY32, TEXT(CONF_TITLE) },
	[MSG_EXPORT_RAN] = { U32(4), ANY32, TEXT(MESSAGE_EXPORT_TEXT) },
	[MSG_EXPORT_STATE] = { U8(2), U8_FROM(2, CONF_EXPORTS - 1), U8(EXPORT_FAILED + 1), U8(2), U8(2), ANY64, ANY64,
		ANY64, ANY64, ANY64, ANY32, TEXT(CONF_TITLE), TEXT(MESSAGE_EXPORT_TEXT) },
	[MSG_UPDATE_STATE] = { U8(13), U8(2), U8(2), ANY64, ANY64, ANY64, ANY64, ANY64, ANY64, ANY64, ANY64,
		TEXT(MESSAGE_EXPORT_TEXT) },
};

#undef U8
#undef U8_FROM
#undef U16
#undef U32
#undef U32_FROM
#undef TEXT
#undef ANY32
#undef ANY64
#undef NUMBERED
#undef ADDRESS
#undef POSITION

static inline void put_field(struct wr *w, const struct field *f)
{
	switch (f->kind) {
	case FIELD_NONE:
		break;
	case FIELD_U8:
		wr_u8(w, (uint8_t)(f->from + chance(f->n)));
		break;
	case FIELD_U16:
		wr_u16(w, (uint16_t)(f->from + chance(f->n)));
		break;
	case FIELD_U32:
		wr_u32(w, f->from + chance(f->n));
		break;
	case FIELD_U64:
		wr_u64(w, f->from + chance(f->n));
		break;
	case FIELD_ANY32:
		wr_u32(w, (uint32_t)number());
		break;
	case FIELD_ANY64:
		wr_u64(w, number());
		break;
	case FIELD_TEXT:
		text(w, f->n);
		break;
	case FIELD_ADDRESS:
		address_to(w);
		break;
	}
}

static inline void put_run(struct wr *w)
{
	uint8_t n = (uint8_t)chance(9);

	wr_u32(w, (uint32_t)number());
	wr_u8(w, (uint8_t)(1 + chance(3)));
	wr_u8(w, n);
	for (unsigned i = 0; i < n; i++)
		text(w, 1000);
}

static inline void put_spf_set(struct wr *w)
{
	struct ipaddr client = { .family = chance(2) ? 4 : 6, .b = { 0x20, 1 } };
	uint32_t prefixes = chance(20);

	wr_u64(w, chance(8));
	wr_u8(w, (uint8_t)(SPF_DONE + chance(4)));
	wr_u8(w, (uint8_t)chance(2));
	wr_u32(w, (uint32_t)number());
	text(w, 100);
	wr_u16(w, (uint16_t)prefixes);
	for (uint32_t i = 0; i < prefixes; i++) {
		wr_ipaddr(w, &client);
		wr_u8(w, (uint8_t)chance(33));
	}
}

static inline void put_text(struct wr *w)
{
	uint32_t count = chance(4);

	wr_u8(w, (uint8_t)(1 + chance(2)));
	wr_u32(w, chance(6));
	wr_u32(w, count ? chance(count) : 0);
	wr_u32(w, count);
	text(w, 500);
}

/* A body as the decoder wants it, with values of any kind. */
static inline void put_body(struct wr *w, enum message_type t)
{
	if (t == MSG_FW_OPS)
		put_ops(w);
	else if (t == MSG_RUN)
		put_run(w);
	else if (t == MSG_SPF_SET)
		put_spf_set(w);
	else if (t == MSG_TEXT)
		put_text(w);
	else
		for (const struct field *f = bodies[t]; f->kind != FIELD_NONE; f++)
			put_field(w, f);
}

static inline void mutate(struct wr *w)
{
	uint32_t how = chance(6);

	if (how == 0)
		for (uint32_t i = 1 + chance(4); i && w->n > 1; i--)
			w->p[1 + chance((uint32_t)w->n - 1)] ^= (uint8_t)(1u << chance(8));
	else if (how == 1 && w->n > 1)
		w->n -= 1 + chance((uint32_t)w->n - 1);
	else if (how == 2)
		for (uint32_t i = 1 + chance(20); i; i--)
			wr_u8(w, (uint8_t)chance(256));
	else if (how == 3)
		for (size_t i = 1; i < w->n; i++)
			w->p[i] = (uint8_t)chance(256);
}

/* What a peer out of its mind may hand over instead of a memory file. */
static inline int strange_fd(void)
{
	static const char lines[] =
		"+A old@example.org\n+D gone.example\n-A x\nlist@example.org tag=a state=armed\n\xff\n";
	static int held = -1;
	int pair[2] = { -1, -1 }, fd = -1;

	switch (chance(6)) {
	case 0: /* a pipe whose other end stays open: who reads it waits for ever */
		assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
		fd = pair[0];
		break;
	case 1:
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		fd = pair[0];
		break;
	case 2:
		return open("/dev/zero", O_RDONLY | O_CLOEXEC);
	case 3:
		fd = memfd_create("large", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fd, (off_t)8 << 30), 0);
		return fd;
	default:
		fd = memfd_create("lines", MFD_CLOEXEC);
		assert_true(write(fd, lines, sizeof lines - 1 - chance(20)) > 0);
		return fd;
	}
	if (held >= 0)
		(void)close(held);
	held = pair[1];
	return fd;
}

#endif /* TESTS_MESSAGE_ANY_H */
