/*
 * setup_nftables_look: the command: its words, what nft and the kernel say.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"
#include "ctl/setup_nftables.h"
#include "ctl/setup_postfix_private.h"
#include "io/firewall_nft.h"

#include <stdlib.h>

bool setup_nftables_read(const struct conf *c, struct nft_conf_list *ret, char *text, size_t n)
{
	const char *const argv[] = { "nft", "-n", "-s", "-t", "list", "ruleset", NULL };
	struct buf out;
	bool is_read;

	buf_init(&out, NFT_CONF_MAX);
	is_read = setup_run(argv, &out, text, n);
	if (is_read)
		nft_conf_read_list(buf_slice(&out), (uint16_t)c->tarpit.port, ret);
	buf_done(&out);
	return is_read;
}

/* Does the file begin with anything but a 0? Missing: no. */
static bool is_set(const char *path)
{
	FILE *f = fopen(path, "re");
	int c = f ? fgetc(f) : EOF;

	if (f)
		(void)fclose(f);
	return c != EOF && c != '0';
}

static bool read_file(struct setup_nftables *s)
{
	struct buf text;
	enum err e;

	buf_init(&text, NFT_CONF_MAX);
	e = setup_file_read(s->path, &text);
	s->has_file = e == ERR_OK;
	if (e == ERR_OK)
		nft_conf_read_file(buf_slice(&text), &s->file);
	buf_done(&text);
	return e == ERR_OK || e == ERR_NOTFOUND;
}

static const char *lacks(const struct conf *c)
{
	struct firewall_nft *nft = NULL;
	const uint16_t port = NFT_CONF_SMTP;
	const char *name;

	if (firewall_nft_open(&nft) != ERR_OK)
		return "nf_tables";
	firewall_nft_setup(nft, &port, 1, c->firewall.action == FW_ACTION_DROP, c->firewall.max_elements);
	firewall_nft_redirect(nft, conf_has_tarpit(c) ? (uint16_t)c->tarpit.port : 0);
	firewall_nft_forward(nft, c->firewall.forward);
	name = firewall_nft_lacks(nft);
	firewall_nft_close(nft);
	return name;
}

static int look(struct ctl *c)
{
	const char *path = c->args.is_given[OPT_FILE] ? c->args.value[OPT_FILE] : SETUP_NFTABLES_FILE;
	struct setup_nftables *s = calloc(1, sizeof *s);
	char text[SETUP_TEXT] = "no memory";
	int status = CTL_DONE;

	if (!s)
		return ctl_refuse(c, "%s", text);
	*s = (struct setup_nftables){ .conf = &c->conf, .path = path };
	s->is_forwarding = is_set("/proc/sys/net/ipv4/ip_forward") || is_set("/proc/sys/net/ipv6/conf/all/forwarding");
	s->has_legacy = is_set("/proc/net/ip_tables_names") || is_set("/proc/net/ip6_tables_names");
	if (!read_file(s))
		status = ctl_refuse(c, "%s: cannot be read", path);
	else if (!setup_nftables_read(s->conf, &s->list, text, sizeof text))
		status = ctl_refuse(c, "the rules cannot be read: %s", text);
	if (status == CTL_DONE) {
		s->lacks = lacks(&c->conf);
		(void)setup_nftables_show(s, c->render.to);
	}
	free(s);
	return status;
}

int command_setup_nftables(struct ctl *c)
{
	bool is_revert = false;

	for (int i = 0; i < c->args.count; i++) {
		bool is_this = strcmp(c->args.word[i], "--revert") == 0;

		if (!is_this && strcmp(c->args.word[i], "--print") != 0)
			return ctl_usage(c, "limetwig setup nftables [--dry-run | --print | --revert] [--file FILE]");
		is_revert |= is_this;
	}
	if (is_revert) {
		(void)fprintf(c->render.to,
			"Nothing to revert: setup nftables changes nothing. `limetwig off` deletes the table of "
			"limetwig;\n"
			"a rule that you have added for tcp port %u is yours.\n",
			(unsigned)c->conf.tarpit.port);
		return CTL_DONE;
	}
	if (!ctl_is_root())
		return ctl_refuse(c, "setup nftables needs root: only root may read the rules");
	return look(c);
}
