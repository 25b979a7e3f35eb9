/*
 * fuzz_firewall_plan: operations on the plan in any order beside a model of
 * the kernel: what the plan counts as present is in the model, and nothing of
 * ours, private or too wide ever gets in. Six bytes an operation.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/firewall_plan.h"

#define OPS 512
#define NAMES 16 /* hosts that play along */
#define ROOM FIREWALL_ROOM

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fw_op ops[ROOM];

static struct prefix name_of(uint8_t which, uint8_t len)
{
	struct ipaddr a = { .family = 4, .b = { 192, 0, 2, (uint8_t)(which % NAMES) } };

	if (which & 16)
		a = (struct ipaddr){ .family = 6, .b = { 0x20, 1, 0xd, 0xb8, (uint8_t)(which % NAMES) } };
	if (which & 32)
		a.b[0] = 10;
	return prefix_of(&a, which & 64 ? len % (ipaddr_bits(&a) + 1) : ipaddr_bits(&a) == 4 ? 32 : 128);
}

/* The kernel takes what it is given, or (no) not. */
static void apply(struct firewall_plan *p, const struct fw_op *op, bool is_taken)
{
	if (op->is_add && (firewall_plan_is_never(p, &op->prefix) || op->ttl_s > FIREWALL_MAX_TTL || op->ttl_s == 0))
		abort();
	if (is_taken)
		firewall_plan_applied(p, op);
}

static void apply_all(struct firewall_plan *p, size_t n, bool is_taken)
{
	if (n > ROOM)
		abort();
	for (size_t i = 0; i < n; i++)
		apply(p, &ops[i], is_taken);
}

static void step(struct firewall_plan *p, const uint8_t d[6], uint64_t *now_ms)
{
	struct prefix a = name_of(d[1], d[2]);
	uint32_t time_s = (uint32_t)d[3] << (d[4] & 31);
	struct fw_op op;

	*now_ms += (uint64_t)d[5] << (d[4] >> 5 << 2);
	switch (d[0] % 16) {
	case 0:
	case 1:
		if (firewall_plan_add(p, &a, time_s, *now_ms, &op) == ERR_OK)
			apply(p, &op, d[0] & 16);
		break;
	case 2:
		firewall_plan_del(p, &a, &op);
		if (op.is_add || firewall_plan_is_present(p, &a))
			abort();
		apply(p, &op, d[0] & 16);
		break;
	case 3:
		firewall_plan_applied(p, &(struct fw_op){ .prefix = a }); /* the kernel has lost it */
		break;
	case 4:
		firewall_plan_begin(p);
		break;
	case 5:
		firewall_plan_end(p);
		break;
	case 6:
		firewall_plan_break(p);
		break;
	case 7:
		apply_all(p, firewall_plan_purge(p, ops, ROOM), d[0] & 16);
		break;
	case 8:
		firewall_plan_forget_present(p);
		break;
	case 9:
		(void)firewall_plan_see(p, &a, time_s, *now_ms);
		break;
	case 10:
		firewall_plan_mend(p, &a, *now_ms, &op);
		apply(p, &op, d[0] & 16);
		break;
	case 11:
		(void)!firewall_plan_adopt(p, &a, time_s, *now_ms);
		break;
	case 12:
		firewall_plan_fill_start(p);
		break;
	case 13:
		apply_all(p, firewall_plan_fill(p, *now_ms, ops, ROOM), d[0] & 16);
		break;
	case 14:
		firewall_plan_sweep(p, *now_ms, d[1], NULL, NULL);
		break;
	default:
		firewall_plan_set_max(p, d[1] % NAMES);
		(void)firewall_plan_see_untimed(p, &a, *now_ms);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[SIPHASH_KEY] = { 5 };
	struct ipaddr own = { .family = 4, .b = { 192, 0, 2, 3 } };
	struct prefix never = prefix_of(&own, 32);
	struct firewall_plan p;
	uint64_t now_ms = 1000;

	firewall_plan_init(&p, key, NAMES, now_ms);
	if (firewall_plan_set_never(&p, &never, 1) != ERR_OK)
		abort();
	for (unsigned i = 0; i < OPS && size >= 6; i++, data += 6, size -= 6) {
		step(&p, data, &now_ms);
		if (p.present > p.wanted.count)
			abort();
	}
	firewall_plan_done(&p);
	return 0;
}
