/*
 * mx_order: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/mx_order.h"

#define NETWORK_IPV4 24
#define NETWORK_IPV6 48
#define CLIENT_IPV4 32
#define CLIENT_IPV6 64
#define KEY 18

void mx_order_init(struct mx_order *m, const uint8_t key[SIPHASH_KEY])
{
	*m = (struct mx_order){ 0 };
	keymap_init(&m->seen, key, sizeof(uint64_t), MX_ORDER_NETWORKS);
}

void mx_order_done(struct mx_order *m)
{
	keymap_done(&m->seen);
}

static uint32_t read_list(const struct conf_list *l, struct ipaddr *to)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->count && i < CONF_LIST; i++)
		if (ipaddr_parse(slice_str(l->item[i]), &to[n]) == ERR_OK)
			n++;
	return n;
}

static bool is_same(const struct ipaddr *a, uint32_t as, const struct ipaddr *b, uint32_t bs)
{
	for (uint32_t i = 0; as == bs && i < as; i++)
		if (!ipaddr_eq(&a[i], &b[i]))
			return false;
	return as == bs;
}

void mx_order_configure(struct mx_order *m, const struct conf *c, uint64_t now)
{
	struct ipaddr better[CONF_LIST], worse[CONF_LIST];
	uint32_t betters = read_list(&c->mx.better, better), worses = read_list(&c->mx.worse, worse);

	if (!is_same(better, betters, m->better, m->betters) || !is_same(worse, worses, m->worse, m->worses) ||
		c->mx.window_s > m->window_s) {
		m->started = now;
		m->reached[0] = m->reached[1] = 0;
		m->waiting = 0;
	}
	memcpy(m->better, better, betters * sizeof better[0]);
	memcpy(m->worse, worse, worses * sizeof worse[0]);
	m->betters = betters;
	m->worses = worses;
	m->window_s = c->mx.window_s;
	m->alive_s = c->mx.alive_s;
}

static bool has_address(const struct ipaddr *list, uint32_t n, const struct ipaddr *a)
{
	for (uint32_t i = 0; i < n; i++)
		if (ipaddr_eq(&list[i], a))
			return true;
	return false;
}

enum mx_side mx_order_side(const struct mx_order *m, const struct ipaddr *server)
{
	if (has_address(m->better, m->betters, server))
		return MX_BETTER;
	return has_address(m->worse, m->worses, server) ? MX_WORSE : MX_OTHER;
}

static bool has_better(const struct mx_order *m, uint8_t family)
{
	for (uint32_t i = 0; i < m->betters; i++)
		if (m->better[i].family == family)
			return true;
	return false;
}

/* Networks and clients have different lengths: they share the table. */
static struct slice key_of(const struct ipaddr *client, uint8_t len4, uint8_t len6, uint8_t to[KEY])
{
	struct prefix p = prefix_of(client, client->family == 4 ? len4 : len6);

	to[0] = p.addr.family;
	to[1] = p.len;
	memcpy(to + 2, p.addr.b, sizeof p.addr.b);
	return slice_of(to, KEY);
}

static bool is_in_window(const struct mx_order *m, uint64_t at, uint64_t now)
{
	return now < at + m->window_s;
}

static bool was_seen(const struct mx_order *m, struct slice key, uint64_t now)
{
	const uint64_t *at = keymap_get(&m->seen, key);

	return at && is_in_window(m, *at, now);
}

/* Without a place for everybody an innocent would look as if he had not come. */
static void note(struct mx_order *m, struct slice key, uint64_t now)
{
	void *v;

	if (keymap_put(&m->seen, key, &v, NULL) != ERR_OK) {
		m->started = now;
		m->waiting = 0;
		return;
	}
	*(uint64_t *)v = now;
}

static uint64_t *reached_by(struct mx_order *m, uint8_t family)
{
	return &m->reached[family == 6];
}

static void drop(struct mx_order *m, uint32_t i)
{
	m->visit[i] = m->visit[--m->waiting];
}

void mx_order_better(struct mx_order *m, const struct ipaddr *client, uint64_t now)
{
	uint8_t len = client->family == 4 ? NETWORK_IPV4 : NETWORK_IPV6, key[KEY];
	const struct prefix network = prefix_of(client, len);

	note(m, key_of(client, NETWORK_IPV4, NETWORK_IPV6, key), now);
	*reached_by(m, client->family) = now;
	for (uint32_t i = m->waiting; i-- > 0;) {
		struct mx_visit *v = &m->visit[i];

		if (prefix_has(&network, &v->client))
			drop(m, i); /* he tries both at a time */
		else if (v->client.family == client->family && now <= v->at + m->alive_s)
			v->is_confirmed = true;
	}
}

static bool is_waiting(const struct mx_order *m, const struct ipaddr *client)
{
	for (uint32_t i = 0; i < m->waiting; i++)
		if (ipaddr_eq(&m->visit[i].client, client))
			return true;
	return false;
}

bool mx_order_worse(struct mx_order *m, const struct mx_visit *v)
{
	uint64_t now = v->at, reached = *reached_by(m, v->client.family);
	uint8_t key[KEY];

	if (is_in_window(m, m->started, now) || reached == 0 || now > reached + m->alive_s)
		return false;
	if (!has_better(m, v->client.family) || was_seen(m, key_of(&v->client, NETWORK_IPV4, NETWORK_IPV6, key), now) ||
		was_seen(m, key_of(&v->client, CLIENT_IPV4, CLIENT_IPV6, key), now))
		return false;
	if (m->waiting == MX_ORDER_WAITING || is_waiting(m, &v->client))
		return false;
	m->visit[m->waiting] = *v;
	m->visit[m->waiting++].is_confirmed = false;
	return true;
}

bool mx_order_next(struct mx_order *m, uint64_t now, struct mx_visit *ret)
{
	uint8_t to[KEY];

	for (uint32_t i = m->waiting; i-- > 0;) {
		struct slice key = key_of(&m->visit[i].client, CLIENT_IPV4, CLIENT_IPV6, to);

		if (!m->visit[i].is_confirmed)
			continue;
		if (was_seen(m, key, now)) { /* another address of the same client waited too */
			drop(m, i);
			continue;
		}
		*ret = m->visit[i];
		drop(m, i);
		note(m, key, now);
		return true;
	}
	return false;
}

struct age {
	const struct mx_order *m;
	uint64_t now;
};

static bool is_fresh(void *value, void *ctx)
{
	const struct age *a = ctx;

	return is_in_window(a->m, *(const uint64_t *)value, a->now);
}

void mx_order_sweep(struct mx_order *m, uint64_t now, size_t budget)
{
	for (uint32_t i = m->waiting; i-- > 0;)
		if (!m->visit[i].is_confirmed && now > m->visit[i].at + m->alive_s)
			drop(m, i);
	(void)keymap_retain(&m->seen, budget, is_fresh, &(struct age){ m, now });
}
