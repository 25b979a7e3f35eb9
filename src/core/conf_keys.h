/*
 * conf_keys: the one table of all configuration keys: section, name, type,
 * limits, default, description, place in struct conf. Defaults, parsing,
 * printing, the example file and the manual page check all run over it. The
 * second table names keys and values that belong to a later version. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONF_KEYS_H
#define CORE_CONF_KEYS_H
#include "base/buf.h"
#include "core/conf.h"

enum conf_type {
	CONF_TYPE_TEXT = 1, /* char[] */
	CONF_TYPE_LIST,     /* struct conf_list */
	CONF_TYPE_DURATION, /* uint64_t, seconds */
	CONF_TYPE_SIZE,     /* uint64_t, bytes */
	CONF_TYPE_FLOAT,    /* double, at most six decimals */
	CONF_TYPE_NUMBER,   /* uint8_t or uint32_t by size */
	CONF_TYPE_BOOL,     /* bool */
	CONF_TYPE_CHOICE,   /* an enum whose numbers are the places in choices, from 1 */
	CONF_TYPE_REPLIES,  /* two uint16_t, one behind the other */
};

/* What a text, or each item of a list, must look like. */
enum conf_form {
	CONF_FORM_ANY = 0,
	CONF_FORM_PATH,   /* absolute */
	CONF_FORM_FILE,   /* absolute, "" for none */
	CONF_FORM_MAP,    /* TYPE:/path */
	CONF_FORM_LOG,    /* path, journal, none */
	CONF_FORM_WORD,   /* no blanks */
	CONF_FORM_NAME,   /* user or group name, "" for none */
	CONF_FORM_PREFIX, /* address or network */
	CONF_FORM_IPADDR, /* IPv4 or IPv6 address */
	CONF_FORM_PORT,   /* 1..65535 */
	CONF_FORM_SERVER, /* address, address:port, [address]:port */
	CONF_FORM_LENGTH, /* NETWORK=LENGTH */
	CONF_FORM_MAIL,   /* mail address or local part, "" for none: an argument of sendmail(1) */
};

struct conf_key {
	const char *section; /* "": outside of all sections */
	const char *name;
	enum conf_type type;
	enum conf_form form;
	const char *preset;  /* the default as written in a file; items of a list separated by a blank */
	double min, max;     /* numbers, durations (seconds), sizes (bytes) */
	const char *choices; /* "refuse deliver" */
	const char *help;    /* one line */
	size_t offset, size; /* in struct conf */
	bool is_hidden;      /* only in what the parent sends to the roles */
	bool is_titled;      /* section "NAME" { }: offset is that of the first one, conf_keys_shift gives the others */
};

size_t conf_keys_count(void);
/* i < count; keys of one section stand together. */
const struct conf_key *conf_keys_at(size_t i);
/* NULL: no such key. */
const struct conf_key *conf_keys_find(const char *section, const char *name);
/* The section that has a key of this name; NULL: none. */
const char *conf_keys_section_of(const char *name);
/* Sections with a name: how many there are, and at most; the name of one; to add one: NULL when there are too many. */
uint32_t conf_keys_titles(const struct conf *c, const char *section);
uint32_t conf_keys_titles_max(const char *section);
const char *conf_keys_title(const struct conf *c, const char *section, uint32_t i);
char *conf_keys_add_title(struct conf *c, const char *section);
/* A shifted *c: what conf_value does there with a key of this section, it does for number i. Not titled: c. */
struct conf *conf_keys_shift(struct conf *c, const char *section, uint32_t i);
const struct conf *conf_keys_shift_const(const struct conf *c, const char *section, uint32_t i);
/*
 * What to say of a key, or of a value (else NULL) of a key, that a later
 * version will know; NULL: not such a one. A whole section: name NULL.
 */
const char *conf_keys_later(const char *section, const char *name, const char *value);

#endif /* CORE_CONF_KEYS_H */
