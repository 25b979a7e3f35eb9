/*
 * firewall_form_private: what io/firewall_form.c knows of the form and
 * io/firewall_compare.c looks for in the kernel. For these two files.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_FIREWALL_FORM_PRIVATE_H
#define IO_FIREWALL_FORM_PRIVATE_H
#include "io/firewall_form.h"

#define FIREWALL_CHAINS_MAX 5

/* A chain of our table; type NULL: no base chain. */
struct firewall_chain {
	const char *name, *type;
	uint32_t hook;
	int32_t priority;
};

/* Returns how many. */
unsigned firewall_form_chains(const struct firewall_form *f, struct firewall_chain to[FIREWALL_CHAINS_MAX]);
/* All rules of the form, one call each; fn takes the rule over. */
void firewall_form_each_rule(const struct firewall_form *f, void (*fn)(struct firewall_rule r, void *ctx), void *ctx);
/* Bits of its addresses. */
unsigned firewall_set_width(struct firewall_set set);
/* Elements that the kernel makes room for. */
uint32_t firewall_form_set_size(const struct firewall_form *f);

#endif /* IO_FIREWALL_FORM_PRIVATE_H */
