/*
 * conf_check: what one value cannot tell: settings that contradict each other,
 * or that a section lacks.
 * SPDX-License-Identifier: ISC
 */
#include "core/conf_value.h"
#include "core/dns_list.h"
#include "core/dns_owner.h"
#include "core/dns_question.h"
#include "core/dnsbl_zone.h"
#include "core/feed_plan.h"
#include "core/firewall_hook.h"

#include <stdio.h>

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

/* The key of a dns-list that is wrong; NULL: none is. */
static const char *check_dns_lists(const struct conf *c, char text[CONF_REASON])
{
	for (uint32_t i = 0; i < c->dns_lists; i++) {
		const struct conf_dns_list *l = &c->dns_list[i];
		struct dns_codes codes;
		char zone[DNS_NAME];

		if (dns_question_name(slice_str(l->zone), zone) != ERR_OK) {
			(void)snprintf(text, CONF_REASON, "of \"%s\" is no domain (like list.example.org)", l->title);
			return "zone";
		}
		if (dns_codes_parse(slice_str(l->codes), &codes) != ERR_OK) {
			(void)snprintf(text, CONF_REASON, "of \"%s\" are none (like 127.0.[0..255].[1..3] 127.0.0.2)",
				l->title);
			return "codes";
		}
	}
	return NULL;
}

/* As check_dns_lists. */
static const char *check_tarpit(const struct conf *c, char text[CONF_REASON])
{
	if (c->tarpit.reply && c->tarpit.reply < 400) {
		(void)snprintf(text, CONF_REASON, "is no code of a refusal; give 450 or 554, or 0");
		return "reply";
	}
	if (!c->tarpit.tls_certificate[0] == !c->tarpit.tls_key[0])
		return NULL;
	(void)snprintf(text, CONF_REASON, "stands alone; give tls-certificate and tls-key, or none of them");
	return c->tarpit.tls_key[0] ? "tls-key" : "tls-certificate";
}

static bool is_source(const char *s)
{
	return s[0] == '/' || strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0;
}

/* As check_dns_lists. */
static const char *check_feeds(const struct conf *c, char text[CONF_REASON])
{
	for (uint32_t i = 0; i < c->feed_count; i++) {
		const struct conf_feed *f = &c->feed[i];
		const char *name = NULL, *why = NULL;
		unsigned layers;

		if (!f->source[0] == !f->command[0]) {
			name = "source";
			why = f->source[0] ? "stands beside a command; keep one of them" : "is missing";
		} else if (f->source[0] && !is_source(f->source)) {
			name = "source";
			why = "is no http://, no https:// and no path that begins with /";
		} else if (f->command[0] && f->command[0] != '/') {
			name = "command";
			why = "needs the whole path of the program";
		} else if (!feed_plan_layers(f->layers, &layers)) {
			name = "layers";
			why = "has another word than policy, firewall, dnsbl and export";
		}
		if (!name)
			continue;
		(void)snprintf(text, CONF_REASON, "of \"%s\" %s", f->title, why);
		return name;
	}
	return NULL;
}

static bool is_file_name(const char *s)
{
	return s[0] && s[0] != '.' && !strchr(s, '/');
}

/* NULL: a zone of addresses can have this name. */
static const char *wrong_with_zone(const char *zone)
{
	char name[DNS_NAME];

	if (dns_question_name(slice_str(zone), name) != ERR_OK)
		return "is no domain (like list.example.org)";
	return strlen(name) > DNS_OWNER_ZONE ? "is longer than " STRING(DNS_OWNER_ZONE) " characters" : NULL;
}

/* As check_dns_lists. */
static const char *check_exports(const struct conf *c, char text[CONF_REASON])
{
	for (uint32_t i = 0; i < c->exports; i++) {
		const struct conf_export *x = &c->export[i];
		bool wants_zone = x->format == EXPORT_RPZ || x->format == EXPORT_BIND;
		const char *name = NULL, *why = NULL;

		if (!is_file_name(x->file)) {
			name = "file";
			why = "is no name of a file in the folder export (no slash, no dot in front)";
		} else if (x->command[0] && x->command[0] != '/') {
			name = "command";
			why = "needs the whole path of the program";
		} else if (wants_zone || x->zone[0]) {
			why = wrong_with_zone(x->zone);
			name = why ? "zone" : NULL;
		}
		for (uint32_t n = 0; n < i && !name; n++) {
			if (strcmp(x->file, c->export[n].file) == 0) {
				name = "file";
				why = "is the file of another export, too";
			}
		}
		if (!name)
			continue;
		(void)snprintf(text, CONF_REASON, "of \"%s\" %s", x->title, why);
		return name;
	}
	return NULL;
}

/* As check_dns_lists. */
static const char *check_dnsbl(const struct conf *c, char text[CONF_REASON])
{
	struct dnsbl_zone made;
	char zone[DNS_NAME];

	if (!conf_has_dnsbl(c))
		return NULL;
	if (dns_question_name(slice_str(c->dnsbl.zone), zone) != ERR_OK) {
		(void)snprintf(text, CONF_REASON, "is no domain (like list.example.org)");
		return "zone";
	}
	if (dnsbl_zone_init(&made, c) != ERR_OK) {
		(void)snprintf(text, CONF_REASON,
			"is longer than %d characters, or a name in name-servers or contact is none", DNS_OWNER_ZONE);
		return "zone";
	}
	if (c->dnsbl.listen.count == 0) {
		(void)snprintf(text, CONF_REASON, "is empty; name an address and a port, or leave zone out");
		return "listen";
	}
	return NULL;
}

/* As check_dns_lists. */
static const char *check_dns_update(const struct conf *c, char text[CONF_REASON])
{
	const char *why = wrong_with_zone(c->dns_update.zone);

	if (!c->dns_update.server[0])
		return NULL;
	if (why) {
		(void)snprintf(text, CONF_REASON, "%s", why);
		return "zone";
	}
	if (!c->dns_update.key_file[0]) {
		(void)snprintf(text, CONF_REASON, "is missing; updates are signed (tsig-keygen makes a key)");
		return "key-file";
	}
	return NULL;
}

/* The first of these that finds something wrong; *ret_section is its section. */
static const char *check_sections(const struct conf *c, const char **ret_section, char text[CONF_REASON])
{
	static const struct {
		const char *section;
		const char *(*check)(const struct conf *c, char text[CONF_REASON]);
	} checks[] = {
		{ "dns-list", check_dns_lists },
		{ "tarpit", check_tarpit },
		{ "feed", check_feeds },
		{ "export", check_exports },
		{ "dnsbl", check_dnsbl },
		{ "dns-update", check_dns_update },
	};

	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		const char *name = checks[i].check(c, text);

		if (name) {
			*ret_section = checks[i].section;
			return name;
		}
	}
	return NULL;
}

enum err conf_value_check(const struct conf *c, const struct conf_key **ret_key, char text[CONF_REASON])
{
	const char *section = "block", *name = check_sections(c, &section, text);

	if (name) {
		*ret_key = conf_keys_find(section, name);
		return ERR_SYNTAX;
	}
	if (c->block.first_s > c->block.max_s) {
		name = "first";
		(void)snprintf(text, CONF_REASON, "is longer than max; make one of them fit");
	} else if (c->postfix.queues.count == 0) {
		section = "postfix";
		name = "queues";
		(void)snprintf(
			text, CONF_REASON, "is empty; name the queue directory of Postfix (postconf queue_directory)");
	} else if (c->firewall.backend == FW_BACKEND_NFTABLES && c->firewall.ports.count == 0) {
		section = "firewall";
		name = "ports";
		(void)snprintf(text, CONF_REASON, "is empty; give a port, or set backend = none");
	} else if (c->firewall.backend == FW_BACKEND_HOOK && !firewall_hook_check(c, &name, text, CONF_REASON)) {
		section = "firewall";
	}
	if (!name)
		return ERR_OK;
	*ret_key = conf_keys_find(section, name);
	return ERR_SYNTAX;
}
