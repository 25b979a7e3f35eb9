/*
 * doctor_rules: the site's own nftables rules, where ours depend on them: with
 * firewall forward = yes a blocked host comes to the port of our server, which
 * an input filter of the host must let in. What else they mean for us, and the
 * rule that helps, says `limetwig setup nftables`.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor.h"
#include "ctl/setup_nftables.h"
#include "ctl/setup_postfix_private.h"

#include <stdlib.h>

#define NAME "firewall"

static void check_chains(struct doctor *d, const struct nft_conf_list *l, unsigned port)
{
	unsigned closed = 0;

	for (unsigned i = 0; i < l->chains; i++) {
		const struct nft_conf_chain *c = &l->chain[i];

		if (c->lets_in)
			continue;
		closed++;
		doctor_addf(d, DOCTOR_WARN, NAME, "blocked hosts are led to that port, and hear nothing at all",
			"limetwig setup nftables prints the rule; none is needed if a chain it jumps to lets them in",
			"table %s %s, chain %s drops what none of its rules takes, and none is for our port %u",
			c->name.family, c->name.table, c->name.chain, port);
	}
	if (!closed)
		doctor_addf(d, DOCTOR_OK, NAME, NULL, NULL, "no filter of this host is closed to our port %u", port);
}

void doctor_check_rules(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const struct conf *c = d->conf;
	struct nft_conf_list *l;
	char text[SETUP_TEXT];

	if (!f->is_root || c->firewall.backend != FW_BACKEND_NFTABLES || !c->firewall.forward || !conf_has_tarpit(c))
		return;
	l = calloc(1, sizeof *l);
	if (l && setup_nftables_read(c, l, text, sizeof text))
		check_chains(d, l, (unsigned)c->tarpit.port);
	else
		doctor_addf(d, DOCTOR_SKIP, NAME, NULL, NULL, "the rules of this host cannot be read: %s",
			l ? text : "no memory");
	free(l);
}
