/*
 * firewall_hook: backend = hook. What should be blocked is core/firewall_plan's
 * as with the kernel; here is which subjects were touched since they were last
 * handed to a program. A subject is there once, whatever happens to it, and
 * what it becomes is looked up when its turn comes: a block that is lifted at
 * once costs no program. The role run executes one program at a time, for many
 * subjects where its words allow it.
 *
 * A call that fails is tried again with half the subjects, so that one that the
 * program will not have does not hold up the others; when single ones fail one
 * after the other the hook itself is broken: state, and a wait that doubles.
 * SPDX-License-Identifier: ISC
 */
#include "role/firewall.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "io/log.h"

#define WAS_THERE 1 /* believed present before it was touched */
#define MUST 2      /* anew, though it is there: for another time */
#define BROKEN 3    /* failures of single subjects in a row */
#define HOMES 64    /* of the map looked at between two questions whether it is enough */
#define LIST_SEALS (F_SEAL_SHRINK | F_SEAL_WRITE)
#define TOUCHED_MORE (2 * MESSAGE_HOOK_OPS)

static const char *hook_name(enum hook_what what)
{
	static const char *const names[] = { "", "hook-add", "hook-remove", "hook-list", "hook-flush" };

	return names[what];
}

static bool has_hook(const struct firewall *f, enum hook_what what)
{
	return firewall_hook_words(&f->host->conf, what)->count > 0;
}

static bool needs_call(struct firewall *f, const struct prefix *p, uint8_t flags, uint64_t now_ms, struct fw_op *ret)
{
	if (!(flags & MUST) && firewall_plan_is_present(&f->plan, p))
		return false;
	firewall_plan_mend(&f->plan, p, now_ms, ret);
	return ret->is_add || flags & WAS_THERE;
}

static bool keep_needed(const struct prefix *p, void *value, void *ctx)
{
	const uint8_t *flags = value;
	struct fw_op op;

	return needs_call(ctx, p, *flags, clock_mono_ms(), &op);
}

/* Those that need a program are wanted, or were there when the last one began: they fit. */
static void touch(struct firewall *f, const struct prefix *p, uint8_t flags)
{
	struct prefix_map *m = &f->hooks.touched;
	void *value;
	enum err e = prefix_map_put(m, p, &value, NULL);

	if (e == ERR_FULL) {
		(void)prefix_map_retain(m, 0, keep_needed, f);
		e = prefix_map_put(m, p, &value, NULL);
	}
	if (e == ERR_OK)
		*(uint8_t *)value |= flags;
	else
		log_alarm("firewall_hook", "text=\"no memory: a change is lost until the next hook-list\"");
}

/* Never smaller: what is there stays. */
void firewall_hook_set_max(struct firewall *f, size_t max_elements)
{
	size_t cap = FIREWALL_HOOK_ROOM * max_elements + TOUCHED_MORE;

	if (cap > f->hooks.touched.cap)
		f->hooks.touched.cap = cap;
}

/* A program is at it: whether it is there then is not known. */
static bool is_in_hand(const struct firewall_hooks *h, const struct prefix *p)
{
	for (size_t i = 0; h->running && i < h->ops; i++)
		if (prefix_eq(&h->op[i].prefix, p))
			return true;
	return false;
}

void firewall_hook_touch(struct firewall *f, const struct prefix *p, bool was_there)
{
	touch(f, p, was_there || is_in_hand(&f->hooks, p) ? WAS_THERE | MUST : 0);
}

/* ---- the next call */

struct pick {
	struct firewall *f;
	uint64_t now_ms;
	enum hook_what what; /* 0: that of the first */
	size_t max;          /* subjects for the call */
	size_t drops;
	struct prefix drop[TOUCHED_MORE]; /* to leave the map: those of the call, and those without need */
};

static void pick_one(const struct prefix *p, void *value, void *ctx)
{
	struct pick *k = ctx;
	struct firewall_hooks *h = &k->f->hooks;
	const uint8_t *flags = value;
	enum hook_what what;
	struct fw_op op;

	if (h->ops == k->max || k->drops == TOUCHED_MORE)
		return;
	if (!needs_call(k->f, p, *flags, k->now_ms, &op)) {
		k->drop[k->drops++] = *p;
		return;
	}
	what = op.is_add ? HOOK_ADD : HOOK_REMOVE;
	if (k->what && k->what != what)
		return;
	if (!k->what) {
		size_t most = firewall_hook_batch(&k->f->host->conf, what);

		k->what = what;
		k->max = most < h->batch ? most : h->batch;
	}
	h->op[h->ops++] = op;
	k->drop[k->drops++] = *p;
}

/* Subjects for one call into op; 0: nothing is to be done. */
static enum hook_what pick_ops(struct firewall *f)
{
	static struct pick k;
	struct firewall_hooks *h = &f->hooks;
	bool is_more = true;

	h->ops = 0;
	do {
		k = (struct pick){ .f = f, .now_ms = clock_mono_ms(), .max = MESSAGE_HOOK_OPS };
		while (is_more && h->ops < k.max && k.drops < TOUCHED_MORE)
			is_more = prefix_map_walk(&h->touched, &h->touched_at, HOMES, pick_one, &k);
		for (size_t i = 0; i < k.drops; i++)
			(void)prefix_map_del(&h->touched, &k.drop[i]);
		if (!is_more)
			h->touched_at = 0;
	} while (is_more && h->ops == 0);
	return h->ops ? k.what : 0;
}

/* Hand on what plan has to be done, as much as can be used soon. */
static void pull(struct firewall *f)
{
	struct firewall_plan *p = &f->plan;
	struct firewall_hooks *h = &f->hooks;

	while (h->touched.count < TOUCHED_MORE && (p->is_purging || p->is_filling)) {
		bool is_purging = p->is_purging;
		size_t n = is_purging ? firewall_plan_purge(p, f->op, FIREWALL_BATCH)
				      : firewall_plan_fill(p, clock_mono_ms(), f->op, FIREWALL_BATCH);

		for (size_t i = 0; i < n; i++)
			touch(f, &f->op[i].prefix, is_purging ? WAS_THERE : 0);
	}
}

static enum hook_what next_call(struct firewall *f)
{
	struct firewall_hooks *h = &f->hooks;

	h->ops = 0;
	if (h->is_flush_due)
		return HOOK_FLUSH;
	if (!h->is_on || f->plan.is_listing)
		return 0;
	if (h->is_list_due)
		return HOOK_LIST;
	pull(f);
	/* twice: a walk that began in the middle has not seen all */
	for (int i = 0; i < 2 && h->touched.count; i++) {
		enum hook_what what = pick_ops(f);

		if (what)
			return what;
	}
	return 0;
}

void firewall_hook_pump(struct firewall *f)
{
	static uint8_t out[MESSAGE_MAX];
	static struct msg_hook m;
	struct firewall_hooks *h = &f->hooks;
	struct wr w = wr_init(out, sizeof out);

	if (h->running || h->again || !f->host->link[ROLE_RUN])
		return;
	m.what = (uint8_t)next_call(f);
	if (!m.what)
		return;
	m.seq = ++h->seq;
	m.count = (uint16_t)h->ops;
	memcpy(m.op, h->op, h->ops * sizeof *h->op);
	h->running = m.what;
	message_put_hook(&w, MSG_HOOK, &m);
	if (role_host_send(f->host, ROLE_RUN, &w, NULL, 0) != ERR_OK)
		firewall_hook_lost(f);
}

/* ---- what came of it */

/* A block that is missing is seen as missing; one that is too many nobody would think of again. */
static void note_left(struct firewall *f, const struct fw_op *op)
{
	struct firewall_hooks *h = &f->hooks;
	char subject[PREFIX_TEXT];

	(void)prefix_format(&op->prefix, subject);
	log_warn("firewall_hook", "subject=%s text=\"%s\"", subject, h->text);
	if (op->is_add)
		return;
	if (h->lefts == FIREWALL_HOOK_LEFT)
		log_alarm("firewall_hook", "subject=%s text=\"more removals have failed than are kept: it stays\"",
			subject);
	else
		h->left[h->lefts++] = op->prefix;
}

static void try_left(struct firewall *f)
{
	struct firewall_hooks *h = &f->hooks;

	while (h->lefts)
		touch(f, &h->left[--h->lefts], WAS_THERE | MUST);
}

static void put_back(struct firewall *f)
{
	for (size_t i = 0; i < f->hooks.ops; i++)
		touch(f, &f->hooks.op[i].prefix, WAS_THERE | MUST);
	f->hooks.ops = 0;
}

static void on_again(void *ctx)
{
	struct firewall *f = ctx;

	loop_remove(f->hooks.again);
	f->hooks.again = NULL;
	firewall_hook_pump(f);
}

static void wait_for_better(struct firewall *f)
{
	struct firewall_hooks *h = &f->hooks;
	unsigned doublings = h->failures > 12 ? 12 : h->failures;
	uint64_t ms = (uint64_t)FIREWALL_HOOK_WAIT_MS << (doublings ? doublings - 1 : 0);

	if (!h->again)
		h->again = loop_after(
			f->host->loop, ms < FIREWALL_HOOK_WAIT_MAX_MS ? ms : FIREWALL_HOOK_WAIT_MAX_MS, on_again, f);
}

static void say_failed(struct firewall *f, enum hook_what what, const struct msg_hook_done *m)
{
	char how[48];

	if (m->status == -1)
		(void)snprintf(how, sizeof how, "could not be run");
	else if (m->status == -2)
		(void)snprintf(how, sizeof how, "took longer than hook-limit");
	else
		(void)snprintf(how, sizeof how, "exit status %d", m->status);
	(void)snprintf(f->hooks.text, sizeof f->hooks.text, "%s: %s%s%.180s", hook_name(what), how,
		m->text[0] ? ": " : "", m->text);
}

static void failed(struct firewall *f, enum hook_what what, const struct msg_hook_done *m)
{
	struct firewall_hooks *h = &f->hooks;
	size_t ops = h->ops;
	bool is_program = m->status < 0 || what == HOOK_LIST || what == HOOK_FLUSH;

	say_failed(f, what, m);
	if (ops > 1 && !is_program) {
		h->batch = ops / 2;
		put_back(f);
		return;
	}
	h->failures++;
	if (is_program || h->failures >= BROKEN) {
		put_back(f);
		firewall_set_state(f, FW_HOOK, 0);
		wait_for_better(f);
		return;
	}
	/* this one alone: it stays as it is until the next hook-check */
	note_left(f, &h->op[0]);
	h->ops = 0;
}

static void succeeded(struct firewall *f, enum hook_what what)
{
	struct firewall_hooks *h = &f->hooks;

	h->failures = 0;
	h->batch = h->batch * 2 < MESSAGE_HOOK_OPS ? h->batch * 2 : MESSAGE_HOOK_OPS;
	if (what == HOOK_ADD)
		for (size_t i = 0; i < h->ops; i++)
			firewall_plan_applied(&f->plan, &h->op[i]);
	if (what == HOOK_FLUSH) {
		h->is_flush_due = false;
		h->lefts = 0;
		if (h->is_on) { /* else the kernel has them by now */
			firewall_plan_forget_present(&f->plan);
			firewall_plan_fill_start(&f->plan);
		}
	}
	h->ops = 0;
	if (!h->is_on || f->state == FW_OFF)
		return;
	if (f->plan.present >= f->plan.wanted.count || f->state == FW_HOOK)
		h->text[0] = '\0';
	firewall_set_state(f, FW_OK, 0);
}

/* Everything that the list printed; those that no block wants are taken away where the list is ours. */
static void compare(struct firewall *f, struct slice text)
{
	struct firewall_hooks *h = &f->hooks;
	size_t had = f->plan.present, foreign = 0, n = 0;
	uint64_t now_ms = clock_mono_ms();
	struct prefix p;

	firewall_plan_forget_present(&f->plan);
	while (firewall_hook_next(&text, &p)) {
		n++;
		if (firewall_plan_see_untimed(&f->plan, &p, now_ms))
			continue;
		foreign++;
		if (f->host->conf.firewall.hook_own)
			touch(f, &p, WAS_THERE);
	}
	if (h->has_compared && had > f->plan.present) {
		f->repaired += (uint32_t)(had - f->plan.present);
		log_warn("firewall_drift", "repaired=%zu what=\"missing in hook-list\"", had - f->plan.present);
	}
	if (h->has_compared && foreign && f->host->conf.firewall.hook_own) {
		f->repaired += (uint32_t)foreign;
		log_warn("firewall_drift", "repaired=%zu what=\"foreign in hook-list\"", foreign);
	}
	log_info("firewall_hook", "listed=%zu wanted=%zu present=%zu foreign=%zu", n, f->plan.wanted.count,
		f->plan.present, foreign);
	h->has_compared = true;
	h->is_list_due = false;
	h->checked_ms = clock_mono_ms();
	firewall_plan_fill_start(&f->plan);
}

/* False: it is not all there, and nothing is to be concluded from it. */
static bool take_list(struct firewall *f, int fd, bool is_cut)
{
	struct stat st;
	void *p;
	int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);

	/* whoever could cut it off while we read would end us */
	if (seals < 0 || (seals & LIST_SEALS) != LIST_SEALS || is_cut || fstat(fd, &st) != 0 || st.st_size < 0 ||
		st.st_size > FIREWALL_HOOK_LIST_MAX)
		return false;
	if (st.st_size == 0) {
		compare(f, (struct slice){ "", 0 });
		return true;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	compare(f, slice_of(p, (size_t)st.st_size));
	(void)munmap(p, (size_t)st.st_size);
	return true;
}

void firewall_hook_done(struct firewall *f, struct rd *body, const int *fds, size_t n)
{
	struct firewall_hooks *h = &f->hooks;
	enum hook_what what = h->running;
	struct msg_hook_done m;

	if (message_get_hook_done(body, &m) != ERR_OK || m.seq != h->seq || !what)
		return;
	h->running = 0;
	if (m.status == 0 && what == HOOK_LIST && !take_list(f, n ? fds[0] : -1, m.is_cut)) {
		m.status = -1;
		(void)snprintf(m.text, sizeof m.text, "its list is longer than is read, or did not come whole");
	}
	if (m.status == 0)
		succeeded(f, what);
	else
		failed(f, what, &m);
	firewall_hook_pump(f);
	if (!h->running)
		firewall_report(f);
}

void firewall_hook_lost(struct firewall *f)
{
	if (!f->hooks.running)
		return;
	f->hooks.running = 0;
	put_back(f);
}

void firewall_hook_listed(struct firewall *f)
{
	struct firewall_hooks *h = &f->hooks;

	/* at start nobody else knows what a former run has left; later the plan does */
	if (!h->has_compared && has_hook(f, HOOK_LIST))
		h->is_list_due = true;
	else
		firewall_plan_fill_start(&f->plan);
	firewall_hook_pump(f);
}

void firewall_hook_tick(struct firewall *f)
{
	struct firewall_hooks *h = &f->hooks;
	uint64_t now = clock_mono_ms();

	if (!h->is_on)
		return;
	if (now - h->checked_ms >= f->host->conf.firewall.hook_check_s * 1000 && !f->plan.is_listing) {
		h->checked_ms = now;
		h->is_list_due = has_hook(f, HOOK_LIST);
		try_left(f);
		firewall_plan_fill_start(&f->plan);
	}
	firewall_hook_pump(f);
}

bool firewall_hook_bring_up(struct firewall *f)
{
	const struct conf *c = &f->host->conf;
	struct firewall_hooks *h = &f->hooks;
	bool was_on = h->is_on;

	h->is_on = c->firewall.backend == FW_BACKEND_HOOK;
	/* it goes on while the engine's list, which is empty then, comes in */
	if (has_hook(f, HOOK_FLUSH) && ((was_on && !h->is_on) || (h->is_on && c->is_off)))
		h->is_flush_due = true;
	if (!h->is_on) {
		if (was_on && !h->is_flush_due)
			log_warn("firewall_hook", "text=\"no hook-flush: what the hooks have blocked stays\"");
		firewall_hook_pump(f);
		return false;
	}
	if (!was_on) {
		h->batch = MESSAGE_HOOK_OPS;
		h->checked_ms = clock_mono_ms();
		firewall_plan_forget_present(&f->plan);
		firewall_plan_fill_start(&f->plan);
	}
	h->failures = 0; /* the words may be others now */
	try_left(f);
	loop_remove(h->again);
	h->again = NULL;
	h->text[0] = '\0';
	firewall_set_state(f, c->is_off ? FW_OFF : FW_OK, 0);
	firewall_hook_pump(f);
	return true;
}
