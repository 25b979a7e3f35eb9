/*
 * firewall: keeps the kernel's sets as the engine wants them. It knows nothing
 * of mail: prefixes and times in, netlink out, within the limits of
 * core/firewall_plan. The table stays when the process ends: blocks hold over
 * a restart.
 * SPDX-License-Identifier: ISC
 */
#include "role/firewall.h"

#include <errno.h>
#include <sodium/randombytes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "io/log.h"

#define LIST_PART 64 /* operations; a longer message is a piece of a full list */

void firewall_report(struct firewall *f)
{
	const struct firewall_plan *p = &f->plan;
	uint8_t out[64 + MESSAGE_FW_TEXT];
	struct wr w = wr_init(out, sizeof out);
	bool is_ours = f->state == FW_OK || f->hooks.is_on, is_full = f->state == FW_OK && f->is_full;
	struct msg_fw_state m = { .state = (uint8_t)(is_full ? FW_FULL : f->state),
		.error = f->error,
		.wanted = (uint32_t)p->wanted.count,
		.present = is_ours ? (uint32_t)p->present : 0,
		.repaired = f->repaired,
		.refused = p->refused };

	if (is_full)
		(void)snprintf(m.text, sizeof m.text, "more blocks than firewall max-elements: raise it");
	else
		memcpy(m.text, f->hooks.is_on ? f->hooks.text : f->text, sizeof m.text);
	message_put_fw_state(&w, MSG_FW_STATE, &m);
	(void)role_host_send(f->host, ROLE_ENGINE, &w, NULL, 0); /* the next report is 10 s away */
}

void firewall_set_state(struct firewall *f, enum fw_state state, int error)
{
	static const char *const names[] = { "off", "ok", "denied", "missing", "error", "feature", "full", "hook" };

	if (f->state == state && f->error == (uint32_t)error)
		return;
	f->state = state;
	f->error = (uint32_t)error;
	if (state == FW_OK || state == FW_OFF)
		log_info("firewall", "state=%s", names[state]);
	else
		log_warn("firewall", "state=%s error=\"%s\" text=\"%s\"", names[state], error ? strerror(error) : "",
			f->hooks.is_on ? f->hooks.text : f->text);
	firewall_report(f);
}

void firewall_set_failed(struct firewall *f, enum err e)
{
	int keep = errno ? errno : EIO;
	const char *lacks = f->nft && (e == ERR_NOTFOUND || e == ERR_IO) ? firewall_nft_lacks(f->nft) : NULL;

	f->text[0] = '\0';
	if (lacks) /* nothing else takes its place: a blocked host is refused by Postfix */
		(void)snprintf(f->text, sizeof f->text,
			"this kernel has no nft_%s (%s): load the module, or choose firewall action = %s", lacks,
			"CONFIG_NFT_*", strcmp(lacks, "reject") == 0 ? "drop" : "reject");
	if (lacks)
		firewall_set_state(f, FW_FEATURE, EOPNOTSUPP);
	else if (e == ERR_DENIED)
		firewall_set_state(f, FW_DENIED, EPERM);
	else if (e == ERR_NOTFOUND)
		firewall_set_state(f, FW_MISSING, EOPNOTSUPP);
	else
		firewall_set_state(f, FW_ERROR, e == ERR_NOMEM ? ENOMEM : keep);
}

size_t firewall_apply(struct firewall *f, size_t n)
{
	enum err e = firewall_nft_apply(f->nft, f->op, n, f->done);
	int keep = errno;
	size_t done = 0;

	for (size_t i = 0; i < n; i++) {
		if (f->done[i]) {
			firewall_plan_applied(&f->plan, &f->op[i]);
			done++;
		} else if (!f->op[i].is_add) {
			f->is_look_due = true; /* at the next tick: the plan does not know it any more */
		}
	}
	if (e == ERR_NOTFOUND) { /* the table is gone, the notification is under way */
		f->is_form_touched = true;
		firewall_mend_later(f);
	} else if (e == ERR_DENIED) {
		firewall_set_state(f, FW_DENIED, EPERM);
	} else if (e != ERR_OK) {
		f->is_full |= e == ERR_FULL;
		log_warn("firewall", "failed=%zu of=%zu error=\"%s\"", n - done, n, strerror(keep));
	}
	errno = keep;
	return done;
}

/* Many additions follow, until nothing is to be done any more. */
static void bulk_begin(struct firewall *f)
{
	if (!f->is_bulk_off)
		firewall_nft_bulk_begin(f->nft);
}

/* What others did meanwhile was not heard: look, and listen the next time, so that this has an end. */
static void bulk_end(struct firewall *f)
{
	if (!f->nft)
		return;
	f->is_bulk_off = !firewall_nft_bulk_end(f->nft);
	if (!f->is_bulk_off)
		return;
	f->is_form_touched = f->is_look_due = true;
	firewall_mend_later(f);
}

/* One batch: deletions after a full list, then what is missing. */
static void on_pump(void *ctx)
{
	struct firewall *f = ctx;
	struct firewall_plan *p = &f->plan;
	bool was_purging = p->is_purging;
	size_t n;

	loop_remove(f->pump);
	f->pump = NULL;
	f->is_pumping = false;
	if (f->hooks.is_on) {
		firewall_hook_pump(f);
		return;
	}
	if (f->state != FW_OK) {
		bulk_end(f);
		return;
	}
	n = firewall_plan_purge(p, f->op, FIREWALL_BATCH);
	if (was_purging && !p->is_purging && p->wanted.count)
		log_info("firewall", "text=\"full list taken over\" wanted=%zu", p->wanted.count);
	if (n == 0 && !p->is_purging)
		n = firewall_plan_fill(p, clock_mono_ms(), f->op, FIREWALL_BATCH);
	if (n)
		(void)firewall_apply(f, n);
	if (p->is_purging || p->is_filling) {
		firewall_pump_start(f);
		return;
	}
	if (!p->is_listing)
		bulk_end(f);
	firewall_report(f);
}

void firewall_pump_start(struct firewall *f)
{
	if (f->is_pumping)
		return;
	f->pump = loop_after(f->host->loop, 0, on_pump, f);
	f->is_pumping = f->pump != NULL;
}

void firewall_refill(struct firewall *f)
{
	firewall_plan_forget_present(&f->plan);
	firewall_plan_fill_start(&f->plan);
	if (f->plan.wanted.count >= FIREWALL_BULK)
		bulk_begin(f);
	firewall_pump_start(f);
}

bool firewall_start_anew(struct firewall *f)
{
	enum err e;

	if (f->plan.wanted.count >= FIREWALL_BULK)
		bulk_begin(f); /* what is still to be heard is about elements that will be gone */
	e = firewall_nft_remake(f->nft);
	if (e != ERR_OK)
		firewall_set_failed(f, e);
	else
		firewall_refill(f);
	return e == ERR_OK;
}

static int refusal_errno(enum err e)
{
	switch ((int)e) {
	case ERR_DENIED:
		return EPERM;
	case ERR_SYNTAX:
		return EINVAL;
	case ERR_AGAIN:
		return EAGAIN;
	case ERR_FULL:
		return ENOSPC;
	default:
		return ENOMEM;
	}
}

static void log_refused(const struct fw_op *op, enum err e)
{
	char text[PREFIX_TEXT];

	log_warn("firewall_refused", "prefix=%s ttl=%u reason=\"%s\"", prefix_format(&op->prefix, text), op->ttl_s,
		e == ERR_DENIED  ? "never blocked"
		: e == ERR_AGAIN ? "too many at once"
				 : err_name(e));
}

/* Plan the operations of f->in into f->op. Returns how many are to be done. */
static size_t plan_ops(struct firewall *f, int *error)
{
	uint64_t now = clock_mono_ms();
	size_t n = 0;

	for (size_t i = 0; i < f->in.count; i++) {
		const struct fw_op *op = &f->in.op[i];
		enum err e;

		f->done[n] = firewall_plan_is_present(&f->plan, &op->prefix);
		if (!op->is_add) {
			firewall_plan_del(&f->plan, &op->prefix, &f->op[n++]);
			continue;
		}
		e = firewall_plan_add(&f->plan, &op->prefix, op->ttl_s, now, &f->op[n]);
		f->is_full |= e == ERR_FULL;
		if (e == ERR_OK || e == ERR_EXISTS)
			firewall_plan_name(&f->plan, &op->prefix, op->case_id);
		if (e == ERR_OK) {
			n++;
		} else if (e != ERR_EXISTS) {
			log_refused(op, e);
			*error = refusal_errno(e);
		}
	}
	return n;
}

static void take_ops(struct firewall *f, struct rd *body)
{
	uint8_t out[32];
	struct wr w = wr_init(out, sizeof out);
	int error = 0;
	size_t n;

	if (message_get_fw_ops(body, &f->in) != ERR_OK)
		return;
	n = plan_ops(f, &error);
	f->listed += n;
	for (size_t i = 0; i < n && f->hooks.is_on; i++)
		firewall_hook_touch(f, &f->op[i].prefix, f->done[i]);
	if (f->hooks.is_on)
		firewall_hook_pump(f);
	else if (f->nft && f->plan.is_listing && f->listed >= FIREWALL_BULK)
		bulk_begin(f);
	if (f->is_unknown && f->plan.is_listing && n > LIST_PART)
		n = 0; /* at the end of the list the sets are made anew and filled: three times as fast */
	if (f->hooks.is_on)
		n = 0; /* the state tells how that goes */
	else if (f->state != FW_OK)
		error = f->error ? (int)f->error : EOPNOTSUPP;
	else if (n && firewall_apply(f, n) < n)
		error = errno ? errno : EIO;
	message_put_fw_done(&w, MSG_FW_DONE, &(struct msg_fw_done){ .seq = f->in.seq, .error = (uint32_t)error });
	(void)role_host_send(f->host, ROLE_ENGINE, &w, NULL, 0);
}

static void take_sync(struct firewall *f, struct rd *body)
{
	struct msg_fw_sync m;

	if (message_get_fw_sync(body, &m) != ERR_OK)
		return;
	if (m.phase == 1) {
		firewall_plan_begin(&f->plan);
		f->listed = 0;
		return;
	}
	firewall_plan_end(&f->plan);
	f->has_list = true;
	f->is_full &= f->plan.wanted.count >= f->plan.wanted.cap;
	if (f->hooks.is_on)
		firewall_hook_listed(f);
	else if (f->is_unknown && f->state == FW_OK)
		f->is_unknown = !firewall_start_anew(f);
	firewall_pump_start(f);
}

static void on_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct firewall *f = h->ctx;

	if (peer == ROLE_RUN && t == MSG_HOOK_DONE)
		firewall_hook_done(f, body, fds, n);
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
	if (peer != ROLE_ENGINE)
		return;
	if (t == MSG_FW_OPS)
		take_ops(f, body);
	else if (t == MSG_FW_SYNC)
		take_sync(f, body);
	else if (t == MSG_FW_KILL)
		firewall_kill_take(f, body);
}

static void on_linked(struct role_host *h, enum role peer)
{
	if (peer == ROLE_ENGINE)
		firewall_report(h->ctx);
	if (peer == ROLE_RUN)
		firewall_hook_pump(h->ctx);
}

static void on_unlinked(struct role_host *h, enum role peer)
{
	struct firewall *f = h->ctx;

	if (peer == ROLE_RUN)
		firewall_hook_lost(f);
	if (peer != ROLE_ENGINE)
		return;
	firewall_plan_break(&f->plan);
	firewall_pump_start(f); /* ends the bulk that the list began */
}

/* The kernel lets its elements end by itself; a hook must be told. */
static void on_over(const struct prefix *p, void *ctx)
{
	struct firewall *f = ctx;

	if (f->hooks.is_on)
		firewall_hook_touch(f, p, true);
}

static size_t add_prefixes(const struct conf_list *l, struct prefix *to, size_t n)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (prefix_parse(slice_str(l->item[i]), &to[n]) == ERR_OK)
			n++;
	return n;
}

static void take_conf(struct firewall *f)
{
	const struct conf *c = &f->host->conf;
	struct prefix never[3 * CONF_LIST];
	uint16_t port[FIREWALL_PORTS];
	unsigned ports = 0;
	size_t n = add_prefixes(&c->own_networks, never, 0);
	uint64_t v;

	n = add_prefixes(&c->postfix.own_hosts, never, n);
	n = add_prefixes(&c->forwarders, never, n);
	if (firewall_plan_set_never(&f->plan, never, n) != ERR_OK)
		log_warn("firewall", "text=\"only the first %u own prefixes are kept out\"", FIREWALL_NEVER);
	firewall_plan_set_max(&f->plan, c->firewall.max_elements);
	firewall_hook_set_max(f, c->firewall.max_elements);
	for (uint32_t i = 0; i < c->firewall.ports.count && ports < FIREWALL_PORTS; i++)
		if (num_parse(slice_str(c->firewall.ports.item[i]), UINT16_MAX, &v) == ERR_OK)
			port[ports++] = (uint16_t)v;
	if (!f->nft)
		return;
	firewall_nft_setup(f->nft, port, ports, c->firewall.action == FW_ACTION_DROP, c->firewall.max_elements);
	firewall_nft_redirect(f->nft, conf_has_tarpit(c) ? (uint16_t)c->tarpit.port : 0);
	firewall_nft_forward(f->nft, c->firewall.forward);
	firewall_nft_fake(f->nft, c);
}

/* Without descriptors or memory this fails for a while: the tick tries it anew. */
static enum err open_netlink(struct firewall *f)
{
	enum err e = firewall_nft_open(&f->nft);

	if (e != ERR_OK)
		return e;
	f->events = loop_fd(f->host->loop, firewall_nft_fd(f->nft), LOOP_READ, firewall_on_events, f);
	if (f->events)
		return ERR_OK;
	firewall_nft_close(f->nft);
	f->nft = NULL;
	return ERR_NOMEM;
}

static void open_again(struct firewall *f)
{
	if (open_netlink(f) != ERR_OK)
		return;
	take_conf(f);
	firewall_bring_up(f);
}

/* What was put off, and for lack of memory has no timer. */
static void catch_up(struct firewall *f)
{
	if (f->is_form_touched || f->foreigns)
		firewall_mend_later(f);
	if (f->plan.is_purging || f->plan.is_filling)
		firewall_pump_start(f);
}

static void on_tick(void *ctx)
{
	struct firewall *f = ctx;

	firewall_plan_sweep(&f->plan, clock_mono_ms(), FIREWALL_SWEEP, on_over, f);
	firewall_kill_tick(f);
	firewall_hook_tick(f);
	if (!f->nft && f->state == FW_ERROR && !f->plan.is_listing)
		open_again(f);
	if (f->state == FW_OK && !f->hooks.is_on)
		catch_up(f);
	if (++f->ticks % FIREWALL_STATE_S)
		return;
	if (f->hooks.is_on) {
		firewall_report(f);
		return;
	}
	if (f->nft && f->error && !f->plan.is_listing) /* what the list has not come to yet would be deleted */
		firewall_bring_up(f);
	if (f->state == FW_OK && f->is_look_due)
		firewall_mend_later(f);
	if (f->state == FW_OK && f->plan.present < f->plan.wanted.count && !f->plan.is_filling && !f->plan.is_listing) {
		firewall_plan_fill_start(&f->plan);
		firewall_pump_start(f);
	}
	firewall_report(f);
}

static enum err on_start(struct role_host *h)
{
	struct firewall *f = calloc(1, sizeof *f);
	uint8_t key[SIPHASH_KEY];
	enum err e;

	if (!f)
		return ERR_NOMEM;
	h->ctx = f;
	f->host = h;
	randombytes_buf(key, sizeof key);
	firewall_plan_init(&f->plan, key, h->conf.firewall.max_elements, clock_mono_ms());
	prefix_map_init(&f->hooks.touched, key, sizeof(uint8_t), 0); /* take_conf makes room */
	e = open_netlink(f);
	take_conf(f);
	if (e == ERR_OK)
		firewall_bring_up(f);
	else if (!firewall_hook_bring_up(f))
		firewall_set_failed(f, e);
	f->tick = loop_every(h->loop, 1000, on_tick, f);
	return f->tick ? ERR_OK : ERR_NOMEM;
}

static void on_reloaded(struct role_host *h)
{
	struct firewall *f = h->ctx;

	take_conf(f);
	if (f->nft)
		firewall_bring_up(f);
	else
		(void)firewall_hook_bring_up(f);
}

const struct role_ops firewall_ops = {
	.start = on_start,
	.linked = on_linked,
	.unlinked = on_unlinked,
	.message = on_message,
	.reloaded = on_reloaded,
};
