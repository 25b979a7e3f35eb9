/*
 * doctor_firewall: the kernel's table as the engine tells it, and as root sees
 * it: is our table there and in its form, does it hold exactly the blocks of
 * the firewall layer? Changes nothing: the role firewall mends within seconds.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"
#include "ctl/doctor.h"
#include "ctl/render.h"
#include "io/firewall_nft.h"

#include <stdlib.h>
#include <string.h>

#define NAME "firewall"
#define SEEN (2 * DOCTOR_LISTED) /* elements read at most */
#define WAIT                                                                                                           \
	"limetwigd mends it within seconds. If it stays: is the role firewall up (daemon, above), and which script "   \
	"calls: nft flush ruleset?"

static const struct {
	const char *state;
	enum doctor_level level;
	const char *text, *means, *mend;
} states[] = {
	{ "none", DOCTOR_OK, "not used (backend = none)", NULL, NULL },
	{ "off", DOCTOR_OK, "not used in this mode; our table is absent", NULL, NULL },
	{ "denied", DOCTOR_FAIL, "limetwigd may not change nftables: no CAP_NET_ADMIN", "only Postfix refuses",
		"start it by its systemd unit (AmbientCapabilities), in a container: --cap-add NET_ADMIN; or firewall "
		"backend = none" },
	{ "missing", DOCTOR_FAIL, "this kernel has no nf_tables", "only Postfix refuses",
		"modprobe nf_tables, or firewall backend = none" },
	{ "feature", DOCTOR_FAIL, "this kernel lacks a part of nf_tables", "only Postfix refuses",
		"load the module, or choose another firewall action: limetwig.conf(5)" },
	{ "full", DOCTOR_WARN, "not all blocks fit into the kernel", "the others are refused by Postfix only",
		"raise firewall max-elements, then limetwig reload" },
	{ "hook", DOCTOR_FAIL, "a hook fails", "only Postfix refuses until it works again",
		"run the program by hand as the user limetwig-run; it is tried again by itself" },
	{ "error", DOCTOR_FAIL, "the kernel refuses our changes", "only Postfix refuses",
		"journalctl -u limetwigd; nft list table inet limetwig" },
};

/* True: the engine says that the layer acts. */
static bool check_state(struct doctor *d, const json_t *fw)
{
	const char *state = doctor_text(fw, "state"), *text = doctor_text(fw, "text");

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (strcmp(state, states[i].state) == 0)
			doctor_addf(d, states[i].level, NAME, states[i].means, states[i].mend, "%s%s%s", states[i].text,
				*text ? ": " : "", text);
	if (strcmp(state, "ok") == 0 && *text)
		doctor_addf(d, DOCTOR_WARN, NAME, "this one is refused by Postfix only", NULL, "%s", text);
	return strcmp(state, "ok") == 0 || strcmp(state, "full") == 0;
}

static void check_counts(struct doctor *d, const json_t *fw)
{
	unsigned long long wanted = render_number(fw, "wanted"), present = render_number(fw, "present"),
			   repaired = render_number(fw, "repaired");

	doctor_addf(d, wanted == present ? DOCTOR_OK : DOCTOR_WARN, NAME,
		wanted == present ? NULL : "hosts are blocked that should not be, or the other way round",
		wanted == present ? NULL : WAIT, "%llu wanted, %llu %s, %llu foreign changes mended", wanted, present,
		strcmp(doctor_text(fw, "backend"), "hook") == 0 ? "given to the hooks" : "in the kernel", repaired);
}

struct seen {
	size_t count;
	char (*text)[PREFIX_TEXT];
};

static void see(void *ctx, const struct prefix *p, uint64_t left_ms)
{
	struct seen *s = ctx;

	(void)left_ms;
	if (s->count < SEEN)
		(void)prefix_format(p, s->text[s->count++]);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Blocks that are not there, elements that no block wants. */
static void check_elements(struct doctor *d, const json_t *blocks, struct seen *s)
{
	size_t i, wanted = 0, missing = 0, foreign;
	const json_t *b;

	qsort(s->text, s->count, sizeof s->text[0], compare);
	json_array_foreach(blocks, i, b)
	{
		char subject[PREFIX_TEXT];

		if (!render_bool(b, "firewall"))
			continue;
		wanted++;
		slice_copy(slice_str(doctor_text(b, "subject")), subject, sizeof subject);
		missing += bsearch(subject, s->text, s->count, sizeof s->text[0], compare) == NULL;
	}
	foreign = s->count - (wanted - missing);
	if (missing || foreign)
		doctor_addf(d, DOCTOR_WARN, NAME, "hosts are blocked that should not be, or the other way round", WAIT,
			"the kernel's sets differ: of %zu elements %zu are missing, %zu are foreign", wanted, missing,
			foreign);
	else
		doctor_addf(d, DOCTOR_OK, NAME, NULL, NULL, "the kernel holds exactly the %zu blocks of this layer",
			wanted);
}

static void setup_form(const struct conf *c, struct firewall_nft *nft)
{
	uint16_t port[FIREWALL_PORTS];
	unsigned ports = 0;
	uint64_t v;

	for (uint32_t i = 0; i < c->firewall.ports.count && ports < FIREWALL_PORTS; i++)
		if (num_parse(slice_str(c->firewall.ports.item[i]), UINT16_MAX, &v) == ERR_OK)
			port[ports++] = (uint16_t)v;
	firewall_nft_setup(nft, port, ports, c->firewall.action == FW_ACTION_DROP, c->firewall.max_elements);
	firewall_nft_redirect(nft, conf_has_tarpit(c) ? (uint16_t)c->tarpit.port : 0);
	firewall_nft_forward(nft, c->firewall.forward);
	firewall_nft_fake(nft, c);
}

static void check_dump(struct doctor *d, struct firewall_nft *nft, const json_t *blocks)
{
	struct seen s = { 0, calloc(SEEN, PREFIX_TEXT) };

	if (!s.text)
		return;
	if (firewall_nft_dump(nft, see, &s) == ERR_OK)
		check_elements(d, blocks, &s);
	else
		doctor_add(d, DOCTOR_SKIP, NAME, "the elements could not be read (they change, or are too many)", NULL,
			NULL);
	free(s.text);
}

static void check_kernel(struct doctor *d, const json_t *blocks)
{
	struct firewall_nft *nft = NULL;
	enum firewall_fit fit;

	if (firewall_nft_open(&nft) != ERR_OK)
		return;
	setup_form(d->conf, nft);
	if (firewall_nft_look(nft, &fit) != ERR_OK)
		doctor_add(d, DOCTOR_SKIP, NAME, "the kernel's table could not be read", NULL, NULL);
	else if (fit == FIREWALL_ABSENT)
		doctor_add(d, DOCTOR_FAIL, NAME, "our table is gone from the kernel", "only Postfix refuses", WAIT);
	else if (fit != FIREWALL_FITS)
		doctor_add(d, DOCTOR_FAIL, NAME,
			"our table in the kernel is not in its form: somebody changed chain, rule or set",
			"blocked hosts may get through to Postfix, or others be refused", WAIT);
	else if (blocks)
		check_dump(d, nft, blocks);
	firewall_nft_close(nft);
}

void doctor_check_firewall(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *fw = json_object_get(f->status, "firewall");

	if (!fw || !check_state(d, fw))
		return;
	check_counts(d, fw);
	if (f->is_root && strcmp(doctor_text(fw, "backend"), "hook") != 0)
		check_kernel(d, f->blocks);
}
