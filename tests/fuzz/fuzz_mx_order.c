/*
 * fuzz_mx_order: visits to both exchangers in any order, at any time: who came
 * to the better one within the window is never charged, and nobody twice in one.
 * Four bytes a visit.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/mx_order.h"

#define HOSTS 32
#define WINDOW_S 3600u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf conf;
static struct mx_order order;

struct past {
	uint64_t better[HOSTS], charged[HOSTS]; /* when last; 0: never */
};

static struct ipaddr host(unsigned i)
{
	struct ipaddr a = { .family = 4, .b = { 198, 51, (uint8_t)(i % HOSTS), 7 } };

	if (i % HOSTS >= HOSTS / 2)
		a = (struct ipaddr){ .family = 6, .b = { 0x20, 1, 0xd, 0xb8, 0, (uint8_t)(i % HOSTS), 1 } };
	return a;
}

static unsigned number(const struct ipaddr *a)
{
	return a->family == 4 ? a->b[2] : a->b[5];
}

static void judge(struct past *past, uint64_t now)
{
	struct mx_visit v;

	while (mx_order_next(&order, now, &v)) {
		unsigned i = number(&v.client);

		if (i >= HOSTS || v.at > now)
			abort();
		if (past->better[i] && past->better[i] <= v.at && v.at - past->better[i] < WINDOW_S)
			abort();
		if (past->charged[i] && v.at - past->charged[i] < WINDOW_S)
			abort();
		past->charged[i] = v.at;
	}
}

static void configure(uint64_t now)
{
	conf_defaults(&conf);
	slice_copy(SLICE_LIT("192.0.2.1"), conf.mx.better.item[0], CONF_ITEM);
	slice_copy(SLICE_LIT("192.0.2.2"), conf.mx.worse.item[0], CONF_ITEM);
	conf.mx.better.count = conf.mx.worse.count = 1;
	conf.mx.window_s = WINDOW_S;
	mx_order_configure(&order, &conf, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[SIPHASH_KEY] = { 5 };
	struct past past = { .better = { 0 } };
	uint64_t now = 1000;

	mx_order_init(&order, key);
	configure(now);
	for (; size >= 4; data += 4, size -= 4) {
		struct mx_visit v = { .client = host(data[1]) };

		now += (uint64_t)data[2] << (data[3] % 8);
		v.at = now;
		if (data[0] % 4 == 0) {
			mx_order_better(&order, &v.client, now);
			past.better[number(&v.client)] = now;
		} else if (data[0] % 4 == 1) {
			(void)mx_order_worse(&order, &v);
		} else if (data[0] % 4 == 2) {
			mx_order_sweep(&order, now, data[3]);
		}
		judge(&past, now);
		if (order.waiting > MX_ORDER_WAITING)
			abort();
	}
	mx_order_done(&order);
	return 0;
}
