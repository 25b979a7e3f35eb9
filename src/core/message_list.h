/*
 * message_list: the part of core/message about lists: feeds that come in, and
 * our own list on its way out (zone, files, updates of other DNS servers). Rules
 * and codecs as there; include that.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MESSAGE_LIST_H
#define CORE_MESSAGE_LIST_H
#include "core/conf.h"

#define MESSAGE_FEED_TEXT 256

struct msg_feed_set {
	uint64_t time;             /* Unix seconds: fetched */
	uint8_t index;             /* number of the feed, below FEEDS_MAX; stays as long as the name does */
	uint8_t action;            /* enum conf_feed_action */
	uint8_t layers;            /* FEED_LAYER_... */
	uint64_t time_s;           /* a block made by it lasts */
	uint32_t entries, refused; /* lines */
	uint32_t weight_milli;     /* action score: thousandths */
	uint32_t code;             /* 127.0.0.CODE */
	char name[CONF_TITLE];
	char text[MESSAGE_FEED_TEXT]; /* what its own configuration says to those it lists (spamd.conf: msg), "" */
};

#define MESSAGE_FEED_LIST 64

/* Words and program stand in run's own configuration, and in the spamd.conf that it reads itself. */
struct msg_feed_run {
	uint32_t seq;
	uint16_t part; /* of the feed (core/feed_plan) */
	char name[CONF_TITLE];
	char list[MESSAGE_FEED_LIST]; /* of the spamd.conf: must be that part's name; else "" */
};

struct msg_feed_ran {
	uint32_t seq;
	int32_t status;               /* as in msg_run_done */
	uint8_t is_cut;               /* it printed more than size */
	char text[MESSAGE_FEED_TEXT]; /* begin of what it said on standard error */
};

enum feed_took { FEED_TOOK = 1, FEED_HELD = 2, FEED_BAD = 3 };

struct msg_feed_took {
	uint64_t time;  /* of the set */
	uint8_t result; /* enum feed_took */
	char name[CONF_TITLE];
	char text[MESSAGE_FEED_TEXT]; /* HELD, BAD: why */
};

/* HELD: fetched, but it changes too much; the last good set acts. */
enum feed_state { FEED_NEVER = 0, FEED_OK = 1, FEED_FAILED = 2, FEED_STATE_HELD = 3, FEED_FETCHING = 4 };

struct msg_feed_state {
	uint8_t index, count; /* of all feeds; count 0: there is none, the rest says nothing */
	uint8_t state;        /* enum feed_state */
	uint8_t action, layers;
	uint64_t good, tried,
		changed;           /* Unix seconds: the set that acts was fetched; last attempt; last change of it */
	uint32_t entries, refused; /* lines of the set that acts */
	uint32_t added, removed;   /* HELD: addresses (IPv6: /64) that it would change */
	char name[CONF_TITLE];
	char text[MESSAGE_FEED_TEXT]; /* what is wrong and what helps, "" */
};

enum feed_ask { FEED_ASK_REFRESH = 1, FEED_ASK_CONFIRM = 2 };

struct msg_feed_ask {
	uint8_t what;          /* enum feed_ask */
	char name[CONF_TITLE]; /* "": all */
};

/* HOLES: never listed, whoever lists it. */
enum feed_use { FEED_USE_LIST = 1, FEED_USE_HOLES = 2 };

struct msg_feed_give {
	uint8_t index; /* the number of the feed; HOLES: 0 */
	uint8_t use;   /* enum feed_use */
	uint8_t layers;
	uint8_t code;
	char name[CONF_TITLE];
};

struct msg_feed_says {
	uint8_t index;                /* the number of the feed */
	char text[MESSAGE_FEED_TEXT]; /* as core/feed_text_clean leaves it; "": none */
};

struct msg_acting {
	uint8_t is_acting;
};

#define MESSAGE_DNSBL_TEXT 256

struct msg_dnsbl_listen {
	uint8_t wanted, open;          /* addresses of dnsbl.listen */
	char text[MESSAGE_DNSBL_TEXT]; /* which are not open, and why; "" */
};

struct msg_dnsbl_state {
	struct msg_dnsbl_listen listen;
	uint8_t is_acting, has_blocks,
		has_test;     /* has_test: it has asked itself for the test entries, and knows them */
	uint8_t feeds;        /* sets of feeds in the zone */
	uint32_t connections; /* TCP, now */
	uint64_t listed, clean, other, refused, bad; /* answers since start */
	uint64_t cut, limited, lost;                 /* of these with TC; over the rate; that the kernel did not take */
	uint64_t taken, shed;                        /* TCP connections; of these closed for another, or for a cap */
};

#define MESSAGE_EXPORT_TEXT 256

struct msg_export_run {
	uint32_t seq;
	char name[CONF_TITLE];
};

struct msg_export_ran {
	uint32_t seq;
	int32_t status;                 /* as in msg_run_done */
	char text[MESSAGE_EXPORT_TEXT]; /* what it wrote, the first line */
};

enum export_state {
	EXPORT_NEVER = 0, /* not written yet: the engine has not said all */
	EXPORT_WRITTEN = 1,
	EXPORT_FAILED = 2, /* the last attempt; what was there stays */
};

struct msg_export_state {
	uint8_t index, count; /* of all exports; count 0: there is none, the rest says nothing */
	uint8_t state;        /* enum export_state */
	uint8_t is_acting;
	uint8_t is_late;          /* a change waits for longer than it should */
	uint64_t written, looked; /* Unix seconds: the file; that it was found to be what it should */
	uint64_t entries, bytes;
	uint64_t ran;   /* the command has ended; 0: never */
	int32_t status; /* of it, as in msg_run_done */
	char name[CONF_TITLE];
	char text[MESSAGE_EXPORT_TEXT]; /* what is wrong, "" */
};

struct msg_update_state {
	uint8_t state; /* enum dns_primary_state (core/dns_primary) */
	uint8_t is_acting;
	uint8_t is_pending;                 /* the zone is not yet what it should be */
	uint64_t since, good;               /* Unix seconds: of the state; that the zone was what it should be */
	int64_t clock_s;                    /* badtime: its clock is so much ahead of ours */
	uint64_t names, left_out;           /* that the zone should have; that are too many for it */
	uint64_t sent, transfers, failures; /* since start: names, transfers of the zone, failed tries */
	char text[MESSAGE_EXPORT_TEXT];     /* what is wrong and what helps, "" */
};

#endif /* CORE_MESSAGE_LIST_H */
