/*
 * engine: the state of the role "engine" and what its files offer each other.
 * Single-threaded: everything runs on the loop. The thinking is in src/core;
 * these files fetch what it needs and carry out what it says.
 *
 *   engine.c           start, stop, messages, timers
 *   engine_policy.c    policy connections, transactions
 *   engine_who.c       whose mail it is: tier, subject, sender identity
 *   engine_subject.c   score and block of one subject, cached over the store
 *   engine_hit.c       a message: who is charged (engine_hit.h: what the next two share)
 *   engine_probe.c     hits without content
 *   engine_settle.c    decide on a hit, effects
 *   engine_insider.c   mail to traps from our own side
 *   engine_ack.c       acknowledgements that wait for the disk
 *   engine_again.c     a message that comes again: which file its record names
 *   engine_breaker.c   blocks that wait for a person, what a block would refuse
 *   engine_block.c     blocks in force: index, firewall, expiry
 *   engine_refusal.c   recipients refused: counts, records
 *   engine_block_room.c  room for them at the start
 *   engine_widen.c     blocks of wider networks
 *   engine_feed.c      lists from outside (engine_feed.h)
 *   engine_trap.c      traps in force: states, counters, alias map, live check
 *   engine_trap_load.c trap files into a table
 *   engine_trap_foreign.c  traps at domains that are none of this server's
 *   engine_allow.c     the allow list
 *   engine_session.c   single sessions: kill-sessions, MX order, our own server (engine_session.h)
 *   engine_log.c       what the mail log tells: ledger, logins, accepted mail
 *   engine_counter.c   hourly counters, connections by client
 *   engine_control.c   control socket
 *   engine_command_*.c the commands
 *   engine_riders.c    riders at the end of the data
 *   engine_release.c   riders of captured messages: withheld, handed back, released
 *   engine_backup.c    a copy of the store, by a thread
 *   engine_keep.c      retention
 *   engine_clock.c     a clock that is set while we run
 *   engine_drift.c     what others did to main.cf; sums for doctor
 *   engine_hide.c      trap addresses in foreign texts
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_ENGINE_H
#define ROLE_ENGINE_H
#include "base/keymap.h"
#include "core/breaker.h"
#include "core/decide.h"
#include "core/gate.h"
#include "core/ledger.h"
#include "core/postfix_drift.h"
#include "core/subject.h"
#include "core/transaction.h"
#include "io/store.h"
#include "io/trap_pattern.h"
#include "role/role_host.h"

#include <jansson.h>

#define ENGINE_SUBJECTS 8192   /* subjects cached at most; each about 3 kB */
#define ENGINE_LEDGER 2000000u /* subjects with good mail */
#define ENGINE_RECENT 500000u  /* recipients remembered as alive */
#define ENGINE_HELD 65536u     /* held blocks that are counted */
#define ENGINE_ACKS 16384u     /* hits waiting for the disk */
#define ENGINE_EARLY 1024u     /* hits that came before the traps were loaded */
#define ENGINE_PENDING 4096u   /* hits waiting for the log to say who sent them */
#define ENGINE_DOUBTED 10000   /* traps that got plausible mail */
#define ENGINE_HITS_KEPT 50    /* full records per subject */
#define ENGINE_BAD_LINES 200   /* shown by status */
#define ENGINE_BAD_REASON 500  /* a domain name of 253 bytes is in some */

struct engine_subject {
	struct prefix prefix;
	uint64_t ticket; /* newest write; the entry must stay until it is durable */
	bool has_block;
	bool is_unsaved; /* its block is in force, the store would not take it yet */
	struct record_hit_sum sum;
	struct record_block block;
};

/* Refusals of one blocked subject since they were last written to its record. */
struct engine_refused {
	struct prefix prefix;
	uint32_t unsaved;
	uint32_t answered, held_s; /* at our own server, unsaved */
	uint32_t hour_count;       /* since hour_start */
	uint64_t hour_start;       /* engine_mono_s */
	uint64_t last;
};

struct engine_ledger {
	struct prefix prefix;
	bool is_dirty;
	struct record_ledger record;
};

/* Counters of one hour; 168 of them are a week. Stored as they stand in TABLE_META. */
enum counter {
	COUNT_MESSAGES,
	COUNT_WHOLE,
	COUNT_PROBES,
	COUNT_BACKSCATTER,
	COUNT_BLOCKED,
	COUNT_REFUSED,
	COUNT_GOOD_REFUSED,
	COUNT_INSIDER,
	COUNT_QUERIES,
	COUNT_WOULD_BLOCK, /* in monitor or off */
	COUNT_WOULD_REFUSE,
	COUNT_KINDS
};
#define ENGINE_HOURS 168

struct engine_hour {
	uint64_t hour; /* Unix time / 3600; 0: unused */
	uint64_t count[COUNT_KINDS];
};

/* Walks through a table that go on where they stopped. */
enum keep_walk { KEEP_HITS, KEEP_SUMS, KEEP_BLOCKS, KEEP_CASES, KEEP_HASHES, KEEP_WALKS };
struct engine_cursor {
	uint8_t key[STORE_KEY_MAX];
	size_t n;
};

struct engine_bad_line {
	char file[128];
	unsigned line;
	char reason[ENGINE_BAD_REASON];
};

/* The files of one tier as they are, one after the other. */
struct engine_allow_files {
	struct buf text;
	struct buf next; /* the round that is coming in */
	bool is_broken;  /* a file of it could not be taken */
};

#define ENGINE_WIDEN 1000 /* networks waiting to be looked at, and wide blocks in force */
struct engine_widen_list {
	size_t count;
	uint64_t ticket; /* the newest block that put a network here: the store must show it first */
	size_t at;       /* where the round goes on */
	struct prefix network[ENGINE_WIDEN];
};

struct engine_feeds;    /* engine_feed.h */
struct engine_fetch;    /* engine_fetch.h */
struct engine_policy;   /* engine_policy.c */
struct engine_control;  /* engine_control.c */
struct engine_release;  /* engine_release.c */
struct engine_traps;    /* engine_trap.c */
struct engine_hits;     /* engine_hit.c */
struct engine_acks;     /* engine_ack.c */
struct engine_insiders; /* engine_insider.c */
struct engine_person;   /* engine_command_person.c */
struct engine_tarpits;  /* engine_tarpit.c */

struct engine {
	struct role_host *host;
	struct store *store;
	uint64_t started;
	enum mode mode;
	uint64_t mode_since;
	uint8_t digest_key[SIPHASH_KEY]; /* kept in the store: digests must mean the same after a restart */
	uint8_t table_key[SIPHASH_KEY];  /* of this run */

	struct trap_table *traps;
	struct trap_patterns *patterns; /* of the table in force; NULL: none */
	uint32_t *trap_by_id;           /* index in traps + 1, 0: none */
	uint32_t trap_ids;              /* size of trap_by_id */
	struct allow allow;
	struct subject_rules subjects_by; /* which part of an address is charged */
	struct block_index blocks;
	uint64_t blocks_noted; /* how many the store says there were */
	struct transactions transactions;

	struct keymap subjects; /* struct engine_subject */
	struct keymap refused;  /* struct engine_refused */
	struct breaker breaker;
	struct keymap held;           /* struct engine_held, engine_breaker.c */
	struct keymap ledger;         /* struct engine_ledger */
	struct keymap correspondents; /* uint64_t: last time */
	struct keymap recent;         /* uint64_t: recipient address -> last delivery */
	struct keymap trap_delta;     /* struct engine_trap_delta, engine_trap.c */
	struct keymap alarmed;        /* uint64_t: alarm key -> when */
	struct keymap trap_quality;   /* struct trap_quality, engine_suspend.c */

	struct engine_hour hour[ENGINE_HOURS];
	uint64_t durable;  /* highest ticket on disk, as last seen */
	uint64_t sequence; /* unique number for time keys */
	uint64_t fw_seq;
	uint64_t fw_sync_at; /* position of a full list on its way to the firewall role */
	bool is_fw_syncing;
	uint64_t recheck_at; /* position of a look for blocks that the allow list lifts */
	bool is_rechecking;
	struct loop_watch *block_job; /* goes on with both, a stretch per round of the loop */
	bool is_fw_lost;              /* a change did not fit into the channel: a full list must follow */
	struct msg_fw_state fw;
	struct msg_corpus_state corpus;
	struct msg_log_state log;
	struct postfix_drift drift; /* found by the last look, at drift_at */
	struct postfix_drift drift_master;
	uint64_t drift_at;
	struct loop_watch *drift_timer;
	uint64_t last_query;
	uint64_t refusal_second; /* refusals recorded in this second: a cap over all subjects */
	uint32_t refusals_in_second;
	struct engine_cursor keep[KEEP_WALKS]; /* where the walks of engine_keep go on */
	bool is_keep_behind;                   /* the last bite was too small */
	bool is_block_unsaved;                 /* a cached subject is_unsaved */
	struct engine_client *client;          /* engine_counter.c */

	struct engine_widen_list to_widen, wide;
	uint64_t widen_again; /* engine_mono_s */

	struct engine_fetch *fetch;
	struct engine_feeds *feeds;
	struct engine_share *share;     /* NULL: no tarpit has asked yet */
	struct engine_tarpits *tarpits; /* NULL: none has spoken yet */
	struct msg_dnsbl_state dnsbl;
	bool has_dnsbl;                               /* it has spoken */
	struct msg_export_state export[CONF_EXPORTS]; /* as last told */
	unsigned exports;                             /* of it */
	struct msg_update_state update;
	bool has_update;
	struct engine_policy *policy;
	struct engine_sessions *sessions;
	struct engine_control *control;
	struct engine_backup *backup;
	struct engine_release *release;
	struct engine_traps *trap_job;
	struct engine_hits *hits;
	struct engine_acks *acks;
	struct engine_insiders *insiders;
	struct engine_person *person; /* one question or deletion at a time */
	int64_t clock_offset;         /* wall clock less the monotonic one, s */
	uint64_t clock_doubt_ms;      /* engine_clock_is_doubtful until then */
	uint64_t clock_step_ms;       /* the start, or the last time it was set */
	uint64_t clock_start_ms;
	bool has_clock;
	bool is_taming;       /* blocks of the future begin now: the clock was seen to go back, or is settled */
	bool is_tame_due;     /* there were some at the start; it may be behind */
	bool has_clock_moved; /* between two ticks, when a block was made, or all were loaded or listed */
	uint32_t person_seq;
	struct engine_allow_files allow_text, shared_text; /* tier never, tier shared */
	bool has_allow;                                    /* the first round has come */
	uint64_t allow_due;          /* the list is built again: an entry set by command runs out */
	struct loop_watch *watch[4]; /* timers, store */
};

/* ---- engine.c */
uint64_t engine_random(void);
/* For what is waited for and repeated: the clock that nobody sets. */
static inline uint64_t engine_mono_s(void)
{
	return clock_mono_ms() / 1000;
}
/* Alarm once per key and conf.alarm.repeat_s: log line, and the alarm command. text: no trap address. */
void engine_alarm(struct engine *e, const char *event, const char *key, const char *text);
void engine_set_mode(struct engine *e, enum mode m);
/* Is anything refused at all? */
static inline bool engine_is_enforcing(const struct engine *e)
{
	return e->mode != MODE_MONITOR && !e->host->conf.is_off;
}
struct gate_view engine_gate_view(const struct engine *e);
/* The subject a client is charged as: /32 and /64, or as configured. */
struct prefix engine_subject_of(const struct engine *e, const struct ipaddr *client);
uint64_t engine_digest(const struct engine *e, const struct slice *part, size_t parts);

/* ---- engine_who.c */
struct engine_who {
	enum gate_origin origin; /* GATE_OWN where there is no client */
	struct prefix subject;   /* of the client; at a shared provider of the sender, if there is one */
	const char *label;       /* of the shared provider; borrowed from the allow list */
	bool has_identity;
	bool is_spf_proven; /* SPF passes for this sender's domain, without asking */
};
/* name: verified host name, "" none. */
struct engine_who engine_who(const struct engine *e, const struct ipaddr *client, const char *name, const char *sender);
#define ENGINE_SUBJECT_TEXT 700
/* For people: the prefix, or "offers@example.org at provider"; without quotes or control characters. */
const char *engine_subject_text(const struct engine *e, const struct record_block *b, char to[ENGINE_SUBJECT_TEXT]);
/* {sender, provider}; sender: without its extension, "@domain" for all of it. Owned by the caller. */
json_t *engine_json_identity(const struct engine *e, const char *sender, const char *provider);
/* The identities of this sender (or "@domain") that were blocked or hit a trap, at all providers; at most max. */
size_t engine_find_identities(struct engine *e, const char *sender, struct prefix *ret, size_t max);
/* Is this mail of subject's? name: "" unknown. */
bool engine_is_of(const struct engine *e, const struct prefix *subject, const struct ipaddr *client, const char *name,
	const char *sender);
/* The entry that allows this client, as people wrote it; "" a private range. */
const char *engine_allow_entry(
	const struct engine *e, const struct ipaddr *client, const struct allow_match *m, char to[ALLOW_TEXT]);

/* ---- engine_policy.c */
enum err engine_policy_start(struct engine *e) MUST_USE;
void engine_policy_stop(struct engine *e);

/* ---- engine_subject.c */
/* Cached, else read from the store, else all zero. NULL: cache full of unwritten entries. Good until the next call. */
struct engine_subject *engine_subject_get(struct engine *e, const struct prefix *p);
/* Queue the sum / the block for writing. ERR_FULL: store full. */
enum err engine_subject_save_sum(struct engine *e, struct engine_subject *s) MUST_USE;
enum err engine_subject_save_block(struct engine *e, struct engine_subject *s) MUST_USE;
void engine_subject_sweep(struct engine *e);
double engine_good(struct engine *e, const struct prefix *p, uint64_t now);

/* ---- engine_hit.c */
enum err engine_hit_start(struct engine *e) MUST_USE;
void engine_hit_stop(struct engine *e);
/* A whole message from capture. */
void engine_hit_message(struct engine *e, const struct msg_hit *m);
/* A transaction that was RCPT only, or a trap RCPT of a blocked host. */
void engine_hit_probe(struct engine *e, const struct transaction *x);
/* The end of a message with traps and riders, refused by us: one unseen hit for each trap. */
void engine_hit_unseen(struct engine *e, const struct transaction *x);
/* Would one of x's traps, graded confirmed, leave its client blocked? */
bool engine_hit_would_block(struct engine *e, const struct transaction *x, uint64_t now);
/* The log told of this queue id: settle a hit that waits for it. */
void engine_hit_identified(struct engine *e, const char *queue_id);
bool engine_hit_is_waiting(const struct engine *e, const char *queue_id);
/* What waits for the log and is from a sender of whom this is true will not be charged. */
void engine_hit_forget(struct engine *e, bool (*is_his)(const char *sender, void *ctx), void *ctx);
void engine_hit_tick(struct engine *e, uint64_t now);
void engine_hit_link_lost(struct engine *e);
/* Traps and allow list are there for the first time: settle the hits that came before. */
void engine_hit_loaded(struct engine *e);

/* ---- engine_insider.c */
enum err engine_insider_start(struct engine *e) MUST_USE;
void engine_insider_stop(struct engine *e);
/* A hit from our own side. login: NULL or "" none; client: family 0, this host; queue_id: "" none. */
void engine_insider_note(
	struct engine *e, const char *login, const struct ipaddr *client, uint32_t trap_id, const char *queue_id);
void engine_insider_tick(struct engine *e);

/* ---- engine_ack.c */
enum err engine_ack_start(struct engine *e) MUST_USE;
void engine_ack_stop(struct engine *e);
void engine_ack_send(struct engine *e, uint64_t seq, enum hit_ack result);
/* When what this ticket stands for is on disk; 0: nothing new had to be written. */
void engine_ack_when_durable(struct engine *e, uint64_t seq, uint64_t ticket);
/* Answer what is on disk; all, with "later", when the store fails. */
void engine_ack_durable(struct engine *e);
/* Each second: a store that fails wakes nobody. */
void engine_ack_tick(struct engine *e);
/* The link is gone: nobody waits any more. */
void engine_ack_drop(struct engine *e);

/* ---- engine_again.c */
/* A retry of a stored hit: what capture shall hear once the ticket is durable. HIT_KNOWN: at once. */
enum hit_ack engine_again(
	struct engine *e, struct engine_subject *s, const struct msg_hit *m, uint32_t trap_id, uint64_t *ret_ticket);
/* Capture shall delete this file. False: it cannot be asked. */
bool engine_corpus_remove(struct engine *e, const char *id);

/* ---- engine_block.c */
enum err engine_block_load(struct engine *e) MUST_USE;
/* Before the first load; and each ten seconds for the next start. */
void engine_block_room_make(struct engine *e);
void engine_block_room_note(struct engine *e);
/* New or renewed: index, firewall, record, log. ERR_FULL: index or store. */
enum err engine_block_apply(
	struct engine *e, struct engine_subject *s, const struct record_block *b, bool is_new) MUST_USE;
/* By a person, or for what a person said: with a pardon. */
enum err engine_block_lift(struct engine *e, struct engine_subject *s, const char *by, const char *note) MUST_USE;
/* Its reason is gone: without. */
enum err engine_block_end(struct engine *e, struct engine_subject *s, const char *by, const char *note) MUST_USE;
/* What its feed wants of it has changed: the index and the firewall layer hear of it. */
void engine_block_reflag(struct engine *e, const struct engine_subject *s);
/* Its host comes so often (refused_hour: refusals of this hour) that the firewall layer takes it over. */
void engine_block_take_to_firewall(struct engine *e, const struct block_entry *b, uint32_t refused_hour);
void engine_block_tick(struct engine *e, uint64_t now);
/* Full list to the firewall role (new link, mode change, allow change). */
void engine_block_sync(struct engine *e);
/* Is all of this prefix allowed, or our own? An entry inside it is a hole in its block. No identity. */
bool engine_block_is_allowed(const struct engine *e, const struct prefix *p);
/* False just after a start, of a network: the allow files are not there yet, and one inside may be allowed. */
bool engine_block_may_act(const struct engine *e, const struct prefix *p);
/* The allow list changed: blocks it covers leave the layers. */
void engine_block_recheck(struct engine *e);
/* Is this entry in the kernel, as far as the engine knows? */
bool engine_block_in_firewall(const struct engine *e, const struct block_entry *b);

/* ---- engine_refusal.c */
/* One refused (or in monitor: would be refused) recipient. */
void engine_refusal_note(struct engine *e, const struct gate_result *g, const struct policy_request *r, bool is_would);
/* Record a refusal that is not a block's: riders. */
void engine_refusal_record(struct engine *e, const struct record_refusal *r);
/* Each second: some of the refusals counted go to their blocks' records; flush: all. */
void engine_refusal_tick(struct engine *e, uint64_t now);
void engine_refusal_flush(struct engine *e);

/* ---- engine_widen.c */
/* A block was made (ticket: of its record) or loaded. */
void engine_widen_note(struct engine *e, const struct record_block *b, uint64_t ticket);
void engine_widen_tick(struct engine *e, uint64_t now);

/* ---- engine_breaker.c */
void engine_breaker_start(struct engine *e);
void engine_breaker_stop(struct engine *e);
/* Would a new block of this subject wait for a person? */
bool engine_breaker_would_hold(struct engine *e, const struct engine_subject *s, uint64_t now);
/* The same of a block about to be made; sets state and note of one that is held. */
void engine_breaker_judge(struct engine *e, const struct record_hit_sum *sum, struct record_block *b, uint64_t now);
/* A held block, new or renewed: record, alarm. For engine_block_apply. */
enum err engine_breaker_hold(
	struct engine *e, struct engine_subject *s, const struct record_block *b, bool is_new) MUST_USE;
/* A held one found in the store at the start. */
void engine_breaker_loaded(struct engine *e, const struct record_block *b);
/* It acts now, or was lifted. */
void engine_breaker_forget(struct engine *e, const struct prefix *p);
void engine_breaker_tick(struct engine *e, uint64_t now);
size_t engine_breaker_count(struct engine *e, uint64_t now);
/* Good mail of the last 14 days from p: what a block of it would have refused. Owned by the caller. */
json_t *engine_breaker_json(struct engine *e, const struct prefix *p, uint64_t now);

/* ---- engine_suspend.c: a charged message, content seen, to this trap. */
void engine_suspend_note(
	struct engine *e, uint32_t trap_id, const struct prefix *host, const char *sender, uint64_t now);
/* With its record: what was seen in this life. */
void engine_suspend_store(const struct engine *e, uint32_t trap_id, struct record_trap *r);

/* ---- engine_trap.c */
enum err engine_trap_start(struct engine *e) MUST_USE;
void engine_trap_stop(struct engine *e);
void engine_trap_linked(struct engine *e);
void engine_trap_text(struct engine *e, const struct msg_text *m, int fd);
void engine_trap_live_result(struct engine *e, const struct msg_map_done *m, int fd);
void engine_trap_map_done(struct engine *e, const struct msg_map_done *m);
/* done(ctx) when the round of files asked for now is in force. */
void engine_trap_reload(struct engine *e, void (*done)(void *ctx), void *ctx);
void engine_trap_forget_waiter(struct engine *e, const void *ctx);
void engine_trap_count(struct engine *e, uint32_t trap_id, enum grade g, uint64_t now);
void engine_trap_tick(struct engine *e, uint64_t now);
void engine_trap_flush(struct engine *e);
const struct trap *engine_trap_by_id(const struct engine *e, uint32_t id);
/* The first armed pattern that matches this address; NULL. */
const struct trap *engine_trap_pattern(struct engine *e, const struct address *a);
/* A watching trap whose mail Postfix delivered is somebody's address. */
void engine_trap_is_live(struct engine *e, const struct address *recipient);
struct engine_trap_status {
	uint32_t by_state[5];
	uint32_t bad;
	const struct engine_bad_line *bad_line;
	bool is_map_ok;
	const char *map_text;
	uint32_t in_map;
	uint32_t added, removed; /* by the last load */
};
void engine_trap_get_status(const struct engine *e, struct engine_trap_status *ret);
/*
 * Ask aliasmap which of these addresses are live or foreign; done gets the result lines (role/aliasmap.h), and in text
 * what could not be told.
 */
void engine_trap_live_check(struct engine *e, struct slice addresses,
	void (*done)(void *ctx, bool is_ok, const char *text, struct slice lines), void *ctx);
void engine_trap_live_check_forget(struct engine *e, const void *ctx);

/* ---- engine_allow.c */
/* Rebuild the table from configuration, files, commands. */
enum err engine_allow_build(struct engine *e) MUST_USE;
/* The same, and blocks that it covers now leave the layers. False: the old one stays, with an alarm in the log. */
bool engine_allow_renew(struct engine *e);
/* A file of allow.d from aliasmap. */
void engine_allow_text(struct engine *e, const struct msg_text *m, struct slice text);
/* A file of the round could not be read: the list stays as it is. */
void engine_allow_unreadable(struct engine *e, const struct msg_text *m);
void engine_allow_tick(struct engine *e, uint64_t now);
void engine_allow_stop(struct engine *e);

/* ---- engine_log.c */
enum err engine_log_load(struct engine *e) MUST_USE;
void engine_log_linked(struct engine *e);
void engine_log_mail(struct engine *e, const struct msg_log_mail *m);
void engine_log_login(struct engine *e, const struct msg_log_login *m);
void engine_log_rcpt(struct engine *e, const struct msg_log_rcpt *m);
void engine_log_state(struct engine *e, const struct msg_log_state *m);
/* Write changed ledger entries. budget: entries' slots looked at, 0: all. */
void engine_log_flush(struct engine *e, size_t budget);
/* This subject mailed a trap: its mail of these days is no good mail. */
void engine_log_spoil(struct engine *e, const struct prefix *p);
/* A person says that this was good mail. */
void engine_log_credit(struct engine *e, const struct ipaddr *client, const char *name, const char *sender);

/* ---- engine_counter.c */
void engine_count(struct engine *e, enum counter c, uint64_t now);
uint64_t engine_counter_sum(const struct engine *e, enum counter c, uint64_t now, unsigned hours);
enum err engine_counter_load(struct engine *e) MUST_USE;
void engine_counter_flush(struct engine *e);
/* One transaction of this client: for the share of one address. */
void engine_counter_client(struct engine *e, const struct ipaddr *client, uint64_t now);
/* The busiest client's share in percent of at least 1,000; 0 while there are fewer. */
unsigned engine_counter_top(const struct engine *e, struct ipaddr *ret_client);

struct engine_call; /* a command under way, engine_control.c */

/* ---- engine_riders.c */
/* Trap and riders together, from a host that this would block, and none of them refused by Postfix? */
bool engine_riders_are(struct engine *e, const struct policy_request *r, const struct gate_result *g,
	const struct transaction *x, uint64_t now);
/* The action for such a message: refused, or captured whole; left empty, Postfix goes on as ever. */
void engine_riders_action(struct engine *e, const struct policy_request *r, const struct transaction *x, uint64_t now,
	struct buf *action);

/* ---- engine_release.c */
enum err engine_release_start(struct engine *e) MUST_USE;
void engine_release_stop(struct engine *e);
/* Can riders be handed back on this site (setup has made the service)? */
bool engine_release_is_ready(const struct engine *e);
/* capture asks about the riders of a message, or tells what became of a release. */
void engine_release_message(struct engine *e, struct rd *body);
void engine_release_link_lost(struct engine *e);
/* A block that waited for DNS lists was made, or not: whose riders waited with it is answered now. */
void engine_release_settled(struct engine *e);
/* The file old is gone, its message is in the file new now. */
void engine_release_replaced(struct engine *e, const char *old, const char *new);
void engine_release_tick(struct engine *e, uint64_t now);
/* Messages withheld now. */
uint64_t engine_release_count(const struct engine *e);
/* What is known of this corpus message. ERR_NOTFOUND: nothing. */
enum err engine_release_look(struct engine *e, const char *corpus_id, struct record_withheld *ret) MUST_USE;
/* ERR_FULL: the store takes nothing. */
enum err engine_release_save(struct engine *e, const char *corpus_id, const struct record_withheld *r) MUST_USE;
/* One order to capture; done(ctx) with the answer, NULL: capture is gone. ERR_CLOSED, ERR_LIMIT. */
typedef void (*engine_release_fn)(void *ctx, const struct msg_riders *m);
enum err engine_release_order(struct engine *e, enum riders_what what, const char *corpus_id, const char *to,
	engine_release_fn done, void *ctx) MUST_USE;
void engine_command_release_forget(const struct engine_call *c);

/* ---- engine_backup.c */
enum err engine_backup_start(struct engine *e) MUST_USE;
/* This call is going away. */
void engine_backup_forget(struct engine *e, const struct engine_call *c);
/* Waits for a copy under way. */
void engine_backup_stop(struct engine *e);

/* ---- engine_command_person.c */
void engine_person_looked(struct engine *e, const struct msg_corpus_forgotten *m);
void engine_person_link_lost(struct engine *e);
/* This call is going away. */
void engine_person_call_gone(struct engine *e, const struct engine_call *c);

/* ---- engine_keep.c */
/* How an address stands in accepted mail older than two weeks. */
#define ENGINE_HASH_TEXT 33
const char *engine_address_hash(const struct engine *e, const char *address, char to[ENGINE_HASH_TEXT]);
void engine_keep_tick(struct engine *e, uint64_t now);

/* ---- engine_clock.c */
/* Each second: was the clock set? */
void engine_clock_tick(struct engine *e);
/* A time that is kept is made of the clock as it is now: the next tick looks after it, if it was a wrong one. */
void engine_clock_note(struct engine *e);
/* It has leapt ahead a moment ago and may be wrong: nobody has watched a trap in between. */
bool engine_clock_is_doubtful(const struct engine *e);
/*
 * Nobody has set it for an hour, nor have we begun: what is known of the future was learned while it was ahead. Before, it
 * may be behind, as that of a machine without a battery is until NTP has set it, and what is known of the future is right.
 */
bool engine_clock_is_settled(const struct engine *e);
/* What is old may go: an hour after the start, and after a leap of a day ahead, by which it is. */
bool engine_clock_may_delete(const struct engine *e);
#define ENGINE_FUTURE_S 300 /* a time so far ahead was made by a wrong clock */
/*
 * A block that begins in the future begins now; true: its new end is in *ret_until, record and cache have it too. At a
 * start it stays as it is until the clock is settled.
 */
bool engine_clock_tame(struct engine *e, struct slice key, struct slice value, uint64_t now, uint64_t *ret_until);

/* ---- engine_drift.c */
void engine_drift_start(struct engine *e);
void engine_drift_stop(struct engine *e);
/* Ask the role run what main.cf says; ctx is the engine. */
void engine_drift_look(void *ctx);
void engine_drift_done(struct engine *e, const struct msg_run_done *m);
/* Into the answer to status: drift, and with has_sums what doctor compares. */
void engine_drift_status(struct engine *e, json_t *j, json_t *warnings, bool has_sums);

/* ---- engine_hide.c */
#define ENGINE_HIDE_TEXT 400
/*
 * text with each trap address in it replaced by its number, however it is
 * written (VERP, SRS, percent, encoded words); cut to fit. Returns to.
 */
const char *engine_hide_traps(const struct engine *e, const char *text, char *to, size_t size);
/* The same, fit for a log line. */
const char *engine_hide_escaped(const struct engine *e, const char *text, char *to, size_t size);
json_t *engine_json_hidden(const struct engine *e, const char *text);
/* And in a text of a message to this trap (NULL: none) its local part alone, which spammers use as a name. */
json_t *engine_json_hidden_hit(const struct engine *e, const char *text, const struct trap *trap);

#include "role/engine_command.h"

#endif /* ROLE_ENGINE_H */
