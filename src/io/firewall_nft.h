/*
 * firewall_nft: our nftables table (form: io/firewall_form) with blocked
 * prefixes as elements that the kernel itself lets expire. Changes, dumps,
 * foreign changes. Netlink only: nft is never run. Decides nothing: what
 * should be in the sets is core/firewall_plan's.
 *
 * Every call returns with the kernel's answer (a single change takes a few
 * microseconds). errno tells more about ERR_IO. Owner: the firewall role;
 * `limetwig off` uses firewall_nft_delete_table alone.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_FIREWALL_NFT_H
#define IO_FIREWALL_NFT_H
#include "core/message.h"
#include "io/firewall_form.h"

#define FIREWALL_BATCH 4000  /* elements in one transaction at most */
#define FIREWALL_FAILURES 64 /* refused transactions in one apply: each makes the kernel wait for a grace period */
#define FIREWALL_DUMP_MAX                                                                                              \
	65536 /* elements of a set that are ever read back: the kernel walks from the start for each piece */

struct firewall_nft;

/* Opens the sockets: before the sandbox. ERR_NOTFOUND: no netfilter netlink in this kernel. */
enum err firewall_nft_open(struct firewall_nft **ret) MUST_USE;
void firewall_nft_close(struct firewall_nft *f); /* the table stays */
/* Readable when somebody else changed something: call firewall_nft_events. */
int firewall_nft_fd(const struct firewall_nft *f);

/* Ports, action and size; FIREWALL_PORTS at most. In force from the next make on. */
void firewall_nft_setup(
	struct firewall_nft *f, const uint16_t *port, unsigned ports, bool is_drop, uint32_t max_elements);
/* New connections of a blocked client go to this port of ours instead; 0: as setup says. From the next make on. */
void firewall_nft_redirect(struct firewall_nft *f, uint16_t port);
/* Addresses of the fake MX, as firewall_fakes says. From the next make on. */
void firewall_nft_fake(struct firewall_nft *f, const struct conf *c);
/* Connections that this machine hands on to others too. From the next make on. */
void firewall_nft_forward(struct firewall_nft *f, bool is_forward);
/* What of nf_tables this kernel does not have and the form needs ("tproxy", "fib" ...); NULL: nothing. */
const char *firewall_nft_lacks(struct firewall_nft *f);
/*
 * Bring the table into its form in one transaction: made when absent, kept
 * when it is right, only its chains and rules replaced when the sets are right
 * (no packet meets the one without the other), else made anew. ret_is_kept:
 * the elements are still there. ERR_DENIED: no right;
 * ERR_NOTFOUND: no nf_tables in this kernel; ERR_IO.
 */
enum err firewall_nft_make(struct firewall_nft *f, bool *ret_is_kept, bool *ret_is_changed) MUST_USE;
/* How the kernel's table differs from its form; changes nothing. Sets it has are known to dump from then on. */
enum err firewall_nft_look(struct firewall_nft *f, enum firewall_fit *ret) MUST_USE;
/* The same table, without elements, in one transaction. */
enum err firewall_nft_remake(struct firewall_nft *f) MUST_USE;
/* Delete it; ERR_OK when there is none. */
enum err firewall_nft_remove(struct firewall_nft *f) MUST_USE;

/*
 * Add (anew: an element that is there gets the new time) and delete (no error
 * when absent). In order, in transactions of at most FIREWALL_BATCH; a failing
 * one is tried in halves, FIREWALL_FAILURES times at most. done[i] tells what is
 * in the kernel. ERR_NOTFOUND: the table is gone; ERR_FULL: a set is;
 * ERR_DENIED, ERR_NOMEM, ERR_IO.
 */
enum err firewall_nft_apply(struct firewall_nft *f, const struct fw_op *op, size_t n, bool *done) MUST_USE;

/* left_ms: 0 for an element that never ends. prefix may have bits beyond its length (a foreign element). */
typedef void (*firewall_element_fn)(void *ctx, const struct prefix *p, uint64_t left_ms);
/* Every element. ERR_FULL: a set has more than FIREWALL_DUMP_MAX, broken off. ERR_AGAIN: changed meanwhile. */
enum err firewall_nft_dump(struct firewall_nft *f, firewall_element_fn fn, void *ctx) MUST_USE;

enum firewall_event {
	FIREWALL_EVENT_ADDED = 1,   /* a foreign element */
	FIREWALL_EVENT_DELETED = 2, /* an element of ours was deleted */
	FIREWALL_EVENT_FORM = 3,    /* table, chain, rule or set of ours was touched */
};
typedef void (*firewall_event_fn)(void *ctx, enum firewall_event what, const struct prefix *p);
/*
 * What others did to our table since the last call; the descriptor stays readable when there is more. ERR_FULL:
 * more than could be kept, look yourself.
 */
enum err firewall_nft_events(struct firewall_nft *f, firewall_event_fn fn, void *ctx) MUST_USE;

/*
 * A stretch of many changes. As long as anybody listens, the kernel writes a notification for each element,
 * also of our own changes: half of all the work. So from the first transaction after begin until end we do not
 * listen; a remake in it also drops the notifications of what was there before. end: false when somebody else
 * changed any table of this host meanwhile, or that cannot be told: look yourself. Both do nothing the second time.
 */
void firewall_nft_bulk_begin(struct firewall_nft *f);
bool firewall_nft_bulk_end(struct firewall_nft *f);

/*
 * Stand-alone, for `limetwig off`: delete our table. ERR_OK also when there is
 * none. text: what went wrong, for people.
 */
enum err firewall_nft_delete_table(char *text, size_t text_size) MUST_USE;

#endif /* IO_FIREWALL_NFT_H */
