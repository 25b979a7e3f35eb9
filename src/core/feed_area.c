/*
 * feed_area: every index that comes out of the memory is cut to the counts
 * that open has checked.
 * SPDX-License-Identifier: ISC
 */
#include "core/feed_area.h"

#include <string.h>

#define MAGIC 0x41465754u /* also tells the order of bytes */
#define VERSION 1
#define SAMPLE_EVERY 64u
#define NEAR 8u /* runs of IPv4: a line of the cache */
#define RUN6_BYTES 32u
#define SAMPLE6_BYTES 16u

struct header {
	uint32_t magic, version;
	uint64_t count4, count6, has_part;
	uint64_t prefixes, ipv4, ipv6;
	uint64_t spare;
};

/* Where each part begins; end: how long all of it is. */
struct layout {
	size_t part, run4, sample6, run6, end;
};

static size_t rounded(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static size_t samples_of(size_t count6)
{
	return count6 / SAMPLE_EVERY + (count6 % SAMPLE_EVERY != 0);
}

/* The counts are at most PREFIX_SET_MAX and a few, so that nothing wraps. */
static struct layout layout_of(size_t count4, size_t count6, bool has_part)
{
	struct layout l = { .part = sizeof(struct header) };

	l.run4 = rounded(l.part + (has_part ? (PREFIX_SET_PARTS + 1) * sizeof(uint32_t) : 0));
	l.sample6 = rounded(l.run4 + count4 * sizeof(struct prefix_run4));
	l.run6 = rounded(l.sample6 + samples_of(count6) * SAMPLE6_BYTES);
	l.end = l.run6 + count6 * RUN6_BYTES;
	return l;
}

/* ---- writing */

size_t feed_area_bytes(const struct prefix_set *sealed)
{
	return layout_of(sealed->in[0].count, sealed->in[1].count, sealed->part != NULL).end;
}

static void write_run6(const struct prefix_runs *r, uint8_t *sample, uint8_t *run)
{
	for (size_t i = 0; i < r->count; i++) {
		memcpy(run + i * RUN6_BYTES, &r->run6[i].first, 16);
		memcpy(run + i * RUN6_BYTES + 16, &r->run6[i].last, 16);
		if (i % SAMPLE_EVERY == SAMPLE_EVERY - 1 || i + 1 == r->count)
			memcpy(sample + i / SAMPLE_EVERY * SAMPLE6_BYTES, &r->run6[i].last, 16);
	}
}

void feed_area_write(const struct prefix_set *sealed, void *memory)
{
	const struct prefix_runs *r4 = &sealed->in[0], *r6 = &sealed->in[1];
	struct layout l = layout_of(r4->count, r6->count, sealed->part != NULL);
	struct header h = { .magic = MAGIC,
		.version = VERSION,
		.count4 = r4->count,
		.count6 = r6->count,
		.has_part = sealed->part != NULL };
	uint8_t *to = memory;
	size_t prefixes;

	prefix_set_sizes(sealed, &prefixes, &h.ipv4, &h.ipv6);
	h.prefixes = prefixes;
	memcpy(to, &h, sizeof h);
	if (sealed->part)
		memcpy(to + l.part, sealed->part, (PREFIX_SET_PARTS + 1) * sizeof(uint32_t));
	if (r4->count)
		memcpy(to + l.run4, r4->run4, r4->count * sizeof *r4->run4);
	write_run6(r6, to + l.sample6, to + l.run6);
}

/* ---- reading */

enum err feed_area_open(struct feed_area *ret, const void *memory, size_t bytes)
{
	const uint8_t *at = memory;
	struct header h;
	struct layout l;

	if (bytes < sizeof h || (uintptr_t)memory % FEED_AREA_ALIGN)
		return ERR_SYNTAX;
	memcpy(&h, memory, sizeof h);
	if (h.magic != MAGIC || h.version != VERSION)
		return ERR_VERSION;
	/* two runs of each range that was cut, at most */
	if (h.count4 > 2 * (uint64_t)PREFIX_SET_MAX || h.count6 > 2 * (uint64_t)PREFIX_SET_MAX || h.has_part > 1)
		return ERR_SYNTAX;
	l = layout_of(h.count4, h.count6, h.has_part);
	if (l.end > bytes)
		return ERR_SYNTAX;
	*ret = (struct feed_area){
		.part = h.has_part ? (const void *)(at + l.part) : NULL,
		.run4 = (const void *)(at + l.run4),
		.sample6 = at + l.sample6,
		.run6 = at + l.run6,
		.count4 = h.count4,
		.count6 = h.count6,
		.samples6 = samples_of(h.count6),
		.prefixes = h.prefixes,
		.ipv4 = h.ipv4,
		.ipv6 = h.ipv6,
		.bytes = l.end,
	};
	return ERR_OK;
}

static prefix_number number_at(const void *numbers, size_t i)
{
	prefix_number n;

	memcpy(&n, (const uint8_t *)numbers + i * sizeof n, sizeof n);
	return n;
}

static struct prefix_run6 run_at(const struct feed_area *a, unsigned f, size_t i)
{
	if (f == 0)
		return (struct prefix_run6){ a->run4[i].first, a->run4[i].last };
	return (struct prefix_run6){ number_at(a->run6, 2 * i), number_at(a->run6, 2 * i + 1) };
}

static size_t count_of(const struct feed_area *a, unsigned f)
{
	return f ? a->count6 : a->count4;
}

/* The first run of IPv6 in [from, to) that ends at or after n; to when there is none. */
static size_t first_after(const struct feed_area *a, size_t from, size_t to, prefix_number n)
{
	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (number_at(a->run6, 2 * mid + 1) < n)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Where in its part n would be. */
static size_t guess(uint32_t n, size_t from, size_t to)
{
	return from + ((size_t)(n & 0xffff) * (to - from) >> 16);
}

/*
 * Less of [from, to) that still holds the first run that ends at or after n. Addresses lie more or less evenly in their
 * part: begin where n would be and double the steps from there, so that mostly one place of memory is cold.
 */
static void narrow(const struct prefix_run4 *run, uint32_t n, size_t *from, size_t *to)
{
	size_t step = NEAR, at = guess(n, *from, *to);

	if (run[at].last < n) {
		*from = at + 1;
		for (; *to - *from > step && run[*from + step].last < n; step *= 2)
			*from += step + 1;
		*to = least(*to, *from + step);
	} else {
		*to = at;
		for (; *to - *from > step && run[*to - step].last >= n; step *= 2)
			*to -= step;
		if (*to - *from > step)
			*from = *to - step + 1;
	}
}

static size_t search4(const struct feed_area *a, uint32_t n)
{
	size_t from = 0, to = a->count4;

	if (a->part) {
		from = least(a->part[n >> 16], a->count4);
		to = least(a->part[(n >> 16) + 1], a->count4);
		if (to > from + 4 * NEAR)
			narrow(a->run4, n, &from, &to);
	}
	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (a->run4[mid].last < n)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static size_t search6(const struct feed_area *a, prefix_number n)
{
	size_t from = 0, to = a->samples6;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (number_at(a->sample6, mid) < n)
			from = mid + 1;
		else
			to = mid;
	}
	return first_after(a, least(from * SAMPLE_EVERY, a->count6), least((from + 1) * SAMPLE_EVERY, a->count6), n);
}

/* The run that touches first..last. */
static bool find_run(
	const struct feed_area *a, unsigned f, prefix_number first, prefix_number last, struct prefix_run6 *ret)
{
	size_t i = f ? search6(a, first) : search4(a, (uint32_t)first);
	struct prefix_run6 x;

	if (i >= count_of(a, f))
		return false;
	x = run_at(a, f, i);
	if (x.first > last || x.last < first)
		return false;
	*ret = x;
	return true;
}

/* The largest aligned block around n inside x. */
static unsigned length_around(prefix_number n, struct prefix_run6 x, unsigned bits)
{
	prefix_number host = 0;

	while (bits > 0) {
		prefix_number wider = host << 1 | 1;

		if ((n & ~wider) < x.first || (n | wider) > x.last)
			break;
		host = wider;
		bits--;
	}
	return bits;
}

bool feed_area_find(const struct feed_area *a, const struct ipaddr *client, struct prefix *ret)
{
	unsigned f = client->family == 6;
	prefix_number n = prefix_number_of(client);
	struct prefix_run6 x;

	if (!client->family || !find_run(a, f, n, n, &x))
		return false;
	if (ret)
		*ret = prefix_of(client, length_around(n, x, ipaddr_bits(client)));
	return true;
}

void feed_area_warm(const struct feed_area *a, const struct ipaddr *client, unsigned step)
{
	uint32_t n = (uint32_t)prefix_number_of(client);
	size_t from, to;

	if (client->family != 4 || !a->part)
		return;
	if (step == 0) {
		__builtin_prefetch(&a->part[n >> 16]);
		return;
	}
	from = least(a->part[n >> 16], a->count4);
	to = least(a->part[(n >> 16) + 1], a->count4);
	if (from < to)
		__builtin_prefetch(&a->run4[guess(n, from, to)]);
}

bool feed_area_overlaps(const struct feed_area *a, const struct prefix *p)
{
	struct ipaddr last = prefix_last(p);
	struct prefix_run6 x;

	return p->addr.family &&
	       find_run(a, p->addr.family == 6, prefix_number_of(&p->addr), prefix_number_of(&last), &x);
}

void feed_area_each(const struct feed_area *a, prefix_set_fn fn, void *ctx)
{
	for (unsigned f = 0; f < 2; f++)
		for (size_t i = 0; i < count_of(a, f); i++)
			if (!prefix_run_each(run_at(a, f, i), f, fn, ctx))
				return;
}

bool feed_area_run(const struct feed_area *a, unsigned family, size_t i, struct prefix_run6 *ret)
{
	if (i >= count_of(a, family))
		return false;
	*ret = run_at(a, family, i);
	return true;
}

enum err feed_area_add_to(const struct feed_area *a, struct prefix_set *to)
{
	for (unsigned f = 0; f < 2; f++) {
		for (size_t i = 0; i < count_of(a, f); i++) {
			struct prefix_run6 x = run_at(a, f, i);
			struct ipaddr first = prefix_number_addr(x.first, f), last = prefix_number_addr(x.last, f);
			enum err e = prefix_set_add_range(to, &first, &last, false);

			/* a run that is none, in memory that is not ours */
			if (e != ERR_OK && e != ERR_SYNTAX)
				return e;
		}
	}
	return ERR_OK;
}
