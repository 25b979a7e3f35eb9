/*
 * firewall_drift: our table as others leave it. Notifications tell which
 * element of ours was touched and are mended one by one; where they were lost
 * or the elements are gone, the kernel is read (or, where that would take
 * long, the sets are made anew and filled: about a second for a million).
 * SPDX-License-Identifier: ISC
 */
#include "role/firewall.h"

#include <errno.h>

#include "io/log.h"

static bool is_wanted(const struct conf *c)
{
	return c->firewall.backend == FW_BACKEND_NFTABLES && !c->is_off;
}

static void count_repaired(struct firewall *f, const char *what, size_t n)
{
	if (n == 0)
		return;
	f->repaired += (uint32_t)n;
	firewall_report(f);
	log_warn("firewall_drift", "repaired=%zu what=\"%s\"", n, what);
}

/* Elements found in the kernel: those to be deleted are collected in f->op. */
struct look {
	struct firewall *f;
	uint64_t now_ms;
	bool is_adopting; /* at start: the plan is empty */
	bool is_too_much;
	size_t extra;
};

static void look_at(void *ctx, const struct prefix *p, uint64_t left_ms)
{
	struct look *l = ctx;
	struct firewall *f = l->f;
	uint64_t left = (left_ms + 500) / 1000;

	if (l->is_adopting) {
		enum err e = firewall_plan_adopt(&f->plan, p, left, l->now_ms);

		if (e == ERR_OK)
			return;
	} else if (firewall_plan_see(&f->plan, p, left, l->now_ms)) {
		return;
	}
	if (left_ms && left_ms < 1000 * FIREWALL_SLACK_S)
		return; /* goes by itself */
	if (l->extra < FIREWALL_BATCH)
		f->op[l->extra++] = (struct fw_op){ .is_add = false, .prefix = *p };
	else
		l->is_too_much = true;
}

/* After a restart: the elements of the former run stay in force until the full list says more. */
static void adopt(struct firewall *f)
{
	struct look l = { .f = f, .now_ms = clock_mono_ms(), .is_adopting = true };
	enum err e = firewall_nft_dump(f->nft, look_at, &l);

	if (l.extra)
		(void)firewall_apply(f, l.extra);
	f->is_unknown = e != ERR_OK || l.is_too_much;
	log_info("firewall", "adopted=%zu complete=%d", f->plan.present, !f->is_unknown);
}

void firewall_bring_up(struct firewall *f)
{
	bool was_ok = f->state == FW_OK, is_kept, is_changed;
	enum err e;

	f->is_form_touched = false;
	if (firewall_hook_bring_up(f)) {
		/* of another configuration; without the right there is none */
		if (firewall_nft_remove(f->nft) != ERR_OK)
			log_debug("firewall", "text=\"no table to be removed\"");
		return;
	}
	if (!is_wanted(&f->host->conf)) {
		e = firewall_nft_remove(f->nft);
		firewall_plan_forget_present(&f->plan);
		firewall_set_state(f, FW_OFF, e == ERR_OK ? 0 : errno);
		return;
	}
	e = firewall_nft_make(f->nft, &is_kept, &is_changed);
	if (e != ERR_OK) {
		firewall_set_failed(f, e);
		return;
	}
	f->text[0] = '\0';
	firewall_set_state(f, FW_OK, 0);
	if (is_kept && !f->has_started && !f->has_list) {
		adopt(f);
	} else if (!is_kept) {
		f->is_unknown = false;
		firewall_refill(f);
	} else if (!was_ok) { /* what was deleted meanwhile, or before we began late, is still there */
		f->is_look_due = true;
		firewall_mend_later(f);
	}
	f->has_started = true;
}

/* The sets are to be made anew, whatever else is found. */
static bool is_beyond_looking(const struct firewall *f)
{
	return f->is_look_due && f->plan.wanted.count > FIREWALL_DUMP_MAX;
}

static void mend_cancel(struct firewall *f)
{
	loop_remove(f->mend);
	f->mend = NULL;
	f->is_mending = false;
}

static void on_mend(void *ctx);

void firewall_mend_later(struct firewall *f)
{
	if (f->is_mending)
		return;
	if (f->mend_ms == 0 || clock_mono_ms() - f->mended_at > FIREWALL_MEND_QUIET_S * 1000)
		f->mend_ms = FIREWALL_MEND_MS;
	/* nothing is to be collected when the sets are to be made anew: a million notifications stay unread */
	f->mend = loop_after(f->host->loop, f->mend_ms - (is_beyond_looking(f) ? FIREWALL_MEND_MS : 0), on_mend, f);
	f->is_mending = f->mend != NULL;
}

static void on_foreign(void *ctx, enum firewall_event what, const struct prefix *p)
{
	struct firewall *f = ctx;

	if (what == FIREWALL_EVENT_FORM)
		f->is_form_touched = true;
	else if (f->foreigns < FIREWALL_FOREIGN)
		f->foreign[f->foreigns++] = *p;
	else
		f->is_look_due = true;
}

void firewall_on_events(int fd, unsigned what, void *ctx)
{
	struct firewall *f = ctx;
	bool was_beyond = is_beyond_looking(f);

	(void)fd;
	(void)what;
	if (firewall_nft_events(f->nft, on_foreign, f) != ERR_OK)
		f->is_form_touched = f->is_look_due = true;
	if (f->state == FW_OFF || f->hooks.is_on) {
		f->is_form_touched = f->is_look_due = false;
		f->foreigns = 0;
	} else if (f->is_form_touched || f->is_look_due || f->foreigns) {
		if (!was_beyond && is_beyond_looking(f))
			mend_cancel(f); /* it waits for more to be collected */
		firewall_mend_later(f);
	}
}

/* False: the elements are gone, or nothing can be done now. */
static bool mend_form(struct firewall *f)
{
	size_t had = f->plan.present;
	bool is_kept, is_changed;
	enum err e = firewall_nft_make(f->nft, &is_kept, &is_changed);

	f->is_form_touched = false;
	if (e != ERR_OK) {
		firewall_set_failed(f, e);
		return false;
	}
	firewall_set_state(f, FW_OK, 0);
	if (!is_kept)
		firewall_refill(f);
	if (is_changed)
		count_repaired(f, is_kept ? "rules" : "table", is_kept ? 1 : had + 1);
	return is_kept;
}

/* What others added or deleted, one by one. */
static void mend_elements(struct firewall *f)
{
	uint64_t now_ms = clock_mono_ms();
	size_t n = f->foreigns;

	for (size_t i = 0; i < n; i++)
		firewall_plan_mend(&f->plan, &f->foreign[i], now_ms, &f->op[i]);
	f->foreigns = 0;
	if (n)
		count_repaired(f, "elements", firewall_apply(f, n));
}

/* Read the kernel's sets and mend what differs. */
static void mend_all(struct firewall *f)
{
	struct look l = { .f = f, .now_ms = clock_mono_ms() };
	size_t had = f->plan.present;
	enum err e = ERR_FULL;

	f->is_look_due = false;
	if (f->plan.wanted.count <= FIREWALL_DUMP_MAX) {
		firewall_plan_forget_present(&f->plan);
		e = firewall_nft_dump(f->nft, look_at, &l);
	}
	if (e == ERR_AGAIN) {
		f->is_look_due = true;
		firewall_mend_later(f);
	} else if (e != ERR_OK || l.is_too_much) {
		(void)firewall_start_anew(f);
		count_repaired(f, "sets made anew", had + 1);
		return;
	}
	if (l.extra)
		count_repaired(f, "not wanted", firewall_apply(f, l.extra));
	if (e == ERR_OK && f->plan.present < had)
		count_repaired(f, "missing", had - f->plan.present);
	firewall_plan_fill_start(&f->plan);
	firewall_pump_start(f);
}

static void on_mend(void *ctx)
{
	struct firewall *f = ctx;

	mend_cancel(f);
	if (f->state == FW_OFF || !f->nft || f->hooks.is_on)
		return;
	/* another program of the same mind as ours must not make the two of us busy for ever */
	f->mended_at = clock_mono_ms();
	f->mend_ms += f->mend_ms / 4;
	if (f->mend_ms > FIREWALL_MEND_MAX_MS)
		f->mend_ms = FIREWALL_MEND_MAX_MS;
	if (f->is_form_touched && !mend_form(f)) {
		f->foreigns = 0;
		f->is_look_due = false;
		return;
	}
	if (is_beyond_looking(f))
		f->foreigns = 0;
	mend_elements(f);
	if (f->is_look_due)
		mend_all(f);
}
