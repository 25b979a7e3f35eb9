/*
 * firewall_nft: elements are written as attributes by hand (no allocation per
 * element); the form is io/firewall_form's.
 *
 * Add is add, delete, add in one transaction: kernels up to 6.11 keep the old
 * time of an element that is there already. Delete is add, delete: a deletion
 * of what is absent would fail the whole transaction.
 * SPDX-License-Identifier: ISC
 */
#include "io/firewall_nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>

#define MESSAGE_ELEMENTS 1000 /* 40 bytes each; a list must stay below 64 kB */
#define BULK 64               /* from here on it pays to try a plain add first */
#define EVENTS_AT_ONCE 64     /* datagrams of 4 kB: some thousand elements */

/* libmnl's own loops convert long to int without a word */
#define FOR_ATTRIBUTES(a, from, end)                                                                                   \
	for ((a) = (from); mnl_attr_ok((a), (int)((const char *)(end) - (const char *)(a))); (a) = mnl_attr_next(a))
#define FOR_MESSAGE(a, h)                                                                                              \
	FOR_ATTRIBUTES(a, mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg)), mnl_nlmsg_get_payload_tail(h))
#define FOR_NESTED(a, in)                                                                                              \
	FOR_ATTRIBUTES(                                                                                                \
		a, mnl_attr_get_payload(in), (const char *)mnl_attr_get_payload(in) + mnl_attr_get_payload_len(in))

/* Each transaction of anybody in this network namespace makes the kernel's generation one higher. */
struct bulk {
	bool is_on;
	bool is_deaf; /* does not listen */
	uint32_t generation, commits;
};

struct firewall_nft {
	struct nft_socket batch, dump, events;
	struct firewall_form form;
	unsigned failures; /* in this apply */
	int error;         /* errno of the last of them */
	bool has_known;    /* a plain add met an element that was there: do not try again until made anew */
	struct bulk bulk;
};

enum err firewall_nft_open(struct firewall_nft **ret)
{
	struct firewall_nft *f = calloc(1, sizeof *f);
	enum err e;

	if (!f)
		return ERR_NOMEM;
	/* the usual lengths are there from the start, so that the first block is one element only */
	f->form.set[f->form.sets++] = (struct firewall_set){ 4, 32 };
	f->form.set[f->form.sets++] = (struct firewall_set){ 6, 64 };
	e = nft_socket_open(&f->batch);
	if (e == ERR_OK)
		e = nft_socket_open(&f->dump);
	if (e == ERR_OK)
		e = nft_socket_open(&f->events);
	if (e == ERR_OK)
		e = nft_socket_join(&f->events, f->batch.portid);
	if (e != ERR_OK) {
		int keep = errno;

		firewall_nft_close(f);
		errno = keep;
		return e;
	}
	*ret = f;
	return ERR_OK;
}

void firewall_nft_close(struct firewall_nft *f)
{
	if (!f)
		return;
	nft_socket_close(&f->batch);
	nft_socket_close(&f->dump);
	nft_socket_close(&f->events);
	free(f);
}

int firewall_nft_fd(const struct firewall_nft *f)
{
	return nft_socket_fd(&f->events);
}

void firewall_nft_setup(
	struct firewall_nft *f, const uint16_t *port, unsigned ports, bool is_drop, uint32_t max_elements)
{
	f->form.ports = ports < FIREWALL_PORTS ? ports : FIREWALL_PORTS;
	memcpy(f->form.port, port, f->form.ports * sizeof *port);
	f->form.is_drop = is_drop;
	f->form.max_elements = max_elements;
}

void firewall_nft_redirect(struct firewall_nft *f, uint16_t port)
{
	f->form.redirect = port;
}

void firewall_nft_forward(struct firewall_nft *f, bool is_forward)
{
	f->form.is_forward = is_forward;
}

void firewall_nft_fake(struct firewall_nft *f, const struct conf *c)
{
	f->form.fakes = firewall_fakes(c, f->form.fake);
}

const char *firewall_nft_lacks(struct firewall_nft *f)
{
	const char *name;

	for (unsigned i = 0; (name = firewall_form_feature(&f->form, i)); i++) {
		if (!*name)
			continue;
		nft_batch_begin(&f->batch);
		firewall_form_put_trial(i, &f->batch);
		if (nft_batch_send(&f->batch) == ERR_NOTFOUND)
			break;
	}
	return name;
}

static int see_generation(const struct nlmsghdr *h, void *ctx)
{
	uint32_t *ret = ctx;
	const struct nlattr *a;

	FOR_MESSAGE(a, h)
	if (mnl_attr_get_type(a) == NFTA_GEN_ID && mnl_attr_get_payload_len(a) == sizeof *ret)
		*ret = ntohl(mnl_attr_get_u32(a));
	return MNL_CB_OK;
}

static bool generation_get(struct firewall_nft *f, uint32_t *ret)
{
	uint32_t generation = 0; /* the kernel never uses 0 */

	(void)nft_request_begin(&f->dump, NFT_MSG_GETGEN, NLM_F_ACK);
	if (nft_request(&f->dump, see_generation, &generation) != ERR_OK || generation == 0)
		return false;
	*ret = generation;
	return true;
}

void firewall_nft_bulk_begin(struct firewall_nft *f)
{
	if (f->bulk.is_on)
		return;
	f->bulk.is_on = generation_get(f, &f->bulk.generation);
	f->bulk.commits = f->batch.commits;
}

/*
 * Only after a transaction of our own: the kernel takes one after the other, so that the notifications of all
 * that is counted in the generation are there by then.
 */
static void bulk_deafen(struct firewall_nft *f)
{
	if (f->bulk.is_on && !f->bulk.is_deaf && f->batch.commits != f->bulk.commits)
		f->bulk.is_deaf = nft_socket_leave(&f->events) == ERR_OK;
}

bool firewall_nft_bulk_end(struct firewall_nft *f)
{
	struct bulk b = f->bulk;
	uint32_t generation;

	f->bulk = (struct bulk){ 0 };
	if (b.is_deaf && nft_socket_rejoin(&f->events) != ERR_OK)
		return false;
	if (!b.is_on)
		return true;
	return generation_get(f, &generation) && generation - b.generation == f->batch.commits - b.commits;
}

static int drop_event(const struct nlmsghdr *h, void *ctx)
{
	(void)h;
	(void)ctx;
	return MNL_CB_OK;
}

/* delete fails when there is none: create it first */
static void put_absent(struct firewall_nft *f)
{
	nft_batch_begin(&f->batch);
	mnl_attr_put_strz(nft_batch_add(&f->batch, NFT_MSG_NEWTABLE, NLM_F_CREATE), NFTA_TABLE_NAME, FIREWALL_TABLE);
	firewall_form_put_delete(&f->batch);
}

enum err firewall_nft_remake(struct firewall_nft *f)
{
	enum err e;

	put_absent(f);
	firewall_form_put_table(&f->form, &f->batch);
	f->has_known = false;
	e = nft_batch_send(&f->batch);
	bulk_deafen(f);
	/* that some were lost does not matter: they are of the past */
	if (e == ERR_OK && f->bulk.is_deaf && nft_events(&f->events, SIZE_MAX, drop_event, NULL) == ERR_IO)
		e = ERR_IO;
	return e;
}

enum err firewall_nft_remove(struct firewall_nft *f)
{
	put_absent(f);
	return nft_batch_send(&f->batch);
}

enum err firewall_nft_make(struct firewall_nft *f, bool *ret_is_kept, bool *ret_is_changed)
{
	enum firewall_fit fit;
	enum err e = firewall_form_compare(&f->form, &f->dump, &fit);

	if (e != ERR_OK)
		return e;
	if (fit == FIREWALL_RULES || fit == FIREWALL_CHAINS) {
		nft_batch_begin(&f->batch);
		if (fit == FIREWALL_RULES)
			firewall_form_put_rules(&f->form, &f->batch);
		else
			firewall_form_put_chains(&f->form, &f->batch);
		e = nft_batch_send(&f->batch);
	} else if (fit != FIREWALL_FITS) {
		e = firewall_nft_remake(f);
	}
	if (e != ERR_OK)
		return e;
	*ret_is_kept = fit == FIREWALL_FITS || fit == FIREWALL_RULES || fit == FIREWALL_CHAINS;
	*ret_is_changed = fit != FIREWALL_FITS;
	return ERR_OK;
}

static struct firewall_set set_of(const struct prefix *p)
{
	return (struct firewall_set){ .family = p->addr.family, .len = p->len };
}

static bool set_eq(struct firewall_set a, struct firewall_set b)
{
	return a.family == b.family && a.len == b.len;
}

static void element_put(struct nlmsghdr *h, const struct fw_op *op, bool has_time)
{
	struct nlattr *element = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	struct nlattr *key = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);

	mnl_attr_put(h, NFTA_DATA_VALUE, ipaddr_bits(&op->prefix.addr) / 8, op->prefix.addr.b);
	mnl_attr_nest_end(h, key);
	if (has_time)
		mnl_attr_put_u64(h, NFTA_SET_ELEM_TIMEOUT, htobe64((op->ttl_s ? op->ttl_s : 1) * 1000ull));
	mnl_attr_nest_end(h, element);
}

/* One message with the elements of set among op[0..n). */
static void elements_put(
	struct nft_socket *s, uint16_t type, uint16_t flags, struct firewall_set set, const struct fw_op *op, size_t n)
{
	struct nlmsghdr *h = nft_batch_add(s, type, flags);
	char name[FIREWALL_SET_NAME];
	struct nlattr *list;

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, FIREWALL_TABLE);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, firewall_set_name(set, name));
	list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < n; i++)
		if (set_eq(set_of(&op[i].prefix), set))
			element_put(h, &op[i], type == NFT_MSG_NEWSETELEM);
	mnl_attr_nest_end(h, list);
}

/* op[0..n): at most MESSAGE_ELEMENTS, all adds or all deletes. */
static void run_put(struct firewall_nft *f, const struct fw_op *op, size_t n, bool is_new)
{
	bool has[FIREWALL_SETS] = { false };

	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < f->form.sets; k++)
			has[k] |= set_eq(set_of(&op[i].prefix), f->form.set[k]);
	for (unsigned k = 0; k < f->form.sets; k++) {
		struct firewall_set set = f->form.set[k];

		if (!has[k])
			continue;
		elements_put(&f->batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE | (is_new ? NLM_F_EXCL : 0), set, op, n);
		if (is_new)
			continue;
		elements_put(&f->batch, NFT_MSG_DELSETELEM, 0, set, op, n);
		if (op[0].is_add)
			elements_put(&f->batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, op, n);
	}
}

static enum err transact(struct firewall_nft *f, const struct fw_op *op, size_t n, bool is_new)
{
	size_t i = 0;

	nft_batch_begin(&f->batch);
	while (i < n) {
		size_t k = i + 1;

		while (k < n && k - i < MESSAGE_ELEMENTS && op[k].is_add == op[i].is_add)
			k++;
		run_put(f, op + i, k - i, is_new);
		i = k;
	}
	return nft_batch_send(&f->batch);
}

/* After these errors of a single element the rest would fail as well. */
static bool is_hopeless(const struct firewall_nft *f, enum err e)
{
	return e == ERR_DENIED || e == ERR_NOTFOUND || e == ERR_FULL || f->failures >= FIREWALL_FAILURES;
}

/*
 * A transaction, or its halves; the depth is log2(FIREWALL_BATCH). Not found
 * says that an element came twice, or, for a single one, that the table is gone.
 */
static enum err apply_some(struct firewall_nft *f, const struct fw_op *op, size_t n, bool *done)
{
	enum err e = transact(f, op, n, false), second;

	if (e == ERR_OK) {
		memset(done, true, n * sizeof *done);
		return e;
	}
	f->failures++;
	f->error = errno;
	if (n == 1 || e == ERR_DENIED || f->failures >= FIREWALL_FAILURES)
		return e;
	e = apply_some(f, op, n / 2, done);
	if (e != ERR_OK && is_hopeless(f, e))
		return e;
	second = apply_some(f, op + n / 2, n - n / 2, done + n / 2);
	return second == ERR_OK ? e : second;
}

static bool is_all_adds(const struct fw_op *op, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!op[i].is_add)
			return false;
	return true;
}

static enum err apply_batch(struct firewall_nft *f, const struct fw_op *op, size_t n, bool *done)
{
	/* mostly nothing of it is there: a third of the work */
	if (n >= BULK && !f->has_known && is_all_adds(op, n)) {
		if (transact(f, op, n, true) == ERR_OK) {
			memset(done, true, n * sizeof *done);
			return ERR_OK;
		}
		f->has_known = true;
	}
	return apply_some(f, op, n, done);
}

/* Sets for lengths that are used for the first time. */
static enum err sets_ensure(struct firewall_nft *f, const struct fw_op *op, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct firewall_set set = set_of(&op[i].prefix);
		enum err e;

		if (firewall_form_has(&f->form, set))
			continue;
		f->error = ENOSPC;
		if (f->form.sets == FIREWALL_SETS)
			return ERR_LIMIT;
		nft_batch_begin(&f->batch);
		firewall_form_put_set(&f->form, set, &f->batch);
		e = nft_batch_send(&f->batch);
		f->error = errno;
		if (e != ERR_OK)
			return e;
		f->form.set[f->form.sets++] = set;
	}
	return ERR_OK;
}

enum err firewall_nft_apply(struct firewall_nft *f, const struct fw_op *op, size_t n, bool *done)
{
	enum err last = ERR_OK;

	f->failures = 0;
	f->error = 0;
	memset(done, false, n * sizeof *done);
	for (size_t i = 0; i < n && (last == ERR_OK || !is_hopeless(f, last)); i += FIREWALL_BATCH) {
		size_t k = n - i < FIREWALL_BATCH ? n - i : FIREWALL_BATCH;
		enum err e = sets_ensure(f, op + i, k);

		if (e == ERR_OK)
			e = apply_batch(f, op + i, k, done + i);
		if (e != ERR_OK)
			last = e;
	}
	bulk_deafen(f);
	errno = f->error;
	return last;
}

/* Reads the elements of one list message, whether dump or notification. */
struct elements {
	const char *table, *set;
	const struct nlattr *list;
};

static bool elements_parse(const struct nlmsghdr *h, struct elements *ret)
{
	struct elements m = { 0 };
	const struct nlattr *a;

	FOR_MESSAGE(a, h)
	{
		unsigned type = mnl_attr_get_type(a);

		if (type == NFTA_SET_ELEM_LIST_TABLE && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
			m.table = mnl_attr_get_str(a);
		else if (type == NFTA_SET_ELEM_LIST_SET && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
			m.set = mnl_attr_get_str(a);
		else if (type == NFTA_SET_ELEM_LIST_ELEMENTS)
			m.list = a;
	}
	*ret = m;
	return m.table && m.set && strcmp(m.table, FIREWALL_TABLE) == 0;
}

static bool element_parse(const struct nlattr *element, struct firewall_set set, struct prefix *ret, uint64_t *ret_left)
{
	struct prefix p = { .addr.family = set.family, .len = set.len };
	size_t width = ipaddr_bits(&p.addr) / 8;
	const struct nlattr *a, *v;
	bool has_key = false;
	uint64_t left = 0;

	FOR_NESTED(a, element)
	{
		unsigned type = mnl_attr_get_type(a);

		if (type == NFTA_SET_ELEM_EXPIRATION && mnl_attr_get_payload_len(a) == sizeof left)
			left = be64toh(mnl_attr_get_u64(a));
		if (type != NFTA_SET_ELEM_KEY)
			continue;
		FOR_NESTED(v, a)
		{
			if (mnl_attr_get_type(v) == NFTA_DATA_VALUE && mnl_attr_get_payload_len(v) == width) {
				memcpy(p.addr.b, mnl_attr_get_payload(v), width);
				has_key = true;
			}
		}
	}
	*ret = p;
	*ret_left = left;
	return has_key;
}

struct dump {
	struct firewall_set set;
	size_t n;
	firewall_element_fn fn;
	void *ctx;
};

static int see_elements(const struct nlmsghdr *h, void *ctx)
{
	struct dump *d = ctx;
	struct elements m;
	const struct nlattr *a;
	struct prefix p;
	uint64_t left;

	if (!elements_parse(h, &m) || !m.list)
		return MNL_CB_OK;
	FOR_NESTED(a, m.list)
	{
		if (!element_parse(a, d->set, &p, &left))
			continue;
		if (++d->n > FIREWALL_DUMP_MAX)
			return MNL_CB_STOP;
		d->fn(d->ctx, &p, left);
	}
	return MNL_CB_OK;
}

enum err firewall_nft_look(struct firewall_nft *f, enum firewall_fit *ret)
{
	return firewall_form_compare(&f->form, &f->dump, ret);
}

enum err firewall_nft_dump(struct firewall_nft *f, firewall_element_fn fn, void *ctx)
{
	for (unsigned i = 0; i < f->form.sets; i++) {
		struct dump d = { .set = f->form.set[i], .fn = fn, .ctx = ctx };
		char name[FIREWALL_SET_NAME];
		struct nlmsghdr *h = nft_request_begin(&f->dump, NFT_MSG_GETSETELEM, NLM_F_DUMP);
		enum err e;

		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, FIREWALL_TABLE);
		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, firewall_set_name(d.set, name));
		e = nft_request(&f->dump, see_elements, &d);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

struct events {
	firewall_event_fn fn;
	void *ctx;
};

static void see_foreign_elements(const struct events *v, const struct nlmsghdr *h, enum firewall_event what)
{
	struct elements m;
	struct firewall_set set;
	const struct nlattr *a;
	struct prefix p;
	uint64_t left;

	if (!elements_parse(h, &m))
		return;
	if (!m.list || !firewall_set_parse(m.set, &set)) {
		v->fn(v->ctx, FIREWALL_EVENT_FORM, NULL);
		return;
	}
	FOR_NESTED(a, m.list)
	if (element_parse(a, set, &p, &left))
		v->fn(v->ctx, what, &p);
}

/* Attribute 1 of everything that lies in a table, and of the table itself, is the table's name. */
static bool is_in_our_table(const struct nlmsghdr *h)
{
	const struct nlattr *a;

	FOR_MESSAGE(a, h)
	if (mnl_attr_get_type(a) == NFTA_TABLE_NAME && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
		return strcmp(mnl_attr_get_str(a), FIREWALL_TABLE) == 0;
	return false;
}

static int see_event(const struct nlmsghdr *h, void *ctx)
{
	const struct events *v = ctx;
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	unsigned type = NFNL_MSG_TYPE(h->nlmsg_type);

	if (mnl_nlmsg_get_payload_len(h) < sizeof *g || g->nfgen_family != NFPROTO_INET || type == NFT_MSG_NEWGEN)
		return MNL_CB_OK;
	if (type == NFT_MSG_NEWSETELEM)
		see_foreign_elements(v, h, FIREWALL_EVENT_ADDED);
	else if (type == NFT_MSG_DELSETELEM)
		see_foreign_elements(v, h, FIREWALL_EVENT_DELETED);
	else if (is_in_our_table(h))
		v->fn(v->ctx, FIREWALL_EVENT_FORM, NULL);
	return MNL_CB_OK;
}

enum err firewall_nft_events(struct firewall_nft *f, firewall_event_fn fn, void *ctx)
{
	struct events v = { .fn = fn, .ctx = ctx };

	return nft_events(&f->events, EVENTS_AT_ONCE, see_event, &v);
}
